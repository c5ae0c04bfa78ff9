"""Two answers against each other: what they have in common, word by word and in their structure."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.text_features import TextFeatures, structure_diff, traits_of
from core.transcript import AnswerSummary
from pages.components.answer import cited_numbers
from pages.components.compare_runs import Column
from pages.components.format import share
from pages.components.markdown import escape
from pages.components.run_diff import SAME, word_diff

ALIKE = 0.3
"""Less than this, and a comparison word by word is harder to read than both texts."""
_SIGNS = {"both": " ", "left": "−", "right": "+"}


def show_diff(columns: Sequence[Column]) -> None:
    """Draws the choice of two ended answers and their differences."""
    written = {column.letter: column.outcome() for column in columns if column.there}
    letters = [letter for letter, (text, _) in written.items() if text]
    if len(letters) < 2:
        return
    names = {c.letter: c.letter if c.hidden else f"{c.letter} · {c.label}" for c in columns}
    with st.expander("Compare two answers", icon=":material/difference:"):
        left, right = letters[0], letters[1]
        if len(letters) > 2:
            with st.container(horizontal=True):
                left = st.selectbox(
                    "This answer", letters, format_func=names.__getitem__, key="diff_left"
                )
                right = st.selectbox(
                    "with this one", [x for x in letters if x != left],
                    format_func=names.__getitem__, key="diff_right",
                )  # fmt: skip
        _show(names[left], written[left], names[right], written[right])


def _show(
    left: str,
    one: tuple[str, AnswerSummary],
    right: str,
    other: tuple[str, AnswerSummary],
) -> None:
    a, b = traits_of(one[0]), traits_of(other[0])
    rows = shape_rows(left, (a, *one), right, (b, *other))
    st.table(rows, border="horizontal", hide_index=True, alt="Length and structure of two answers")
    in_words, in_structure = st.tabs(["Words", "Structure"])
    with in_words:
        diff = word_diff(one[0], other[0])
        if one[0] == other[0]:
            st.caption(SAME)
        elif diff.alike < ALIKE:
            st.caption(
                f"Only {share(diff.alike, 0)} of the words are the same: read both texts instead."
            )
        else:
            st.caption(
                f"{share(diff.alike, 0)} of the words are the same. Struck out: only in "
                f"{escape(left)}. Bold: only in {escape(right)}."
            )
            st.markdown(diff.markdown)
    with in_structure:
        st.caption(f"− only in {escape(left)} · + only in {escape(right)}")
        lines = [f"`{_SIGNS[part.side]}` {escape(part.text)}" for part in structure_diff(a, b)]
        st.markdown("  \n".join(lines))


def shape_rows(
    left: str,
    one: tuple[TextFeatures, str, AnswerSummary],
    right: str,
    other: tuple[TextFeatures, str, AnswerSummary],
) -> dict[str, list[str]]:
    """Header to cells, as Markdown."""
    a, b = one[0], other[0]
    both = cited_documents(one[1], one[2]) & cited_documents(other[1], other[2])
    common = ", ".join(escape(name) for name in sorted(both)) or "none"

    def cells(traits: TextFeatures, text: str, summary: AnswerSummary) -> list[str]:
        return [
            f"{traits.words:,}",
            _reading(traits.reading_seconds),
            f"{traits.headings} / {traits.list_items} / {traits.code_blocks} / {traits.tables}",
            str(len(cited_documents(text, summary))),
            common,
        ]

    names = [
        "Words",
        "Reading time",
        "Headings / list items / code / tables",
        "Documents cited",
        "Cited by both",
    ]
    return {"": names, escape(left): cells(a, *one[1:]), escape(right): cells(b, *other[1:])}


def cited_documents(text: str, summary: AnswerSummary) -> set[str]:
    """The documents an answer really cites."""
    numbers = set(cited_numbers(text))
    return {str(source["document"]) for source in summary.sources if source["n"] in numbers}


def _reading(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
