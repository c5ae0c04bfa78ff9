"""Settings: what a new chat starts with, and what this installation is."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import SwitchboardError
from core.version import VERSION
from pages.components import session
from pages.components.choices import (
    AUTOMATIC_AGENT,
    AUTOMATIC_MODEL,
    agent_options,
    model_options,
)

if TYPE_CHECKING:
    from agents.runtime import Runtime


def show_defaults(runtime: Runtime) -> None:
    """Draws the choices a new chat starts with; each is saved when it is changed."""
    agents, models = agent_options(), model_options(runtime)
    preferences = runtime.threads.preferences(session.OWNER)
    _start("default_agent", preferences.get("agent"), agents, AUTOMATIC_AGENT)
    _start("default_model", preferences.get("model"), models, AUTOMATIC_MODEL)
    st.session_state.setdefault("default_streaming", bool(preferences.get("streaming", True)))
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
    st.toggle(
        "Streaming", key="default_streaming", help="Off: the answer appears when it is complete.",
        on_change=_save, args=(runtime, "streaming"),
    )  # fmt: skip


def _start(key: str, saved: Any, options: dict[str, str], otherwise: str) -> None:
    """A saved choice may have gone: a graph was removed, a key is no longer set."""
    if st.session_state.get(key) not in options:
        st.session_state[key] = saved if saved in options else otherwise


def _save(runtime: Runtime, name: str) -> None:
    try:
        runtime.threads.set_preference(session.OWNER, name, st.session_state[f"default_{name}"])
    except SwitchboardError as exc:
        session.keep_notice(exc)


def show_about() -> None:
    """Draws version and theme hint."""
    st.subheader("Appearance", anchor=False)
    if st.get_option("client.toolbarMode") == "minimal":  # then there is no menu
        st.caption("Light or dark follows your browser and your system.")
    else:
        st.caption("Light or dark: the menu :material/more_vert: at the top right → Settings.")
    st.subheader("Version", anchor=False)
    parts = [f"Switchboard {VERSION}", f"Python {platform.python_version()}"]
    parts += [f"{name} {version(name.lower())}" for name in ("Streamlit", "LangGraph")]
    st.caption(" · ".join(parts))
