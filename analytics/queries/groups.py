"""Figures side by side: by agent, by model, and where the time of a run goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analytics.grouped import Names, Spread
from analytics.measures import RUN
from analytics.metrics import OK, Known, Percentile, Rate, Speed
from analytics.queries.ask import Ask, known, known_names, rate, speed
from analytics.queries.facts import Rows

SHARES = ("supervisor_us", "retrieval_us", "tool_us", "model_us", "other_us")
# Half the width of the band of ranks around a quantile: one run alone is not typical of its rank.
_BAND = 0.025


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRow:
    """Runs answered by one agent. `agent` None: the run ended before one was known."""

    agent: str | None
    runs: int
    cancelled: int
    failure: Rate
    ttft_p50: Percentile
    ttft_p95: Percentile
    latency_p50: Percentile
    latency_p95: Percentile
    cost: Known
    """Pico-USD of all calls of these runs, routing included; known = runs priced in full."""
    tokens: Known
    fallbacks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """Attempts at one model. Times run from the moment the request left; successful attempts."""

    model: str
    provider: str
    attempts: int
    cancelled: int
    error: Rate
    """Failed / (ok + failed) attempts."""
    ttft_p50: Percentile
    ttft_p95: Percentile
    latency_p50: Percentile
    latency_p95: Percentile
    speed: Speed
    input_tokens: Known
    cache_read_tokens: Known
    output_tokens: Known
    cost: Known


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Exclusive shares of `n` runs, summed; they add up to `duration_us` exactly."""

    n: int
    duration_us: int
    supervisor_us: int
    retrieval_us: int
    tool_us: int
    model_us: int
    other_us: int
    writing_us: int = 0
    """Part of model_us: after the first token was shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeShares:
    """Where the time of successful runs goes: of all, and of those around two ranks of duration."""

    everything: Shares
    median: Shares
    """Runs between the 47.5th and 52.5th percentile."""
    p95: Shares
    """Runs between the 92.5th and 97.5th percentile."""


def by_agent(ask: Ask) -> list[AgentRow]:
    """One row per agent, most runs first."""
    names = ["n", "ok", "failed", "cancelled", "running", "cost_pusd", "cost_complete", "fallbacks"]
    runs = ask.facts.sums(
        "run", ask.scope, [*names, "input_tokens", "output_tokens", "usage_complete"], by=["agent"]
    )
    first = ask.facts.spread("run", ask.scope, "first_token_us", by=["agent"])
    took = ask.facts.spread("run", ask.scope, "duration_us", by=["agent"])
    rows = []
    for group, (agent,) in enumerate(runs.groups):
        ended = runs.of(group, "n") - runs.of(group, "running")
        tokens = runs.of(group, "input_tokens") + runs.of(group, "output_tokens")
        priced, counted = runs.of(group, "cost_complete"), runs.of(group, "usage_complete")
        cost = runs.of(group, "cost_pusd")
        rows.append(
            AgentRow(
                agent=agent,
                runs=runs.of(group, "n"),
                cancelled=runs.of(group, "cancelled"),
                failure=rate(runs, "failed", "ok", group),
                ttft_p50=percentile_of(first, (agent,), 0.5),
                ttft_p95=percentile_of(first, (agent,), 0.95),
                latency_p50=percentile_of(took, (agent,), 0.5),
                latency_p95=percentile_of(took, (agent,), 0.95),
                cost=Known(value=cost if cost or priced else None, known=priced, of=ended),
                tokens=Known(value=tokens if tokens or counted else None, known=counted, of=ended),
                fallbacks=runs.of(group, "fallbacks"),
            )
        )
    return sorted(rows, key=lambda row: (-row.runs, row.agent or ""))


def by_model(ask: Ask) -> list[ModelRow]:
    """One row per model that was asked, most attempts first."""
    names = ["n", "ok", "error", "cancelled", "cache_read_tokens", "input_known", "input_of"]
    names += [
        "decode_tokens",
        "decode_us",
        "decode_n",
        *known_names("output"),
        *known_names("cost"),
    ]
    calls = ask.facts.sums("call", ask.scope, [*names, "input_tokens"], by=["model"])
    providers: dict[str | None, list[str]] = {}
    for model, provider in ask.facts.sums(
        "call", ask.scope, ["n"], by=["model", "provider"]
    ).groups:
        providers.setdefault(model, []).append(provider or "unknown")
    first = ask.facts.spread("call", ask.scope, "first_token_us", by=["model"])
    took = ask.facts.spread("call", ask.scope, "duration_us", by=["model"])
    rows = [
        ModelRow(
            model=model or "unknown",
            provider=", ".join(sorted(providers[model])),
            attempts=calls.of(group, "n"),
            cancelled=calls.of(group, "cancelled"),
            error=rate(calls, "error", "ok", group),
            ttft_p50=percentile_of(first, (model,), 0.5),
            ttft_p95=percentile_of(first, (model,), 0.95),
            latency_p50=percentile_of(took, (model,), 0.5),
            latency_p95=percentile_of(took, (model,), 0.95),
            speed=speed(calls, group),
            input_tokens=known(calls, "input", group),
            cache_read_tokens=replace(
                known(calls, "input", group), value=calls.of(group, "cache_read_tokens")
            ),
            output_tokens=known(calls, "output", group),
            cost=known(calls, "cost", group),
        )
        for group, (model,) in enumerate(calls.groups)
    ]
    return sorted(rows, key=lambda row: (-row.attempts, row.model))


def percentile_of(spread: Spread, group: Names, q: float) -> Percentile:
    """A group's percentile; one of n = 0 for a group in which nothing counted."""
    if group not in spread.groups:
        return Percentile(q=q, value=None, n=0, maximum=None)
    return spread.percentile(q, spread.groups.index(group))


def time_shares(ask: Ask) -> TimeShares:
    """Where the time goes, for all successful runs, the middle ones and the slow ones.

    The sums are of every run; the two bands are found among all runs, or among those of evenly
    spaced quarters of an hour when there are very many.
    """
    names = ("duration_us", *SHARES, "writing_us")
    sums = ask.facts.sums("run", ask.scope, ["ok", *names])
    everything = Shares(n=sums.total("ok"), **{name: sums.total(name) for name in names})
    rows = ask.facts.sample("run", ask.scope)
    rows = rows.take(rows.is_in("status", OK))
    order = np.argsort(rows.ints["duration_us"], kind="stable")
    return TimeShares(
        everything=everything,
        median=_shares(rows, _around(order, 0.5)),
        p95=_shares(rows, _around(order, 0.95)),
    )


def _around(order: np.ndarray, q: float) -> np.ndarray:
    """The runs whose rank lies within the band around q; at least one, if there is any."""
    low, high = (int(len(order) * (q + sign * _BAND)) for sign in (-1, 1))
    return order[low : max(high, low + 1)]


def _shares(rows: Rows, chosen: np.ndarray) -> Shares:
    given = rows.take(chosen)
    made = RUN.make(given.ints, given.is_in)
    names = ("duration_us", *SHARES, "writing_us")
    return Shares(n=len(chosen), **{name: int(made[name]().sum()) for name in names})
