"""The charts of the dashboard: which question each answers, from which figures, in which colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS
from analytics.queries import CountSeries, PercentileSeries, Shares, SumSeries, TimeShares
from core.pricing import format_usd
from pages.components.charts import (
    DOLLARS,
    HEIGHT,
    ONES,
    Count,
    Series,
    Unit,
    bars,
    bucket_labels,
    count_unit,
    lines,
    time_unit,
)
from pages.components.charts_card import BUCKET_HEADER, Table, bucket_cells, card
from pages.components.charts_plotly import shares_figure
from pages.components.dashboard_controls import STATUS_NAMES, status_name
from pages.components.format import count, duration, share

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries.over_time import TokenKind
    from core.catalog import Catalog
    from pages.components.dashboard_figures import Figures

TOP = 8
# Okabe and Ito's palette: told apart with every kind of colour vision, on white and on black.
STATUS_COLORS = {
    "ok": "#009E73",
    "error": "#D55E00",
    "timeout": "#E69F00",
    "lost": "#CC79A7",
    "cancelled": "#8A9499",
    "interrupted": "#56B4E9",
    "running": "#0072B2",
}
OTHER_COLOR = "#8A9499"
_QUANTILE_LOOKS = {
    0.5: ("#009E73", "circle"),
    0.95: ("#E69F00", "triangle"),
    0.99: ("#CC79A7", "diamond"),
}
_PALE = "Pale: too few runs (p50 needs {}, p95 {}, p99 {}) or a bucket cut by the range.".format(
    *(minimum_n(q) for q in (0.5, 0.95, 0.99))
)
_SHARES_HELP = (
    "Each moment of a run counts once: model before retrieval before tools before choosing the agent; "
    "the rest is our own code and waiting. Around p50 and p95: runs within 2.5 % of that rank."
)
_TOKEN_KINDS: dict[TokenKind, str] = {"all": "All", "input": "Input", "output": "Output"}


def show_status(figures: Figures, zone: ZoneInfo) -> None:
    series = figures.status
    present = [name for name in STATUS_NAMES if name in series.values]
    present += [name for name in series.values if name not in STATUS_NAMES]
    drawn = [
        Series(
            name=status_name(name),
            color=STATUS_COLORS.get(name, OTHER_COLOR),
            values=series.values[name],
            sound=_whole(series),
        )
        for name in present
    ]
    total = sum(sum(values) for values in series.values.values())
    with card(
        "runs-by-status",
        "Runs by status",
        f"How many turns started, and how did they end? n = {count(total)}",
        definition=DEFINITIONS["runs"],
        data=partial(_count_table, series, zone),
    ):
        all_of = [sum(column) for column in zip(*series.values.values(), strict=True)]
        also = [Count(name="All", values=all_of)]
        option = bars(bucket_labels(series.buckets, series.size, zone), drawn, ONES, also)
        parts = [f"{status_name(name)} {count(sum(series.values[name]))}" for name in present]
        _draw("status", option, "Runs over time by status: " + ", ".join(parts))


def show_percentiles(
    name: str, title: str, question: str, series: PercentileSeries, zone: ZoneInfo, *, log: bool
) -> None:
    """Percentiles over time, each its own line."""
    drawn = [
        Series(
            name=f"p{q * 100:g}",
            color=_QUANTILE_LOOKS[q][0],
            symbol=_QUANTILE_LOOKS[q][1],
            values=values,
            sound=[
                whole and n >= minimum_n(q)
                for whole, n in zip(_whole(series), series.n, strict=True)
            ],
        )
        for q, values in series.values.items()
    ]
    key = "ttft" if series.measure == "first_token_us" else "latency"
    with card(
        name,
        title,
        f"{question} n = {count(sum(series.n))}, {count(sum(series.left_out))} left out",
        definition=f"{DEFINITIONS[key]} Left out: failed, stopped and unfinished runs. {_PALE}",
        data=partial(_percentile_table, series, zone),
    ):
        values = [v for line in series.values.values() for v in line if v is not None]
        option = lines(
            bucket_labels(series.buckets, series.size, zone),
            drawn,
            time_unit(values),
            [Count(name="Runs counted", values=series.n)],
            log=log,
        )
        spoken = f"highest {duration(max(values))}" if values else "no runs"
        _draw(name, option, f"{title} over time as p50, p95 and p99: {spoken}")


def show_tokens(
    figures: Figures, of_kind: Callable[[TokenKind], SumSeries], zone: ZoneInfo, catalog: Catalog
) -> None:
    series = of_kind(st.session_state.get("token_kind") or "all")
    cached = sum(row.cache_read_tokens.value or 0 for row in figures.models)
    with card(
        "tokens",
        "Tokens by model",
        f"Which model works how much? {_sum_note(series, 'uncounted')}, "
        f"{count(cached)} input tokens from a cache",
        definition=DEFINITIONS["tokens"],
        data=partial(_sum_table, series, zone, 1.0, "tokens"),
        control=_token_kind,
    ):
        highest = max(
            (sum(column) for column in zip(*series.values.values(), strict=True)), default=0
        )
        _by_model("tokens_chart", series, count_unit(highest), zone, catalog, "Tokens")


def _token_kind() -> None:
    st.segmented_control(
        "Which tokens", list(_TOKEN_KINDS), key="token_kind", default="all", required=True,
        format_func=_TOKEN_KINDS.__getitem__, label_visibility="collapsed", width="content",
    )  # fmt: skip


def show_cost(figures: Figures, zone: ZoneInfo, catalog: Catalog) -> None:
    series = figures.cost
    total = figures.kpis.current.cost
    spent = format_usd(total.value).replace("$", "\\$")
    with card(
        "cost",
        "Cost by model",
        f"What does each model cost? {spent} known. {_sum_note(series, 'unpriced')}",
        definition=f"{DEFINITIONS['cost']} A call without a known price is counted, never drawn as 0.",
        data=partial(_sum_table, series, zone, 1e-12, "usd"),
    ):
        _by_model("cost_chart", series, DOLLARS, zone, catalog, "Cost")


def show_shares(found: TimeShares) -> None:
    """Where the time of successful runs goes: all together, the middle ones, the slow ones."""
    rows = [
        ("All runs", found.everything), ("Around p50", found.median), ("Around p95", found.p95)
    ]  # fmt: skip
    sizes = ", ".join(f"{label.lower()} n = {count(part.n)}" for label, part in rows)
    with card(
        "time-shares",
        "Where the time goes",
        f"What would make answers faster? {sizes}",
        definition=_SHARES_HELP,
        data=partial(_shares_table, rows),
    ):
        if not found.everything.n:
            st.info("No run of this range has completed.", icon=":material/hourglass_empty:")
            return
        parts = (f"{label}: model {_part(part)}" for label, part in rows)
        st.plotly_chart(
            shares_figure(rows), key="chart_shares", height=HEIGHT,
            config={"displayModeBar": False},
            alt="Shares of the time of a run. " + ", ".join(parts),
        )  # fmt: skip


def _by_model(
    key: str, series: SumSeries, unit: Unit, zone: ZoneInfo, catalog: Catalog, what: str
) -> None:
    """Bars by model in the models' own colours; what comes after the largest few is one grey part."""
    used = [name for name in series.values if any(series.values[name])]
    sound = _whole(series)
    drawn = [
        Series(
            name=catalog.display_name(name), color=catalog.color(name),
            values=series.values[name], sound=sound,
        )
        for name in used[:TOP]
    ]  # fmt: skip
    rest = [series.values[name] for name in used[TOP:]]
    if rest:
        summed = [sum(column) for column in zip(*rest, strict=True)]
        label = f"{len(rest)} others"
        drawn.append(Series(name=label, color=OTHER_COLOR, values=summed, sound=sound))
    also = [Count(name="Calls", values=series.calls)]
    if any(series.missing):
        also.append(Count(name="Calls without a value", values=series.missing))
    option = bars(bucket_labels(series.buckets, series.size, zone), drawn, unit, also)
    names = ", ".join(one.name for one in drawn) or "nothing"
    _draw(key, option, f"{what} over time by model, largest first: {names}")


def _draw(key: str, option: dict[str, Any], alt: str) -> None:
    st.echarts_chart(option, key=f"chart_{key}", height=HEIGHT, alt=alt)


def _whole(series: CountSeries | SumSeries | PercentileSeries) -> list[bool]:
    return [not bucket.partial for bucket in series.buckets]


def _sum_note(series: SumSeries, word: str) -> str:
    missing, calls = sum(series.missing), sum(series.calls)
    note = f"n = {count(calls)} calls"
    return f"{note}, {count(missing)} of them {word}" if missing else note


def _count_table(series: CountSeries, zone: ZoneInfo) -> Table:
    rows = _with_buckets(series, zone, list(series.values.values()))
    return [*BUCKET_HEADER, *series.values], rows


def _percentile_table(series: PercentileSeries, zone: ZoneInfo) -> Table:
    names = [f"p{q * 100:g}_us" for q in series.values]
    columns = [*series.values.values(), series.n, series.left_out]
    return [*BUCKET_HEADER, *names, "runs", "left_out"], _with_buckets(series, zone, columns)


def _sum_table(series: SumSeries, zone: ZoneInfo, factor: float, unit: str) -> Table:
    columns = [[v * factor for v in values] for values in series.values.values()]
    names = [f"{name} ({unit})" for name in series.values]
    rows = _with_buckets(series, zone, [*columns, series.calls, series.missing])
    return [*BUCKET_HEADER, *names, "calls", "calls_without_value"], rows


def _shares_table(rows: Sequence[tuple[str, Shares]]) -> Table:
    names = [field.name for field in fields(Shares)]
    return ["runs", *names], [[label, *(getattr(part, n) for n in names)] for label, part in rows]


def _part(part: Shares) -> str:
    return share(part.model_us / part.duration_us if part.duration_us else None)


def _with_buckets(series: Any, zone: ZoneInfo, columns: Sequence[Sequence[Any]]) -> list[list[Any]]:
    starts = bucket_cells(series.buckets, zone)
    return [[*cells, *(column[k] for column in columns)] for k, cells in enumerate(starts)]
