"""The line that lives: what runs right now, and how old the figures are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.answer import agent_title
from pages.components.format import duration
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.run import Run

SHOWN = 6
PULSE_S = 2.0


def show_live(active: Sequence[Run]) -> None:
    """Runs in flight, oldest first, in one line that is always there: nothing below it jumps."""
    if not active:
        st.caption(":material/radio_button_unchecked: Nothing is running.", width="content")
        return
    badges = [f":green-badge[:material/progress_activity: {doing(run)}]" for run in active[:SHOWN]]
    more = f" :gray[and {len(active) - SHOWN} more]" if len(active) > SHOWN else ""
    st.caption(f"**{len(active)} in flight** {' '.join(badges)}{more}", width="content")


def doing(run: Run) -> str:
    """Agent, what it does, and for how long, as Markdown."""
    agent, what = activity(run)
    who = f"{escape(agent_title(agent))} · " if agent else ""
    return f"{who}{escape(what)} · {duration(run.elapsed_us())}"


def activity(run: Run) -> tuple[str | None, str]:
    """The agent and the step of the newest events that name them."""
    agent, what = run.request.agent, "waiting for a place" if run.state == "queued" else ""
    for event in reversed(run.events):
        match event.type:
            case "token":
                agent, what = agent or event.agent, what or "writing"
            case "tool_start":
                agent, what = agent or event.agent, what or f"using {event.name}"
            case "attempt" if event.outcome == "started":
                asking = "choosing an agent" if event.purpose == "route" else "waiting for text"
                agent, what = agent or event.agent, what or asking
            case "reasoning_step" if event.status == "started":
                agent, what = agent or event.agent, what or event.name
            case "route":
                agent = agent or event.agent
                break
        if agent and what:
            break
    return agent, "at work" if what and what == agent else what or "starting"


def age_line(read_at_us: int, live: bool, zone_name: str, compared: str) -> str:
    """How old the figures are and what they are compared with, as Markdown."""
    age_s = max(0.0, time.time() - read_at_us / 1e6)
    when = "just now" if age_s < 2 else f"{age_s:.0f} s ago" if age_s < 90 else _minutes(age_s)
    state = ":green[:material/sensors:] Live" if live else ":material/check_circle: Up to date"
    return f"{state} · read {when} · {compared} · times in {escape(zone_name)}"


def _minutes(age_s: float) -> str:
    return f"{age_s / 60:.0f} min ago"
