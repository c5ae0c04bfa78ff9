"""Settings: what a person prefers, and this installation: models, prompts, prices, data, health."""

from collections.abc import Callable

import streamlit as st

from core.identity import Right
from pages.components import session
from pages.components.exchange_section import show_exchange
from pages.components.settings_health import show_data, show_health
from pages.components.settings_import import show_import
from pages.components.settings_knowledge import show_knowledge
from pages.components.settings_models import show_models
from pages.components.settings_preferences import show_preferences
from pages.components.settings_prices import show_prices
from pages.components.settings_privacy import show_privacy
from pages.components.settings_prompts import show_prompts
from pages.components.settings_sections import show_about

OF_INSTALLATION: dict[str, Right] = {
    "Prices": "settings",
    "Data": "settings",
    "Import": "settings",
    "Health": "settings",
}
"""Sections for those who look after the installation; the others are for everybody."""
TAB = "settings_tab"

runtime = session.begin_page()


def show_own() -> None:
    show_preferences(runtime)
    show_about()


SECTIONS: dict[str, Callable[[], None]] = {
    "Preferences": show_own,
    "Models": lambda: show_models(runtime),
    "Prompts": lambda: show_prompts(runtime),
    "Prices": lambda: show_prices(runtime),
    "Knowledge": lambda: show_knowledge(runtime),
    "Chats": lambda: show_exchange(runtime),
    "Data": lambda: show_data(runtime),
    "Privacy": lambda: show_privacy(runtime),
    "Import": lambda: show_import(runtime),
    "Health": lambda: show_health(runtime),
}

st.title("Settings", anchor=False)
right = OF_INSTALLATION.get(st.query_params.get(TAB, ""))
if right is not None and not session.allowed(right):
    st.query_params.pop(TAB)
    session.say_forbidden()
titles = [name for name in SECTIONS if session.allowed(OF_INSTALLATION.get(name, "chat"))]
for tab, title in zip(
    st.tabs(titles, key=TAB, bind="query-params", on_change="rerun"), titles, strict=True
):
    with tab:
        SECTIONS[title]()
