"""An answer as a test case: what of it the next answers must have too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.from_answer import Expected, case_of, cited
from agents.specialists import BY_NAME
from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.run_store import EndedAnswer
    from agents.runtime import Runtime


FORM_PX = 440
"""About the height of the form."""
_LABEL, _ICON = "Save as test case", ":material/fact_check:"


def show_save_case(runtime: Runtime, run_id: str) -> None:
    """A popover with the form; nothing for a run without an answer of ours."""
    ended = _ended(runtime, run_id)
    if ended is not None:
        with st.popover(_LABEL, icon=_ICON, type="tertiary"):
            _form(runtime, run_id, ended)


def show_save_case_later(runtime: Runtime, run_id: str) -> None:
    """The same for a page with many answers: what it needs is read when it is opened."""
    with st.popover(
        _LABEL, icon=_ICON, type="tertiary", key=f"case_{run_id}", on_change="rerun"
    ) as place:
        # Whether it opens upwards is decided by what is in it when it opens, and again whenever it
        # becomes lower: so the space goes when the form is there, and not before.
        with st.container():
            if place.open:
                ended = _ended(runtime, run_id)
                if ended is None:
                    st.caption("Only an answer that was given here can become a test case.")
                else:
                    _form(runtime, run_id, ended)
        if place.open:
            st.empty()
        else:
            st.space(FORM_PX)


def _ended(runtime: Runtime, run_id: str) -> EndedAnswer | None:
    """None too for a run of somebody else: an imported answer may name any."""
    try:
        request = runtime.store.request_of(run_id)
        if request is None or request.owner != session.owner():
            return None
        ended = runtime.store.answers([run_id]).get(run_id)
    except SwitchboardError:
        return None
    return ended if ended is not None and ended.question else None


def _form(runtime: Runtime, run_id: str, ended: EndedAnswer) -> None:
    st.caption("Evaluations ask this question again and check the answers for what you keep.")
    documents, agent = cited(ended.text, ended.summary), ended.summary.agent
    with st.form(f"save_case_{run_id}", border=False):
        facts = st.text_area(
            "Must contain", placeholder="One fact a line, in the words it has", height=90
        )
        sources = st.multiselect("Must cite", documents, default=documents)
        title = BY_NAME[agent].title if agent in BY_NAME else agent
        by_agent = agent is not None and st.checkbox(f"Must come from {escape(str(title))}", True)
        seconds = st.number_input("At most seconds", min_value=0.0, value=None, step=1.0)
        usd = st.number_input(
            "At most US dollars", min_value=0.0, value=None, step=0.001, format="%.4f"
        )
        rubric = st.text_input("Requirement for a judge model", placeholder="Names every step")
        if st.form_submit_button("Save test case", type="primary"):
            expected = Expected(
                facts=facts.split("\n"),
                documents=sources,
                agent=agent if by_agent else None,
                max_seconds=seconds or None,
                max_usd=usd or None,
                rubric=rubric,
            )
            _save(runtime, run_id, ended, expected)
    st.page_link("pages/evaluations.py", label="All test cases", icon=":material/checklist:")


def _save(runtime: Runtime, run_id: str, ended: EndedAnswer, expected: Expected) -> None:
    try:
        case = case_of(ended.question, ended.text, expected)
        runtime.evaluations.sets.save_case(session.owner(), case, run_id)
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    st.success("Saved.", icon=":material/check:")
