"""Alerts: what fires, which rules there are, and budgets. Who sees only their own: their budgets."""

import streamlit as st

from core.errors import SwitchboardError
from pages.components import session
from pages.components.alerts_now import TABS_KEY, show_now
from pages.components.alerts_rules import show_rules
from pages.components.budgets_list import show_budgets, show_own_budgets

runtime = session.begin_page("figures")


def show_all() -> None:
    st.title("Alerts", anchor=False)
    now, rules, budgets = st.tabs(
        ["Now", "Rules", "Budgets"], key=TABS_KEY, bind="query-params", on_change="rerun"
    )
    for tab, show in ((now, show_now), (rules, show_rules), (budgets, show_budgets)):
        with tab:
            if not tab.open:
                continue
            try:
                show(runtime)
            except SwitchboardError as exc:
                session.show_error(exc)
                st.caption(
                    "Chat goes on without alerts and budgets. Open this page again in a moment."
                )


if session.allowed("all_figures"):
    show_all()
else:
    st.title("Budgets", anchor=False)
    show_own_budgets(runtime)
