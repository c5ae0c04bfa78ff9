"""Figures side by side: by agent, by model, and where the time of a run goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.metrics import (
    FAILED,
    NONE,
    OK,
    Known,
    Percentile,
    Rate,
    Speed,
    decode_speed,
    known_sum,
    percentile,
)
from analytics.queries.reading import Columns, Reader
from analytics.queries.scope import Scope
from analytics.schema import run

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


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeShares:
    """Where the time of successful runs goes: of all, and of those around two ranks of duration."""

    everything: Shares
    median: Shares
    """Runs between the 47.5th and 52.5th percentile."""
    p95: Shares
    """Runs between the 92.5th and 97.5th percentile."""


def by_agent(runs: Columns) -> list[AgentRow]:
    """One row per agent, most runs first."""
    groups = runs.texts["agent_name"].groups()
    rows = [_agent_row(agent, runs.take(mask)) for agent, mask in groups]
    return sorted(rows, key=lambda row: (-row.runs, row.agent or ""))


def _agent_row(agent: str | None, runs: Columns) -> AgentRow:
    status = runs.texts["status"]
    ok, failed = runs.take(status.is_in(OK)), int(status.is_in(*FAILED).sum())
    ended = runs.n - int(status.is_in("running").sum())
    tokens = runs["usage_input_tokens"], runs["usage_output_tokens"]
    given = [int(part[part != NONE].sum()) for part in tokens if (part != NONE).any()]
    return AgentRow(
        agent=agent,
        runs=runs.n,
        cancelled=int(status.is_in("cancelled").sum()),
        failure=Rate(k=failed, n=failed + ok.n),
        ttft_p50=percentile(ok["first_token_us"], 0.5),
        ttft_p95=percentile(ok["first_token_us"], 0.95),
        latency_p50=percentile(ok["duration_us"], 0.5),
        latency_p95=percentile(ok["duration_us"], 0.95),
        cost=Known(
            value=known_sum(runs["cost_pusd"]).value,
            known=int((runs["cost_complete"] == 1).sum()),
            of=ended,
        ),
        tokens=Known(
            value=sum(given) if given else None,
            known=int((runs["usage_complete"] == 1).sum()),
            of=ended,
        ),
        fallbacks=int(runs["fallbacks"][runs["fallbacks"] != NONE].sum()),
    )


def by_model(calls: Columns) -> list[ModelRow]:
    """One row per model that was asked, most attempts first."""
    rows = [
        _model_row(model or "unknown", calls.take(mask))
        for model, mask in calls.texts["request_model"].groups()
    ]
    return sorted(rows, key=lambda row: (-row.attempts, row.model))


def _model_row(model: str, calls: Columns) -> ModelRow:
    status, due = calls.texts["status"], calls["usage_due"] == 1
    ok, failed = calls.take(status.is_in(OK)), int(status.is_in("error").sum())
    providers = [name for name, _ in calls.texts["provider_name"].groups() if name]
    return ModelRow(
        model=model,
        provider=", ".join(providers),
        attempts=calls.n,
        cancelled=int(status.is_in("cancelled").sum()),
        error=Rate(k=failed, n=failed + ok.n),
        ttft_p50=percentile(ok["first_token_us"], 0.5),
        ttft_p95=percentile(ok["first_token_us"], 0.95),
        latency_p50=percentile(ok["duration_us"], 0.5),
        latency_p95=percentile(ok["duration_us"], 0.95),
        speed=decode_speed(
            calls["usage_output_tokens"], calls["first_token_us"], calls["last_token_us"]
        ),
        input_tokens=known_sum(calls["usage_input_tokens"], due),
        cache_read_tokens=known_sum(calls["usage_cache_read_input_tokens"], due),
        output_tokens=known_sum(calls["usage_output_tokens"], due),
        cost=known_sum(calls["cost_pusd"], due),
    )


def time_shares(reader: Reader, scope: Scope) -> TimeShares:
    """Where the time goes, for all successful runs, the middle ones and the slow ones."""
    ints = (run.c.duration_us, *(run.c[name] for name in SHARES))
    runs = reader.columns(scope.runs().where(run.c.status == OK), ints)
    order = np.argsort(runs["duration_us"], kind="stable")
    return TimeShares(
        everything=_shares(runs, order),
        median=_shares(runs, _around(order, 0.5)),
        p95=_shares(runs, _around(order, 0.95)),
    )


def _around(order: np.ndarray, q: float) -> np.ndarray:
    """The runs whose rank lies within the band around q; at least one, if there is any."""
    low, high = (int(len(order) * (q + sign * _BAND)) for sign in (-1, 1))
    return order[low : max(high, low + 1)]


def _shares(runs: Columns, chosen: np.ndarray) -> Shares:
    sums = {name: int(runs[name][chosen].sum()) for name in ("duration_us", *SHARES)}
    return Shares(n=len(chosen), **sums)
