"""A question to a configuration: what comparisons and evaluations ask for."""

from __future__ import annotations

from agents.run import EntryPoint, ThreadKind, TurnRequest
from core.comparison import Configuration


def turn_request(
    one: Configuration,
    text: str,
    *,
    owner: str,
    entry_point: EntryPoint = "compare",
    thread_kind: ThreadKind = "compare",
    group_id: str | None = None,
    thread_id: str | None = None,
    run_id: str | None = None,
    new_thread_id: str | None = None,
    answers: str | None = None,
) -> TurnRequest:
    """A chosen model answers alone unless a fallback is part of what is compared: else
    contestants would change places."""
    return TurnRequest(
        text=text,
        owner=owner,
        graph=one.graph,
        agent=one.agent,
        model=one.model,
        fallback=one.fallback or one.model is None,
        retrieval=one.retrieval,
        prompt=one.prompt,
        temperature=one.temperature,
        entry_point=entry_point,
        thread_kind=thread_kind,
        group_id=group_id,
        thread_id=thread_id,
        run_id=run_id,
        new_thread_id=new_thread_id,
        answers=answers,
    )
