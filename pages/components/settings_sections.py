"""Settings: the look, what this installation is, and the tabs of those who log in."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING

import streamlit as st

from core.version import VERSION
from pages.components import session
from pages.components.settings_account import show_account
from pages.components.settings_audit import show_audit
from pages.components.settings_keys import show_keys
from pages.components.settings_people import show_people

if TYPE_CHECKING:
    from agents.runtime import Runtime

OPEN = (
    "Nobody has to log in here: everybody who can open this page is its administrator. To give "
    "people accounts, set `SWITCHBOARD_AUTH=accounts` in `.env` and add the first with "
    "`python -m api.accounts add NAME --role admin`."
)


def login_tabs(runtime: Runtime) -> dict[str, Callable[[Runtime], None]]:
    """Tabs that are there when people log in, by their titles."""
    if not runtime.identity.required:
        return {}
    tabs: dict[str, Callable[[Runtime], None]] = {"Account": show_account, "API keys": show_keys}
    if session.principal().may("people"):
        tabs |= {"People": show_people, "Audit log": show_audit}
    return tabs


def show_about(runtime: Runtime) -> None:
    """Draws version and theme hint, and how to turn the login on."""
    st.subheader("Appearance", anchor=False)
    if st.get_option("client.toolbarMode") == "minimal":  # then there is no menu
        st.caption("Light or dark follows your browser and your system.")
    else:
        st.caption("Light or dark: the menu :material/more_vert: at the top right.")
    st.subheader("Version", anchor=False)
    parts = [f"Switchboard {VERSION}", f"Python {platform.python_version()}"]
    parts += [f"{name} {version(name.lower())}" for name in ("Streamlit", "LangGraph")]
    st.caption(" · ".join(parts))
    if not runtime.identity.required:
        st.caption(OPEN)
