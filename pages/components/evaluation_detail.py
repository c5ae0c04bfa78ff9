"""One question of an evaluation: what was expected, each answer with its checks, and how two differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.values import ALONE
from pages.components.answer import facts_line, show_sources
from pages.components.configuration_choosers import COLUMN_WIDTH, PER_ROW
from pages.components.evaluation_marks import check_sign, mark_markdown
from pages.components.format import share
from pages.components.markdown import escape, plain, safe
from pages.components.run_diff import SAME, word_diff

if TYPE_CHECKING:
    from agents.evaluation.question_set import Case
    from agents.evaluation.values import Cell
    from agents.run_store import EndedAnswer
    from agents.runtime import Runtime
    from pages.components.evaluation_reading import Loaded

ANSWER_PX = 360


def show_case(runtime: Runtime, loaded: Loaded, number: int) -> None:
    """Draws it. Raises StorageError."""
    case = loaded.results.cases[number]
    _question(case)
    repeat = _repeat(loaded, number)
    cells = [loaded.of(number, n)[repeat] for n in range(len(loaded.labels))]
    found = runtime.store.answers([cell.run_id for cell in cells if cell.run_id])
    with st.grid(PER_ROW[len(cells)], min_column_width=COLUMN_WIDTH, border=True) as grid:
        for label, cell in zip(loaded.labels, cells, strict=True):
            with grid.cell():
                _answer(runtime, label, cell, found.get(str(cell.run_id)))
    _judged_pairs(loaded, number, repeat)
    texts = {
        label: ended.text
        for label, cell in zip(loaded.labels, cells, strict=True)
        if (ended := found.get(str(cell.run_id))) and ended.text
    }
    _difference(texts, f"{loaded.evaluation.id}_{number}")


def _question(case: Case) -> None:
    st.markdown(plain(case.question))
    facts = [f"id {escape(case.id)}"]
    if case.tags:
        facts.append(f"tags {', '.join(escape(tag) for tag in case.tags)}")
    if case.document:
        facts.append(f"about {escape(case.document)}")
    st.caption(" · ".join(facts))
    if case.reference:
        with st.expander("An answer that would be right", icon=":material/verified:"):
            st.markdown(plain(case.reference))
    if case.notes:
        with st.expander("Notes", icon=":material/notes:"):
            st.markdown(plain(case.notes))


def _repeat(loaded: Loaded, number: int) -> int:
    repeats = loaded.evaluation.plan.repeats
    if repeats == 1:
        return 0
    chosen = st.segmented_control(
        "Asked", range(repeats), default=0, required=True, key=f"case_repeat_{number}",
        format_func=lambda n: f"Time {n + 1}",
    )  # fmt: skip
    return chosen or 0


def _answer(runtime: Runtime, label: str, cell: Cell, ended: EndedAnswer | None) -> None:
    st.markdown(f"**{escape(label)}**  \n{mark_markdown(cell)}")
    if cell.error:
        st.markdown(f":orange[{escape(cell.error)}]")
    for check in cell.checks:
        st.markdown(
            f"{check_sign(check)} {escape(check.wanted)}  \n:small[:gray[{escape(check.found)}]]"
        )
    if ended is None:
        if cell.status in ("done", "failed") and cell.run_id:
            st.caption("The answer itself was deleted.")
        return
    if ended.text:
        with st.container(height=ANSWER_PX if len(ended.text) > 900 else "content", border=False):
            st.markdown(safe(ended.text))
    st.caption(facts_line(ended.summary, runtime.catalog))
    show_sources(ended.text, ended.summary)
    st.page_link(
        "pages/run.py", label="How this answer came about", icon=":material/timeline:",
        query_params={"id": str(cell.run_id)},
    )  # fmt: skip


def _judged_pairs(loaded: Loaded, number: int, repeat: int) -> None:
    said = [
        one
        for one in loaded.results.judgements
        if (one.case_number, one.repeat) == (number, repeat) and one.second != ALONE
    ]
    if not said:
        return
    with st.expander("What the judge said", icon=":material/gavel:"):
        for one in sorted(said, key=lambda one: (max(one.first, one.second), one.first)):
            first, second = escape(loaded.labels[one.first]), escape(loaded.labels[one.second])
            if one.verdict is None:
                what = escape(one.error) if one.error else "not judged yet"
            else:
                better = {"first": first, "second": second}.get(one.verdict, "neither")
                what = f"**{better}** is better. {escape(one.reason)}"
            st.markdown(f":small[:gray[Shown first {first}, then {second}:]]  \n{what}")


def _difference(texts: dict[str, str], key: str) -> None:
    labels: Sequence[str] = list(texts)
    if len(labels) < 2:
        return
    with st.expander("Compare two answers word by word", icon=":material/difference:"):
        left, right = labels[0], labels[1]
        if len(labels) > 2:
            with st.container(horizontal=True):
                left = st.selectbox("This answer", labels, key=f"left_{key}")
                right = st.selectbox(
                    "with this one", [x for x in labels if x != left], key=f"right_{key}_{left}"
                )
        diff = word_diff(texts[left], texts[right])
        if texts[left] == texts[right]:
            st.caption(SAME)
            return
        st.caption(
            f"{share(diff.alike, 0)} of the words are the same. Struck out: only in {escape(left)}. "
            f"Bold: only in {escape(right)}."
        )
        st.markdown(diff.markdown)
