"""The filters of reports and exports: what occurs in a period can be chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.queries import Facets, Filter
from pages.components import session
from pages.components.answer import agent_title
from pages.components.dashboard_controls import entry_name, status_name

if TYPE_CHECKING:
    from agents.runtime import Runtime


def show_filters(runtime: Runtime, keep: Filter, key: str) -> dict[str, tuple[str, ...]]:
    """Draws a choice for each field; the chosen values by name. Raises StorageError."""
    found = facets(keep)
    names: tuple[tuple[str, str, Callable[[str], str]], ...] = (
        ("model", "Model", runtime.catalog.display_name),
        ("provider", "Provider", str),
        ("agent", "Agent", agent_title),
        ("user", "User", str),
        ("status", "Status", status_name),
        ("entry_point", "Started from", entry_name),
        ("version", "Version", str),
    )
    chosen: dict[str, tuple[str, ...]] = {}
    with st.expander("Filters", icon=":material/filter_list:"):
        st.caption("What occurs in the chosen time. Nothing chosen keeps everything.")
        with st.grid(3, min_column_width=200, gap="small"):
            for field, title, name in names:
                values = st.multiselect(
                    title, getattr(found, field), key=f"{key}_{field}", format_func=name,
                    placeholder="All",
                )  # fmt: skip
                if values:
                    chosen[field] = tuple(values)
    return chosen


def facets(keep: Filter) -> Facets:
    """The values that occur in a range; up to a minute old."""
    found: Facets = _facets(session.figures(), session.figures_key(), keep)
    return found


@st.cache_data(max_entries=20, ttl="1m", show_spinner=False)
def _facets(_figures: Any, where: tuple[str, str | None], keep: Filter) -> Facets:
    found: Facets = _figures.facets(keep)
    return found
