"""Figures by bucket of time. Counts and sums of an empty bucket are 0; percentiles are None: a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analytics.metrics import NONE, OK, Ints, RunMeasure
from analytics.queries.reading import Columns, Labels
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


@dataclass(frozen=True, slots=True)
class Axis:
    """The buckets of a chart. Every row given to the functions below lies in one of them."""

    size: BucketSize
    buckets: tuple[Bucket, ...]

    def places(self, started_at_us: Ints) -> npt.NDArray[np.intp]:
        """The bucket of each moment."""
        starts = np.array([bucket.start_us for bucket in self.buckets], dtype=np.int64)
        return np.searchsorted(starts, started_at_us, side="right") - 1

    def count(self, places: npt.NDArray[np.intp]) -> tuple[int, ...]:
        """How many rows fall into each bucket."""
        return tuple(np.bincount(places, minlength=len(self.buckets)).tolist())


def runs_by_status(axis: Axis, runs: Columns) -> CountSeries:
    """Runs by the bucket they started in and their status."""
    place = axis.places(runs["started_at_us"])
    values = {
        name or "unknown": axis.count(place[mask]) for name, mask in runs.texts["status"].groups()
    }
    return CountSeries(size=axis.size, buckets=axis.buckets, values=values)


def percentiles_over_time(
    axis: Axis, runs: Columns, measure: RunMeasure, quantiles: Sequence[float]
) -> PercentileSeries:
    """Exact percentiles of each bucket; never averages of percentiles."""
    place = axis.places(runs["started_at_us"])
    counted = runs.texts["status"].is_in(OK) & (runs[measure] != NONE)
    of_bucket = [runs[measure][counted & (place == k)] for k in range(len(axis.buckets))]
    everything = axis.count(place)
    return PercentileSeries(
        size=axis.size,
        buckets=axis.buckets,
        measure=measure,
        values={
            q: tuple(float(np.quantile(v, q)) if len(v) else None for v in of_bucket)
            for q in quantiles
        },
        n=tuple(len(v) for v in of_bucket),
        left_out=tuple(total - len(v) for total, v in zip(everything, of_bucket, strict=True)),
    )


def tokens_over_time(axis: Axis, calls: Columns, kind: TokenKind) -> SumSeries:
    """Tokens by model. A call whose input or output is unknown adds what is known of it."""
    names = {"all": ("input", "output"), "input": ("input",), "output": ("output",)}[kind]
    return _sums(axis, calls, [f"usage_{name}_tokens" for name in names])


def cost_over_time(axis: Axis, calls: Columns) -> SumSeries:
    """Known cost by model in pico-USD; `missing` counts the calls without a price."""
    return _sums(axis, calls, ["cost_pusd"])


def _sums(axis: Axis, calls: Columns, names: Sequence[str]) -> SumSeries:
    place = axis.places(calls["started_at_us"])
    parts = [calls[name] for name in names]
    value = np.add.reduce([np.where(part == NONE, 0, part) for part in parts])
    unknown = np.logical_or.reduce([part == NONE for part in parts])
    due = (calls["usage_due"] == 1) | ~unknown
    return SumSeries(
        size=axis.size,
        buckets=axis.buckets,
        values=_by_name(calls.texts["request_model"], place, value, len(axis.buckets)),
        missing=axis.count(place[due & unknown]),
        calls=axis.count(place[due]),
    )


def _by_name(
    labels: Labels, place: npt.NDArray[np.intp], value: Ints, length: int
) -> dict[str, tuple[int, ...]]:
    sums: dict[str, Ints] = {}
    for name, mask in labels.groups():
        # Not bincount: its weights are floats, and pico-USD need all 63 bits.
        total = np.zeros(length, dtype=np.int64)
        np.add.at(total, place[mask], value[mask])
        sums[name or "unknown"] = total
    ranked = sorted(sums, key=lambda name: (-int(sums[name].sum()), name))
    return {name: tuple(sums[name].tolist()) for name in ranked}
