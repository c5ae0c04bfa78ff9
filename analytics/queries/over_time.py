"""Figures by bucket of time. Counts and sums of an empty bucket are 0; percentiles are None: a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from analytics.metrics import RunMeasure
from analytics.queries.ask import Ask, Owed, known_names
from analytics.timeaxis import Bucket, BucketSize

TokenKind = Literal["all", "input", "output"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CountSeries:
    """Counts by name: `values[name][k]` belongs to `buckets[k]`."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    values: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SumSeries:
    """Sums of what is known by model, largest model first, and how many calls could not be added."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    values: Mapping[str, tuple[int, ...]]
    missing: tuple[int, ...]
    """Calls of each bucket whose value is unknown."""
    calls: tuple[int, ...]
    """Calls of each bucket that owe a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PercentileSeries:
    """Percentiles of successful runs in microseconds by quantile; None where there are no runs."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    measure: RunMeasure
    values: Mapping[float, tuple[float | None, ...]]
    n: tuple[int, ...]
    """Runs the percentiles of a bucket rest on; compare with `minimum_n(q)`."""
    left_out: tuple[int, ...]
    """Runs of the bucket that failed, were stopped, still run or have no such time."""


def runs_by_status(ask: Ask) -> CountSeries:
    """Runs by the bucket they started in and their status."""
    axis = ask.axis
    found = ask.facts.sums("run", ask.scope, ["n"], by=["status"], axis=axis)
    values = {
        name or "unknown": found.over_time(group, "n") for group, (name,) in enumerate(found.groups)
    }
    return CountSeries(size=axis.size, buckets=axis.buckets, values=values)


def percentiles_over_time(
    ask: Ask, measure: RunMeasure, quantiles: Sequence[float]
) -> PercentileSeries:
    """Percentiles of each bucket; never averages of percentiles."""
    axis = ask.axis
    spread = ask.facts.spread("run", ask.scope, measure, axis=axis)
    everything = ask.facts.sums("run", ask.scope, ["n"], axis=axis).by_bucket("n")
    n = tuple(spread.n[0].tolist())
    return PercentileSeries(
        size=axis.size,
        buckets=axis.buckets,
        measure=measure,
        values={
            q: tuple(None if v != v else v for v in spread.quantiles(q)[0].tolist())
            for q in quantiles
        },
        n=n,
        left_out=tuple(total - of for total, of in zip(everything, n, strict=True)),
    )


def tokens_over_time(ask: Ask, kind: TokenKind) -> SumSeries:
    """Tokens by model. A call whose input or output is unknown adds what is known of it."""
    return _sums(ask, "tokens" if kind == "all" else kind)


def cost_over_time(ask: Ask) -> SumSeries:
    """Known cost by model in pico-USD; `missing` counts the calls without a price."""
    return _sums(ask, "cost")


def _sums(ask: Ask, of: Owed) -> SumSeries:
    axis, names = ask.axis, known_names(of)
    found = ask.facts.sums("call", ask.scope, names, by=["model"], axis=axis)
    added = [name for name in names if not name.endswith(("_known", "_of"))]
    values = {
        name or "unknown": tuple(
            map(sum, zip(*(found.over_time(group, part) for part in added), strict=True))
        )
        for group, (name,) in enumerate(found.groups)
    }
    ranked = sorted(values, key=lambda name: (-sum(values[name]), name))
    calls, known = found.by_bucket(f"{of}_of"), found.by_bucket(f"{of}_known")
    return SumSeries(
        size=axis.size,
        buckets=axis.buckets,
        values={name: values[name] for name in ranked},
        missing=tuple(all_ - some for all_, some in zip(calls, known, strict=True)),
        calls=calls,
    )
