"""The top of the dashboard: key figures, the quality of the data, the values filters can take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from analytics.blocks.labels import read_names
from analytics.blocks.stale import QUARTER
from analytics.grouped import Sums
from analytics.metrics import Known, Percentile, Rate, Speed
from analytics.queries.ask import Ask, known, known_names, rate, speed
from analytics.queries.facts import Facts
from analytics.queries.scope import Filter, Scope
from analytics.schema import stale
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
    owed = [*known_names("cost"), *known_names("input"), *known_names("output")]
    calls = facts.sums("call", scope, [*owed, "decode_tokens", "decode_us", "decode_n"])
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
        input_tokens=known(calls, "input"),
        output_tokens=known(calls, "output"),
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
    values = (
        _names(of_calls, 0),
        _names(of_calls, 1),
        *(_names(of_runs, place) for place in range(4)),
        _names(of_users, 0),
    )
    return _facets(values)


def all_facets(facts: Facts, until_us: int) -> Facets:
    """The values that ever occurred: the names in blocks, and those of rows that are in none yet."""

    def read(connection: Connection) -> tuple[list[set[str]], int]:
        kept = [set(read_names(connection, kind).values()) - {None} for kind in _FACETS]
        first = connection.execute(_FIRST_STALE).scalar_one_or_none()
        return [{name for name in names if name} for names in kept], first or until_us

    nothing: tuple[list[set[str]], int] = ([set() for _ in _FACETS], until_us)
    kept, since_us = facts.reader.snapshot(read, nothing)
    if since_us >= until_us:
        return _facets(kept)
    window = Window(since_us=since_us, until_us=until_us)
    fresh = facets(facts, Scope(window=window, keep=Filter(range="all")))
    return _facets(
        [names | set(getattr(fresh, name)) for name, names in zip(_FACETS, kept, strict=True)]
    )


_FACETS = ("model", "provider", "agent", "status", "entry_point", "version", "user")
_FIRST_STALE = select(func.min(stale.c.start_us)).where(stale.c.level == QUARTER)


def _names(sums: Sums, place: int) -> set[str]:
    return {name for group in sums.groups if (name := group[place])}


def _facets(values: Iterable[Iterable[str]]) -> Facets:
    named = zip(_FACETS, values, strict=True)
    return Facets(**{name: tuple(sorted(found)) for name, found in named})
