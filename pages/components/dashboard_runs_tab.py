"""Tab Runs: every run of the range and filters, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries.overview import runs_in_range
from analytics.queries.run_pages import Place, runs_page
from analytics.timeaxis import local
from core.ids import is_id
from pages.components.dashboard_runs import show_recent

if TYPE_CHECKING:
    from pages.components.dashboard_tab import Tab

_DIGITS = 17


def show(tab: Tab) -> None:
    """Draws the tab. Raises StorageError."""
    before = place_in_url()
    page = tab.answer(runs_page, before)
    show_recent(tab, page, tab.answer(runs_in_range))
    with st.container(horizontal=True, vertical_alignment="center", key="runs_pages"):
        st.button(
            "Newest", key="runs_newest", icon=":material/first_page:", disabled=before is None,
            on_click=_go, args=(None,),
        )  # fmt: skip
        st.button(
            "Older", key="runs_older", icon=":material/chevron_right:", icon_position="right",
            disabled=page.older is None, on_click=_go, args=(page.older,),
        )  # fmt: skip
        if before is not None:
            at = local(before[0], tab.zone)
            st.caption(f"Runs before {at:%d %b %Y, %H:%M:%S}", width="content")


def place_in_url() -> Place | None:
    """Where the shown page begins: `before=<microseconds>.<run id>`."""
    at, _, run_id = st.query_params.get("before", "").partition(".")
    if not (at.isascii() and at.isdigit() and len(at) < _DIGITS and is_id(run_id)):
        return None
    return int(at), run_id


def _go(place: Place | None) -> None:
    """A callback."""
    if place is None:
        st.query_params.pop("before", None)
    else:
        st.query_params["before"] = f"{place[0]}.{place[1]}"
