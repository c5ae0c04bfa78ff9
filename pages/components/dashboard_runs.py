"""Tables of single runs: the newest and the slowest. A click on a row opens its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from analytics.queries.run_pages import RunsPage, slowest_runs
from analytics.timeaxis import local
from pages.components.answer import agent_title
from pages.components.charts_card import Table, card
from pages.components.dashboard_controls import entry_name, status_name
from pages.components.dashboard_tables import Column, draw, table_of, usd
from pages.components.format import count, duration

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries import RunRow
    from core.catalog import Catalog
    from pages.components.dashboard_tab import Tab

_IDS = "_rows_"
RUNS_PX = 720
RUN_QUERY = ("id", "with", "view")
"""What the page of a run keeps in its address."""


def set_run(run_id: str | None) -> None:
    """Opens the page of a run; nothing for None. Also in a callback.

    Streamlit puts the new query into the address of this page too, before it leaves: without its own
    one, the browser's Back would come to a page without tab and filters.
    """
    if run_id is not None:
        own = {one: st.query_params.get_all(one) for one in st.query_params if one not in RUN_QUERY}
        st.switch_page("pages/run.py", query_params=own | {"id": [run_id]})


def show_recent(tab: Tab, page: RunsPage, total: int) -> None:
    """One page of the newest runs."""
    rows = page.rows
    _table(
        "recent", "Runs", rows, run_columns(rows, tab.zone, tab.catalog),
        f"Which runs are behind the figures? {count(len(rows))} of {count(total)}, newest first. "
        "Select a row to see where its time and money went.", height=RUNS_PX,
    )  # fmt: skip


def show_slowest(tab: Tab) -> None:
    """The slowest successful runs of the range with their rank."""
    slow = tab.answer(slowest_runs)
    ranks = Column(
        values=[one.rank for one in slow],
        show=_rank,
        help="The share of successful runs of the range that were not slower.",
    )
    rows = tuple(one.run for one in slow)
    columns = _after_first(run_columns(rows, tab.zone, tab.catalog), "Rank", ranks)
    _table(
        "slowest", "Slowest runs", rows, columns,
        f"Which runs kept people waiting longest? The {count(len(rows))} slowest successful ones. "
        "Select a row to see why.",
        runs={"status": ["ok"]},
    )  # fmt: skip


def run_columns(rows: Sequence[RunRow], zone: ZoneInfo, catalog: Catalog) -> dict[str, Column]:
    def column(
        value: Callable[[RunRow], Any], show: Callable[[Any], str] = str, help: str = ""
    ) -> Column:
        return Column(values=[value(row) for row in rows], show=show, help=help)

    return {
        "Time": column(lambda r: local(r.started_at_us, zone).strftime("%Y-%m-%d %H:%M:%S")),
        "Agent": column(lambda r: agent_title(r.agent_name) if r.agent_name else "no agent"),
        "Status": column(lambda r: status_name(r.status)),
        "Total": Column(
            values=[row.duration_us for row in rows], show=duration, unit="us",
            help="From submitting to the end of the run.",
        ),
        "Cost": Column(
            values=[row.cost_pusd for row in rows],
            show=usd,
            unit="pico-USD",
            help="Grey: some calls have no price, so the cost is incomplete: at least this.",
            grey=[row.cost_pusd is not None and not row.cost_complete for row in rows],
        ),
        "First token": Column(
            values=[row.first_token_us for row in rows], show=duration, unit="us",
            help="From submitting to the first token shown.",
        ),
        "Model": column(lambda r: _model(r, catalog)),
        "Tokens": column(run_tokens, count, "Input and output tokens of all calls of the run."),
        "Fallbacks": column(lambda r: r.fallbacks, count, "Changes to another model."),
        "From": column(lambda r: entry_name(r.entry_point)),
        "User": column(lambda r: r.user_id or "–"),
        "Version": column(lambda r: r.app_version or "–"),
    }  # fmt: skip


def _model(row: RunRow, catalog: Catalog) -> str:
    return catalog.display_name(row.answer_model) if row.answer_model else "no model"


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
    runs: Mapping[str, Sequence[str]] | None = None,
    height: int | Literal["auto"] = "auto",
) -> None:
    ids, key = [row.run_id for row in rows], f"{name}_table"
    st.session_state[_IDS + name] = ids
    # A click leaves for the page of its run: nothing stays marked.
    st.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": []}}
    with card(name, title, question, definition="Times are of the reporting zone.",
              data=partial(_with_ids, ids, columns), runs=runs):  # fmt: skip
        draw(
            columns, alt=title, key=key, height=height, on_select=partial(_select, name),
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
