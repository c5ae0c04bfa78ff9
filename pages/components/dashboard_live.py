"""The line that lives: what runs right now, and how old the figures are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

import streamlit as st

from analytics.metrics import DEFINITIONS
from analytics.queries import Filter
from analytics.queries.overview import last_first_tokens
from pages.components import session
from pages.components.answer import agent_title
from pages.components.charts_axes import Option
from pages.components.format import duration, speed
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.run import Run
    from agents.runtime import Runtime
    from analytics.queries import Queries
    from analytics.queries.overview import FirstToken
    from core.catalog import Catalog
    from core.events import Event

SHOWN = 6
PULSE_S = 2.0
RECENT = 400
"""Newest events that the speed of a run is taken from."""
MIN_PIECES = 4
CHARS_PER_TOKEN = 4.0
DOTS_PX, DOTS_HEIGHT = 150, 36


def in_flight(runtime: Runtime) -> list[Run]:
    """What runs now, of the people whose figures the reader sees."""
    seen = session.figures().owner
    return [run for run in runtime.runs.active() if seen in (None, run.request.owner)]


def latest_first_tokens() -> tuple[FirstToken, ...]:
    """Of the last day, whatever is filtered; read again when something was recorded."""
    figures = session.figures()
    return _firsts_once(figures, session.figures_key(), figures.data_version())


@st.cache_resource(max_entries=4, ttl="5m", show_spinner=False)
def _firsts_once(
    _queries: Queries, where: tuple[str, str | None], version: int
) -> tuple[FirstToken, ...]:
    return _queries.ask(last_first_tokens, Filter(range="24h"))


def show_live(active: Sequence[Run], firsts: Sequence[FirstToken], catalog: Catalog) -> None:
    """Runs in flight, oldest first, and the newest waits for a first token.

    Always there and of the same height with up to a few runs: nothing below it jumps. One low row
    also on a phone: the figures are what one came for.
    """
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, key="live"):
        waits = [one.first_token_us for one in firsts]
        median_us = duration(median(waits)) if waits else ""
        st.caption(
            _line(active, len(waits), median_us), help=DEFINITIONS["ttft"] if waits else None
        )
        if firsts:
            said = f"Last {len(waits)} first tokens, median {median_us}"
            st.echarts_chart(
                dots_option(firsts, catalog), key="chart_live", height=DOTS_HEIGHT, width=DOTS_PX,
                alt=said,
            )  # fmt: skip


def _line(active: Sequence[Run], waits: int, median_us: str) -> str:
    """What runs and how long the first words took, as Markdown."""
    last = f" · last {waits} first tokens: median {median_us}" if waits else ""
    if not active:
        return f":material/radio_button_unchecked: Nothing is running{last}"
    badges = [f":green-badge[:material/progress_activity: {doing(run)}]" for run in active[:SHOWN]]
    more = f" :gray[and {len(active) - SHOWN} more]" if len(active) > SHOWN else ""
    return f"**{len(active)} in flight** {' '.join(badges)}{more}{last}"


def dots_option(firsts: Sequence[FirstToken], catalog: Catalog) -> Option:
    """A dot per run, newest at the right, coloured by model; the axis begins at 0."""
    return {
        "animation": False,
        "grid": {"left": 4, "right": 8, "top": 6, "bottom": 6},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "xAxis": {
            "type": "value",
            "show": False,
            "min": -0.5,
            "max": max(19, len(firsts) - 1) + 0.5,
        },
        "yAxis": {"type": "value", "show": False, "min": 0},
        "series": [
            {
                "type": "scatter",
                "symbolSize": 8,
                "data": [
                    {
                        "name": f"{_model(one, catalog)}: {duration(one.first_token_us)}",
                        "value": [place, one.first_token_us],
                        "itemStyle": {"color": catalog.color(one.model or "")},
                    }
                    for place, one in enumerate(firsts)
                ],
            }
        ],
    }


def _model(one: FirstToken, catalog: Catalog) -> str:
    return catalog.display_name(one.model) if one.model else "No model"


def doing(run: Run) -> str:
    """Agent, what it does, for how long, and how fast text comes, as Markdown."""
    agent, what = activity(run)
    who = f"{escape(agent_title(agent))} · " if agent else ""
    fast = speed_now(run.events[-RECENT:])
    pace = f" · about {speed(fast)}" if fast else ""
    return f"{who}{escape(what)} · {duration(run.elapsed_us())}{pace}"


def speed_now(events: Sequence[Event]) -> float | None:
    """Tokens per second between the first and the last piece of text; estimated from its length.

    A provider counts tokens only when it has ended, and a piece can hold many.
    """
    pieces = [event for event in events if event.type == "token"]
    if len(pieces) < MIN_PIECES:
        return None
    took_us = pieces[-1].elapsed_us - pieces[0].elapsed_us
    tokens = sum(len(piece.text) for piece in pieces[1:]) / CHARS_PER_TOKEN
    return tokens / (took_us / 1e6) if took_us > 0 else None


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
