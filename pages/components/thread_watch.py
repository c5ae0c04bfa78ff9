"""A page that is idle hears of what happens in another tab, within seconds.

A fragment looks every few seconds, with two small reads, and reruns the page when a run of any thread
has begun or ended, another branch is shown or the thread is gone. It owns nothing and shows nothing.

Only ever the last thing on a page: Streamlit takes the timer away when the script runs again, so none
ticks while an answer streams. A tick that waited for the end of a stream can leave a chat input locked
whose `submit_mode` is "stop" or "disable": it misses the script's end when a fragment begins at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components import session

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.threads import ThreadState

EVERY_S = 2.0


def look(runtime: Runtime, thread_id: str | None) -> ThreadState | None:
    """What a page is about to show; taken before it reads messages or runs."""
    return runtime.threads.state(thread_id, session.owner())


def watch(
    runtime: Runtime, thread_id: str | None, shown: ThreadState | None, followed: str | None = None
) -> None:
    """`shown` is what `look` said. `followed` is the run that was followed to its end here, if there
    was one: its end is no news, unless another has begun meanwhile."""
    if followed is not None:
        now = look(runtime, thread_id)
        shown = now if now is not None and now.run_id == followed else shown
    _wait_for_news(runtime, thread_id, shown)


@st.fragment(run_every=EVERY_S)
def _wait_for_news(runtime: Runtime, thread_id: str | None, shown: ThreadState | None) -> None:
    if look(runtime, thread_id) != shown:
        st.rerun()
