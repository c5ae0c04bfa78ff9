"""Settings: what a person prefers, and this installation: models, prompts, prices, data, health."""

import streamlit as st

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

runtime = session.begin_page()

st.title("Settings", anchor=False)
of_people = login_tabs(runtime)
(
    preferences, *more, models, prompts, prices, knowledge, chats, data, privacy, imports, health
) = st.tabs(
    ["Preferences", *of_people, "Models", "Prompts", "Prices", "Knowledge", "Chats", "Data",
     "Privacy", "Import", "Health"],
    key="settings_tab", bind="query-params", on_change="rerun",
)  # fmt: skip
with preferences:
    show_preferences(runtime)
    show_about(runtime)
with models:
    show_models(runtime)
with prompts:
    show_prompts(runtime)
with prices:
    show_prices(runtime)
with knowledge:
    show_knowledge(runtime)
with chats:
    show_exchange(runtime)
with data:
    show_data(runtime)
with privacy:
    show_privacy(runtime)
with imports:
    show_import(runtime)
with health:
    show_health(runtime)
for tab, show in zip(more, of_people.values(), strict=True):
    if tab.open:
        with tab:
            show(runtime)
