"""What a click in a conversation does: callbacks only, so that none is lost to another click.

A new version, an answer made again or gone on with takes the place of an answer under way: that one
is stopped first, and kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import streamlit as st

from agents.graphs import GRAPHS
from agents.run import TurnRequest
from core.errors import NotFound, SwitchboardError
from core.transcript import AnswerSummary
from pages.components import chat_files, session
from pages.components.chat_options import chosen as options_chosen

if TYPE_CHECKING:
    from agents.run import Run
    from agents.runtime import Runtime
    from agents.threads import Message

EDITING = "_editing"
SOURCE = "_source"
MAX_PREFILL = 100_000
ENDED_EARLY = ("cancelled", "lost", "error")
CUT = ("length", "max_tokens")


def chosen(runtime: Runtime) -> dict[str, Any]:
    """What the row of options says about the next answer."""
    return {**asked_by(), **asdict(options_chosen(runtime))}


def asked_by() -> dict[str, Any]:
    """Who asks, as a request says it; from the login, never from a widget."""
    found = session.principal()
    return {"owner": found.owner, "figures": found.figures}


def send(runtime: Runtime, text: str | None = None) -> None:
    """Starts a run, or queues the message while the thread answers."""
    files: tuple[str, ...] = ()
    if text is None:
        taken = chat_files.take(runtime, st.session_state.chat_input)
        if taken is None:
            return
        text, files = taken
    send_with_files(runtime, text, files)


def send_with_files(runtime: Runtime, text: str, files: tuple[str, ...]) -> None:
    request = TurnRequest(
        text=text,
        attachments=files,
        thread_id=session.thread_id(),
        temporary=session.wants_temporary(),
        **chosen(runtime),
    )
    try:
        sent = runtime.send(request)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        if len(text) <= MAX_PREFILL:
            st.session_state.chat_input = text  # nothing typed is lost
        return
    chat_files.sent(files)
    session.set_thread(sent.thread_id)


def stop(runtime: Runtime, run_id: str) -> None:
    with contextlib.suppress(NotFound):  # it ended between the click and here
        runtime.runs.cancel(run_id)


def edit(message_id: str | None) -> None:
    """Opens the editor of a question; None closes it."""
    st.session_state[EDITING] = message_id


def send_edited(runtime: Runtime, message: Message) -> None:
    request = TurnRequest(
        text=st.session_state[f"edited_{message.id}"],
        thread_id=session.thread_id(),
        edits=message.id,
        **chosen(runtime),
    )
    if _start(runtime, request):
        edit(None)


def answer_again(runtime: Runtime, question_id: str, **other: Any) -> None:
    """`other`: an agent or a model instead of the chosen one."""
    _start(runtime, TurnRequest(text="", answers=question_id, **(chosen(runtime) | other)))


def can_continue(runtime: Runtime, message: Message) -> bool:
    """Whether an answer ended early and its graph can go on with it."""
    summary = message.summary
    if summary is None or not message.text.strip():
        return False
    early = summary.status in ENDED_EARLY or summary.finish_reason in CUT
    return early and "continue" in _options_of(_request_of(runtime, message).graph)


def go_on(runtime: Runtime, message: Message) -> None:
    """Continues an answer with the agent and the model it is from."""
    before, summary = _request_of(runtime, message), message.summary or AnswerSummary()
    agents = {graph.name: graph.agents for graph in GRAPHS}.get(before.graph, ())
    request = TurnRequest(
        text="",
        **asked_by(),
        continues=message.id,
        graph=before.graph,
        agent=summary.agent if summary.agent in agents else before.agent,
        model=before.model,
        stream=before.stream,
        temperature=before.temperature,
        note=before.note,
    )
    _start(runtime, request)


def show_version(runtime: Runtime, message_id: str) -> None:
    _do(lambda: runtime.threads.show(message_id, session.owner()))


def show_live(runtime: Runtime, run: Run) -> None:
    """The branch on which an answer is under way."""
    _do(lambda: runtime.threads.show(run.place.parent_id, session.owner(), ends=not run.finished))


def fork(runtime: Runtime, message: Message) -> None:
    """Opens a new thread with the branch up to a message."""

    def copy() -> None:
        thread, _ = runtime.threads.message(message.id, session.owner())
        session.set_thread(runtime.threads.copy(thread.id, session.owner(), upto=message.id))

    _do(copy)


def duplicate(runtime: Runtime) -> Callable[[str], None]:
    """Opens a copy of a thread: the branch it shows."""

    def copy(thread_id: str) -> None:
        session.set_thread(runtime.threads.copy(thread_id, session.owner()))

    return copy


def toggle_source(message_id: str) -> None:
    shown = st.session_state.get(SOURCE)
    st.session_state[SOURCE] = None if shown == message_id else message_id


def _start(runtime: Runtime, request: TurnRequest) -> bool:
    return _do(lambda: runtime.start_instead(request))


def _do(action: Any) -> bool:
    try:
        action()
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return False
    return True


def _request_of(runtime: Runtime, message: Message) -> TurnRequest:
    return runtime.store.request_of(message.run_id) or TurnRequest(text="", **chosen(runtime))


def _options_of(graph: str) -> frozenset[Any]:
    return next((one.options for one in GRAPHS if one.name == graph), frozenset())
