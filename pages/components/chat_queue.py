"""The messages that wait while a thread answers: above the input, editable, one click from sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape, plain

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agents.queue import Queued
    from agents.run import Run
    from agents.runtime import Runtime

SHOWN_CHARS = 160
_DRAWN = "_queue_drawn"
SEND_S = 2.0
"""How long a page waits for the next message to be sent."""


def show_queue(
    runtime: Runtime, thread_id: str, slot: DeltaGenerator, *, answering: bool
) -> list[Queued]:
    """Fills `slot`, an `st.empty`; nothing when nothing waits. Gives what waits."""
    waiting = runtime.queue.of_thread(thread_id, session.owner())
    drawn = st.session_state.get(_DRAWN, 0)
    st.session_state[_DRAWN] = len(waiting)
    if not waiting:
        return waiting
    with slot.container(border=True, key="queue", gap="xsmall"):
        problem = runtime.queue.problems.get(thread_id)
        if problem is not None:
            st.warning(f"{plain(problem.message)} {plain(problem.what_to_do)}")
        elif answering:
            st.caption("Sent one after the other when the answer is complete")
        else:
            st.caption(
                "Resting, because the last answer did not end completely. "
                "Send one of these, or a new message, which goes first."
            )
        for one in waiting:
            _row(runtime, one)
        for _ in range(drawn - len(waiting)):
            st.empty()  # rows that went: they would stand there until the answer ends
    return waiting


def after_queue(runtime: Runtime, ended: Run, *, completed: bool) -> bool:
    """Whether an answer that has just ended had messages waiting behind it.

    Gives the queue a moment to send the next one, so that the page finds it under way.
    """
    thread_id, deadline = ended.thread_id, time.monotonic() + SEND_S
    while runtime.runs.for_thread(thread_id) in (None, ended):  # itself: it is not saved yet
        if not runtime.queue.of_thread(thread_id, session.owner()):
            return False
        refused = thread_id in runtime.queue.problems
        if refused or not completed or time.monotonic() > deadline:
            break
        st.session_state.get("_")  # a yield point
        time.sleep(0.02)
    return True


def _row(runtime: Runtime, one: Queued) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"waiting_{one.id}"
    ):
        if st.session_state.get("_queue_editing") == one.id:
            st.text_area(
                "Message", value=one.text, key=f"queued_{one.id}", height="content",
                label_visibility="collapsed",
            )  # fmt: skip
            _button("save", one, "check", "Keep the change", _save, runtime)
            _button("leave", one, "close", "Leave it as it was", _leave, runtime)
            st.empty()  # in the place of the third button of a row that is not edited
            return
        text = one.text if len(one.text) <= SHOWN_CHARS else one.text[: SHOWN_CHARS - 1] + "…"
        st.markdown(escape(text), width="stretch")
        _button("now", one, "send", "Send now: stops the answer under way", _send_now, runtime)
        _button("change", one, "edit", "Edit", _edit, runtime)
        _button("drop", one, "delete", "Delete", _remove, runtime)


def _button(
    name: str, one: Queued, icon: str, help_text: str, on_click: object, runtime: Runtime
) -> None:
    st.button(
        "",
        key=f"{name}_{one.id}",
        icon=f":material/{icon}:",
        type="tertiary",
        help=help_text,
        on_click=on_click,  # type: ignore[arg-type]
        args=(runtime, one),
    )


def _edit(_runtime: Runtime, one: Queued) -> None:
    st.session_state["_queue_editing"] = one.id


def _leave(_runtime: Runtime, _one: Queued) -> None:
    st.session_state["_queue_editing"] = None


def _save(runtime: Runtime, one: Queued) -> None:
    st.session_state["_queue_editing"] = None
    text = st.session_state[f"queued_{one.id}"]
    try:
        if text.strip():
            runtime.queue.edit(one.id, session.owner(), text)
        else:
            runtime.queue.remove(one.id, session.owner())
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _remove(runtime: Runtime, one: Queued) -> None:
    _do(lambda: runtime.queue.remove(one.id, session.owner()))


def _send_now(runtime: Runtime, one: Queued) -> None:
    _do(lambda: runtime.queue.send_now(one.id, session.owner()))


def _do(action: object) -> None:
    try:
        action()  # type: ignore[operator]
    except SwitchboardError as exc:
        session.keep_notice(exc)
