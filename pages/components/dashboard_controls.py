"""Range and filters of the dashboard. They live in the URL; a value that does not exist is dropped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.queries import Facets, Filter
from core.metrics_query import RANGES, RangeName
from pages.components.answer import agent_title

if TYPE_CHECKING:
    from core.catalog import Catalog

RANGE_NAMES: dict[RangeName, str] = {
    "15m": "15 min",
    "1h": "1 hour",
    "6h": "6 hours",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "all": "All",
}
STATUS_NAMES = {
    "ok": "Completed",
    "error": "Failed",
    "timeout": "Timed out",
    "lost": "Lost",
    "cancelled": "Stopped",
    "interrupted": "Waiting for a person",
    "running": "Running",
}
ENTRY_NAMES = {"chat": "Chat", "compare": "Compare", "api": "API", "cli": "Command line"}
HOUR_US = 3_600_000_000
FILTER_FIELDS = ("model", "provider", "agent", "status", "entry_point")


def status_name(status: str) -> str:
    return STATUS_NAMES.get(status, status)


def entry_name(entry: str) -> str:
    return ENTRY_NAMES.get(entry, entry)


def show_controls(facets: Facets, catalog: Catalog, usual: RangeName) -> Filter:
    """Draws range and filters and gives what is chosen; `usual` when the URL names no range.

    The URL owns the choice: widgets are set from it before they are drawn and write it in their
    callbacks. (`bind="query-params"` would put labels there instead of ids.)
    """
    keep = from_url(facets, usual)
    active = sum(len(getattr(keep, field)) for field in FILTER_FIELDS)
    with st.container(horizontal=True, vertical_alignment="center", key="controls"):
        st.session_state["range"] = keep.range
        st.segmented_control(
            "Range", RANGES, key="range", required=True, wrap=True, on_change=_write, args=("range",),
            format_func=RANGE_NAMES.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
        label = f"Filters ({active})" if active else "Filters"
        with st.popover(label, icon=":material/filter_list:", key="filters"):
            for field, title, name in (
                ("model", "Model", catalog.display_name),
                ("provider", "Provider", str),
                ("agent", "Agent", agent_title),
                ("status", "Status", status_name),
                ("entry_point", "Started from", entry_name),
            ):
                _several(field, title, name, keep, getattr(facets, field))
            st.button("Clear filters", key="clear_filters", on_click=clear, disabled=not active)
        st.session_state["log"] = log_in_url()
        st.toggle(
            "Log scale", key="log", on_change=_write, args=("log",),
            help="Draws the times on a logarithmic axis: slow and fast runs are both readable.",
        )  # fmt: skip
    return keep


def from_url(facets: Facets, usual: RangeName) -> Filter:
    """The filter the URL asks for; what does not exist is left out."""
    chosen: dict[str, Any] = {
        field: tuple(
            value
            for value in dict.fromkeys(st.query_params.get_all(field))
            if value in getattr(facets, field)
        )
        for field in FILTER_FIELDS
    }
    return Filter(range=range_in_url() or usual, **chosen)


def range_in_url() -> RangeName | None:
    asked = st.query_params.get("range")
    return asked if asked in RANGES else None


def usual_range(since_us: int) -> RangeName:
    """A day; in the first hours an hour or six, so that a first run is more than a thin line."""
    age_us = time.time_ns() // 1000 - since_us
    return "1h" if age_us < HOUR_US else "6h" if age_us < 6 * HOUR_US else "24h"


def log_in_url() -> bool:
    return st.query_params.get("log") == "1"


def clear() -> None:
    """A callback: takes all filters away."""
    for field in FILTER_FIELDS:
        st.query_params.pop(field, None)


def _several(
    field: str, title: str, name: Callable[[str], str], keep: Filter, options: tuple[str, ...]
) -> None:
    key = f"filter_{field}"
    st.session_state[key] = list(getattr(keep, field))
    st.multiselect(
        title, options, key=key, format_func=name, placeholder="All", on_change=_write,
        args=(field, key),
    )  # fmt: skip


def _write(name: str, key: str | None = None) -> None:
    """A callback: puts a widget's value into the URL; nothing leaves it."""
    value = st.session_state[key or name]
    if not value:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = "1" if value is True else value


def is_filtered(keep: Filter) -> bool:
    return bool(keep.model or keep.provider or keep.agent or keep.status or keep.entry_point)


def filter_line(keep: Filter, catalog: Catalog) -> str:
    """The filters in words, for people."""
    parts = [
        *(catalog.display_name(m) for m in keep.model),
        *keep.provider,
        *(agent_title(a) for a in keep.agent),
        *(status_name(s) for s in keep.status),
        *(entry_name(e) for e in keep.entry_point),
    ]
    return ", ".join(parts)
