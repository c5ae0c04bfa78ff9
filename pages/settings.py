"""Settings: what a person prefers, and this installation: models, prompts, prices, data, health."""

from collections.abc import Callable

import streamlit as st

from agents.runtime import Runtime
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
from pages.components.settings_sections import login_tabs, show_about

NEEDS: dict[str, Right] = {
    "Prices": "settings",
    "Data": "settings",
    "Import": "settings",
    "Health": "settings",
    "People": "people",
    "Audit log": "people",
}
"""Sections for those who look after the installation; the others are for everybody."""
TAB = "settings_tab"


def show_own(runtime: Runtime) -> None:
    show_preferences(runtime)
    show_about(runtime)


def may_see(title: str) -> bool:
    return title not in NEEDS or session.allowed(NEEDS[title])


runtime = session.begin_page()
of_login = login_tabs(runtime)
sections: dict[str, Callable[[Runtime], None]] = {
    "Preferences": show_own,
    **of_login,
    "Models": show_models,
    "Prompts": show_prompts,
    "Prices": show_prices,
    "Knowledge": show_knowledge,
    "Chats": show_exchange,
    "Data": show_data,
    "Privacy": show_privacy,
    "Import": show_import,
    "Health": show_health,
}

st.title("Settings", anchor=False)
if not may_see(st.query_params.get(TAB, "")):
    del st.query_params[TAB]
    session.say_forbidden()
titles = [title for title in sections if may_see(title)]
tabs = st.tabs(titles, key=TAB, bind="query-params", on_change="rerun")
for tab, title in zip(tabs, titles, strict=True):
    with tab:
        if tab.open or title not in of_login:
            sections[title](runtime)
