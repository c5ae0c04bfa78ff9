"""Evaluations: a set of questions put to several configurations, and what the answers are worth."""

import streamlit as st

from core.errors import SwitchboardError
from pages.components import evaluation_url, session
from pages.components.evaluation_list import show_list
from pages.components.evaluation_new import show_new
from pages.components.evaluation_one import show_evaluation
from pages.components.evaluation_sets import show_sets

runtime = session.begin_page("chat")

opened = evaluation_url.opened(runtime)
if opened is not None:
    try:
        show_evaluation(runtime, opened)
    except SwitchboardError as exc:
        session.show_error(exc)
    st.stop()
st.title("Evaluations", anchor=False)
st.caption(
    "Put a set of questions to several configurations, check every answer, and see which one "
    "holds up: quality with intervals, cost and time, question by question."
)
if evaluation_url.missing():
    st.warning(
        "This evaluation is not here any more: it was deleted, or the address is wrong.",
        icon=":material/link_off:",
    )
listed, new, sets = st.tabs(
    evaluation_url.TABS, key=evaluation_url.TAB, bind="query-params", on_change="rerun"
)
for tab, show in ((listed, show_list), (new, show_new), (sets, show_sets)):
    if tab.open:
        with tab:
            try:
                show(runtime)
            except SwitchboardError as exc:
                session.show_error(exc)
