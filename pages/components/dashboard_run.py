"""One run in detail: a waterfall of what happened, its calls with their prices, its errors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries import CallRow, RunDetail, RunRow, StepRow
from analytics.timeaxis import local
from core.pricing import format_usd
from pages.components.answer import agent_title
from pages.components.charts_card import Cell, Table, card
from pages.components.charts_plotly import FAILED, Bar, waterfall_figure
from pages.components.dashboard_controls import status_name
from pages.components.dashboard_runs import run_tokens, set_run
from pages.components.format import UNKNOWN, count, duration
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from core.catalog import Catalog

_STATUS_COLORS = {
    "ok": "green",
    "error": "red",
    "timeout": "red",
    "lost": "orange",
    "running": "blue",
}
_STAGES = {
    "route": " while choosing the agent",
    "retrieve": " while searching the documents",
    "model": " while asking the model",
    "tool": " in a tool",
    "store": " while saving the answer",
}
NO_USAGE = "No usage was reported for this call."
_PURPOSES = {"answer": "Answer", "route": "Choose an agent", "title": "Title", "tool": "Tool"}
_OUTCOMES = {"ok": "ok", "error": "failed", "cancelled": "stopped", "broke_midstream": "broke off"}


def show_run(found: RunDetail | None, zone: ZoneInfo, catalog: Catalog) -> None:
    """Draws a run, or says that there is none of that id."""
    with st.container(key="run_detail"):
        if found is None:
            st.warning(
                "There is no such run here: it was deleted or never recorded, or the address is "
                "wrong. Choose one from the list above.",
                icon=":material/link_off:",
            )
            st.button("Close", key="close_run", on_click=set_run, args=(None,))
            return
        _head(found.run, zone, catalog)
        if found.run.status == "running":
            st.info("This run is still going on. Its steps appear when it has ended.")
            return
        if found.run.error_type:
            stage = _STAGES.get(found.run.error_stage or "", "")
            st.error(f"Failed{stage}: {escape(found.run.error_type)}", icon=":material/error:")
        bars = waterfall_bars(found, catalog)
        if bars:
            _waterfall(found.run, bars)
            _steps(bars)
        if found.calls:
            _calls(found.calls, catalog)


def _waterfall(run: RunRow, bars: list[Bar]) -> None:
    with card(
        "run",
        "What happened when",
        "Where did this run spend its time? Each bar begins when its step began.",
        definition="Pink: choosing the agent. Amber: retrieval. Blue: tools. Green: a model. "
        "Vermilion: a failed attempt. Grey: the agent around them.",
        data=partial(_bar_table, bars),
    ):
        st.plotly_chart(
            waterfall_figure(bars, run.first_token_us, run.duration_us or 0),
            key="waterfall", config={"displayModeBar": False}, alt=waterfall_alt(bars),
        )  # fmt: skip


def _head(run: RunRow, zone: ZoneInfo, catalog: Catalog) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        at = local(run.started_at_us, zone)
        who = escape(agent_title(run.agent_name)) if run.agent_name else "No agent"
        model = f" · {escape(catalog.display_name(run.answer_model))}" if run.answer_model else ""
        color = _STATUS_COLORS.get(run.status, "gray")
        st.markdown(
            f"**Run of {at:%d %b %Y, %H:%M:%S}** · {who}{model} "
            f":{color}-badge[{escape(status_name(run.status))}]",
            width="content",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.page_link(
                "pages/chat.py", label="Open its thread", icon=":material/forum:",
                query_params={"thread": run.conversation_id},
            )  # fmt: skip
            st.button(
                "Close", key="close_run", icon=":material/close:", type="tertiary",
                on_click=set_run, args=(None,),
            )  # fmt: skip
    st.caption(facts_line(run))


def facts_line(run: RunRow) -> str:
    """The run's figures in one line of Markdown."""
    cost = format_usd(run.cost_pusd).replace("$", "\\$")
    if run.cost_pusd is not None and not run.cost_complete:
        cost = f"at least {cost}"
    first = duration(run.first_token_us)
    if run.first_token_us is None and run.status != "ok":
        first = "none"
    parts = [
        f"first token {first}",
        f"total {duration(run.duration_us)}",
        f"{count(run_tokens(run))} tokens ({count(run.usage_cache_read_input_tokens)} cached)",
        f"cost {cost}",
        f"{count(run.llm_attempts)} attempts, {count(run.fallbacks)} fallbacks",
    ]
    if run.queue_us:
        parts.insert(0, f"waited {duration(run.queue_us)} for a place")
    return " · ".join(parts) + f"  \nRun `{run.run_id}`"


def waterfall_bars(found: RunDetail, catalog: Catalog) -> list[Bar]:
    """Steps and calls in the order they began; calls under the step they ran in."""
    rows = [(step.offset_us, 0, _step_bar(step)) for step in found.steps]
    rows += [(call.offset_us, 1, _call_bar(call, catalog)) for call in found.calls]
    return [bar for _, _, bar in sorted(rows, key=lambda row: row[:2])]


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
        notes.append(f"failed: {step.error_type}" if step.error_type else "failed")
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
    notes = [
        f"{_PURPOSES.get(call.purpose, call.purpose)}: {_outcome(call)}",
        f"first token {duration(call.first_token_us)}" if call.first_token_us is not None else "",
        f"{count(call.usage_input_tokens)} in, {count(call.usage_output_tokens)} out",
        f"cost {format_usd(call.cost_pusd)}",
    ]
    return Bar(
        label=f"{catalog.display_name(call.request_model)}{retried}",
        kind=FAILED if failed else "Supervisor" if call.purpose == "route" else "Model",
        offset_us=call.offset_us,
        duration_us=call.duration_us or 0,
        note="\n".join(note for note in notes if note),
    )


def waterfall_alt(bars: list[Bar]) -> str:
    """The chart in a sentence."""
    spoken = [f"{b.label} {duration(b.duration_us)} from {duration(b.offset_us)} on" for b in bars]
    return "Waterfall of the run. " + "; ".join(spoken)


def _outcome(call: CallRow) -> str:
    outcome = _OUTCOMES.get(call.status, call.status)
    return f"{outcome}, {call.error_type}" if call.error_type else outcome


def _steps(bars: list[Bar]) -> None:
    """What the tooltips of the waterfall say, for who cannot hover."""
    with st.expander(f"Steps ({len(bars)})", icon=":material/account_tree:", type="compact"):
        st.table(
            {
                "Step": [escape(bar.label) for bar in bars],
                "Kind": [bar.kind for bar in bars],
                "Began after": [duration(bar.offset_us) for bar in bars],
                "Took": [duration(bar.duration_us) for bar in bars],
                "Details": [escape(bar.note.replace("\n", " · ")) for bar in bars],
            },
            border="horizontal",
            alt="Steps of the run in the order they began",
        )


def _bar_table(bars: list[Bar]) -> Table:
    rows: list[list[Cell]] = [
        [b.label, b.kind, b.offset_us, b.duration_us, b.note.replace("\n", "; ")] for b in bars
    ]
    return ["step", "kind", "offset_us", "duration_us", "note"], rows


def _calls(calls: tuple[CallRow, ...], catalog: Catalog) -> None:
    st.markdown("**Calls and what they cost**")
    st.table(
        {
            "Model": [escape(catalog.display_name(c.request_model)) for c in calls],
            "For": [_PURPOSES.get(c.purpose, escape(c.purpose)) for c in calls],
            "Outcome": [escape(_outcome(c)) for c in calls],
            "First token": [_first_token(c) for c in calls],
            "Time": [duration(c.duration_us) for c in calls],
            "In (cached)": [_input(c) for c in calls],
            "Out": [_estimated(c, count(c.usage_output_tokens)) for c in calls],
            "Cost": [format_usd(c.cost_pusd).replace("$", "\\$") for c in calls],
            "Why this price": [escape(c.cost_why or NO_USAGE) for c in calls],
        },
        border="horizontal",
        alt="Calls of the run with times, tokens, cost and the arithmetic of the cost",
    )


def _first_token(call: CallRow) -> str:
    """A call that ended without one had none; that is not unknown."""
    if call.first_token_us is None and call.status != "ok":
        return "none"
    return duration(call.first_token_us)


def _input(call: CallRow) -> str:
    cached = call.usage_cache_read_input_tokens
    text = count(call.usage_input_tokens)
    return _estimated(call, f"{text} ({count(cached)})" if cached else text)


def _estimated(call: CallRow, text: str) -> str:
    return text if call.usage_source == "provider" or text == UNKNOWN else f"≈ {text}"
