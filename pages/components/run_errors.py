"""What went wrong in a run and what was tried next; where its stream stood still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.words import error_name
from pages.components.format import count, duration
from pages.components.markdown import escape
from pages.components.run_waterfall import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.queries import CallRow
    from core.catalog import Catalog
    from pages.components.run_reading import KnownRun

_STAGES = {
    "route": " while choosing the agent",
    "retrieve": " while searching the documents",
    "model": " while asking the model",
    "tool": " in a tool",
    "store": " while saving the answer",
}
NO_ERRORS = "Nothing failed in this run."
MAX_SHOWN = 50


def show_errors(known: KnownRun, catalog: Catalog) -> None:
    """The end of a failed run, and every failed attempt with what came after it."""
    if known.detail is None:
        return
    run, failure = known.detail.run, known.transcript.failure
    if failure is not None:
        said = f"{escape(failure.message)}  \n{escape(failure.what_to_do)}"
        st.error(f"Failed{_STAGES.get(run.error_stage or '', '')}: {said}", icon=":material/error:")
    elif run.error_type:
        stage = _STAGES.get(run.error_stage or "", "")
        st.error(f"Failed{stage}: {escape(error_name(run.error_type))}", icon=":material/error:")
    lines = error_lines(known, catalog)
    if lines:
        st.markdown("**What failed and what was tried next**")
        st.markdown("\n".join(f"- {line}" for line in lines[:MAX_SHOWN]))
        if len(lines) > MAX_SHOWN:
            st.caption(f"Showing {MAX_SHOWN} of {len(lines)}.")
    elif failure is None and not run.error_type:
        st.caption(NO_ERRORS)


def error_lines(known: KnownRun, catalog: Catalog) -> list[str]:
    """One line of Markdown for each failed attempt and tool call, in the order they began."""
    if known.detail is None:
        return []
    calls = known.detail.calls
    failed = [c for c in calls if c.status == "error"]
    lines = [(c.offset_us, _call_line(c, _next(c, calls), known, catalog)) for c in failed]
    for step in known.detail.steps:
        if step.status == "error":
            what = step.tool_name or step.graph_node or step.operation_name
            why = _tool_error(known, step.step_id) or (
                error_name(step.error_type) if step.error_type else "no reason given"
            )
            said = f"after {duration(step.offset_us)} **{escape(what)}** failed: {escape(why)}"
            lines.append((step.offset_us, said))
    return [line for _, line in sorted(lines, key=lambda pair: pair[0])]


def _call_line(call: CallRow, following: CallRow | None, known: KnownRun, catalog: Catalog) -> str:
    event = known.transcript.attempts.get(call.call_id)
    name = escape(catalog.display_name(call.request_model))
    reason = escape(error_name(call.error_type) if call.error_type else "no reason given")
    status = f" (HTTP {call.http_status})" if call.http_status else ""
    message = f": {escape(event.error_message)}" if event and event.error_message else ""
    purpose = escape(PURPOSES.get(call.purpose, call.purpose).lower())
    line = (
        f"after {duration(call.offset_us)} **{name}**, attempt {call.attempt} ({purpose}), failed "
        f"after {duration(call.duration_us)}: {reason}{status}{message}"
    )
    if event and event.reset:
        line += " Text already shown was taken back."
    if following is None:
        return f"{line} → {_otherwise(call, known)}"
    again = following.request_model == call.request_model
    other = (
        "the same model again" if again else escape(catalog.display_name(following.request_model))
    )
    result = "which answered" if following.status == "ok" else f"which {escape(following.status)}"
    result = "which failed too" if following.status == "error" else result
    return f"{line} → {other}, {result}"


def _otherwise(call: CallRow, known: KnownRun) -> str:
    route = known.transcript.route
    if call.purpose == "route" and route is not None and route.decided_by == "fallback":
        return "no other model was asked, the local vote chose the agent"
    return "no other model was asked"


def _next(call: CallRow, calls: Sequence[CallRow]) -> CallRow | None:
    later = [
        c for c in calls if c.logical_call_id == call.logical_call_id and c.attempt > call.attempt
    ]
    return min(later, key=lambda c: c.attempt, default=None)


def _tool_error(known: KnownRun, step_id: str) -> str | None:
    tool = known.transcript.tools.get(step_id.removeprefix("tool:"))
    return tool.error if tool else None


def stalls_line(calls: Sequence[CallRow]) -> str:
    """What is known of the stalls of streams; those that were not measured are said, not 0."""
    known = [c for c in calls if c.stall_count is not None]
    if not known:
        return "Stalls were not measured in this run."
    stalls = sum(c.stall_count or 0 for c in known)
    lost = sum(c.stall_us or 0 for c in known)
    said = (
        f"{count(stalls)} {'stall' if stalls == 1 else 'stalls'}, {duration(lost)} stood still."
        if stalls
        else "No stall: the text came without long gaps."
    )
    missing = len(calls) - len(known)
    return (
        f"{said} Not measured in {count(missing)} of {count(len(calls))} streams."
        if missing
        else said
    )


def show_stalls(known: KnownRun, catalog: Catalog) -> None:
    """Gaps between the pieces of every stream."""
    calls = [c for c in known.detail.calls if c.chunk_count] if known.detail else []
    if not calls:
        st.caption("No stream of this run was measured.")
        return
    st.markdown("**Stalls and gaps**")
    st.caption(stalls_line(calls))
    st.table(
        {
            "Model": [escape(catalog.display_name(c.request_model)) for c in calls],
            "Pieces": [count(c.chunk_count) for c in calls],
            "Median gap": [duration(c.gap_p50_us) for c in calls],
            "p95": [duration(c.gap_p95_us) for c in calls],
            "Longest": [duration(c.gap_max_us) for c in calls],
            "Stalls": [count(c.stall_count) for c in calls],
            "Stood still": [duration(c.stall_us) for c in calls],
        },
        border="horizontal",
        alt="Gaps between the pieces of each stream",
    )
