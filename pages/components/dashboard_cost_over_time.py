"""Charts of the tab Cost along an axis: time, or the turn of a thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS
from analytics.queries import SumSeries
from analytics.queries.cost import (
    ACCEPTED,
    AnswerCostSeries,
    Spending,
    per_answer,
)
from analytics.queries.cost_cache import CacheSeries, cache_over_time
from analytics.queries.cost_spenders import MAX_TURNS, NEWEST_RUNS, Growth, context_growth
from analytics.queries.over_time import cost_over_time
from pages.components.charts import Count, Series, lines, with_strip
from pages.components.charts_axes import DOLLARS, NEUTRALS, PERCENT, bucket_labels, count_unit
from pages.components.charts_card import Table, card
from pages.components.dashboard_cost_parts import (
    bucket_table,
    draw,
    money,
    over_time,
    usd,
    whole,
)
from pages.components.format import count, known_money, share

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from pages.components.dashboard_tab import Tab

FEW_RUNS = minimum_n(0.5)
"""Under so many successful runs the cost of one is drawn dashed."""
UNPRICED = "Unpriced calls"


def show_over_time(tab: Tab, spent: Spending) -> None:
    series = tab.answer(cost_over_time)
    missing = sum(series.missing)
    note = f", {count(missing)} of them unpriced" if missing else ""
    cost = spent.cost
    known = known_money(money(cost.value), missing=cost.missing, of=cost.of)
    with card(
        "cost-over-time", "Cost by model",
        f"What is spent when, and on which model? {known}. "
        f"n = {count(sum(series.calls))} calls{note}",
        definition=f"{DEFINITIONS['cost']} A call counts when it began. A call without a price is "
        "never drawn as 0: the hatched bars below count such calls.",
        data=partial(_cost_table, series, tab.zone), runs={},
    ):  # fmt: skip
        names = {name: tab.catalog.display_name(name) for name in series.values}
        colors = {name: tab.catalog.color(name) for name in series.values}
        totals = [sum(column) for column in zip(*series.values.values(), strict=True)]
        also = [
            Count(name="Calls", values=series.calls),
            Count(name="Total", values=totals, unit=DOLLARS),
        ]
        option = over_time(
            series.values, colors, names, series.size, series.buckets, DOLLARS, also, tab.zone
        )
        if missing:
            option = with_strip(option, UNPRICED, series.missing, whole(series.buckets))
        largest = ", ".join(list(names.values())[:3]) or "nothing"
        draw("cost_over_time", option, f"Cost over time, most on {largest}")


def show_per_answer(tab: Tab) -> None:
    series = tab.answer(per_answer)
    unpriced = sum(series.unpriced)
    thumbs = "too many" if series.rejected is None else count(sum(series.rejected))
    note = f", {count(unpriced)} runs not priced in full: at least so much" if unpriced else ""
    with card(
        "cost-per-answer", "Cost per answer",
        f"What does one good answer cost? n = {count(sum(series.ok))} successful, "
        f"{thumbs} with a thumbs-down{note}",
        definition="Cost of all runs that began in the bucket, failed and stopped ones too, divided "
        f"by the successful, or by the accepted ones. {ACCEPTED} A bucket without such a run is a "
        f"gap; dashed: under {FEW_RUNS} successful runs, or cut by the range.",
        data=partial(_answer_table, series, tab.zone), runs={"status": ["ok"]},
    ):  # fmt: skip
        sound = [
            good and ok >= FEW_RUNS
            for good, ok in zip(whole(series.buckets), series.ok, strict=True)
        ]
        drawn = [
            Series(name="Per successful run", color=NEUTRALS[0], values=series.per_success, sound=sound),
            Series(
                name="Per accepted answer", color="#E69F00", values=series.per_accepted, sound=sound,
                symbol="triangle",
            ),
        ]  # fmt: skip
        option = lines(
            bucket_labels(series.buckets, series.size, tab.zone), drawn, DOLLARS,
            [Count(name="Successful runs", values=series.ok),
             Count(name="Thumbs-down", values=series.rejected or [0] * len(series.ok))],
        )  # fmt: skip
        given = [value for value in series.per_success if value is not None]
        spoken = f"highest {usd(max(given))}" if given else "no runs"
        draw("cost_per_answer", option, f"Cost per successful run over time: {spoken}")


def show_cache_ratio(tab: Tab, spent: Spending) -> None:
    series = tab.answer(cache_over_time)
    with card(
        "cache-ratio", "Input from the cache",
        f"How much of the input did providers have already? {share(spent.hit_ratio)} of "
        f"{count(spent.input_tokens)} tokens; saved {money(spent.saved_by_cache)}. "
        f"n = {count(sum(series.calls))} calls",
        definition="Cached input tokens / input tokens, of calls whose input is known. A bucket "
        "without input is a gap. Saved: see the table below.",
        data=partial(_cache_table, series, tab.zone), runs={},
    ):  # fmt: skip
        drawn = [
            Series(
                name="Input from the cache", color="#009E73", values=series.ratio,
                sound=whole(series.buckets),
            )
        ]  # fmt: skip
        labels = bucket_labels(series.buckets, series.size, tab.zone)
        option = lines(
            labels, drawn, PERCENT,
            [Count(name="Input tokens", values=series.input_tokens),
             Count(name="Calls", values=series.calls)],
        )  # fmt: skip
        draw("cache_ratio", option, f"Share of cached input over time: {share(spent.hit_ratio)}")


def show_growth(tab: Tab) -> None:
    found = tab.answer(context_growth)
    bound = (
        f"the newest {count(NEWEST_RUNS)} runs" if found.bounded else f"{count(found.runs)} runs"
    )
    with card(
        "context-growth", "Context growth",
        f"Does history run away as threads get longer? n = {count(found.used)} turns of threads that "
        f"began in the range, from {bound}",
        definition="Input tokens of a run, all its calls together, by its place in the thread. Turns "
        f"are counted among the newest {NEWEST_RUNS:,} runs of the range; threads that began earlier "
        f"are left out. The first {MAX_TURNS} turns. Dashed: too few (p50 needs {minimum_n(0.5)}, "
        f"p95 {minimum_n(0.95)}).",
        data=partial(_growth_table, found),
    ):  # fmt: skip
        drawn = [
            Series(
                name=name, color=color, symbol=symbol,
                values=[getattr(turn, name).value for turn in found.turns],
                sound=[getattr(turn, name).enough for turn in found.turns],
            )
            for name, color, symbol in (("p50", "#009E73", "circle"), ("p95", "#E69F00", "triangle"))
        ]  # fmt: skip
        highest = max((turn.p95.value or 0 for turn in found.turns), default=0)
        option = lines(
            [f"turn {turn.turn}" for turn in found.turns], drawn, count_unit(highest),
            [Count(name="Runs", values=[turn.p50.n for turn in found.turns])],
        )  # fmt: skip
        spoken = f"up to {count(highest)} tokens" if found.turns else "no runs"
        draw("context_growth", option, f"Input tokens by turn as p50 and p95: {spoken}")


def _cost_table(series: SumSeries, zone: ZoneInfo) -> Table:
    columns = {f"{name} (pico-USD)": values for name, values in series.values.items()}
    columns |= {"calls": series.calls, "calls_without_price": series.missing}
    return bucket_table(series.buckets, zone, columns)


def _answer_table(series: AnswerCostSeries, zone: ZoneInfo) -> Table:
    columns = {
        "cost (pico-USD)": series.cost,
        "per_successful_run (pico-USD)": series.per_success,
        "per_accepted_answer (pico-USD)": series.per_accepted,
        "successful_runs": series.ok,
        "thumbs_down": series.rejected or [None] * len(series.ok),
        "runs_not_priced_in_full": series.unpriced,
    }
    return bucket_table(series.buckets, zone, columns)


def _cache_table(series: CacheSeries, zone: ZoneInfo) -> Table:
    columns = {
        "input_tokens": series.input_tokens,
        "cached_input_tokens": series.cache_read_tokens,
        "share": series.ratio,
        "calls": series.calls,
    }
    return bucket_table(series.buckets, zone, columns)


def _growth_table(found: Growth) -> Table:
    rows = [[t.turn, t.p50.n, t.p50.value, t.p95.value, t.p50.maximum] for t in found.turns]
    return ["turn", "runs", "p50_input_tokens", "p95_input_tokens", "max_input_tokens"], rows
