"""For each pair of configurations: how many answers passed only of the one, and only of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.markdown import escape

if TYPE_CHECKING:
    from pages.components.evaluation_reading import Loaded

ITSELF = "·"


def show_only(loaded: Loaded) -> None:
    """Draws the matrix."""
    st.markdown("**Passed by one only**")
    st.table(
        only_cells(loaded), border="horizontal", hide_index=True,
        alt="Answers that passed only of the row, and only of the column",
    )  # fmt: skip
    st.caption(
        "Of the same questions: left, how many passed only with the configuration of the row; right, "
        "only with that of the column."
    )


def only_cells(loaded: Loaded) -> dict[str, list[str]]:
    """Header to cells, as Markdown; the first column names the rows."""
    numbers = range(len(loaded.labels))
    passed = [
        {one.question: one.passed for one in loaded.results.answered(n) if one.passed is not None}
        for n in numbers
    ]
    names = [escape(label) for label in loaded.labels]
    return {"": names} | {
        names[column]: [
            ITSELF if row == column else _cell(passed[row], passed[column]) for row in numbers
        ]
        for column in numbers
    }


def _cell(row: dict[str, bool], column: dict[str, bool]) -> str:
    both = row.keys() & column.keys()
    mine = sum(row[one] and not column[one] for one in both)
    theirs = sum(column[one] and not row[one] for one in both)
    return f"{mine:,} / {theirs:,}"
