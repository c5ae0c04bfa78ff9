"""Settings: what new chats start with, what models are told, times, and what answers show.

Each choice is saved by a callback when it is made. Preferences as a file, and giving them up, are in
settings_preference_file.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from agents.preferences import AUTOMATIC_AGENT, AUTOMATIC_MODEL, FACTS, NAMES, Preferences
from agents.system_note import MAX_NOTE_CHARS
from core.comparison import MAX_TEMPERATURE
from core.errors import SwitchboardError
from core.transcript import AnswerSummary
from pages.components import session
from pages.components.answer import facts_line
from pages.components.answer_shown import person_zone, shown_to
from pages.components.choices import agent_options, model_options
from pages.components.markdown import escape
from pages.components.settings_preference_file import show_file, show_reset

if TYPE_CHECKING:
    from agents.runtime import Runtime

FACT_NAMES = {
    "agent": "Agent",
    "model": "Model",
    "first_token": "First token",
    "total": "Total time",
    "speed": "Speed",
    "tokens": "Tokens",
    "cost": "Cost",
    "time": "Time of day",
}
_WARM = "default_set_temperature"


def show_preferences(runtime: Runtime) -> None:
    """Draws the tab."""
    preferences = runtime.preferences.load(session.owner())
    _show_new_chats(runtime, preferences)
    _show_note(runtime, preferences)
    _show_zone(runtime, preferences)
    _show_under_answers(runtime, preferences)
    st.subheader("Your preferences as a file", anchor=False)
    show_file(runtime, preferences, start_again)
    show_reset(runtime, start_again)


def start_again() -> None:
    """For callbacks: the widgets show what is kept now."""
    for name in (*NAMES, "set_temperature"):
        st.session_state.pop(f"default_{name}", None)


def _show_new_chats(runtime: Runtime, preferences: Preferences) -> None:
    agents, models = agent_options(), model_options(runtime)
    _start("agent", preferences.agent if preferences.agent in agents else AUTOMATIC_AGENT)
    _start("model", preferences.model if preferences.model in models else AUTOMATIC_MODEL)
    _start("streaming", preferences.streaming)
    st.subheader("New chats", anchor=False)
    st.caption("What a chat starts with. It can be changed in each chat.")
    st.selectbox(
        "Agent", list(agents), key="default_agent", format_func=agents.__getitem__, width=420,
        on_change=_save, args=(runtime, "agent"),
    )  # fmt: skip
    st.selectbox(
        "Model", list(models), key="default_model", format_func=models.__getitem__, width=420,
        on_change=_save, args=(runtime, "model"),
    )  # fmt: skip
    if preferences.model not in models:
        name = escape(runtime.catalog.display_name(preferences.model))
        st.caption(f":material/warning: {name} is not configured here; the configured order is used.")  # fmt: skip
    st.toggle(
        "Streaming", key="default_streaming", help="Off: the answer appears when it is complete.",
        on_change=_save, args=(runtime, "streaming"),
    )  # fmt: skip
    _show_temperature(runtime, preferences)


def _show_temperature(runtime: Runtime, preferences: Preferences) -> None:
    usual = runtime.settings.temperature
    _start("set_temperature", preferences.temperature is not None)
    st.toggle(
        "Set the temperature", key=_WARM, on_change=_save_temperature, args=(runtime,),
        help=f"Higher: more varied, less predictable answers. Otherwise it is {usual:g}.",
    )  # fmt: skip
    if st.session_state[_WARM]:
        _start("temperature", usual if preferences.temperature is None else preferences.temperature)
        st.slider(
            "Temperature", 0.0, MAX_TEMPERATURE, step=0.05, key="default_temperature", width=420,
            on_change=_save_temperature, args=(runtime,),
        )  # fmt: skip


def _show_note(runtime: Runtime, preferences: Preferences) -> None:
    _start("note", preferences.note)
    st.subheader("Note to the model", anchor=False)
    st.caption(
        "Sent with every question of the chat: how you want answers to be, or what you work on. "
        "Models treat it as a wish; the built-in answerer does not read it."
    )
    st.text_area(
        "Note to the model", key="default_note", max_chars=MAX_NOTE_CHARS, height=120, width=640,
        placeholder="Answer in German, with a short example.", label_visibility="collapsed",
        on_change=_save, args=(runtime, "note"),
    )  # fmt: skip


def _show_zone(runtime: Runtime, preferences: Preferences) -> None:
    st.subheader("Time zone", anchor=False)
    zones = _zones()
    if preferences.timezone not in zones:
        zones = (*zones, preferences.timezone)
    _start("timezone", preferences.timezone)
    browser = escape(st.context.timezone or "unknown")
    st.selectbox(
        "Time zone", zones, key="default_timezone", width=420, label_visibility="collapsed",
        format_func=lambda zone: zone or "As in this browser", on_change=_save,
        args=(runtime, "timezone"),
    )  # fmt: skip
    there = datetime.now(UTC).astimezone(person_zone(preferences))
    which = "" if preferences.timezone else f" ({browser})"
    zone = escape(runtime.zone.key)
    st.caption(
        f"Times in the chat: it is {there:%H:%M} now{which}. Dashboard, reports and budgets count "
        f"days of the reporting zone, {zone}, for everybody alike."
    )


def _show_under_answers(runtime: Runtime, preferences: Preferences) -> None:
    st.subheader("Under an answer", anchor=False)
    _start("facts", list(preferences.facts))
    st.pills(
        "Figures", FACTS, key="default_facts", selection_mode="multi", on_change=_save,
        format_func=FACT_NAMES.__getitem__, args=(runtime, "facts"),
    )  # fmt: skip
    example = facts_line(_EXAMPLE, runtime.catalog, shown_to(preferences), _now_us())
    st.caption(f"Example: {example}" if example else "No figures under answers.")
    for name, label, why in (
        ("sources", "Sources", "The passages that were read and cited."),
        ("steps", "Steps", "What the agents did, with the route and the tools."),
        ("run_link", "Link to the run", "To the page that shows how an answer came about."),
    ):
        _start(name, getattr(preferences, name))
        st.toggle(label, key=f"default_{name}", help=why, on_change=_save, args=(runtime, name))


_EXAMPLE = AnswerSummary(
    agent="general",
    model="openai:gpt-4o-mini",
    ttft_us=420_000,
    duration_us=2_100_000,
    tokens_per_s=85.0,
    calls=1,
    input_tokens=1_240,
    output_tokens=180,
    cost_pusd=294_000_000,
)


@cache
def _zones() -> tuple[str, ...]:
    """ "" for the browser's, then names of places; the others are aliases."""
    from zoneinfo import available_timezones

    places = {zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")}
    return ("", "UTC", *sorted(places))


def _now_us() -> int:
    return int(datetime.now(UTC).timestamp() * 1e6)


def _start(name: str, value: Any) -> None:
    """What is kept, unless the widget has a value already: nothing typed is written over."""
    st.session_state.setdefault(f"default_{name}", value)


# -- callbacks


def _save(runtime: Runtime, name: str) -> None:
    try:
        runtime.preferences.set(session.owner(), name, st.session_state[f"default_{name}"])
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _save_temperature(runtime: Runtime) -> None:
    usual = runtime.settings.temperature
    warm = st.session_state.get("default_temperature", usual) if st.session_state[_WARM] else None
    try:
        runtime.preferences.set(session.owner(), "temperature", warm)
    except SwitchboardError as exc:
        session.keep_notice(exc)
