"""Tokens and money of every call of a run, why they are what they are, and what they were before."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from analytics.timeaxis import local
from core.pricing import format_usd
from pages.components.format import UNKNOWN, count, duration
from pages.components.markdown import escape
from pages.components.run_waterfall import PURPOSES, outcome

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries import CallRow, RunDetail
    from core.catalog import Catalog

NOTHING = "–"
NO_USAGE = "No usage was reported for this call."
_PARTS: dict[str, Callable[[CallRow], int | None]] = {
    "Input": lambda c: c.cost_input_pusd,
    "Cache read": lambda c: c.cost_cache_read_pusd,
    "Cache written": lambda c: c.cost_cache_write_pusd,
    "Output": lambda c: c.cost_output_pusd,
    "Reasoning": lambda c: c.cost_reasoning_pusd,
    "Other": lambda c: c.cost_other_pusd,
    "Total": lambda c: c.cost_pusd,
}


def show_costs(found: RunDetail, zone: ZoneInfo, catalog: Catalog) -> None:
    if not found.calls:
        st.info("No model was asked in this run, so it cost nothing.", icon=":material/savings:")
        return
    steps = {step.step_id: step.graph_node or step.operation_name for step in found.steps}
    _tokens(found.calls, steps, catalog)
    _money(found.calls, catalog)
    _reasons(found.calls, catalog)
    _history(found, zone, catalog)


def _tokens(calls: Sequence[CallRow], steps: dict[str, str], catalog: Catalog) -> None:
    st.markdown("**Calls and their tokens**")
    st.table(
        {
            "Model": _names(calls, catalog),
            "In": [_estimated(c, c.usage_input_tokens) for c in calls],
            "Out": [_estimated(c, c.usage_output_tokens) for c in calls],
            "Outcome": [escape(outcome(c)) for c in calls],
            "First token": [_first_token(c) for c in calls],
            "Time": [duration(c.duration_us) for c in calls],
            "Cached": [_estimated(c, c.usage_cache_read_input_tokens) for c in calls],
            "Written": [_estimated(c, c.usage_cache_write_input_tokens) for c in calls],
            "Reasoning": [_estimated(c, c.usage_reasoning_output_tokens) for c in calls],
            "For": [PURPOSES.get(c.purpose, escape(c.purpose)) for c in calls],
            "Step": [escape(steps.get(c.step_id or "", "–")) for c in calls],
        },
        border="horizontal",
        alt="Calls of the run with times and tokens",
    )
    st.caption("In includes cached and written tokens, Out includes reasoning. ≈: an estimate.")


def _money(calls: Sequence[CallRow], catalog: Catalog) -> None:
    st.markdown("**What they cost**")
    parts = {
        name: [_usd(of(c)) if c.usage_due else NOTHING for c in calls]
        for name, of in _PARTS.items()
        if name in ("Input", "Output", "Total") or any(of(c) for c in calls)
    }
    st.table(
        {
            "Model": _names(calls, catalog),
            **parts,
            "Quality": [_plain(c.cost_quality) for c in calls],
        },
        border="horizontal",
        alt="Calls of the run with the parts of their cost",
    )


def _reasons(calls: Sequence[CallRow], catalog: Catalog) -> None:
    st.markdown("**Why this price**")
    lines = [
        f"- **{name}**: {' · '.join(_reason(call))}"
        for name, call in zip(_names(calls, catalog), calls, strict=True)
    ]
    st.markdown("\n".join(lines))


def _reason(call: CallRow) -> list[str]:
    if not call.usage_due:
        return ["It failed before anything came back, so nothing was used."]
    where = ", ".join(part for part in (call.region, call.service_tier) if part)
    problems = _problems(call.usage_problems)
    return [
        escape(call.cost_why or NO_USAGE),
        *([f"price {escape(call.price_id)}"] if call.price_id else []),
        *([escape(where)] if where else []),
        *([f"problems: {problems}"] if problems else []),
    ]


def _history(found: RunDetail, zone: ZoneInfo, catalog: Catalog) -> None:
    """What calls were said to cost before prices were changed in hindsight."""
    if not found.old_costs:
        return
    calls = {call.call_id: call for call in found.calls}
    old = [cost for cost in found.old_costs if cost.call_id in calls]
    st.markdown("**What it was said to cost before**")
    st.table(
        {
            "Until": [f"{local(o.at_us, zone):%d %b %Y, %H:%M}" for o in old],
            "Model": _names([calls[o.call_id] for o in old], catalog),
            "Cost then": [_usd(o.cost_pusd) for o in old],
            "Cost now": [_usd(calls[o.call_id].cost_pusd) for o in old],
            "Why then": [escape(o.cost_why or NO_USAGE) for o in old],
        },
        border="horizontal",
        alt="Costs of calls before they were priced again",
    )


def _names(calls: Sequence[CallRow], catalog: Catalog) -> list[str]:
    return [
        escape(catalog.display_name(c.request_model))
        + (f", attempt {c.attempt}" if c.attempt > 1 else "")
        for c in calls
    ]


def _first_token(call: CallRow) -> str:
    """A call that ended without one had none; that is not unknown."""
    if call.first_token_us is None and call.status != "ok":
        return "none"
    return duration(call.first_token_us)


def _estimated(call: CallRow, tokens: int | None) -> str:
    if not call.usage_due:
        return NOTHING
    text = count(tokens)
    return text if call.usage_source == "provider" or text == UNKNOWN else f"≈ {text}"


def _usd(pusd: int | None) -> str:
    return format_usd(pusd).replace("$", "\\$")


def _plain(text: str | None) -> str:
    """A name of a value as words."""
    return escape(text.replace("_", " ")) if text else NOTHING


def _problems(stored: str | None) -> str:
    try:
        found = json.loads(stored) if stored else []
    except ValueError:
        found = [stored]
    listed = found if isinstance(found, list) else [found]
    return escape(", ".join(str(problem) for problem in listed))
