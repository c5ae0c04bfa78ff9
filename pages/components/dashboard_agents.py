"""The tab "Agents & tools": who is chosen, who answers, and what the tools cost in time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.metrics import DEFINITIONS, Rate
from analytics.queries.agents_tools import NEWEST, agents, routing, tools, tools_over_time
from pages.components.answer import agent_title
from pages.components.charts_axes import Option
from pages.components.charts_card import Cell, Table, card
from pages.components.charts_matrix import MatrixCell, matrix, matrix_px
from pages.components.dashboard_intervals import interval, interval_column
from pages.components.dashboard_tables import Column, agent_columns, draw, rate_column, table_of
from pages.components.dashboard_tools import show_tools, show_tools_over_time
from pages.components.format import count, share

if TYPE_CHECKING:
    from analytics.queries.agents_tools import AgentLine, Routing
    from pages.components.dashboard_tab import Tab

NOBODY = "Nobody yet"
FEW = 10
"""Ratings under which a share is not said."""
_ROUTING = (
    "Rows: the agent the supervisor chose first. Columns: the agent that answered. The stronger the "
    "colour, the more runs; “down” is thumbs down of rated runs. Off the diagonal another agent answered "
    "than the one chosen: hand-offs, or wrong choices."
)


def show(tab: Tab) -> None:
    """Routing and tools side by side; the two tables below."""
    with st.grid(2, min_column_width=360, gap="small", key="agents_charts"):
        show_routing(tab.answer(routing))
        show_tools_over_time(tab, tab.answer(tools_over_time))
    show_agents(tab.answer(agents))
    show_tools(tab.answer(tools))


def show_routing(found: Routing) -> None:
    with card(
        "routing",
        "Choice and answer",
        f"Does the supervisor choose the agent that answers? {_routing_note(found)}",
        definition=_ROUTING,
        data=partial(_routing_table, found),
        runs={},
    ):
        if not found.cells:
            st.info("No run of this range was routed.", icon=":material/alt_route:")
            return
        st.echarts_chart(
            routing_option(found),
            key="chart_routing",
            height=matrix_px(len({cell.route for cell in found.cells})),
            alt=f"First choice against answering agent. {share(found.moved.share)} of "
            f"{count(found.routed)} routed runs were answered by another agent.",
        )


def routing_option(found: Routing) -> Option:
    """Agents that are chosen first stand in the same order on both sides."""
    routes = list(dict.fromkeys(cell.route for cell in found.cells))
    ends = list(dict.fromkeys(cell.agent for cell in found.cells))
    columns = [*routes, *(end for end in ends if end not in routes)]
    return matrix(
        [_title(name) for name in columns],
        [_title(name) for name in routes],
        _routing_cells(found, routes, columns),
        titles=("answered by", "chosen first"),
    )


def _routing_cells(
    found: Routing, routes: Sequence[str], columns: Sequence[str | None]
) -> list[MatrixCell]:
    whole = {route: sum(c.runs for c in found.cells if c.route == route) for route in routes}
    most = max(c.runs for c in found.cells)
    cells = []
    for cell in found.cells:
        part = cell.runs / whole[cell.route]
        down = f"{_brief(cell.down)} down" if cell.down.n else ""
        said = f"{_title(cell.route)} → {_title(cell.agent)}: {cell.runs:,} runs, {share(part)}"
        if cell.down.n:
            said += f" of its row; thumbs down {cell.down.k} of {cell.down.n}"
            said += f" ({share(cell.down.share)}, {interval(cell.down)})"
        cells.append(
            MatrixCell(
                column=columns.index(cell.agent),
                row=routes.index(cell.route),
                weight=cell.runs / most,
                text="\n".join(part for part in (count(cell.runs), down) if part),
                said=said,
            )
        )
    return cells


def _brief(rate: Rate) -> str:
    """A percentage only where there are enough cases to say one."""
    return share(rate.share, 0) if rate.n >= FEW else f"{rate.k}/{rate.n}"


def _routing_note(found: Routing) -> str:
    parts = [f"n = {count(found.routed)} routed runs"]
    if found.moved.n:
        parts.append(f"{share(found.moved.share)} answered by another agent")
    if found.asked is not None and found.asked.n:
        parts.append(f"a model was asked for {share(found.asked.share)}, the rest by local rules")
    if found.unrouted:
        parts.append(f"{count(found.unrouted)} not routed")
    return ", ".join(parts)


def show_agents(lines_: Sequence[AgentLine]) -> None:
    columns = _agent_columns(lines_)
    total = sum(line.row.runs for line in lines_)
    with card(
        "agents",
        "Agents",
        f"Which agent is slow, expensive, fails or disappoints? n = {count(total)} runs",
        definition="Runs by the agent that gave the answer; cost includes choosing the agent.",
        data=partial(table_of, columns),
        runs={},
    ):
        draw(columns, alt="Runs, times, cost, hand-offs, failures and ratings by agent",
             key="agents_all")  # fmt: skip


def _agent_columns(lines_: Sequence[AgentLine]) -> dict[str, Column]:
    usual = agent_columns([line.row for line in lines_])
    failed = [line.row.failure for line in lines_]
    taken = rate_column(
        [line.handed for line in lines_],
        "Runs it answered that were first given to another agent / its routed runs.",
    )
    loops = rate_column(
        [line.loops for line in lines_],
        f"Runs whose path names an agent twice, of the newest {NEWEST:,} runs with a path.",
    )
    kept = ("Agent", "Runs", "First token p50", "First token p95", "Latency p50", "Latency p95",
            "Cost per run")  # fmt: skip
    return {
        **{name: usual[name] for name in kept if name in usual},
        "Handed over": taken,
        "Loops": loops,
        "Failed": rate_column(failed, DEFINITIONS["failure_rate"]),
        "Failed, 95 % interval": interval_column(failed),
        "Thumbs up": rate_column([line.up for line in lines_], "Thumbs up / rated runs."),
        "Thumbs up, 95 % interval": interval_column([line.up for line in lines_]),
        "Rated": rate_column([line.coverage for line in lines_], "Rated runs / runs."),
    }


def _title(agent: str | None) -> str:
    return NOBODY if agent is None else agent_title(agent)


def _routing_table(found: Routing) -> Table:
    header = ["first_choice", "answered_by", "runs", "rated", "thumbs_down"]
    rows: list[Sequence[Cell]] = [
        [c.route, c.agent, c.runs, c.down.n, c.down.k] for c in found.cells
    ]
    return header, rows
