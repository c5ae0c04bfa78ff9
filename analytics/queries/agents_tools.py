"""Who answers what: the supervisor's choice against the agent that answered, agents, tools."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from analytics.metrics import Percentile, Rate
from analytics.queries.ask import Ask, rate
from analytics.queries.groups import AgentRow, by_agent, percentile_of
from analytics.schema import run
from analytics.timeaxis import Bucket, BucketSize

TOOL = "execute_tool"
NEWEST = 20_000
"""Runs whose path is looked at for loops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteCell:
    """Runs the supervisor first gave to `route` and `agent` ended up answering (None: nobody)."""

    route: str
    agent: str | None
    runs: int
    down: Rate
    """Thumbs down of rated runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    cells: tuple[RouteCell, ...]
    routed: int
    unrouted: int
    """Runs nobody routed: a pinned agent, another graph, or an early end."""
    moved: Rate
    """Routed runs that another agent answered than the one chosen first."""
    asked: Rate | None
    """Routed runs for which a model was asked; None under a filter by model or provider, which
    means the model that answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentLine:
    """An agent's row with what only routing and ratings tell."""

    row: AgentRow
    handed: Rate
    """Runs it answered that had first been given to another agent."""
    loops: Rate
    """Runs whose path names an agent twice, of the newest runs with a path."""
    up: Rate
    coverage: Rate


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolRow:
    """Calls of one tool. Times are of successful calls."""

    tool: str
    calls: int
    cancelled: int
    error: Rate
    """Failed / (ok + failed)."""
    p50: Percentile
    p95: Percentile
    share: float | None
    """Its time in successful runs / the time of successful runs. Parallel calls count each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSeries:
    """One tool over time. `p95` is None where no call succeeded."""

    tool: str
    calls: tuple[int, ...]
    errors: tuple[int, ...]
    p95: tuple[float | None, ...]
    n: tuple[int, ...]
    """Calls a bucket's p95 rests on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolsOverTime:
    size: BucketSize
    buckets: tuple[Bucket, ...]
    tools: tuple[ToolSeries, ...]
    """Most calls first."""


def routing(ask: Ask) -> Routing:
    """The supervisor's first choice against the agent that answered."""
    runs = ask.facts.sums("run", ask.scope, ["n", "rated", "thumbs_up"], by=["route", "agent"])
    cells = [
        RouteCell(
            route=route,
            agent=agent,
            runs=runs.of(group, "n"),
            down=Rate(
                k=runs.of(group, "rated") - runs.of(group, "thumbs_up"), n=runs.of(group, "rated")
            ),
        )
        for group, (route, agent) in enumerate(runs.groups)
        if route is not None
    ]
    routed = sum(cell.runs for cell in cells)
    # A run that ended before an agent spoke was not answered by another one.
    moved = sum(cell.runs for cell in cells if cell.agent not in (None, cell.route))
    return Routing(
        cells=tuple(sorted(cells, key=lambda c: (-c.runs, c.route, c.agent or ""))),
        routed=routed,
        unrouted=runs.total("n") - routed,
        moved=Rate(k=moved, n=routed),
        asked=_asked(ask, routed),
    )


def agents(ask: Ask) -> tuple[AgentLine, ...]:
    """One row per agent, most runs first."""
    routes = ask.facts.sums("run", ask.scope, ["n"], by=["route", "agent"])
    handed: Counter[str | None] = Counter()
    routed: Counter[str | None] = Counter()
    for group, (route, agent) in enumerate(routes.groups):
        if route is not None:
            routed[agent] += routes.of(group, "n")
            handed[agent] += routes.of(group, "n") if agent not in (None, route) else 0
    thumbs = ask.facts.sums("run", ask.scope, ["rated", "thumbs_up"], by=["agent"])
    groups = {agent: group for group, (agent,) in enumerate(thumbs.groups)}
    paths, loops = _loops(ask)
    lines = []
    for row in by_agent(ask):
        group = groups[row.agent]
        rated = thumbs.of(group, "rated")
        lines.append(
            AgentLine(
                row=row,
                handed=Rate(k=handed[row.agent], n=routed[row.agent]),
                loops=Rate(k=loops[row.agent], n=paths[row.agent]),
                up=Rate(k=thumbs.of(group, "thumbs_up"), n=rated),
                coverage=Rate(k=rated, n=row.runs),
            )
        )
    return tuple(lines)


def tools(ask: Ask) -> tuple[ToolRow, ...]:
    """One row per tool that was called, most calls first."""
    names = ["n", "ok", "error", "cancelled"]
    found = ask.facts.sums("step", ask.scope, names, by=["operation", "tool"])
    took = ask.facts.spread("step", ask.scope, "duration_us", by=["operation", "tool"])
    # `status` is that of the run.
    times = ask.facts.sums("step", ask.scope, ["duration_us"], by=["operation", "tool", "status"])
    spent: Counter[str | None] = Counter()
    for group, (operation, tool, status) in enumerate(times.groups):
        if operation == TOOL and status == "ok":
            spent[tool] += times.of(group, "duration_us")
    whole = ask.facts.sums("run", ask.scope, ["duration_us"]).total("duration_us")
    rows = [
        ToolRow(
            tool=tool or "unknown",
            calls=found.of(group, "n"),
            cancelled=found.of(group, "cancelled"),
            error=rate(found, "error", "ok", group),
            p50=percentile_of(took, (TOOL, tool), 0.5),
            p95=percentile_of(took, (TOOL, tool), 0.95),
            share=spent[tool] / whole if whole else None,
        )
        for group, (operation, tool) in enumerate(found.groups)
        if operation == TOOL
    ]
    return tuple(sorted(rows, key=lambda row: (-row.calls, row.tool)))


def tools_over_time(ask: Ask) -> ToolsOverTime:
    """Calls, failures and p95 of each tool by the bucket a call began in."""
    axis = ask.axis
    names = ["n", "error"]
    found = ask.facts.sums("step", ask.scope, names, by=["operation", "tool"], axis=axis)
    took = ask.facts.spread("step", ask.scope, "duration_us", by=["operation", "tool"], axis=axis)
    p95, n = took.quantiles(0.95), took.n
    place = {names: group for group, names in enumerate(took.groups)}
    none = (None,) * len(axis.buckets)
    series = []
    for group, (operation, tool) in enumerate(found.groups):
        if operation != TOOL:
            continue
        at = place.get((operation, tool))
        series.append(
            ToolSeries(
                tool=tool or "unknown",
                calls=found.over_time(group, "n"),
                errors=found.over_time(group, "error"),
                p95=none if at is None else tuple(None if v != v else v for v in p95[at].tolist()),
                n=(0,) * len(axis.buckets) if at is None else tuple(n[at].tolist()),
            )
        )
    ranked = tuple(sorted(series, key=lambda s: (-sum(s.calls), s.tool)))
    return ToolsOverTime(size=axis.size, buckets=axis.buckets, tools=ranked)


def _asked(ask: Ask, routed: int) -> Rate | None:
    keep = ask.scope.keep
    if keep.model or keep.provider:
        return None
    calls = ask.facts.sums("call", ask.scope, ["final"], by=["purpose"])
    asked = sum(
        calls.of(group, "final") for group, (name,) in enumerate(calls.groups) if name == "route"
    )
    # A call belongs to the range it was made in, its run to the one it began in.
    return Rate(k=min(asked, routed), n=routed)


def _loops(ask: Ask) -> tuple[Counter[str | None], Counter[str | None]]:
    """(runs with a path, those whose path names an agent twice) by agent, of the newest runs."""
    newest = (
        ask.scope.of("run")
        .where(run.c.route_path.is_not(None))
        .with_only_columns(run.c.agent_name, run.c.route_path)
        .order_by(run.c.started_at_us.desc())
        .limit(NEWEST)
        .subquery()
    )
    by = (newest.c.agent_name, newest.c.route_path)
    paths: Counter[str | None] = Counter()
    loops: Counter[str | None] = Counter()
    for row in ask.reader.rows(select(*by, func.count().label("n")).group_by(*by)):
        hops = json.loads(row["route_path"])
        paths[row["agent_name"]] += row["n"]
        loops[row["agent_name"]] += row["n"] if len(set(hops)) < len(hops) else 0
    return paths, loops
