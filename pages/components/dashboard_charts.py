"""The charts of the dashboard: which question each answers, from which figures, in which colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS
from analytics.queries import CountSeries, PercentileSeries, SumSeries
from core.pricing import format_usd
from pages.components.charts import HEIGHT, Count, Mark, Series, bars, lines, with_strip
from pages.components.charts_axes import DOLLARS, ONES, Unit, bucket_labels, count_unit, time_unit
from pages.components.charts_card import BUCKET_HEADER, Table, bucket_cells, card
from pages.components.dashboard_controls import STATUS_NAMES, status_name
from pages.components.format import count, duration, known_money

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries.over_time import TokenKind
    from analytics.queries.views import Annotation
    from analytics.timeaxis import Bucket
    from core.catalog import Catalog

TOP = 8
# Okabe and Ito's palette: told apart with every kind of colour vision, on white and on black.
STATUS_COLORS = {
    "ok": "#009E73",
    "error": "#D55E00",
    "timeout": "#E69F00",
    "lost": "#CC79A7",
    "refused_budget": "#F0E442",
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
_FEW = "Dashed: too few runs (p50 needs {}, p95 {}, p99 {}) or a bucket cut by the range.".format(
    *(minimum_n(q) for q in (0.5, 0.95, 0.99))
)
_TOKEN_KINDS: dict[TokenKind, str] = {"all": "All", "input": "Input", "output": "Output"}


def show_status(series: CountSeries, zone: ZoneInfo, marks: Sequence[Annotation] = ()) -> None:
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
        runs={},
    ):
        all_of = [sum(column) for column in zip(*series.values.values(), strict=True)]
        also = [Count(name="All", values=all_of)]
        option = bars(
            bucket_labels(series.buckets, series.size, zone), drawn, ONES, also,
            marks=marks_on(series.buckets, marks),
        )  # fmt: skip
        parts = [f"{status_name(name)} {count(sum(series.values[name]))}" for name in present]
        _draw("status", option, "Runs over time by status: " + ", ".join(parts))


def show_percentiles(
    name: str,
    title: str,
    question: str,
    series: PercentileSeries,
    zone: ZoneInfo,
    *,
    log: bool,
    marks: Sequence[Annotation] = (),
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
        definition=f"{DEFINITIONS[key]} Left out: failed, stopped and unfinished runs. {_FEW}",
        data=partial(_percentile_table, series, zone),
        runs={"status": ["ok"]},
    ):
        values = [v for line in series.values.values() for v in line if v is not None]
        option = lines(
            bucket_labels(series.buckets, series.size, zone),
            drawn,
            time_unit(values),
            [Count(name="Runs counted", values=series.n)],
            log=log,
            marks=marks_on(series.buckets, marks),
            few="dashed: too few runs for this percentile",
        )
        spoken = f"highest {duration(max(values))}" if values else "no runs"
        _draw(name, option, f"{title} over time as p50, p95 and p99: {spoken}")


def show_tokens(
    of_kind: Callable[[TokenKind], SumSeries],
    cached: int,
    zone: ZoneInfo,
    catalog: Catalog,
    marks: Sequence[Annotation] = (),
) -> None:
    """`cached`: input tokens of the range that came from a provider's cache."""
    series = of_kind(st.session_state.get("token_kind") or "all")
    with card(
        "tokens",
        "Tokens by model",
        f"Which model works how much? {_sum_note(series, 'uncounted')}, "
        f"{count(cached)} input tokens from a cache",
        definition=DEFINITIONS["tokens"],
        data=partial(_sum_table, series, zone, "tokens"),
        control=_token_kind,
        runs={},
    ):
        highest = max(
            (sum(column) for column in zip(*series.values.values(), strict=True)), default=0
        )
        _by_model("tokens_chart", series, count_unit(highest), zone, catalog, "Tokens", marks)


def _token_kind() -> None:
    st.segmented_control(
        "Which tokens", list(_TOKEN_KINDS), key="token_kind", default="all", required=True,
        format_func=_TOKEN_KINDS.__getitem__, label_visibility="collapsed", width="content",
    )  # fmt: skip


def show_cost(
    series: SumSeries, zone: ZoneInfo, catalog: Catalog, marks: Sequence[Annotation] = ()
) -> None:
    """Known cost by model, and below it, hatched, how many calls have no price."""
    missing, calls = sum(series.missing), sum(series.calls)
    shown = format_usd(sum(map(sum, series.values.values()))).replace("$", "\\$")
    spent = known_money(shown, missing=missing, of=calls)
    with card(
        "cost",
        "Cost by model",
        f"What does each model cost? {spent}. {_sum_note(series, 'unpriced')}",
        definition=f"{DEFINITIONS['cost']} A call without a known price is counted, never drawn as 0: "
        "the hatched bars below count such calls.",
        data=partial(_sum_table, series, zone, "pusd"),
        runs={},
    ):
        _by_model(
            "cost_chart", series, DOLLARS, zone, catalog, "Cost", marks, strip="Unpriced calls"
        )


def marks_on(buckets: Sequence[Bucket], marks: Sequence[Annotation]) -> list[Mark]:
    """Each mark at the bucket its moment lies in; several in one bucket become one line.

    The first release of all is left out: it changed nothing.
    """
    found: dict[int, list[Annotation]] = {}
    for mark in marks:
        if mark.first:
            continue
        for place, bucket in enumerate(buckets):
            if bucket.start_us <= mark.at_us < bucket.end_us:
                found.setdefault(place, []).append(mark)
    return [
        Mark(
            place=place,
            label=inside[0].label if len(inside) == 1 else f"{inside[0].label} +{len(inside) - 1}",
            kind="release" if any(mark.kind == "release" for mark in inside) else "note",
        )
        for place, inside in found.items()
    ]


def _by_model(
    key: str,
    series: SumSeries,
    unit: Unit,
    zone: ZoneInfo,
    catalog: Catalog,
    what: str,
    marks: Sequence[Annotation],
    strip: str = "",
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
    totals = [sum(column) for column in zip(*series.values.values(), strict=True)]
    also.append(Count(name="Total", values=totals, unit=unit))
    if any(series.missing) and not strip:
        also.append(Count(name="Calls without a value", values=series.missing))
    labels = bucket_labels(series.buckets, series.size, zone)
    option = bars(labels, drawn, unit, also, marks=marks_on(series.buckets, marks))
    if strip and any(series.missing):
        option = with_strip(option, strip, series.missing, sound)
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


def _sum_table(series: SumSeries, zone: ZoneInfo, unit: str) -> Table:
    names = [f"{name} ({unit})" for name in series.values]
    columns = [*series.values.values(), series.calls, series.missing]
    rows = _with_buckets(series, zone, columns)
    return [*BUCKET_HEADER, *names, "calls", "calls_without_value"], rows


def _with_buckets(series: Any, zone: ZoneInfo, columns: Sequence[Sequence[Any]]) -> list[list[Any]]:
    starts = bucket_cells(series.buckets, zone)
    return [[*cells, *(column[k] for column in columns)] for k, cells in enumerate(starts)]
