"""The row of options above the chat: agent, model, streaming, and behind a button the rest.

It starts from what the person prefers. What is chosen here holds for this browser tab, also after
other pages were visited, until it is made the default or given up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from agents.model_ids import takes_temperature
from agents.preferences import AUTOMATIC_AGENT, AUTOMATIC_MODEL, DEFAULTS, Preferences
from core.comparison import MAX_TEMPERATURE
from core.errors import StorageError, SwitchboardError
from pages.components import session
from pages.components.choices import agent_options, model_options, split_agent
from pages.components.markdown import escape
from pages.components.usage_line import show_usage

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agents.runtime import Runtime

LOCAL = "local:extractive"
_CHOSEN = "_chat_options"
"""What was chosen in this tab: names of preferences, and `send_note`."""
_KEYS = {"agent": "agent", "model": "model", "streaming": "streaming", "send_note": "send_note"}
_WARM, _TEMPERATURE = "chat_set_temperature", "chat_temperature"
_NOTE_SHOWN = 160


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the next question is asked with: fields of a TurnRequest."""

    graph: str
    agent: str | None
    model: str | None
    stream: bool
    temperature: float | None
    note: str | None


def show_options(runtime: Runtime, preferences: Preferences) -> DeltaGenerator:
    """Draws the row, and gives it for what else belongs there."""
    agents, models = agent_options(), model_options(runtime)
    now = _now(preferences)
    st.session_state["agent"] = now.agent if now.agent in agents else AUTOMATIC_AGENT
    st.session_state["model"] = now.model if now.model in models else AUTOMATIC_MODEL
    st.session_state["streaming"] = now.streaming
    row = st.container(horizontal=True, vertical_alignment="center", key="options")
    with row:
        st.selectbox(
            "Agent", list(agents), key="agent", format_func=agents.__getitem__, width=168,
            label_visibility="collapsed", on_change=_choose, args=("agent",),
        )  # fmt: skip
        st.selectbox(
            "Model", list(models), key="model", format_func=models.__getitem__, width=168,
            label_visibility="collapsed", on_change=_choose, args=("model",),
        )  # fmt: skip
        st.toggle(
            "Streaming", key="streaming", on_change=_choose, args=("streaming",),
            help="Off: the answer appears when it is complete.",
        )  # fmt: skip
        with st.popover("Options", icon=":material/tune:", type="tertiary", key="more_options"):
            show_usage(runtime)
            _show_temperature(runtime, now)
            _show_note(preferences)
            _show_default(runtime, preferences, now)
        show_usage(runtime, only_when_nearly_used_up=True)
    return row


def chosen(runtime: Runtime) -> Options:
    """For callbacks too: what the widgets say, else this tab's choice, else the preference."""
    state = st.session_state
    try:
        preferences = runtime.preferences.load(session.owner())
    except StorageError:  # the run that is started next says what is wrong
        preferences = DEFAULTS
    now = _now(preferences)
    graph, agent = split_agent(state.get("agent", now.agent))
    temperature = now.temperature
    if _WARM in state:
        temperature = state.get(_TEMPERATURE, temperature) if state[_WARM] else None
    return Options(
        graph=graph,
        agent=agent,
        model=state.get("model", now.model) or None,
        stream=bool(state.get("streaming", now.streaming)),
        temperature=temperature,
        note=preferences.note if _sends_note() and preferences.note else None,
    )


def _now(preferences: Preferences) -> Preferences:
    """The preferences as they stand in this tab."""
    mine = {k: v for k, v in st.session_state.get(_CHOSEN, {}).items() if k != "send_note"}
    return replace(preferences, **mine)


def _sends_note() -> bool:
    state = st.session_state
    return bool(state.get("send_note", state.get(_CHOSEN, {}).get("send_note", True)))


def _show_temperature(runtime: Runtime, now: Preferences) -> None:
    usual = runtime.settings.temperature
    st.session_state[_WARM] = now.temperature is not None
    st.toggle(
        "Set the temperature", key=_WARM, on_change=_choose_temperature, args=(usual,),
        help=f"Higher: more varied, less predictable answers. Otherwise it is {usual:g}.",
    )  # fmt: skip
    if now.temperature is not None:
        st.session_state[_TEMPERATURE] = now.temperature
        st.slider(
            "Temperature", 0.0, MAX_TEMPERATURE, step=0.05, key=_TEMPERATURE,
            label_visibility="collapsed", on_change=_choose_temperature, args=(usual,),
        )  # fmt: skip
    chain = (st.session_state["model"], *runtime.settings.answer_models)
    first = next(iter(runtime.models.usable([one for one in chain if one])), LOCAL)
    if first == LOCAL:
        st.caption("The built-in answerer heeds neither a temperature nor a note.")
    elif not takes_temperature(runtime.catalog, first):
        st.caption("This model answers with a temperature of its own.")


def _show_note(preferences: Preferences) -> None:
    if not preferences.note:
        st.caption("A note to the model, such as “Answer in German”, can be kept in the settings.")
    else:
        st.session_state["send_note"] = _sends_note()
        note = " ".join(preferences.note.split())
        short = note if len(note) <= _NOTE_SHOWN else f"{note[:_NOTE_SHOWN]}…"
        st.toggle("Send my note to the model", key="send_note", on_change=_choose, args=("send_note",))  # fmt: skip
        st.caption(escape(short))
    st.page_link("pages/settings.py", label="All preferences", icon=":material/settings:")


def _show_default(runtime: Runtime, preferences: Preferences, now: Preferences) -> None:
    """Only when something was chosen that is not the default."""
    if now == preferences:
        return
    with st.container(horizontal=True):
        st.button(
            "Make default", key="options_default", on_click=_make_default, args=(runtime,),
            help="New chats start with this agent, model, mode and temperature.",
        )  # fmt: skip
        st.button("Use my defaults", key="options_forget", type="tertiary", on_click=forget_choices)


# -- callbacks


def forget_choices() -> None:
    """This tab goes by the preferences again."""
    st.session_state.pop(_CHOSEN, None)
    for key in (*_KEYS.values(), _WARM, _TEMPERATURE):
        st.session_state.pop(key, None)


def _choose(name: str) -> None:
    _keep(name, st.session_state[_KEYS[name]])


def _choose_temperature(usual: float) -> None:
    warm = st.session_state[_WARM]
    _keep("temperature", st.session_state.get(_TEMPERATURE, usual) if warm else None)


def _keep(name: str, value: Any) -> None:
    st.session_state[_CHOSEN] = {**st.session_state.get(_CHOSEN, {}), name: value}


def _make_default(runtime: Runtime) -> None:
    mine = {k: v for k, v in st.session_state.get(_CHOSEN, {}).items() if k != "send_note"}
    try:
        runtime.preferences.save(session.owner(), mine)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    forget_choices()
    st.toast("New chats start with these options.", icon=":material/check:")
