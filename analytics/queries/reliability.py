"""What failed, how often, what became of it, and how long it took.

Cancelled and interrupted are no errors. Kinds of error: reliability_errors.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from analytics.metrics import Ints, Percentile, Rate
from analytics.queries.ask import Ask, rate, share
from analytics.timeaxis import Bucket, BucketSize

Level = Literal["call", "run"]
"""Attempts at a model, or whole runs."""
State = Literal["ok", "degraded", "down", "few", "none"]

MIN_N = 20
"""Under so many attempts or runs a rate is drawn pale."""
STATE_MIN_N = 5
DEGRADED, DOWN = 0.05, 0.5

_SIZES: tuple[BucketSize, ...] = get_args(BucketSize)
_MIN_POINTS = 8

BAD: dict[Level, str] = {"call": "error", "run": "failed"}
"""The measure that counts failures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """The key figures of one window."""

    attempts: Rate
    """Failed / (ok + failed) attempts."""
    runs: Rate
    """Failed / (ok + failed) runs."""
    rescued: Rate
    """Runs that succeeded / runs with at least one failed attempt."""
    fallbacks: Rate
    """Operations that ended on another model / all operations."""
    stopped: Rate
    """Runs stopped by a person / all runs."""
    interrupted: int
    running: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TroubleReport:
    """The window and the one of equal length before it (None for `all`)."""

    current: Trouble
    previous: Trouble | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RateSeries:
    """Error rates by bucket of the start."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    rates: tuple[Rate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Funnel:
    """What became of the operations that asked one provider first, retries and fallbacks included."""

    provider: str
    attempts: int
    failed: int
    """Attempts; = gone_on + lost."""
    gone_on: int
    """Failed attempts after which the operation tried again."""
    rescued_same: int
    """Operations that succeeded after a failure, on the model asked first."""
    rescued_other: int
    lost: int
    """Operations whose last attempt failed."""
    left: int
    """Stopped by a person while trying again."""

    @property
    def troubled(self) -> int:
        """Operations with at least one failed attempt."""
        return self.rescued_same + self.rescued_other + self.lost + self.left


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """The time failed attempts took, of runs that had one; microseconds."""

    p50: Percentile
    p95: Percentile
    total_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusGrid:
    """Attempt error rates by provider and bucket: `cells[provider][k]` belongs to `buckets[k]`."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    cells: dict[str, tuple[Rate, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StopSeries:
    """Runs that a person stopped."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    stopped: tuple[int, ...]
    runs: tuple[int, ...]
    timed: int
    """Stopped runs whose time to stop was measured."""
    p50: Percentile
    """From the request to stop until the provider's connection was closed."""
    p95: Percentile
    late: tuple[int, ...]
    """Pieces of text, which are mostly tokens, that still came after the request to stop."""

    @property
    def tokens_after(self) -> int:
        return sum(self.late)


def trouble(ask: Ask) -> TroubleReport:
    """The key figures, and those of the period before."""
    before = ask.before()
    return TroubleReport(current=_trouble(ask), previous=_trouble(before) if before else None)


def rates_over_time(ask: Ask, level: Level) -> RateSeries:
    """Failed / (ok + failed) by bucket: the finest of which most rest on `MIN_N`.

    Rates of three attempts are noise, so thin buckets are joined, as long as some are left.
    """
    axis, bad = ask.axis, BAD[level]
    found = ask.facts.sums(level, ask.scope, ["ok", bad], axis=axis)
    failed = np.array(found.by_bucket(bad), dtype=np.int64)
    ended = failed + np.array(found.by_bucket("ok"), dtype=np.int64)
    for size in _SIZES[_SIZES.index(axis.size) + 1 :]:
        wider = ask.axis_by(size)
        filled = ended[ended > 0]
        if len(wider.buckets) < _MIN_POINTS or not len(filled) or np.median(filled) >= MIN_N:
            break
        # A bucket never crosses an edge of a longer one: both begin at midnight.
        places = wider.places(np.array([b.start_us for b in axis.buckets], dtype=np.int64))
        failed, ended = (_joined(places, counts, len(wider.buckets)) for counts in (failed, ended))
        axis = wider
    rates = tuple(Rate(k=k, n=n) for k, n in zip(failed.tolist(), ended.tolist(), strict=True))
    return RateSeries(size=axis.size, buckets=axis.buckets, rates=rates)


def _joined(places: Ints, counts: Ints, length: int) -> Ints:
    joined = np.zeros(length, dtype=np.int64)
    np.add.at(joined, places, counts)
    return joined


def funnel(ask: Ask) -> tuple[Funnel, ...]:
    """By the provider an operation asked first, most failed attempts first.

    A filter by model or provider keeps whole operations: those that asked it first.
    """
    names = ["n", "error", "gone_on", "rescued", "rescued_elsewhere", "defeated", "left"]
    scope = replace(ask.scope, asked=True)
    found = ask.facts.sums("call", scope, names, by=["asked_provider"])
    rows = [
        Funnel(
            provider=provider or "unknown",
            attempts=found.of(group, "n"),
            failed=found.of(group, "error"),
            gone_on=found.of(group, "gone_on"),
            rescued_same=found.of(group, "rescued") - found.of(group, "rescued_elsewhere"),
            rescued_other=found.of(group, "rescued_elsewhere"),
            lost=found.of(group, "defeated"),
            left=found.of(group, "left"),
        )
        for group, (provider,) in enumerate(found.groups)
    ]
    return tuple(sorted(rows, key=lambda row: (-row.failed, -row.attempts, row.provider)))


def delay(ask: Ask) -> Delay:
    """What failed attempts cost in time, before the next one could begin."""
    spread = ask.facts.spread("run", ask.scope, "failed_attempt_us")
    return Delay(
        p50=spread.percentile(0.5),
        p95=spread.percentile(0.95),
        total_us=ask.facts.sums("run", ask.scope, ["failed_attempt_us"]).total("failed_attempt_us"),
    )


def provider_status(ask: Ask) -> StatusGrid:
    """Attempts by provider, most first."""
    axis = ask.axis
    found = ask.facts.sums("call", ask.scope, ["n", "ok", "error"], by=["provider"], axis=axis)
    order = sorted(range(len(found.groups)), key=lambda group: -found.of(group, "n"))
    return StatusGrid(
        size=axis.size,
        buckets=axis.buckets,
        cells={
            found.groups[group][0] or "unknown": tuple(
                Rate(k=k, n=k + ok)
                for k, ok in zip(
                    found.over_time(group, "error"), found.over_time(group, "ok"), strict=True
                )
            )
            for group in order
        },
    )


def state_of(attempts: Rate) -> State:
    """How a provider did in one bucket; `few`: too few attempts to say."""
    if attempts.share is None:
        return "none"
    if attempts.n < STATE_MIN_N:
        return "few"
    return "down" if attempts.share >= DOWN else "degraded" if attempts.share >= DEGRADED else "ok"


def stops(ask: Ask) -> StopSeries:
    """Stopped runs over time, how fast they stopped, and what still came."""
    axis = ask.axis
    names = ["n", "cancelled", "stopped", "tokens_after_stop"]
    found = ask.facts.sums("run", ask.scope, names, axis=axis)
    spread = ask.facts.spread("run", ask.scope, "stop_us")
    return StopSeries(
        size=axis.size,
        buckets=axis.buckets,
        stopped=found.by_bucket("cancelled"),
        runs=found.by_bucket("n"),
        timed=found.total("stopped"),
        p50=spread.percentile(0.5),
        p95=spread.percentile(0.95),
        late=found.by_bucket("tokens_after_stop"),
    )


def _trouble(ask: Ask) -> Trouble:
    calls = ask.facts.sums("call", ask.scope, ["ok", "error"])
    asked = replace(ask.scope, asked=True)
    operations = ask.facts.sums("call", asked, ["moved", "final"])
    names = ["n", "ok", "failed", "cancelled", "interrupted", "running", "rescued", "troubled"]
    runs = ask.facts.sums("run", ask.scope, names)
    return Trouble(
        attempts=rate(calls, "error", "ok"),
        runs=rate(runs, "failed", "ok"),
        rescued=share(runs, "rescued", "troubled"),
        fallbacks=share(operations, "moved", "final"),
        stopped=share(runs, "cancelled", "n"),
        interrupted=runs.total("interrupted"),
        running=runs.total("running"),
    )
