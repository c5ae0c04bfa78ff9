"""The list of threads: new, switch, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.threads import Thread

SHOWN = 30


def show(runtime: Runtime, current: str | None) -> dict[str, Any]:
    """Draws the sidebar of the chat page; gives the place of each thread's "answering" mark."""
    marks: dict[str, Any] = {}
    with st.sidebar:
        st.button(
            "New chat",
            key="new_chat",
            icon=":material/add:",
            width="stretch",
            on_click=session.set_thread,
            args=(None,),
        )
        shown = st.session_state.get("_threads_shown", SHOWN)
        threads = runtime.threads.recent(session.OWNER, limit=shown + 1)
        if not threads:
            st.caption("Your conversations will be listed here.")
        busy = {run.thread_id for run in runtime.runs.active()}
        with st.container(gap="xxsmall"):
            for thread in threads[:shown]:
                marks[thread.id] = _row(runtime, thread, thread.id == current, thread.id in busy)
        if len(threads) > shown:
            st.button("Show older", key="older_threads", on_click=_more, type="tertiary")
    return marks


def _row(runtime: Runtime, thread: Thread, is_current: bool, busy: bool) -> Any:
    title = escape(thread.title)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap=None
    ):
        with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
            mark = st.empty()
            if busy:
                mark.markdown(":material/progress_activity:", width="content")
            st.button(
                f"**{title}**" if is_current else title,
                key=f"thread_{thread.id}",
                type="tertiary",
                on_click=session.set_thread,
                args=(thread.id,),
            )
        with st.popover("", icon=":material/more_horiz:", type="tertiary", width="content"):
            st.caption("Deletes messages, run logs and the agents' memory of this thread.")
            st.button(
                "Delete thread",
                key=f"delete_{thread.id}",
                icon=":material/delete:",
                on_click=_delete,
                args=(runtime, thread.id, is_current),
            )
    return mark


def _more() -> None:
    st.session_state["_threads_shown"] = st.session_state.get("_threads_shown", SHOWN) + 100


def _delete(runtime: Runtime, thread_id: str, is_current: bool) -> None:
    try:
        runtime.delete_thread(thread_id, session.OWNER)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    if is_current:
        session.set_thread(None)
