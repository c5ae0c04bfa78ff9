"""Tables of single runs: the newest and the slowest. A click on a row puts its run into the URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.timeaxis import local
from core.ids import is_id
from pages.components.answer import agent_title
from pages.components.charts_card import Table, card
from pages.components.dashboard_controls import entry_name, status_name
from pages.components.dashboard_tables import Column, draw, table_of, usd
from pages.components.format import count, duration

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries import RunRow, SlowRun
    from core.catalog import Catalog
    from pages.components.dashboard_figures import Figures

_IDS = "_rows_"


def run_in_url() -> str | None:
    """The run the URL names, if it has the form of an id."""
    value = st.query_params.get("run")
    return value if is_id(value) else None


def set_run(run_id: str | None) -> None:
    if run_id is None:
        st.query_params.pop("run", None)
    else:
        st.query_params["run"] = run_id


def show_runs(
    figures: Figures,
    slowest_runs: Callable[[], Sequence[SlowRun]],
    zone: ZoneInfo,
    catalog: Catalog,
) -> None:
    """The newest and the slowest runs, each in a tab; the slowest are asked for when it is open."""
    recent, slowest = st.tabs(["Recent runs", "Slowest runs"], key="runs_tab", on_change="rerun")
    if recent.open:
        with recent:
            rows = figures.recent
            total = figures.kpis.current.runs
            _table(
                "recent", "Recent runs", rows, run_columns(rows, zone, catalog),
                f"The newest {count(len(rows))} of {count(total)}. Select a row to see where its "
                "time and money went.",
            )  # fmt: skip
    if slowest.open:
        with slowest:
            slow = slowest_runs()
            ranks = Column(
                values=[one.rank for one in slow],
                show=_rank,
                help="The share of successful runs of the range that were not slower.",
            )
            rows = tuple(one.run for one in slow)
            _table(
                "slowest", "Slowest runs", rows, _after_first(run_columns(rows, zone, catalog), "Rank", ranks),
                f"The {count(len(rows))} slowest of {count(figures.kpis.current.ok)} successful runs.",
            )  # fmt: skip


def run_columns(rows: Sequence[RunRow], zone: ZoneInfo, catalog: Catalog) -> dict[str, Column]:
    def column(
        value: Callable[[RunRow], Any], show: Callable[[Any], str] = str, help: str = ""
    ) -> Column:
        return Column(values=[value(row) for row in rows], show=show, help=help)

    return {
        "Time": column(lambda r: local(r.started_at_us, zone).strftime("%Y-%m-%d %H:%M:%S")),
        "Agent": column(lambda r: agent_title(r.agent_name) if r.agent_name else "–"),
        "Model": column(lambda r: catalog.display_name(r.answer_model) if r.answer_model else "–"),
        "Status": column(lambda r: status_name(r.status)),
        "First token": Column(
            values=[row.first_token_us for row in rows], show=duration, unit="us",
            help="From submitting to the first token shown.",
        ),
        "Total": Column(
            values=[row.duration_us for row in rows], show=duration, unit="us",
            help="From submitting to the end of the run.",
        ),
        "Tokens": column(run_tokens, count, "Input and output tokens of all calls of the run."),
        "Cost": Column(
            values=[row.cost_pusd for row in rows],
            show=usd,
            unit="pico-USD",
            help="Grey: some calls have no price, so it is at least this.",
            grey=[row.cost_pusd is not None and not row.cost_complete for row in rows],
        ),
        "Fallbacks": column(lambda r: r.fallbacks, count, "Changes to another model."),
        "From": column(lambda r: entry_name(r.entry_point)),
    }  # fmt: skip


def run_tokens(row: RunRow) -> int | None:
    """Input and output together; None when neither is known."""
    known = [v for v in (row.usage_input_tokens, row.usage_output_tokens) if v is not None]
    return sum(known) if known else None


def _table(
    name: str,
    title: str,
    rows: Sequence[RunRow],
    columns: Mapping[str, Column],
    question: str,
) -> None:
    ids, key = [row.run_id for row in rows], f"{name}_table"
    st.session_state[_IDS + name] = ids
    chosen = run_in_url()
    # Rows move down as runs come in: the mark follows its run, not its place.
    place = [ids.index(chosen)] if chosen in ids else []
    st.session_state[key] = {"selection": {"rows": place, "columns": [], "cells": []}}
    with card(name, title, question, definition="Times are of the reporting zone.",
              data=partial(_with_ids, ids, columns)):  # fmt: skip
        draw(
            columns, alt=title, key=key, on_select=partial(_select, name),
            selection_mode="single-row",
        )  # fmt: skip


def _select(name: str) -> None:
    """A callback: the rows are those the click was made on, not those drawn next."""
    rows = st.session_state[f"{name}_table"]["selection"]["rows"]
    ids = st.session_state.get(_IDS + name, [])
    set_run(ids[rows[0]] if rows and 0 <= rows[0] < len(ids) else None)


def _with_ids(ids: Sequence[str], columns: Mapping[str, Column]) -> Table:
    header, rows = table_of(columns)
    return ["run_id", *header], [[run_id, *row] for run_id, row in zip(ids, rows, strict=True)]


def _after_first(columns: dict[str, Column], name: str, column: Column) -> dict[str, Column]:
    (first, head), *rest = columns.items()
    return {first: head, name: column, **dict(rest)}


def _rank(value: Any) -> str:
    return "unknown" if value is None else f"p{value * 100:.2f}".rstrip("0").rstrip(".")
