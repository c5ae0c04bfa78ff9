"""One evaluation: how far it is, what it found, question by question, and against another one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import full_label
from core.errors import SwitchboardError
from pages.components import evaluation_url, session
from pages.components.evaluation_buttons import show_buttons
from pages.components.evaluation_cases import show_cases
from pages.components.evaluation_compare import show_compare
from pages.components.evaluation_progress import (
    badge,
    follow_progress,
    show_progress,
    still_running,
    watch,
)
from pages.components.evaluation_reading import load
from pages.components.evaluation_results import show_results
from pages.components.format import usd
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from agents.runtime import Runtime

LIVE_S = 5.0
"""Between two drawings of the results while answers come in."""
VIEWS = {
    "results": "Results",
    "cases": "Questions",
    "compare": "Compare with another",
    "setup": "Set-up",
}


def show_evaluation(runtime: Runtime, one: Evaluation) -> None:
    """Draws it. Raises SwitchboardError."""
    st.button(
        "All evaluations", key="evaluation_back", icon=":material/arrow_back:", type="tertiary",
        on_click=evaluation_url.show, args=(None,),
    )  # fmt: skip
    _head(runtime, one)
    if one.status == "running":
        follow_progress(runtime, one.id)
    else:
        show_progress(one)
        watch(runtime, one.id, one.status, runtime.evaluations.is_active(one.id))
    if one.status == "paused" and one.why:
        st.warning(f"Paused: {escape(one.why)}", icon=":material/pause_circle:")
    show_buttons(runtime, one)
    st.session_state.setdefault(evaluation_url.VIEW_KEY, _view_in_url())
    view = st.segmented_control(
        "View", list(VIEWS), format_func=VIEWS.__getitem__, key=evaluation_url.VIEW_KEY, wrap=True,
        required=True, label_visibility="collapsed", on_change=_write_view,
    )  # fmt: skip
    if one.status == "running" and view in ("results", "cases"):
        _follow(runtime, one.id, view)
    else:
        _show(runtime, one, view or "results")


@st.fragment(run_every=LIVE_S)
def _follow(runtime: Runtime, evaluation_id: str, view: str) -> None:
    try:
        _show(runtime, still_running(runtime, evaluation_id), view)
    except SwitchboardError as exc:
        session.show_error(exc)


def _show(runtime: Runtime, one: Evaluation, view: str) -> None:
    if view == "setup":
        _setup(runtime, one)
        return
    loaded = load(runtime, one)
    match view:
        case "cases":
            show_cases(runtime, loaded)
        case "compare":
            show_compare(runtime, loaded)
        case _:
            show_results(runtime, loaded)


def _view_in_url() -> str:
    usual = "compare" if evaluation_url.OTHER in st.query_params else "results"
    asked = st.query_params.get(
        "view", "cases" if evaluation_url.CASE in st.query_params else usual
    )
    return asked if asked in VIEWS else usual


def _write_view() -> None:
    """A callback."""
    st.query_params[evaluation_url.VIEW] = st.session_state[evaluation_url.VIEW_KEY]


def _head(runtime: Runtime, one: Evaluation) -> None:
    label, color, icon = badge(one)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(escape(one.plan.name), anchor=False, width="content")
        st.badge(label, color=color, icon=icon)  # type: ignore[arg-type]
    made = datetime.fromtimestamp(one.created_at_us / 1e6, runtime.zone)
    several = len(one.plan.configurations)
    parts = [
        f"{escape(one.set_name)}, version {one.set_version}",
        f"{several} configuration{'s' if several > 1 else ''}",
        f"{made:%d %b %Y, %H:%M}",
    ]
    if one.plan.repeats > 1:
        parts.insert(2, f"each question {one.plan.repeats} times")
    st.caption(" · ".join(parts))


def _setup(runtime: Runtime, one: Evaluation) -> None:
    plan = one.plan
    rows = {
        f"Configuration {n}": full_label(each, runtime.catalog.display_name)
        for n, each in enumerate(plan.configurations, 1)
    }
    rows |= {
        "Question set": f"{one.set_name}, version {one.set_version}",
        "Digest of the set": one.set_digest,
        "Each question asked": f"{plan.repeats} time{'s' if plan.repeats > 1 else ''}",
        "Answers at once": str(plan.concurrency),
        "Budget": "none" if plan.budget_pusd is None else usd(plan.budget_pusd),
        "Judge model": plan.judge_model or "none",
        "Judge compares pairs": "yes, in both orders" if plan.pairwise else "no",
        "Id": one.id,
    }
    st.table(
        {"": list(rows), "Value": [escape(value) for value in rows.values()]},
        border="horizontal", hide_index=True, alt="How this evaluation was set up",
    )  # fmt: skip
