"""How long things take, beyond percentiles over time: distributions, heatmaps, single calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analytics.metrics import NONE, OK, Percentile, Rate
from analytics.queries.ask import Ask, share
from analytics.queries.scope import Scope
from analytics.timeaxis import DAY_US, Bucket, BucketSize, Window, axis_of, local

Counts = npt.NDArray[np.int64]

SCATTER_POINTS = 1000
WEEKS = 12
"""The hour-of-week chart looks at most so far back."""
BOX = (0.05, 0.25, 0.5, 0.75, 0.95)
_LOWEST_US, _HIGHEST_US = 1_000, 3_600_000_000
_FINE = 1.02
_COARSE = 10 ** (1 / 6)
_ECDF_POINTS = 72


@dataclass(frozen=True, kw_only=True, slots=True)
class Ecdf:
    """The share of a model's successful streamed calls whose first token came within a limit."""

    limits_us: tuple[int, ...]
    """Rising, evenly spaced on a logarithmic scale."""
    shares: dict[str, tuple[float, ...]]
    """By model, most calls first: `shares[model][k]` of `n[model]` calls were within `limits_us[k]`."""
    n: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedBox:
    """How fast a model's tokens follow each other, in microseconds per token."""

    model: str
    n: int
    tpot_us: tuple[float, ...]
    """At the quantiles of BOX."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heatmap:
    """Successful runs by the bucket they started in and how long they took."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    edges_us: tuple[int, ...]
    """Row k is edges_us[k] <= duration < edges_us[k + 1]."""
    counts: tuple[tuple[int, ...], ...]
    """`counts[bucket][row]`."""
    n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One call: what went in and how long the first token took."""

    model: str
    input_tokens: int
    cached_tokens: int
    first_token_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scatter:
    points: tuple[Point, ...]
    of: int
    """Successful calls with a first token; the points are taken evenly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stalls:
    """Gaps of more than a second in a model's successful streams."""

    model: str
    stalled: Rate
    stall_us: int
    stream_us: int
    """From the first to the last token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """A percentile of the duration of successful runs by hour of the week in the reporting zone."""

    q: float
    cells: tuple[tuple[Percentile, ...], ...]
    """`cells[weekday][hour]`, Monday first. Within 1 %: added up from counts of narrow bins."""
    n: int
    shortened: bool
    """The range is longer than WEEKS: only its end is counted."""


def first_tokens_by_model(ask: Ask) -> Ecdf:
    """Answers "how many under 2 s?" for any limit at once. Times run from when the request left."""
    spread = ask.facts.spread("call", ask.scope, "first_token_us", by=["model"])
    total = spread.n.sum(axis=1)
    ends = [(spread.quantiles(q)[k, 0]) for k in range(len(total)) if total[k] for q in (0.0, 1.0)]
    if not ends:
        return Ecdf(limits_us=(), shares={}, n={})
    low, high = max(_LOWEST_US, min(ends) * 0.9), max(_LOWEST_US * 2, max(ends) * 1.02)
    limits = np.unique(np.geomspace(low, high, _ECDF_POINTS).astype(np.int64))
    # counts() is of [edge, next edge): one more than the limit makes it "at most the limit".
    below = total[:, None] - np.cumsum(
        spread.counts([*(limits + 1)])[:, 0, ::-1], axis=1
    )[:, ::-1]  # fmt: skip
    order = sorted(range(len(total)), key=lambda k: (-total[k], spread.groups[k][0] or ""))
    named = [(spread.groups[k][0] or "unknown", k) for k in order if total[k]]
    return Ecdf(
        limits_us=tuple(limits.tolist()),
        shares={name: tuple((below[k] / total[k]).tolist()) for name, k in named},
        n={name: int(total[k]) for name, k in named},
    )


def speed_by_model(ask: Ask) -> tuple[SpeedBox, ...]:
    """The distribution over calls of the time per token after the first; most calls first."""
    spread = ask.facts.spread("call", ask.scope, "tpot_us", by=["model"])
    at = [spread.quantiles(q)[:, 0] for q in BOX]
    found = [
        SpeedBox(
            model=name or "unknown",
            n=int(spread.n[k, 0]),
            tpot_us=tuple(float(values[k]) for values in at),
        )
        for k, (name,) in enumerate(spread.groups)
        if spread.n[k, 0]
    ]
    return tuple(sorted(found, key=lambda box: (-box.n, box.model)))


def duration_heatmap(ask: Ask) -> Heatmap:
    """Shows two ways of being slow that a percentile melts into one."""
    axis = ask.axis
    spread = ask.facts.spread("run", ask.scope, "duration_us", axis=axis)
    edges = _edges(_LOWEST_US, _HIGHEST_US, _COARSE)
    if not spread.n.sum():
        return Heatmap(size=axis.size, buckets=axis.buckets, edges_us=(), counts=(), n=0)
    counts = spread.counts(edges)[0]
    used = np.flatnonzero(counts.sum(axis=0))
    first, last = int(used[0]), int(used[-1])
    return Heatmap(
        size=axis.size,
        buckets=axis.buckets,
        edges_us=tuple([*edges, round(edges[-1] * _COARSE)][first : last + 2]),
        counts=tuple(tuple(row) for row in counts[:, first : last + 1].tolist()),
        n=int(counts.sum()),
    )


def first_token_points(ask: Ask) -> Scatter:
    """Single calls, at most SCATTER_POINTS: tells long prompts from waiting."""
    rows = ask.facts.sample("call", ask.scope)
    first, tokens = rows.ints["first_token_us"], rows.ints["input_tokens"]
    fit = rows.take(rows.is_in("call_status", OK) & (first != NONE) & (tokens > 0))
    step = np.linspace(0, fit.n - 1, min(fit.n, SCATTER_POINTS)).astype(np.int64)
    shown = fit.take(step)
    columns = (shown.ints[name].tolist() for name in ("input_tokens", "cache_read_tokens"))
    points = zip(shown.names("model"), *columns, shown.ints["first_token_us"].tolist(), strict=True)
    return Scatter(
        points=tuple(
            Point(
                model=name or "unknown",
                input_tokens=given,
                cached_tokens=max(0, cached),
                first_token_us=took,
            )
            for name, given, cached, took in points
        ),
        of=int(ask.facts.spread("call", ask.scope, "first_token_us").n.sum()),
    )


def stalls_by_model(ask: Ask) -> tuple[Stalls, ...]:
    """The share of successful streams that froze for more than a second, most streams first.

    Streams whose gaps were not measured are left out.
    """
    names = ["stall_of", "stalled", "stall_us", "stream_us"]
    sums = ask.facts.sums("call", ask.scope, names, by=["model"])
    found = [
        Stalls(
            model=name or "unknown",
            stalled=share(sums, "stalled", "stall_of", group),
            stall_us=sums.of(group, "stall_us"),
            stream_us=sums.of(group, "stream_us"),
        )
        for group, (name,) in enumerate(sums.groups)
        if sums.of(group, "stall_of")
    ]
    return tuple(sorted(found, key=lambda row: (-row.stalled.n, row.model)))


def hours_of_week(ask: Ask, q: float = 0.95) -> Week:
    """Finds the rush hours of a provider, or of one's own people."""
    window = ask.scope.window
    since = max(window.since_us, window.until_us - WEEKS * 7 * DAY_US)
    cut = Window(since_us=since, until_us=window.until_us)
    axis = axis_of(cut, ask.zone, "1h")
    scope = Scope(window=cut, keep=ask.scope.keep, asked=ask.scope.asked)
    edges = _edges(_LOWEST_US, _HIGHEST_US, _FINE)
    spread = ask.facts.spread("run", scope, "duration_us", axis=axis)
    counts = spread.counts(edges)
    hours = np.zeros((7 * 24, len(edges)), dtype=np.int64)
    starts = [local(bucket.start_us, ask.zone) for bucket in axis.buckets]
    places = [start.weekday() * 24 + start.hour for start in starts]
    if len(counts):
        np.add.at(hours, np.array(places, dtype=np.int64), counts[0])
    cells = [_percentile(row, edges, q) for row in hours]
    return Week(
        q=q,
        cells=tuple(tuple(cells[day * 24 : day * 24 + 24]) for day in range(7)),
        n=int(hours.sum()),
        shortened=since > window.since_us,
    )


def _percentile(counts: Counts, edges: Sequence[int], q: float) -> Percentile:
    """From counts of narrow bins: the geometric middle of the bin the rank falls into."""
    n = int(counts.sum())
    if not n:
        return Percentile(q=q, value=None, n=0, maximum=None)
    place = int(np.searchsorted(np.cumsum(counts), q * (n - 1), side="right"))
    highest = int(np.flatnonzero(counts)[-1])
    middle = edges[place] * _FINE**0.5
    return Percentile(q=q, value=middle, n=n, maximum=round(edges[highest] * _FINE))


def _edges(low: int, high: int, step: float) -> list[int]:
    """Rising and different, each about `step` times the one before."""
    count = int(np.log(high / low) / np.log(step)) + 1
    edges = sorted({round(low * step**k) for k in range(count)})
    assert all(a < b for a, b in pairwise(edges))
    return edges
