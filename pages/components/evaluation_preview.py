"""Questions with their checks in words, as a table; and how they become a question set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.checks import wanted
from agents.evaluation.sets import MAX_NAME
from core.errors import SwitchboardError
from pages.components import evaluation_url, session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.question_set import Case
    from agents.runtime import Runtime

SHOWN = 500
NOTHING_CHECKED = "an answer, nothing else"
SAVED = "_question_set_saved"
UPLOADS = "_question_set_uploads"
"""Counts what was saved: the uploader gets a new key each time, and is empty again."""
WIDE = ("Question", "Expected")
WIDE_PX = 420
ROWS_HIGH, ROW_PX = 9, 35


def show_preview(cases: Sequence[Case], *, key: str) -> None:
    """Draws the first of them."""
    shown = cases[:SHOWN]
    columns = {
        "Question": [" ".join(case.question.split())[:300] for case in shown],
        "Expected": [expected(case) for case in shown],
        "Tags": [", ".join(case.tags) for case in shown],
        "About": [case.document for case in shown],
        "Id": [case.id for case in shown],
    }
    kept = {name: c for name, c in columns.items() if name == "Question" or any(c)}
    show_texts(kept, alt="Questions with what is expected of their answers", key=key)
    if len(cases) > SHOWN:
        st.caption(f"The first {SHOWN:,} of {len(cases):,}.")


def show_texts(
    columns: Mapping[str, Sequence[str]],
    *,
    alt: str,
    key: str,
    wide: Sequence[str] = WIDE,
    rows_high: int = ROWS_HIGH,
) -> None:
    """Draws columns of plain text; those of `wide` get most of the width.

    `rows_high`: as many rows are seen without scrolling, the header included.
    """
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    rows = len(next(iter(columns.values())))
    st.dataframe(
        pd.DataFrame(columns), hide_index=True, key=key, alt=alt,
        height=min(rows + 1, rows_high) * ROW_PX + 3,
        column_config={name: st.column_config.TextColumn(name, width=WIDE_PX) for name in wide},
    )  # fmt: skip


def questions(count: int) -> str:
    return "1 question" if count == 1 else f"{count:,} questions"


def expected(case: Case) -> str:
    """Its checks in words, plain text."""
    return "; ".join(wanted(check) for check in case.checks) or NOTHING_CHECKED


def ask_name(key: str, start: str) -> str:
    """The name of a set that is to be saved."""
    return st.text_input(
        "Name of the set", start, key=key, max_chars=MAX_NAME, width=420,
        help="The same name again makes a new version; the same questions are kept once.",
    ).strip()  # fmt: skip


def save_button(
    runtime: Runtime,
    label: str,
    key: str,
    name: str,
    cases: Sequence[Case],
    *,
    primary: bool = True,
) -> None:
    """Saves the cases as a set when it is pressed."""
    st.button(
        label, key=key, type="primary" if primary else "secondary", icon=":material/save:",
        disabled=not (name and cases), on_click=_save, args=(runtime, name, tuple(cases)),
    )  # fmt: skip


def _save(runtime: Runtime, name: str, cases: Sequence[Case]) -> None:
    """A callback."""
    try:
        saved = runtime.evaluations.sets.save(session.owner(), name, cases)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    st.session_state[UPLOADS] = st.session_state.get(UPLOADS, 0) + 1
    st.session_state[SAVED] = (
        f"{escape(saved.name)}, version {saved.version}, with {questions(saved.cases)} is kept."
    )
    evaluation_url.go_to(evaluation_url.SETS)
