"""The top of the dashboard: key figures, the quality of the data, the values filters can take."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.metrics import Known, Percentile, Rate, Speed
from analytics.queries.ask import Ask, known, known_names, rate, speed
from analytics.queries.facts import Facts
from analytics.queries.scope import Scope
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
    version: tuple[str, ...] = ()
    user: tuple[str, ...] = ()


_RUNS = ("n", "ok", "failed", "cancelled", "interrupted", "running")


def kpis(facts: Facts, scope: Scope) -> Kpis:
    """Key figures of the runs and calls of a scope."""
    runs = facts.sums("run", scope, _RUNS)
    calls = facts.sums(
        "call", scope, [*known_names("cost"), "decode_tokens", "decode_us", "decode_n"]
    )
    tokens = facts.sums("call", scope, [*known_names("input"), *known_names("output")])
    first = facts.spread("run", scope, "first_token_us")
    took = facts.spread("run", scope, "duration_us")
    return Kpis(
        window=scope.window,
        runs=runs.total("n"),
        ok=runs.total("ok"),
        cancelled=runs.total("cancelled"),
        interrupted=runs.total("interrupted"),
        running=runs.total("running"),
        users=users(facts, scope),
        failure=rate(runs, "failed", "ok"),
        ttft_p50=first.percentile(0.5),
        ttft_p95=first.percentile(0.95),
        latency_p50=took.percentile(0.5),
        latency_p95=took.percentile(0.95),
        cost=known(calls, "cost"),
        input_tokens=known(tokens, "input"),
        output_tokens=known(tokens, "output"),
        speed=speed(calls),
    )


def users(facts: Facts, scope: Scope) -> int:
    """Different people who started a run."""
    return sum(name is not None for (name,) in facts.sums("run", scope, ["n"], by=["user"]).groups)


def data_quality(ask: Ask) -> DataQuality:
    """See DataQuality."""
    calls = ask.facts.sums(
        "call",
        ask.scope,
        ["ok", "due", "reported", "cost_known", "streamed", "contradictory", "free_but_used"],
    )
    runs = ask.facts.sums("run", ask.scope, ["lost", "running"])
    due = calls.total("due")
    return DataQuality(
        provider_usage=Rate(k=calls.total("reported"), n=due),
        priced=Rate(k=calls.total("cost_known"), n=due),
        first_token=Rate(k=calls.total("streamed"), n=calls.total("ok")),
        contradictory=calls.total("contradictory"),
        free_but_used=calls.total("free_but_used"),
        lost_runs=runs.total("lost"),
        running_runs=runs.total("running"),
    )


def facets(facts: Facts, scope: Scope) -> Facets:
    """The values that occur in a window, whatever else is filtered."""
    of_runs = facts.sums("run", scope, ["n"], by=["agent", "status", "entry_point", "version"])
    of_users = facts.sums("run", scope, ["n"], by=["user"])
    of_calls = facts.sums("call", scope, ["n"], by=["model", "provider"])

    def values(groups: tuple[tuple[str | None, ...], ...], place: int) -> tuple[str, ...]:
        return tuple(sorted({name for group in groups if (name := group[place])}))

    return Facets(
        model=values(of_calls.groups, 0),
        provider=values(of_calls.groups, 1),
        agent=values(of_runs.groups, 0),
        status=values(of_runs.groups, 1),
        entry_point=values(of_runs.groups, 2),
        version=values(of_runs.groups, 3),
        user=values(of_users.groups, 0),
    )
