"""The tab "Quality": what people and judges say about answers, and the runs to look at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, get_args

import numpy as np
import streamlit as st

from analytics.metrics import Rate
from analytics.queries.quality import (
    DIMENSIONS,
    MAX_RATINGS,
    Dimension,
    RatedSeries,
    evaluations,
    quality,
    worst_runs,
)
from analytics.queries.views import marks
from analytics.timeaxis import Axis, BucketSize, axis_of, local
from core.words import error_name
from pages.components import session
from pages.components.answer import agent_title
from pages.components.charts import HEIGHT, Count, Series, lines
from pages.components.charts_axes import PERCENT, bucket_labels
from pages.components.charts_card import BUCKET_HEADER, Table, bucket_cells, card
from pages.components.dashboard_charts import marks_on
from pages.components.dashboard_controls import status_name
from pages.components.dashboard_cost_parts import with_band
from pages.components.dashboard_intervals import interval, interval_column
from pages.components.dashboard_reliability_rates import size_words
from pages.components.dashboard_runs import set_run
from pages.components.dashboard_tables import Column, draw, rate_column, table_of
from pages.components.dashboard_tiles import show_tile
from pages.components.format import count, duration, share

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries.quality import Evaluation, Quality, WorstRun
    from pages.components.dashboard_tab import Tab

NO_RATINGS = (
    "No answer of this range has been rated. Thumbs are given under the answers of the chat."
)
ENOUGH = 20
"""Ratings a point should rest on; buckets are as long as most need for that."""
_UP = "Thumbs up / (thumbs up + thumbs down), one rating per run: a person's newest."
_COVERAGE = "Rated runs / runs. A share of thumbs up says little when few are rated."
_NAMES: dict[Dimension, str] = {"model": "Model", "agent": "Agent", "version": "Version"}
_COLOR = "#009E73"
_SIZES: tuple[BucketSize, ...] = get_args(BucketSize)
FEWEST = 4
"""Points a line needs to say how something went."""
_IDS = "_worst_rows"


def show(tab: Tab) -> None:
    """Ratings, or why there are none; then what is worth a look either way."""
    found = tab.answer(quality)
    if found.overall.up.n:
        _show_ratings(tab, found)
    else:
        st.info(NO_RATINGS, icon=":material/thumbs_up_down:")
    _show_worst(tab, tab.answer(worst_runs))
    scores = tab.answer(evaluations)
    if scores:
        _show_evaluations(scores)


def _show_ratings(tab: Tab, found: Quality) -> None:
    overall = found.overall
    with st.grid(2, min_column_width=150, gap="small", key="quality_figures"):
        show_tile(
            "Thumbs up", share(overall.up.share), help=_UP,
            note=f"95 % interval {interval(overall.up)}, {overall.up.k:,} of {overall.up.n:,} ratings",
        )  # fmt: skip
        show_tile(
            "Coverage", share(overall.coverage.share), help=_COVERAGE,
            note=f"{overall.coverage.k:,} of {overall.coverage.n:,} runs were rated",
        )  # fmt: skip
    if not found.whole:
        st.caption(f"The reasons are those of the newest {MAX_RATINGS:,} ratings.")
    with st.grid(2, min_column_width=360, gap="small", key="quality_charts"):
        _show_over_time(tab, found)
        _show_reasons(found)
    _show_by(tab, found)


def _show_over_time(tab: Tab, found: Quality) -> None:
    series = longer(found, tab.zone)
    with card(
        "thumbs",
        "Thumbs up over time",
        f"Do answers get better? n = {count(found.overall.up.n)} ratings. "
        f"One point is {size_words(series.size)}",
        definition=f"{_UP} By the time a run started. Band: Wilson's 95 % interval. Points are as far "
        f"apart as most need to rest on {ENOUGH} ratings; dashed: fewer, or a bucket cut by the "
        "range.",
        data=partial(_over_time_table, tab, found),
        runs={},
    ):
        rates = [Rate(k=up, n=n) for up, n in zip(series.up, series.rated, strict=True)]
        sound = [
            not bucket.partial and rate.n >= ENOUGH
            for bucket, rate in zip(series.buckets, rates, strict=True)
        ]
        line = Series(name="Thumbs up", color=_COLOR, values=[r.share for r in rates], sound=sound)
        also = [Count(name="Rated", values=series.rated), Count(name="Runs", values=series.runs)]
        option = lines(
            bucket_labels(series.buckets, series.size, tab.zone), [line], PERCENT, also,
            marks=marks_on(series.buckets, tab.answer(marks)), few="dashed: few ratings",
        )  # fmt: skip
        low, high = ([r.interval[side] if r.interval else None for r in rates] for side in (0, 1))
        option = with_band(option, low, high, _COLOR, PERCENT, "95 %")
        st.echarts_chart(
            option, key="chart_thumbs", height=HEIGHT,
            alt=f"Share of thumbs up over time; {share(found.overall.up.share)} of the range",
        )  # fmt: skip


def longer(found: Quality, zone: ZoneInfo) -> RatedSeries:
    """The ratings in the shortest buckets of which most have enough, or in the longest there are."""
    series = found.over_time
    for size in _SIZES[_SIZES.index(series.size) + 1 :]:
        rated = [n for n in series.rated if n]
        if 2 * sum(n >= ENOUGH for n in rated) >= len(rated):
            return series
        merged = _merged(found, axis_of(found.window, zone, size))
        if len(merged.buckets) < FEWEST:
            return series
        series = merged
    return series


def _merged(found: Quality, axis: Axis) -> RatedSeries:
    """The same counts by longer buckets."""
    old = found.over_time
    places = axis.places(np.array([bucket.start_us for bucket in old.buckets], dtype=np.int64))

    def summed(counts: Sequence[int]) -> tuple[int, ...]:
        sums = np.bincount(places, weights=counts, minlength=len(axis.buckets))
        return tuple(int(n) for n in sums)

    return RatedSeries(
        size=axis.size, buckets=axis.buckets, up=summed(old.up), rated=summed(old.rated),
        runs=summed(old.runs),
    )  # fmt: skip


def _show_reasons(found: Quality) -> None:
    down = found.down
    columns = {
        "Reason": Column(values=[reason or "none given" for reason, _ in found.reasons]),
        "Thumbs down": Column(values=[n for _, n in found.reasons], show=count),
        "Share": Column(values=[n / down for _, n in found.reasons], show=share),
    }
    with card(
        "reasons",
        "Why thumbs go down",
        f"What is wrong with the answers? n = {count(down)} thumbs down",
        definition="The reasons people chose with a thumb down. One thumb may have several.",
        data=partial(table_of, columns),
    ):
        if down:
            draw(columns, alt="Reasons of thumbs down, most frequent first", key="reasons_all")
        else:
            st.success("No thumb went down in this range.", icon=":material/thumb_up:")


def _show_by(tab: Tab, found: Quality) -> None:
    chosen: Dimension = st.session_state.get("quality_by") or "model"
    rows = found.by[chosen]
    names = [_name(tab, chosen, row.name) for row in rows]
    columns = {
        _NAMES[chosen]: Column(values=names),
        "Thumbs up": rate_column([row.up for row in rows], _UP),
        "95 % interval": interval_column([row.up for row in rows]),
        "Rated": Column(values=[row.coverage.k for row in rows], show=count),
        "Thumbs down": Column(values=[row.up.n - row.up.k for row in rows], show=count),
        "Runs": Column(values=[row.coverage.n for row in rows], show=count),
        "Coverage": rate_column([row.coverage for row in rows], _COVERAGE),
    }
    with card(
        "thumbs-by",
        "Thumbs up by part",
        "Which model, agent or version disappoints? Trust a difference where the intervals do not "
        f"touch. n = {count(found.overall.up.n)} ratings",
        definition=f"{_UP} {_COVERAGE}",
        data=partial(table_of, columns),
        control=_by_control,
    ):
        draw(columns, alt=f"Thumbs up and coverage by {chosen}", key=f"thumbs_by_{chosen}")


def _by_control() -> None:
    st.segmented_control(
        "By model, agent or version", list(DIMENSIONS), key="quality_by", default="model",
        required=True, format_func=_NAMES.__getitem__, label_visibility="collapsed",
        width="content",
    )  # fmt: skip


def _show_worst(tab: Tab, rows: Sequence[WorstRun]) -> None:
    columns = {
        "Time": Column(
            values=[f"{local(r.run.started_at_us, tab.zone):%Y-%m-%d %H:%M:%S}" for r in rows]
        ),
        "Why": Column(values=[_why(row) for row in rows]),
        "Reason": Column(
            values=[row.reason or error_name(row.run.error_type or "") for row in rows]
        ),
        "In their words": Column(values=[_words(row) for row in rows]),
        "Agent": Column(values=[_name(tab, "agent", row.run.agent_name) for row in rows]),
        "Model": Column(values=[_name(tab, "model", row.run.answer_model) for row in rows]),
        "Total": Column(values=[row.run.duration_us for row in rows], show=duration, unit="us"),
    }
    ids = [row.run.run_id for row in rows]
    with card(
        "worst-runs",
        "Runs to look at",
        f"What went wrong lately? The newest {len(rows)} with a thumb down or a failure. Select a row "
        "to see the run.",
        definition="Thumbs down and runs that failed, timed out or were lost.",
        data=partial(_worst_table, ids, columns),
    ):
        if not rows:
            st.success("No thumb down and no failure in this range.", icon=":material/task_alt:")
            return
        st.session_state[_IDS] = ids
        # A click leaves for the page of its run: nothing stays marked.
        st.session_state["worst_table"] = {"selection": {"rows": [], "columns": [], "cells": []}}
        draw(columns, alt="Newest runs with a thumb down or a failure", key="worst_table",
             on_select=_select, selection_mode="single-row")  # fmt: skip


def _select() -> None:
    """A callback: the rows are those the click was made on, not those drawn next."""
    rows = st.session_state["worst_table"]["selection"]["rows"]
    ids = st.session_state.get(_IDS, [])
    set_run(ids[rows[0]] if rows and 0 <= rows[0] < len(ids) else None)


def _show_evaluations(found: Sequence[Evaluation]) -> None:
    columns = {
        "Evaluation": Column(values=[e.name for e in found]),
        "By": Column(values=[e.source for e in found]),
        "Judge": Column(values=[e.judge for e in found]),
        "n": Column(values=[e.n for e in found], show=count),
        "Mean": Column(values=[e.mean for e in found], show=_number),
        "Lowest": Column(values=[e.low for e in found], show=_number),
        "Highest": Column(values=[e.high for e in found], show=_number),
        "Labels": Column(
            values=[", ".join(f"{label} {n}" for label, n in e.labels[:5]) for e in found]
        ),
    }
    with card(
        "evaluations",
        "Other evaluations",
        "What do judges and checks say? "
        f"n = {count(sum(e.n for e in found))}, at most the newest {MAX_RATINGS:,}",
        definition="Scores by models, programs and annotators, in the units they were written in.",
        data=partial(table_of, columns),
    ):
        draw(columns, alt="Evaluations by name, source and judge", key="evaluations_all")


def _why(row: WorstRun) -> str:
    parts = ["Thumbs down"] if row.down else []
    return ", ".join([*parts, status_name(row.run.status)] if row.failed else parts)


def _name(tab: Tab, dimension: Dimension, name: str | None) -> str:
    if name is None:
        return f"no {dimension}"
    if dimension == "model":
        return tab.catalog.display_name(name)
    return agent_title(name) if dimension == "agent" else name


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _over_time_table(tab: Tab, found: Quality) -> Table:
    series = found.over_time
    rows = [
        [*cells, series.up[k], series.rated[k], series.runs[k]]
        for k, cells in enumerate(bucket_cells(series.buckets, tab.zone))
    ]
    return [*BUCKET_HEADER, "thumbs_up", "rated", "runs"], rows


def _worst_table(ids: Sequence[str], columns: dict[str, Column]) -> Table:
    header, rows = table_of(columns)
    return ["run_id", *header], [[run_id, *row] for run_id, row in zip(ids, rows, strict=True)]


def _words(row: WorstRun) -> str:
    """What a person wrote is read by that person, and by those who decide what is kept of it."""
    own = row.run.user_id == session.owner()
    return row.words or "" if own or session.allowed("settings") else ""
