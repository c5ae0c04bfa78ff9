"""Whether answers are fast enough: attainment of the service level, its budget, other limits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from analytics.metrics import Rate
from analytics.queries.ask import Ask
from analytics.timeaxis import Bucket, BucketSize


@dataclass(frozen=True, kw_only=True, slots=True)
class Attainment:
    """Runs that met all limits of their profile, of those that count, over time."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    met: tuple[int, ...]
    of: tuple[int, ...]
    target: float

    @property
    def total(self) -> Rate:
        return Rate(k=sum(self.met), n=sum(self.of))

    @property
    def budget(self) -> float:
        """How many runs of the range may miss their limits; not a whole number."""
        return sum(self.of) * (1 - self.target)

    def left(self) -> tuple[float | None, ...]:
        """The share of the budget left after each bucket; below 0 when it is overspent."""
        misses = accumulate(of - met for met, of in zip(self.met, self.of, strict=True))
        budget = self.budget
        return tuple(1 - missed / budget if budget else None for missed in misses)


@dataclass(frozen=True, kw_only=True, slots=True)
class WithinLimits:
    """How many runs would have met limits one tries out. Failed runs are misses of both."""

    first_token: Rate
    """Of runs that count; successful ones without text that streams are left out."""
    duration: Rate


def attainment(ask: Ask, target: float) -> Attainment:
    """Met, and all that count, by the bucket runs started in. `target`: share, below 1."""
    axis = ask.axis
    sums = ask.facts.sums("run", ask.scope, ["slo_met", "slo_of"], axis=axis)
    return Attainment(
        size=axis.size,
        buckets=axis.buckets,
        met=sums.by_bucket("slo_met"),
        of=sums.by_bucket("slo_of"),
        target=target,
    )


def within(ask: Ask, first_token_us: int, duration_us: int) -> WithinLimits:
    """What other limits would have given on past runs."""
    runs = ask.facts.sums("run", ask.scope, ["ok", "failed"])
    ok, failed = runs.total("ok"), runs.total("failed")
    first = ask.facts.spread("run", ask.scope, "first_token_us")
    took = ask.facts.spread("run", ask.scope, "duration_us")
    return WithinLimits(
        first_token=Rate(k=int(first.at_most(first_token_us).sum()), n=int(first.n.sum()) + failed),
        duration=Rate(k=int(took.at_most(duration_us).sum()), n=ok + failed),
    )
