"""The waterfall of a run: agents, tools, retrievals and every attempt at a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.pricing import format_usd
from core.words import error_name
from pages.components.answer import agent_title
from pages.components.charts_card import Cell, Table, card
from pages.components.charts_plotly import DEEPER, FAILED, Bar, waterfall_figure
from pages.components.format import count, duration
from pages.components.markdown import escape

if TYPE_CHECKING:
    from analytics.queries import CallRow, RunDetail, StepRow
    from core.catalog import Catalog

PURPOSES = {"answer": "Answer", "route": "Choose an agent", "title": "Title", "tool": "Tool"}
_OUTCOMES = {"ok": "ok", "error": "failed", "cancelled": "stopped", "running": "still going on"}
_DEFINITION = (
    "Colours are kinds of work, not models: see the legend. Supervisor: choosing the agent. Hatched: "
    "until the first token (reading the prompt), then writing. Crossed: a failed attempt. Pale grey: "
    "the agent around them. A name with › is part of the last one above it with one › less."
)
_Child = tuple[int, int, Bar, str]
"""Offset, 0 for a step and 1 for a call, its bar, its step id or ""."""


def show_waterfall(
    found: RunDetail,
    catalog: Catalog,
    *,
    name: str = "run",
    end_us: int | None = None,
    left_px: int | None = None,
) -> None:
    """Draws nothing when nothing was recorded.

    `end_us` and `left_px`: the scale and the room for names, when two runs share them.
    """
    bars = waterfall_bars(found, catalog)
    if not bars:
        st.info("No steps of this run were recorded.", icon=":material/account_tree:")
        return
    with card(
        name,
        "What happened when",
        "Where did this run spend its time? Each bar begins when its step began."
        + (" Hatched: until the first token." if any(bar.first_us for bar in bars) else ""),
        definition=_DEFINITION,
        data=partial(_bar_table, bars),
    ):
        st.plotly_chart(
            waterfall_figure(bars, found.run.first_token_us, end_us or run_end_us(found), left_px),
            key=f"waterfall_{name}", config={"displayModeBar": False}, alt=waterfall_alt(bars),
        )  # fmt: skip


def show_steps(found: RunDetail, catalog: Catalog) -> None:
    """What the tooltips of the waterfall say, for who cannot hover."""
    bars = waterfall_bars(found, catalog)
    if not bars:
        return
    with st.expander(f"Steps ({len(bars)})", icon=":material/account_tree:", type="compact"):
        st.table(
            {
                "Step": [f"{DEEPER * bar.depth} {escape(bar.label)}" for bar in bars],
                "Kind": [bar.kind for bar in bars],
                "Began after": [duration(bar.offset_us) for bar in bars],
                "Took": [duration(bar.duration_us) for bar in bars],
                "Details": [escape(bar.note.replace("\n", " · ")) for bar in bars],
            },
            border="horizontal",
            alt="Steps of the run, each under what it is part of",
        )


def run_end_us(found: RunDetail) -> int:
    """Its length; of one that goes on, the end of what is known."""
    ends = [s.offset_us + s.duration_us for s in found.steps]
    ends += [c.offset_us + (c.duration_us or 0) for c in found.calls]
    return max([found.run.duration_us or 0, *ends])


def waterfall_bars(found: RunDetail, catalog: Catalog) -> list[Bar]:
    """Every step and call under the step it is part of, in the order they began."""
    known = {step.step_id for step in found.steps}
    inside: dict[str | None, list[_Child]] = defaultdict(list)
    for step in found.steps:
        parent = step.parent_step_id if step.parent_step_id in known else None
        parent = None if parent == step.step_id else parent
        inside[parent].append((step.offset_us, 0, _step_bar(step), step.step_id))
    for call in found.calls:
        parent = call.step_id if call.step_id in known else None
        inside[parent].append((call.offset_us, 1, _call_bar(call, catalog), ""))
    return list(_in_order(inside, None, 0, set()))


def _in_order(
    inside: Mapping[str | None, Sequence[_Child]], parent: str | None, depth: int, seen: set[str]
) -> Iterator[Bar]:
    for _, _, bar, step_id in sorted(inside.get(parent, ()), key=lambda child: child[:2]):
        yield replace(bar, depth=depth)
        if step_id and step_id not in seen:
            seen.add(step_id)
            yield from _in_order(inside, step_id, depth + 1, seen)


def _step_bar(step: StepRow) -> Bar:
    name = step.graph_node or ""
    kind, label = "Agent", agent_title(step.agent_name or name) or step.operation_name
    match step.operation_name:
        case "retrieval":
            kind = "Retrieval"
            label = f"Retrieval ({count(step.retrieval_hits)} passages)"
        case "execute_tool":
            kind, label = "Tools", step.tool_name or "tool"
        case "plan":
            kind, label = "Supervisor", "Supervisor"
    failed = step.status == "error"
    notes = [f"alone {duration(step.self_us)}"]
    if failed:
        notes.append(f"failed: {error_name(step.error_type)}" if step.error_type else "failed")
    elif step.status != "ok":
        notes.append(_OUTCOMES.get(step.status, "stopped"))
    return Bar(
        label=label,
        kind=FAILED if failed and kind == "Tools" else kind,
        offset_us=step.offset_us,
        duration_us=step.duration_us,
        note="\n".join(notes),
    )


def _call_bar(call: CallRow, catalog: Catalog) -> Bar:
    failed = call.status == "error"
    retried = f", attempt {call.attempt}" if call.attempt > 1 else ""
    first, notes = (
        call.first_token_us,
        [f"{PURPOSES.get(call.purpose, call.purpose)}: {outcome(call)}"],
    )
    if first is not None:
        notes.append(f"first token {duration(first)}")
        if call.duration_us is not None:
            notes.append(f"writing {duration(max(0, call.duration_us - first))}")
    notes += [
        f"{count(call.usage_input_tokens)} in, {count(call.usage_output_tokens)} out",
        f"cost {format_usd(call.cost_pusd)}",
    ]
    return Bar(
        label=f"{catalog.display_name(call.request_model)}{retried}",
        kind=FAILED if failed else "Supervisor" if call.purpose == "route" else "Model",
        offset_us=call.offset_us,
        duration_us=call.duration_us or 0,
        note="\n".join(notes),
        first_us=first,
    )


def outcome(call: CallRow) -> str:
    """How an attempt ended, as plain text."""
    said = _OUTCOMES.get(call.status, call.status)
    return f"{said}: {error_name(call.error_type)}" if call.error_type else said


def waterfall_alt(bars: Sequence[Bar]) -> str:
    """The chart in a sentence."""
    spoken = [f"{b.label} {duration(b.duration_us)} from {duration(b.offset_us)} on" for b in bars]
    return "Waterfall of the run. " + "; ".join(spoken)


def _bar_table(bars: Sequence[Bar]) -> Table:
    rows: list[list[Cell]] = [
        [
            b.label,
            b.kind,
            b.depth,
            b.offset_us,
            b.duration_us,
            b.first_us,
            b.note.replace("\n", "; "),
        ]
        for b in bars
    ]
    return ["step", "kind", "depth", "offset_us", "duration_us", "first_token_us", "note"], rows
