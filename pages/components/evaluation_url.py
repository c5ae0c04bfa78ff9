"""Which evaluation is open, by the page's address. Draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import NotFound
from pages.components import session

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from agents.runtime import Runtime

ID, OTHER, CASE, VIEW = "id", "with", "case", "view"
VIEW_KEY = "evaluation_view"
TAB = "evaluations_tab"
LIST, NEW, SETS = TABS = ["All evaluations", "New evaluation", "Question sets"]


def opened(runtime: Runtime) -> Evaluation | None:
    """The evaluation in the URL, if it is there."""
    return _read(runtime, ID)


def other(runtime: Runtime) -> Evaluation | None:
    """The one it is compared with."""
    return _read(runtime, OTHER)


def missing() -> bool:
    """Whether the URL names an evaluation at all: asked when `opened` gave none."""
    return bool(st.query_params.get(ID))


def show(evaluation_id: str | None) -> None:
    """A callback: opens an evaluation, or goes back to all."""
    for name in (ID, OTHER, CASE, VIEW):
        st.query_params.pop(name, None)
    st.session_state.pop(VIEW_KEY, None)
    st.session_state[TAB] = LIST
    if evaluation_id is not None:
        st.query_params[ID] = evaluation_id


def go_to(tab: str) -> None:
    """A callback: opens a tab."""
    st.session_state[TAB] = tab


def _read(runtime: Runtime, name: str) -> Evaluation | None:
    try:
        return runtime.evaluations.store.get(st.query_params.get(name), session.owner())
    except NotFound:
        return None
