"""Errors by type: over time, and when each came first and last."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import streamlit as st

from analytics.queries.reliability import Level
from analytics.queries.reliability_errors import (
    MAX_TYPES,
    ErrorSeries,
    ErrorType,
    error_types,
    errors_over_time,
)
from analytics.timeaxis import local
from core.words import error_name
from pages.components.charts import Count
from pages.components.charts_axes import NEUTRALS, ONES
from pages.components.charts_card import Table, card
from pages.components.dashboard_cost_parts import (
    bucket_table,
    comparable,
    draw,
    over_time,
    run_picker,
)
from pages.components.dashboard_tables import Column, table_of
from pages.components.dashboard_tables import draw as draw_table
from pages.components.format import count, share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from pages.components.dashboard_tab import Tab

_KEY = "error_level"
_LEVELS: dict[Level, str] = {"call": "Attempts", "run": "Runs"}
_MODELS_SHOWN = 3


def show_errors(tab: Tab) -> None:
    level = _level()
    series = tab.answer(errors_over_time, level)
    total, what = sum(sum(v) for v in series.values.values()), _LEVELS[level].lower()
    with card(
        "errors-by-type", "Errors by type",
        f"What goes wrong, and when? {count(total)} errors of n = {count(sum(series.n))} {what}",
        definition="Failed attempts, or failed runs, by the bucket they began in and their error type. "
        "Stopped ones and those that wait for a person are no errors.",
        data=partial(_table, series, tab.zone), control=_choose_level,
        runs={"status": ["error", "timeout", "lost"]} if level == "run" else {},
    ):  # fmt: skip
        if not total:
            st.success("Nothing failed in this range.", icon=":material/check_circle:")
            return
        names = {name: error_name(name) for name in series.values}
        colors = {name: NEUTRALS[k % len(NEUTRALS)] for k, name in enumerate(series.values)}
        also = [Count(name=f"{_LEVELS[level]} that ended", values=series.n)]
        option = over_time(
            series.values, colors, names, series.size, series.buckets, ONES, also, tab.zone
        )
        spoken = ", ".join(f"{name} {sum(v)}" for name, v in list(series.values.items())[:3])
        draw(f"errors_{level}", option, f"Errors over time by type: {spoken}")


def show_error_types(tab: Tab) -> None:
    level = _level()
    found = tab.answer(error_types, level)
    columns = _columns(found, tab)
    total = found[0].of if found else 0
    with card(
        "error-types", f"Error types of {_LEVELS[level].lower()}",
        f"What is new, and is it over? The {len(found)} most frequent types, n = {count(total)} errors. "
        "Select a row to see the last run it happened in.",
        definition=f"At most {MAX_TYPES} types. First and last: within the range, when the attempt or "
        "run began. Before: how often in the period of equal length before.",
        data=partial(_with_runs, found, columns),
    ):  # fmt: skip
        if found:
            picker = run_picker(f"error_types_{level}", [row.last_run_id for row in found])
            draw_table(columns, alt="Error types with first and last time", **picker)
        else:
            st.success("Nothing failed in this range.", icon=":material/check_circle:")


def _columns(found: Sequence[ErrorType], tab: Tab) -> dict[str, Column]:
    columns = {
        "Type": Column(values=[row.name for row in found], show=error_name),
        "Errors": Column(values=[row.count for row in found], show=count),
        "Share": Column(
            values=[row.count / row.of for row in found], show=share, help="Of all errors of the range."
        ),
    }  # fmt: skip
    if comparable(tab):
        columns["Before"] = Column(
            values=[row.before for row in found], show=_before,
            help="How often in the period of equal length before.",
        )  # fmt: skip
    return columns | {
        "First": Column(values=[_time(row.first_us, tab.zone) for row in found]),
        "Last": Column(values=[_time(row.last_us, tab.zone) for row in found]),
        "Models": Column(
            values=[_models(row, tab) for row in found], help="Most errors first.",
        ),
    }  # fmt: skip


def _models(row: ErrorType, tab: Tab) -> str:
    names = [tab.catalog.display_name(model) for model in row.models[:_MODELS_SHOWN]]
    more = len(row.models) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "") if names else "–"


def _before(value: float | None) -> str:
    return "new" if value == 0 else count(value)


def _time(at_us: int | None, zone: ZoneInfo) -> str:
    return "–" if at_us is None else local(at_us, zone).strftime("%Y-%m-%d %H:%M:%S")


def _choose_level() -> None:
    st.segmented_control(
        "Errors of what", list(_LEVELS), key=_KEY, default="call", required=True,
        format_func=_LEVELS.__getitem__, label_visibility="collapsed", width="content",
    )  # fmt: skip


def _level() -> Level:
    """What is chosen; the widget is drawn later in the script."""
    asked = st.session_state.get(_KEY)
    return cast("Level", asked) if asked in _LEVELS else "call"


def _table(series: ErrorSeries, zone: ZoneInfo) -> Table:
    return bucket_table(series.buckets, zone, {**series.values, "n": series.n})


def _with_runs(found: Sequence[ErrorType], columns: dict[str, Column]) -> Table:
    header, rows = table_of(columns)
    ids = [row.last_run_id for row in found]
    return [*header, "last_run"], [[*row, run] for row, run in zip(rows, ids, strict=True)]
