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


ABOUT_OTHERS = frozenset({"users"})
"""Tabs that say something only about several people."""


def tab_in_url(*, everybody: bool = True) -> str:
    """The chosen tab; the first one when the URL names none that is there for the reader."""
    asked = st.query_params.get("tab", FIRST)
    return asked if asked in _offered(everybody) else FIRST


def _offered(everybody: bool) -> list[str]:
    return [name for name in TABS if everybody or name not in ABOUT_OTHERS]


def show_tabs(*, everybody: bool) -> str:
    """Draws the choice and gives it. In one row at any width: on a phone it is pushed aside.

    `everybody`: the reader sees more people than one.
    """
    st.session_state["tab"] = chosen = tab_in_url(everybody=everybody)
    st.segmented_control(
        "Part of the dashboard", _offered(everybody), key="tab", required=True, wrap=False, on_change=_write,
        format_func=TABS.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    return chosen


def show_tab(name: str, tab: Tab) -> None:
    """Draws one tab. Raises StorageError."""
    import_module(f"pages.components.{_MODULES.get(name, f'dashboard_{name}')}").show(tab)


def _write() -> None:
    """A callback: a page of rows belongs to its tab."""
    st.query_params["tab"] = st.session_state["tab"]
    st.query_params.pop("before", None)
