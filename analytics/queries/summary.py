"""The top of the dashboard: key figures, the quality of the data, the values filters can take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

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
from analytics.schema import llm_call, run
from analytics.timeaxis import Window


@dataclass(frozen=True, kw_only=True, slots=True)
class Kpis:
    """Key figures of one window. Percentiles are of successful runs, in microseconds."""

    window: Window
    runs: int
    ok: int
    cancelled: int
    interrupted: int
    running: int
    users: int
    failure: Rate
    """Failed / (ok + failed)."""
    ttft_p50: Percentile
    ttft_p95: Percentile
    latency_p50: Percentile
    latency_p95: Percentile
    cost: Known
    """Pico-USD, over calls: `missing` of them have no known price."""
    input_tokens: Known
    output_tokens: Known
    speed: Speed


@dataclass(frozen=True, kw_only=True, slots=True)
class KpiReport:
    """The figures of the range and of the range of equal length before it (None for `all`)."""

    current: Kpis
    previous: Kpis | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DataQuality:
    """How far the figures of a range can be trusted. Rates are of calls unless said otherwise."""

    provider_usage: Rate
    """Calls whose tokens the provider itself reported."""
    priced: Rate
    first_token: Rate
    """Successful calls with a time to first token (not streamed: there is none)."""
    contradictory: int
    """Calls whose token counts contradicted each other."""
    free_but_used: int
    """Calls of a paid provider with tokens and a cost of exactly 0: a price is wrong."""
    lost_runs: int
    running_runs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facets:
    """What occurs in a range, sorted: the choices of the filter widgets."""

    model: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    entry_point: tuple[str, ...] = ()


def kpis(window: Window, runs: Columns, calls: Columns) -> Kpis:
    """Key figures of the runs and calls of one window."""
    owing = calls["usage_due"] == 1
    status, users = runs.texts["status"], runs.texts["user_id"]
    ok = runs.take(status.is_in(OK))
    failed = int(status.is_in(*FAILED).sum())
    return Kpis(
        window=window,
        runs=runs.n,
        ok=ok.n,
        cancelled=int(status.is_in("cancelled").sum()),
        interrupted=int(status.is_in("interrupted").sum()),
        running=int(status.is_in("running").sum()),
        users=sum(name is not None for name, _ in users.groups()),
        failure=Rate(k=failed, n=failed + ok.n),
        ttft_p50=percentile(ok["first_token_us"], 0.5),
        ttft_p95=percentile(ok["first_token_us"], 0.95),
        latency_p50=percentile(ok["duration_us"], 0.5),
        latency_p95=percentile(ok["duration_us"], 0.95),
        cost=known_sum(calls["cost_pusd"], owing),
        input_tokens=known_sum(calls["usage_input_tokens"], owing),
        output_tokens=known_sum(calls["usage_output_tokens"], owing),
        speed=decode_speed(
            calls["usage_output_tokens"], calls["first_token_us"], calls["last_token_us"]
        ),
    )


def data_quality(runs: Columns, calls: Columns) -> DataQuality:
    """See DataQuality."""
    due = calls.take(calls["usage_due"] == 1)
    ok = calls.take(calls.texts["status"].is_in(OK))
    used = (calls["usage_input_tokens"] > 0) | (calls["usage_output_tokens"] > 0)
    paid = ~calls.texts["provider_name"].is_in("local")
    status = runs.texts["status"]
    return DataQuality(
        provider_usage=Rate(k=int(due["reported"].sum()), n=due.n),
        priced=Rate(k=int((due["cost_pusd"] != NONE).sum()), n=due.n),
        first_token=Rate(k=int((ok["first_token_us"] != NONE).sum()), n=ok.n),
        contradictory=int(calls["contradictory"].sum()),
        free_but_used=int((used & paid & (calls["cost_pusd"] == 0)).sum()),
        lost_runs=int(status.is_in("lost").sum()),
        running_runs=int(status.is_in("running").sum()),
    )


def facets(reader: Reader, window: Window) -> Facets:
    """The values that occur in a window, whatever else is filtered."""
    of_runs = reader.rows(
        select(run.c.agent_name, run.c.status, run.c.entry_point)
        .where(run.c.started_at_us >= window.since_us, run.c.started_at_us < window.until_us)
        .distinct()
    )
    of_calls = reader.rows(
        select(llm_call.c.request_model, llm_call.c.provider_name)
        .where(
            llm_call.c.started_at_us >= window.since_us,
            llm_call.c.started_at_us < window.until_us,
        )
        .distinct()
    )

    def values(rows: list[dict[str, Any]], name: str) -> tuple[str, ...]:
        return tuple(sorted({row[name] for row in rows if row[name]}))

    return Facets(
        model=values(of_calls, "request_model"),
        provider=values(of_calls, "provider_name"),
        agent=values(of_runs, "agent_name"),
        status=values(of_runs, "status"),
        entry_point=values(of_runs, "entry_point"),
    )
