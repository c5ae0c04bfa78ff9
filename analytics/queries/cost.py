"""Money: what was spent, on what, and what an answer costs.

Caching: cost_cache.py; people and threads: cost_spenders.py; the month: cost_month.py; other prices: cost_replay.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, and_, func, select

from analytics.metrics import Known, Rate
from analytics.queries.ask import Ask, known, known_names
from analytics.ratings import IS_THUMB
from analytics.schema import feedback, run
from analytics.timeaxis import Axis, Bucket, BucketSize

ACCEPTED = (
    "Accepted: successful and without a thumbs-down. Whether somebody asked again because the answer "
    "was bad is not known, so a second question does not count against the first."
)
MAX_REJECTED = 20_000
"""Thumbs-down that are read at most; with more in a range the cost of an accepted one is unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """Sums of one window; money in pico-USD."""

    cost: Known
    """Over calls."""
    runs_cost: Known
    """Of the runs that began in the window: known = ended runs priced in full."""
    ok: int
    rejected: int | None
    """Successful runs with a thumbs-down; None: not counted, see `MAX_REJECTED`."""
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    saved_by_cache: int
    extra_for_writes: int
    """Part of `saved_by_cache`, already subtracted there."""

    @property
    def per_success(self) -> float | None:
        return each(self.runs_cost.value, self.ok)

    @property
    def per_accepted(self) -> float | None:
        if self.rejected is None:
            return None
        return each(self.runs_cost.value, self.ok - self.rejected)

    @property
    def hit_ratio(self) -> float | None:
        return each(self.cache_read_tokens, self.input_tokens)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendingReport:
    """The window and the one of equal length before it (None for `all`)."""

    current: Spending
    previous: Spending | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelAgentCost:
    """Calls of one model in runs of one agent; `agent` None: the run ended before one was known."""

    model: str
    agent: str | None
    cost: Known


@dataclass(frozen=True, kw_only=True, slots=True)
class KindCost:
    """One kind of token. The kinds exclude each other and add up to all tokens and all known cost."""

    kind: str
    tokens: int | None
    """None: money that does not belong to a kind of token."""
    pusd: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerCostSeries:
    """What an answer costs, by bucket of the runs' start; None where there was none: a gap."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    per_success: tuple[float | None, ...]
    per_accepted: tuple[float | None, ...]
    cost: tuple[int, ...]
    ok: tuple[int, ...]
    rejected: tuple[int, ...] | None
    """None: too many to count."""
    unpriced: tuple[int, ...]
    """Runs of which some call has no price: the figures are at least so high."""


def spending(ask: Ask) -> SpendingReport:
    """What was spent in the window and in the one before; thumbs are counted for the window only."""
    before = ask.before()
    rejected = _rejected(ask)
    return SpendingReport(
        current=_spending(ask, None if rejected is None else len(rejected)),
        previous=_spending(before, None) if before else None,
    )


def by_model_and_agent(ask: Ask) -> tuple[ModelAgentCost, ...]:
    """Dearest first. The costs add up to the cost of all calls."""
    found = ask.facts.sums("call", ask.scope, known_names("cost"), by=["model", "agent"])
    rows = [
        ModelAgentCost(model=model or "unknown", agent=agent, cost=known(found, "cost", group))
        for group, (model, agent) in enumerate(found.groups)
    ]
    return tuple(sorted(rows, key=lambda r: (-(r.cost.value or 0), r.model, r.agent or "")))


_PARTS = ("input", "cache_read", "cache_write", "output", "reasoning")


def by_kind(ask: Ask) -> tuple[KindCost, ...]:
    """Tokens and money by kind of token, in one order; `fees` is what no token explains."""
    tokens = [f"{name}_tokens" for name in _PARTS]
    costs = [f"cost_{name}_pusd" for name in _PARTS]
    found = ask.facts.sums("call", ask.scope, [*tokens, *costs, "cost_pusd"])
    count = {name: found.total(f"{name}_tokens") for name in _PARTS}
    pusd = {name: found.total(f"cost_{name}_pusd") for name in _PARTS}
    count["input"] -= count["cache_read"] + count["cache_write"]
    count["output"] -= count["reasoning"]
    rest = found.total("cost_pusd") - sum(pusd.values())
    kinds = [KindCost(kind=name, tokens=count[name], pusd=pusd[name]) for name in _PARTS]
    return (*kinds, KindCost(kind="fees", tokens=None, pusd=rest))


def per_answer(ask: Ask) -> AnswerCostSeries:
    """Σ cost of all runs of a bucket, failed ones too, per successful and per accepted run."""
    axis = ask.axis
    names = ["n", "running", "ok", "cost_pusd", "cost_complete"]
    found = ask.facts.sums("run", ask.scope, names, axis=axis)
    n, running, ok, cost, complete = (found.by_bucket(name) for name in names)
    rejected = _by_bucket(_rejected(ask), axis)
    accepted = [0] * len(ok)
    if rejected is not None:
        accepted = [good - bad for good, bad in zip(ok, rejected, strict=True)]
    some = [
        value if value or priced else None for value, priced in zip(cost, complete, strict=True)
    ]
    return AnswerCostSeries(
        size=axis.size,
        buckets=axis.buckets,
        per_success=tuple(starmap(each, zip(some, ok, strict=True))),
        per_accepted=tuple(starmap(each, zip(some, accepted, strict=True))),
        cost=cost,
        ok=ok,
        rejected=rejected,
        unpriced=tuple(a - b - c for a, b, c in zip(n, running, complete, strict=True)),
    )


def run_cost(pusd: int, complete: int, of: int) -> Known:
    """The cost of `of` runs, `complete` of which are priced in full."""
    return Known(value=pusd if pusd or complete else None, known=complete, of=of)


def priced(found: Spending) -> Rate:
    """Calls with a price of those that owe one."""
    return Rate(k=found.cost.known, n=found.cost.of)


def _spending(ask: Ask, rejected: int | None) -> Spending:
    tokens = ["input_tokens", "cache_read_tokens", "cache_write_tokens"]
    cache = ["saved_by_cache_pusd", "extra_for_writes_pusd"]
    calls = ask.facts.sums("call", ask.scope, [*known_names("cost"), *tokens, *cache])
    runs = ask.facts.sums("run", ask.scope, ["n", "running", "ok", "cost_pusd", "cost_complete"])
    ended = runs.total("n") - runs.total("running")
    return Spending(
        cost=known(calls, "cost"),
        runs_cost=run_cost(runs.total("cost_pusd"), runs.total("cost_complete"), ended),
        ok=runs.total("ok"),
        rejected=rejected,
        **{name: calls.total(name) for name in tokens},
        saved_by_cache=calls.total("saved_by_cache_pusd"),
        extra_for_writes=calls.total("extra_for_writes_pusd"),
    )


def _rejected(ask: Ask) -> list[int] | None:
    """When the successful runs with a thumbs-down began; None: too many thumbs to count.

    Of the first `MAX_REJECTED` thumbs-down since the window began: enough when they reach beyond
    its end, for thumbs are given soon after the answer.
    """
    window = ask.scope.window
    down = (
        select(feedback.c.run_id, feedback.c.created_at_us)
        .where(_thumbs_down(), feedback.c.created_at_us >= window.since_us)
        .order_by(feedback.c.created_at_us)
        .limit(MAX_REJECTED)
        .subquery()
    )
    # With an index on the time of runs SQLite would walk all runs of the range and look for their
    # feedback; ratings are few, so they come first.
    began = run.c.started_at_us + 0
    inside = and_(began >= window.since_us, began < window.until_us, run.c.status == "ok")
    last: list[Any] = [func.max(down.c.created_at_us).label("given_us"), func.count().label("n")]
    moments = (
        select(run.c.started_at_us.label("at_us"))
        .join_from(down, run, run.c.run_id == down.c.run_id)
        .where(inside, *ask.scope.conditions("run"))
        .group_by(run.c.run_id)
    )
    found = ask.reader.rows(select(*last))
    if found and found[0]["n"] >= MAX_REJECTED and found[0]["given_us"] < window.until_us:
        return None
    return [int(row["at_us"]) for row in ask.reader.rows(moments)]


def _by_bucket(moments: list[int] | None, axis: Axis) -> tuple[int, ...] | None:
    if moments is None:
        return None
    counted = Counter(axis.places(np.array(moments, dtype=np.int64)).tolist())
    return tuple(counted[place] for place in range(len(axis.buckets)))


def _thumbs_down() -> ColumnElement[bool]:
    return IS_THUMB & (feedback.c.evaluation_score_value < 0.5)


def each(value: float | None, n: int) -> float | None:
    """value / n; None when either is missing."""
    return value / n if value is not None and n > 0 else None
