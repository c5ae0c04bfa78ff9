"""A question set from test cases that were saved from answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import SwitchboardError
from pages.components import session
from pages.components.evaluation_preview import ask_name, expected, questions, save_button

if TYPE_CHECKING:
    from agents.evaluation.sets import SavedCase
    from agents.runtime import Runtime


def show_saved(runtime: Runtime) -> None:
    """Draws the choice. Raises StorageError."""
    saved = runtime.evaluations.sets.saved_cases(session.owner())
    if not saved:
        st.info(
            "No test case is saved yet. Press “Save as test case” under an answer of the chat.",
            icon=":material/bookmark_add:",
        )
        return
    st.caption("Saved from answers, oldest first. Untick what is not to be in the set.")
    taken = _choice(saved)
    name = ask_name("saved_name", "Saved test cases")
    with st.container(horizontal=True):
        save_button(
            runtime,
            f"Save {questions(len(taken))}",
            "saved_save",
            name,
            [one.case for one in taken],
        )
        with st.popover("Delete", icon=":material/delete:", type="tertiary", disabled=not taken):
            st.markdown(
                f"Delete the {len(taken):,} ticked test cases? Sets that have them keep them."
            )
            st.button(
                "Delete these test cases", key="saved_delete", type="primary", on_click=_delete,
                args=(runtime, [one.id for one in taken]),
            )  # fmt: skip


def _choice(saved: Sequence[SavedCase]) -> list[SavedCase]:
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    frame = pd.DataFrame(
        {
            "take": [True] * len(saved),
            "question": [" ".join(one.case.question.split())[:300] for one in saved],
            "expected": [expected(one.case) for one in saved],
            "tags": [", ".join(one.case.tags) for one in saved],
        }
    )
    if not any(frame["tags"]):
        frame = frame.drop(columns="tags")
    edited = st.data_editor(
        frame, hide_index=True, key=f"saved_cases_{len(saved)}_{saved[-1].id}",
        disabled=["question", "expected", "tags"], height=min(len(saved) + 1, 11) * 35 + 3,
        alt="Saved test cases, each with a tick to take it",
        column_config={
            "take": st.column_config.CheckboxColumn("Take", width=60),
            "question": st.column_config.TextColumn("Question", width=340),
            "expected": "Expected",
            "tags": "Tags",
        },
    )  # fmt: skip
    return [one for one, take in zip(saved, edited["take"], strict=True) if take]


def _delete(runtime: Runtime, ids: Sequence[str]) -> None:
    """A callback."""
    try:
        for one in ids:
            runtime.evaluations.sets.delete_case(session.owner(), one)
    except SwitchboardError as exc:
        session.keep_notice(exc)
