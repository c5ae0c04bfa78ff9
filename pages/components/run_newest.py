"""Where to go from a run's page that has no run: the newest runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries import Filter
from analytics.queries.run_pages import runs_page
from analytics.timeaxis import local
from core.words import status_name
from pages.components import session
from pages.components.answer import agent_title
from pages.components.format import duration
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from analytics.queries import RunRow

NEWEST = 5


def show_newest(runtime: Runtime) -> None:
    """Links to the newest runs, or to where a first one begins. Raises StorageError."""
    # Where people log in, the run of somebody else does not open for anybody.
    user = (session.owner(),) if runtime.identity.required else ()
    rows = session.figures().ask(runs_page, Filter(range="all", user=user)).rows[:NEWEST]
    if not rows:
        st.caption("Nothing has been asked yet.")
        st.page_link("pages/chat.py", label="Ask a question", icon=":material/forum:")
        return
    st.markdown("**The newest runs**")
    for row in rows:
        # A link to the page one is on would leave the browser's address as it was.
        st.button(
            _name(row, runtime.zone), key=f"newest_{row.run_id}", type="tertiary",
            icon=":material/timeline:", on_click=_open, args=(row.run_id,),
        )  # fmt: skip


def _open(run_id: str) -> None:
    """A callback."""
    st.query_params["id"] = run_id


def _name(row: RunRow, zone: ZoneInfo) -> str:
    at = local(row.started_at_us, zone)
    who = agent_title(row.agent_name) if row.agent_name else "no agent"
    took = f", {duration(row.duration_us)}" if row.duration_us is not None else ""
    return escape(f"{at:%d %b %Y, %H:%M:%S} · {who} · {status_name(row.status)}{took}")
