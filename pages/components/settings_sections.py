"""Settings: the look, and what this installation is."""

from __future__ import annotations

import platform
from importlib.metadata import version

import streamlit as st

from core.version import VERSION


def show_about() -> None:
    """Draws version and theme hint."""
    st.subheader("Appearance", anchor=False)
    if st.get_option("client.toolbarMode") == "minimal":  # then there is no menu
        st.caption("Light or dark follows your browser and your system.")
    else:
        st.caption("Light or dark: the menu :material/more_vert: at the top right.")
    st.subheader("Version", anchor=False)
    parts = [f"Switchboard {VERSION}", f"Python {platform.python_version()}"]
    parts += [f"{name} {version(name.lower())}" for name in ("Streamlit", "LangGraph")]
    st.caption(" · ".join(parts))
