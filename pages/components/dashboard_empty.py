"""What the dashboard says when there is nothing to show, and what to do then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.dashboard_controls import clear, filter_line, is_filtered
from pages.components.markdown import escape

if TYPE_CHECKING:
    from analytics.queries import Filter
    from core.catalog import Catalog


PROMISES = {
    "overview": "how many questions were asked, how fast they were answered, and what they cost",
    "latency": "how long people wait for the first word and for the whole answer, and why",
    "cost": "what each model, agent and person costs, and what the month will cost",
    "reliability": "what fails, how often, and how much retries and other models save",
    "agents": "which agent answers what, how it is chosen, and which tools it uses",
    "retrieval": "which documents answers are made from, and which searches find nothing",
    "users": "how many people ask, how often they come back, and when",
    "quality": "which answers people like, which they do not, and their reasons",
    "runs": "every question with its time, tokens and cost; each opens its own page",
}
"""What each tab shows once there is something to show."""


def show_nothing(name: str, keep: Filter, catalog: Catalog, any_runs: bool) -> None:
    """Nothing was ever recorded, or nothing in this range, or nothing that matches the filters.

    `name`: the tab.
    """
    if not any_runs:
        _show_first_steps(name)
    elif is_filtered(keep):
        chosen = escape(filter_line(keep, catalog))
        st.info(
            f"No run of this range matches the filters: {chosen}.", icon=":material/search_off:"
        )
        if st.button("Clear filters", key="clear_all", on_click=clear):
            st.rerun()  # the filters stand outside the fragment this is drawn in
    else:
        st.info("No run started in this range. Choose a longer one.", icon=":material/search_off:")


def _show_first_steps(name: str) -> None:
    with st.container(border=True, key="empty"):
        st.subheader("Nothing has been asked yet", anchor=False)
        st.markdown(f"This tab will show {PROMISES[name]}.")
        st.markdown("Ask one question, and this page fills by itself.")
        with st.container(horizontal=True):
            st.page_link("pages/chat.py", label="Ask a question", icon=":material/forum:")
            st.page_link("pages/compare.py", label="Compare models", icon=":material/compare:")
