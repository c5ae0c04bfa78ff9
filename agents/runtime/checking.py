"""Whether a turn that a door asks for can be run, before anything of it is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agents.graphs import entry
from agents.one_off import checked_earlier
from agents.preferences import checked_temperature
from agents.system_note import checked_note
from core.errors import InvalidInput
from core.text import message_text

if TYPE_CHECKING:
    from agents.run import TurnRequest
    from agents.runtime.runtime import Runtime


def checked_request(house: Runtime, request: TurnRequest) -> TurnRequest:
    """The request as it can be run. Raises InvalidInput or NotFound when it never can."""
    request = _with_question(house, request)
    graph = entry(request.graph)
    text = message_text(request.text, graph.max_chars or house.settings.max_message_chars)
    if request.agent is not None and request.agent not in graph.agents:
        raise InvalidInput(
            f"The graph '{graph.name}' has no agent '{request.agent}'.",
            what_to_do="Choose an agent from the list.",
        )
    graph.check(
        retrieval=request.retrieval,
        prompt=request.prompt,
        continues=request.continues is not None,
    )
    if request.prompt is not None:
        house.prompts.get(request.prompt)
    if request.thread_id is not None:
        house.threads.get(request.thread_id, request.owner)
    house.files.check(request, house.models)
    return replace(
        request,
        text=text,
        earlier=checked_earlier(request),
        temperature=checked_temperature(request.temperature),
        note=checked_note(request.note or "") or None,
    )


def _with_question(house: Runtime, request: TurnRequest) -> TurnRequest:
    """A request that answers an existing question, with its text and where it stands."""
    asked = request.answers or request.continues
    if request.resumes is not None:
        house.waiting.of_run(request.resumes, request.owner)
        asked = house.store.question_id(request.resumes)
    if asked is None:
        return request
    question = house.threads.question_of(asked, request.owner)
    thread, _ = house.threads.message(question.id, request.owner)
    return replace(request, text=question.text, thread_id=thread.id)
