"""The tabs of the dashboard. Only the one in the URL is imported, asks its questions and draws."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

import streamlit as st

if TYPE_CHECKING:
    from pages.components.dashboard_tab import Tab

TABS: Final = {
    "overview": "Overview",
    "latency": "Latency",
    "cost": "Cost",
    "reliability": "Reliability",
    "agents": "Agents & tools",
    "retrieval": "Retrieval",
    "users": "Users",
    "quality": "Quality",
    "runs": "Runs",
}
"""By the name in the URL; `pages/components/dashboard_<name>.py` has `show(tab)`."""
FIRST = "overview"
_MODULES = {"runs": "dashboard_runs_tab"}


def tab_in_url() -> str:
    """The chosen tab; the first one when the URL names none that exists."""
    asked = st.query_params.get("tab", FIRST)
    return asked if asked in TABS else FIRST


def show_tabs() -> str:
    """Draws the choice and gives it. In one row at any width: on a phone it is pushed aside."""
    st.session_state["tab"] = tab_in_url()
    st.segmented_control(
        "Part of the dashboard", list(TABS), key="tab", required=True, wrap=False, on_change=_write,
        format_func=TABS.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    return tab_in_url()


def show_tab(name: str, tab: Tab) -> None:
    """Draws one tab. Raises StorageError."""
    import_module(f"pages.components.{_MODULES.get(name, f'dashboard_{name}')}").show(tab)


def _write() -> None:
    """A callback: a page of rows belongs to its tab."""
    st.query_params["tab"] = st.session_state["tab"]
    st.query_params.pop("before", None)
