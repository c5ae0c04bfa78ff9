"""The tools' half of the tab "Agents & tools": calls, failures, times, by tool and over time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.intervals import minimum_n
from analytics.queries.views import marks
from pages.components.charts import HEIGHT, Count, Series, bars, lines, marked
from pages.components.charts_axes import NEUTRALS, ONES, Option, bucket_labels, time_unit
from pages.components.charts_card import BUCKET_HEADER, Table, bucket_cells, card
from pages.components.dashboard_charts import marks_on
from pages.components.dashboard_intervals import interval_column
from pages.components.dashboard_tables import Column, draw, percentile_column, rate_column, table_of
from pages.components.format import count, share

if TYPE_CHECKING:
    from analytics.queries.agents_tools import ToolRow, ToolsOverTime
    from pages.components.dashboard_tab import Tab

TOP_TOOLS = 6
_TOOL_VIEWS = {"calls": "Calls", "p95": "p95"}
_TOOL_TIME = "From the start to the end of a call; successful calls."
_SHARE_OF_TIME = (
    "Time of its calls in successful runs / time of successful runs. Calls at the same time count "
    "each, so this can be more than the runs' own share of tools."
)


def show_tools(rows: Sequence[ToolRow]) -> None:
    columns = _tool_columns(rows)
    with card(
        "tools",
        "Tools",
        "Which tool is slow or fails, and how much of a run is it? "
        f"n = {count(sum(row.calls for row in rows))} calls",
        definition="Calls of tools by agents. Searches of documents are in the tab Retrieval.",
        data=partial(table_of, columns),
    ):
        if rows:
            draw(columns, alt="Calls, failures and times by tool", key="tools_all")
        else:
            st.info("No tool was called in this range.", icon=":material/build:")


def _tool_columns(rows: Sequence[ToolRow]) -> dict[str, Column]:
    errors = [row.error for row in rows]
    return {
        "Tool": Column(values=[row.tool for row in rows]),
        "Calls": Column(values=[row.calls for row in rows], show=count),
        "Failed": rate_column(errors, "Failed / (ok + failed) calls; stopped ones in neither."),
        "Failed, 95 % interval": interval_column(errors),
        "Stopped": Column(values=[row.cancelled for row in rows], show=count),
        "p50": percentile_column(_TOOL_TIME, [row.p50 for row in rows]),
        "p95": percentile_column(_TOOL_TIME, [row.p95 for row in rows]),
        "Share of run time": Column(
            values=[row.share for row in rows], show=_part, help=_SHARE_OF_TIME
        ),
    }


def _part(value: float | None) -> str:
    return "< 0.1 %" if value is not None and 0 < value < 0.001 else share(value)


def show_tools_over_time(tab: Tab, found: ToolsOverTime) -> None:
    top = found.tools[:TOP_TOOLS]
    shown = (
        f"showing {len(top)} of {len(found.tools)} tools, " if len(found.tools) > len(top) else ""
    )
    view = st.session_state.get("tools_view") or "calls"
    total = sum(sum(tool.calls) for tool in found.tools)
    failed = sum(sum(tool.errors) for tool in found.tools)
    with card(
        "tools-over-time",
        "Tools over time",
        f"Are tools used more, or slower? {shown}n = {count(total)} calls, {count(failed)} failed",
        definition=f"{_TOOL_TIME} Dashed: fewer than {minimum_n(0.95)} calls for p95, or a bucket cut "
        "by the range.",
        data=partial(_tools_table, tab, found),
        control=_tools_view,
    ):
        if not top:
            st.info("No tool was called in this range.", icon=":material/build:")
            return
        labels = bucket_labels(found.buckets, found.size, tab.zone)
        whole = [not bucket.partial for bucket in found.buckets]
        drawn = (_p95_lines if view == "p95" else _call_bars)(labels, found, whole, tab.log)
        option = marked(drawn, marks_on(found.buckets, tab.answer(marks)))
        st.echarts_chart(
            option, key="chart_tools", height=HEIGHT,
            alt="Tool calls over time: " + ", ".join(f"{t.tool} {sum(t.calls)}" for t in top),
        )  # fmt: skip


def _call_bars(
    labels: Sequence[str], found: ToolsOverTime, whole: Sequence[bool], _log: bool
) -> Option:
    drawn = [
        Series(name=tool.tool, color=color, values=tool.calls, sound=whole)
        for tool, color in zip(found.tools, NEUTRALS, strict=False)
    ]
    errors = [sum(column) for column in zip(*(t.errors for t in found.tools), strict=True)]
    return bars(labels, drawn, ONES, [Count(name="Failed", values=errors)])


def _p95_lines(
    labels: Sequence[str], found: ToolsOverTime, whole: Sequence[bool], log: bool
) -> Option:
    pairs = list(zip(found.tools, NEUTRALS, strict=False))
    drawn = [
        Series(
            name=tool.tool,
            color=color,
            values=tool.p95,
            sound=[
                ok and n >= minimum_n(0.95) for ok, n in zip(whole, tool.n, strict=True)
            ],
        )
        for tool, color in pairs
    ]  # fmt: skip
    unit = time_unit([value for tool, _ in pairs for value in tool.p95])
    return lines(labels, drawn, unit, [Count(name=f"{t.tool}, n", values=t.n) for t, _ in pairs],
                 log=log)  # fmt: skip


def _tools_view() -> None:
    st.segmented_control(
        "What of the tools", list(_TOOL_VIEWS), key="tools_view", default="calls", required=True,
        format_func=_TOOL_VIEWS.__getitem__, label_visibility="collapsed", width="content",
    )  # fmt: skip


def _tools_table(tab: Tab, found: ToolsOverTime) -> Table:
    starts = bucket_cells(found.buckets, tab.zone)
    rows: list[Sequence[Any]] = [
        [*cells, tool.tool, tool.calls[k], tool.errors[k], tool.p95[k], tool.n[k]]
        for tool in found.tools
        for k, cells in enumerate(starts)
    ]
    return [*BUCKET_HEADER, "tool", "calls", "failed", "p95_us", "n"], rows
