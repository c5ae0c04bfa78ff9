"""Settings: models, knowledge, data, health, and what a new chat starts with."""

import streamlit as st

from pages.components import session
from pages.components.settings_health import show_data, show_health
from pages.components.settings_knowledge import show_knowledge
from pages.components.settings_models import show_models
from pages.components.settings_sections import show_about, show_defaults

runtime = session.begin_page()

st.title("Settings", anchor=False)
general, models, knowledge, data, health = st.tabs(
    ["General", "Models", "Knowledge", "Data", "Health"], key="settings_tab", bind="query-params",
    on_change="rerun",
)  # fmt: skip
with general:
    show_defaults(runtime)
    show_about()
with models:
    show_models(runtime)
with knowledge:
    show_knowledge(runtime)
with data:
    show_data(runtime)
with health:
    show_health(runtime)
