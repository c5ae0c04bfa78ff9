"""What the dashboard says when there is nothing to show, and what to do then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.dashboard_controls import clear, filter_line, is_filtered
from pages.components.markdown import escape

if TYPE_CHECKING:
    from analytics.queries import Filter
    from core.catalog import Catalog


def show_nothing(keep: Filter, catalog: Catalog, any_runs: bool) -> None:
    """Nothing was ever recorded, or nothing in this range, or nothing that matches the filters."""
    if not any_runs:
        _show_first_steps()
    elif is_filtered(keep):
        chosen = escape(filter_line(keep, catalog))
        st.info(
            f"No run of this range matches the filters: {chosen}.", icon=":material/search_off:"
        )
        if st.button("Clear filters", key="clear_all", on_click=clear):
            st.rerun()  # the filters stand outside the fragment this is drawn in
    else:
        st.info("No run started in this range. Choose a longer one.", icon=":material/search_off:")


def _show_first_steps() -> None:
    with st.container(border=True, key="empty"):
        st.subheader("Nothing has been asked yet", anchor=False)
        st.markdown(
            "Every answer leaves its figures here: how long it took, how many tokens it used and "
            "what it cost. Ask one question, and this page fills by itself."
        )
        with st.container(horizontal=True):
            st.page_link("pages/chat.py", label="Ask a question", icon=":material/forum:")
            st.page_link("pages/compare.py", label="Compare models", icon=":material/compare:")
