"""A judge model beside the people: it votes on what they voted on, and one sees how far they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.votes import PAGE
from agents.model_ids import LOCAL
from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.comparing.judging import JudgeProgress
    from agents.runtime import Runtime

EVERY_S = 1.0


def show_judging(runtime: Runtime) -> None:
    """The choice of a judge, or how far one is. Nothing before the first vote of a person."""
    if not runtime.votes(session.principal()).sources().get(PAGE):
        return
    with st.expander("Let a model vote on the same answers", icon=":material/gavel:"):
        st.caption(
            "It sees each pair in both orders, and one that contradicts itself has said “tie”. Its "
            "votes are kept apart from people's: choose both above to see how far they agree."
        )
        progress = runtime.comparisons.judging.progress()
        if progress is not None and progress.running:
            _follow(runtime)
        else:
            _choose(runtime, progress)


def _choose(runtime: Runtime, last: JudgeProgress | None) -> None:
    if last is not None and last.problem:
        st.warning(escape(last.problem), icon=":material/warning:")
    elif last is not None and last.total:
        name = escape(runtime.catalog.display_name(last.model))
        st.caption(f"{name} judged {last.done:,} of {last.total:,} pairs.")
    models = {
        one.id: one.display_name
        for one in runtime.models.list_models()
        if one.configured and one.id != LOCAL
    }
    if not models:
        st.caption("No model that could judge is configured: the embedded answerer cannot.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = st.selectbox(
            "Judge", list(models), format_func=models.__getitem__, key="judge_model"
        )
        st.button(
            "Start", icon=":material/play_arrow:", key="judge_start",
            on_click=_start, args=(runtime, model),
        )  # fmt: skip


@session.needs("all_figures")
def _start(runtime: Runtime, model: str) -> None:
    try:
        if not runtime.comparisons.judging.start(model, session.owner()):
            st.toast("It has judged everything you voted on.", icon=":material/check:")
    except SwitchboardError as exc:
        session.keep_notice(exc)


@st.fragment(run_every=EVERY_S)
def _follow(runtime: Runtime) -> None:
    progress = runtime.comparisons.judging.progress()
    if progress is None or not progress.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            progress.done / max(progress.total, 1),
            text=f"{progress.done:,} of {progress.total:,} pairs",
        )
        st.button("Stop", icon=":material/stop_circle:", type="tertiary", key="judge_stop",
                  on_click=_stop, args=(runtime,))  # fmt: skip


@session.needs("all_figures")
def _stop(runtime: Runtime) -> None:
    runtime.comparisons.judging.stop()
