"""Range and filters of the dashboard. They live in the URL; what stands there and does not exist is said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.queries import Facets, Filter
from core.metrics_query import RangeName
from core.words import STATUS_NAMES as STATUS_NAMES
from core.words import status_name as status_name
from pages.components import session
from pages.components.answer import agent_title
from pages.components.dashboard_range import (
    Moments,
    moments_in_url,
    range_in_url,
    show_range,
)
from pages.components.dashboard_views import show_notes, show_views
from pages.components.format import count
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from core.catalog import Catalog

ENTRY_NAMES = {
    "chat": "Chat",
    "compare": "Compare",
    "api": "API",
    "cli": "Command line",
    "eval": "Evaluation",
    "import": "Import",
}
_MORE = "Log scale, saved views, and notes on the time axis"
_TITLES = {
    "model": "Model",
    "provider": "Provider",
    "agent": "Agent",
    "user": "User",
    "version": "Version",
    "status": "Status",
    "entry_point": "Started from",
}
FILTER_FIELDS = tuple(_TITLES)
_FIXED: dict[str, Collection[str]] = {"status": STATUS_NAMES, "entry_point": ENTRY_NAMES}
MAX_NAME, MOST_VALUES = 200, 50
"""Longer names, and more of them, are not believed."""
MANY = 200
"""More options than this are not sent to the browser: one searches."""


def entry_name(entry: str) -> str:
    return ENTRY_NAMES.get(entry, entry)


def show_controls(runtime: Runtime, facets: Facets, usual: RangeName) -> Filter:
    """Draws range and filters and gives what is chosen; `usual` when the URL names no range.

    The URL owns the choice: widgets are set from it before they are drawn and write it in their
    callbacks. (`bind="query-params"` would put labels there instead of ids.)
    """
    zone, catalog = runtime.zone, runtime.catalog
    own = moments_in_url(zone)
    if isinstance(own, str):
        st.warning(own, icon=":material/event_busy:")
        own = None
    keep = from_url(usual, own)
    _say_what_is_unknown(keep, facets)
    active = sum(len(getattr(keep, field)) for field in FILTER_FIELDS)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="controls"):
        show_range(keep, zone)
        label = f"Filters ({active})" if active else "Filters"
        with st.popover(
            label, icon=":material/filter_list:", key="filters",
            type="primary" if active else "secondary",
        ):  # fmt: skip
            _show_filters(keep, facets, catalog)
            st.button("Clear filters", key="clear_filters", on_click=clear, disabled=not active)
        with st.popover("More", icon=":material/more_horiz:", key="more_controls", help=_MORE):
            _show_log_scale()
            show_views(runtime)
            show_notes(runtime, keep, zone)
    return keep


def _show_log_scale() -> None:
    st.session_state["log"] = log_in_url()
    st.toggle(
        "Log scale", key="log", on_change=_write, args=("log",),
        help="Draws the times on a logarithmic axis: slow and fast runs are both readable.",
    )  # fmt: skip


def from_url(usual: RangeName, own: Moments | None = None) -> Filter:
    """The filter the URL asks for, without what cannot be a value.

    A name that nothing is recorded of stays: without it the figures would be those of everybody.
    """
    chosen: dict[str, Any] = {
        field: tuple(value for value in _given(field) if _possible(field, value))[:MOST_VALUES]
        for field in FILTER_FIELDS
    }
    if own is not None:
        # A length is needed for the period before; any will do, the moments replace its ends.
        return Filter(range="24h", since_us=own.since_us, until_us=own.until_us, **chosen)
    return Filter(range=range_in_url() or usual, **chosen)


def _given(field: str) -> list[str]:
    return list(dict.fromkeys(st.query_params.get_all(field)))


def _possible(field: str, value: str) -> bool:
    if field in _FIXED:
        return value in _FIXED[field]
    return 0 < len(value) <= MAX_NAME and value.isprintable()


def _say_what_is_unknown(keep: Filter, facets: Facets) -> None:
    """What the URL names and the page cannot show."""
    asked = st.query_params.get("range")
    impossible = [f"range {asked[:40]}"] if asked and range_in_url() is None else []
    impossible += [
        f"{_TITLES[field].lower()} {value[:40]}"
        for field in FILTER_FIELDS
        for value in _given(field)
        if not _possible(field, value)
    ]
    if impossible:
        named = ", ".join(map(escape, impossible))
        st.warning(
            f"The address asks for what does not exist, and it is ignored: {named}.",
            icon=":material/link_off:",
        )
    missing = [
        f"{_TITLES[field].lower()} {value}"
        for field in FILTER_FIELDS
        for value in getattr(keep, field)
        if value not in getattr(facets, field)
    ]
    if missing:
        st.warning(
            f"Nothing is recorded of {escape(', '.join(missing))}. As a filter it matches no run.",
            icon=":material/search_off:",
        )


def log_in_url() -> bool:
    return st.query_params.get("log") == "1"


def clear() -> None:
    """A callback: takes all filters away."""
    for field in FILTER_FIELDS:
        st.query_params.pop(field, None)


def _show_filters(keep: Filter, facets: Facets, catalog: Catalog) -> None:
    names: dict[str, Callable[[str], str]] = {
        "model": catalog.display_name,
        "agent": agent_title,
        "status": status_name,
        "entry_point": entry_name,
    }
    for field, title in _TITLES.items():
        if field == "user" and not session.allowed("all_figures"):
            continue
        name = names.get(field, str)
        options = tuple(dict.fromkeys([*getattr(facets, field), *getattr(keep, field)]))
        if len(options) > MANY:
            options = _found(field, title, options, getattr(keep, field))
        _several(field, title, name, keep, options)


def _found(
    field: str, title: str, options: tuple[str, ...], chosen: tuple[str, ...]
) -> tuple[str, ...]:
    """The first options that contain what is typed, and those that are chosen."""
    typed = st.text_input(
        f"Find: {title.lower()}", key=f"find_{field}", placeholder="Part of the name", live=True
    )
    part = typed.strip().casefold()
    matching = [one for one in options if part in one.casefold()] if part else list(options)
    if len(matching) > MANY:
        st.caption(f"{MANY} of {count(len(matching))} can be chosen below. Type to find others.")
    return tuple(dict.fromkeys([*chosen, *matching[:MANY]]))


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
    st.query_params.pop("before", None)
    if not value:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = "1" if value is True else value


def value_names(catalog: Catalog, field: str, values: Sequence[str]) -> str:
    """Values of a filter in words, as plain text."""
    names: dict[str, Callable[[str], str]] = {
        "model": catalog.display_name,
        "agent": agent_title,
        "status": status_name,
        "entry_point": entry_name,
    }
    return ", ".join(map(names.get(field, str), values))


def is_filtered(keep: Filter) -> bool:
    return any(getattr(keep, field) for field in FILTER_FIELDS)


def filter_line(keep: Filter, catalog: Catalog) -> str:
    """The filters in words, for people."""
    parts = [
        *(catalog.display_name(m) for m in keep.model),
        *keep.provider,
        *(agent_title(a) for a in keep.agent),
        *keep.user,
        *keep.version,
        *(status_name(s) for s in keep.status),
        *(entry_name(e) for e in keep.entry_point),
    ]
    return ", ".join(parts)
