"""The first tab: what is new against the period before, and what made the difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics.measures import Fact
from analytics.metrics import Rate
from analytics.queries import summary
from analytics.queries.ask import Ask
from analytics.queries.summary import KpiReport
from analytics.schema import run
from analytics.timeaxis import Bucket, BucketSize

Changed = Literal["cost", "runs", "failures"]
Dimension = Literal["model", "agent", "user"]

DIMENSIONS: tuple[Dimension, ...] = ("model", "agent", "user")
_SOURCES: dict[Changed, tuple[Fact, str]] = {
    "cost": ("call", "cost_pusd"),
    "runs": ("run", "n"),
    "failures": ("run", "failed"),
}
_MANY = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Thumbs:
    """What people said about the answers of a range. `rated` of its runs: how much it covers."""

    up: Rate
    rated: Rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """One period: whether it kept its service level and pleased people."""

    slo: Rate
    thumbs: Thumbs


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFigures:
    """Everything the row of key figures shows besides its sparklines."""

    kpis: KpiReport
    now: Standing
    before: Standing | None


@dataclass(frozen=True, kw_only=True, slots=True)
class UsersOverTime:
    """Different people by bucket; they do not add up, the same person comes again."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    users: tuple[int, ...] | None
    """None when there are too many people to count by bucket."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What one model, agent or person added to a change."""

    dimension: Dimension
    name: str | None
    before: int
    now: int

    @property
    def difference(self) -> int:
        return self.now - self.before


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """The largest contributors; those of one dimension, shown or not, add up to the whole."""

    of: Changed
    before: int
    now: int
    rows: tuple[Change, ...]
    """Largest difference first, whichever way it goes."""
    counted: int
    """How many contributors there were before the largest were taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstToken:
    """How long one run kept somebody waiting."""

    model: str | None
    first_token_us: int


def runs_in_range(ask: Ask) -> int:
    """Whether there is anything to show."""
    return ask.facts.sums("run", ask.scope, ["n"]).total("n")


def last_first_tokens(ask: Ask, limit: int = 20) -> tuple[FirstToken, ...]:
    """Of the newest runs of the range that showed a token, oldest first."""
    newest = ask.scope.of("run").where(run.c.first_token_us.is_not(None))
    newest = newest.order_by(run.c.started_at_us.desc()).limit(limit)
    rows = ask.reader.rows(
        newest.with_only_columns(run.c.answer_model.label("model"), run.c.first_token_us)
    )
    return tuple(FirstToken(**row) for row in reversed(rows))


def key_figures(ask: Ask) -> KeyFigures:
    """Of the range and of the period before."""
    before = ask.before()
    return KeyFigures(
        kpis=KpiReport(
            current=summary.kpis(ask.facts, ask.scope),
            previous=summary.kpis(ask.facts, before.scope) if before else None,
        ),
        now=_standing(ask),
        before=_standing(before) if before else None,
    )


def thumbs(ask: Ask) -> Thumbs:
    """Verdicts of people on runs of the range; of several on one run the newest."""
    found = ask.facts.sums("run", ask.scope, ["n", "rated", "thumbs_up"])
    rated = found.total("rated")
    return Thumbs(
        up=Rate(k=found.total("thumbs_up"), n=rated), rated=Rate(k=rated, n=found.total("n"))
    )


def users_over_time(ask: Ask) -> UsersOverTime:
    """Different people by the bucket of their runs."""
    axis, users = ask.axis, None
    if summary.users(ask.facts, ask.scope) <= _MANY:
        sums = ask.facts.sums("run", ask.scope, ["n"], by=["user"], axis=axis)
        known = [group for group, (name,) in enumerate(sums.groups) if name is not None]
        users = tuple((sums.values["n"][known] > 0).sum(axis=0).tolist())
    return UsersOverTime(size=axis.size, buckets=axis.buckets, users=users)


def what_changed(ask: Ask, of: Changed, limit: int = 10) -> Changes | None:
    """Who made the difference to the period before; None when there is no such period."""
    before = ask.before()
    if before is None:
        return None
    fact, measure = _SOURCES[of]
    changes: list[Change] = []
    for dimension in DIMENSIONS:
        now, then = (_by_name(one, fact, measure, dimension) for one in (ask, before))
        changes += [
            Change(dimension=dimension, name=name, before=then.get(name, 0), now=now.get(name, 0))
            for name in {**now, **then}
            if now.get(name, 0) != then.get(name, 0)
        ]
    return Changes(
        of=of,
        before=before.facts.sums(fact, before.scope, [measure]).total(measure),
        now=ask.facts.sums(fact, ask.scope, [measure]).total(measure),
        rows=tuple(sorted(changes, key=_largest)[:limit]),
        counted=len(changes),
    )


def _largest(change: Change) -> tuple[int, str, str]:
    return -abs(change.difference), change.dimension, change.name or ""


def _standing(ask: Ask) -> Standing:
    runs = ask.facts.sums("run", ask.scope, ["slo_met", "slo_of"])
    return Standing(slo=Rate(k=runs.total("slo_met"), n=runs.total("slo_of")), thumbs=thumbs(ask))


def _by_name(ask: Ask, fact: Fact, measure: str, dimension: Dimension) -> dict[str | None, int]:
    sums = ask.facts.sums(fact, ask.scope, [measure], by=[dimension])
    return {name: sums.of(group, measure) for group, (name,) in enumerate(sums.groups)}
