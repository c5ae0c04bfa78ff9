"""The head of a run's page: what it was, and its figures in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import retrieval_name
from analytics.timeaxis import local
from core.pricing import format_usd
from pages.components.answer import agent_title
from pages.components.dashboard_controls import entry_name, status_name
from pages.components.dashboard_runs import run_tokens
from pages.components.format import UNKNOWN, count, duration
from pages.components.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from analytics.queries import RunRow
    from analytics.queries.runs import WholeRun
    from core.catalog import Catalog
    from core.events import Event

_STATUS_COLORS = {
    "ok": "green",
    "error": "red",
    "timeout": "red",
    "lost": "orange",
    "refused_budget": "yellow",
    "running": "blue",
}
NOTICEABLE_US = 1_000
_SLO = {1: "kept", 0: "missed", None: "not judged"}


def show_head(run: WholeRun, zone: ZoneInfo, catalog: Catalog, events: Sequence[Event]) -> None:
    """`events`: the run's log; empty when it is gone, and its thread with it."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(title_line(run, zone, catalog), width="content")
        if events:
            st.page_link(
                "pages/chat.py", label="Open its thread", icon=":material/forum:",
                query_params={"thread": run.conversation_id},
            )  # fmt: skip
    st.caption(origin_line(run))
    if asked := asked_line(events):
        st.caption(asked)
    st.markdown(facts_line(run))


def title_line(run: RunRow, zone: ZoneInfo, catalog: Catalog) -> str:
    """When, who, which model and how it ended, as Markdown."""
    at = local(run.started_at_us, zone)
    who = escape(agent_title(run.agent_name)) if run.agent_name else "No agent"
    model = f" · {escape(catalog.display_name(run.answer_model))}" if run.answer_model else ""
    color = _STATUS_COLORS.get(run.status, "gray")
    return (
        f"**{at:%d %b %Y, %H:%M:%S}** · {who}{model} "
        f":{color}-badge[{escape(status_name(run.status))}]"
    )


def origin_line(run: WholeRun) -> str:
    parts = [
        f"From {escape(entry_name(run.entry_point))}",
        f"user {escape(run.user_id)}" if run.user_id else "no user",
        f"graph {escape(run.workflow_name)}" if run.workflow_name else "",
        f"version {escape(run.app_version)}" if run.app_version else "",
        f"environment {escape(run.environment)}" if run.environment else "",
        "imported" if run.import_id else "",
        f"run `{run.run_id}`",
    ]
    return " · ".join(part for part in parts if part)


def asked_line(events: Sequence[Event]) -> str:
    """What the run was to do otherwise than usual, as Markdown; "" for nothing."""
    started = next((event for event in events if event.type == "run_started"), None)
    if started is None:
        return ""
    parts = [
        f"retrieval {escape(retrieval_name(started.retrieval))}" if started.retrieval else "",
        f"prompts {escape(started.prompt)}" if started.prompt else "",
        f"temperature {started.temperature:g}" if started.temperature is not None else "",
    ]
    asked = " · ".join(part for part in parts if part)
    return f"Asked for: {asked}" if asked else ""


def facts_line(run: WholeRun) -> str:
    """The run's figures in one line of Markdown."""
    first = duration(run.first_token_us)
    if run.first_token_us is None and run.status != "ok":
        first = "none yet" if run.status == "running" else "none"
    total = "not ended" if run.status == "running" else duration(run.duration_us)
    parts = [
        f"first token **{first}**",
        f"total **{total}**",
        f"**{count(run_tokens(run))}** tokens{_cached(run.usage_cache_read_input_tokens)}",
        f"cost **{cost_text(run)}**",
        _several(run.llm_attempts, "attempt"),
        _several(run.fallbacks, "fallback"),
        _queue(run.queue_us),
        _service_level(run),
    ]
    if run.stop_us is not None:
        late = count(run.tokens_after_stop)
        parts.append(f"stopped within {duration(run.stop_us)}, {late} tokens after Stop")
    return " · ".join(parts)


def _cached(tokens: int | None) -> str:
    return "" if tokens is None else f" ({count(tokens)} cached)"


def _several(value: int | None, what: str) -> str:
    return f"{count(value)} {what}" if value == 1 else f"{count(value)} {what}s"


def _queue(us: int | None) -> str:
    if us is None:
        return "queue unknown"
    return f"queued {duration(us)}" if us >= NOTICEABLE_US else "not queued"


def cost_text(run: RunRow) -> str:
    """Money as Markdown; a sum that lacks a price says so."""
    text = format_usd(run.cost_pusd).replace("$", "\\$")
    known = run.cost_pusd is not None
    return f"at least {text}" if known and not run.cost_complete else text


def _service_level(run: WholeRun) -> str:
    if run.status == "running":
        return "service level open"
    verdict = _SLO.get(run.slo_met, UNKNOWN)
    limits = f" ({escape(run.slo_profile)})" if run.slo_profile else ""
    return f"service level {verdict}{limits}"
