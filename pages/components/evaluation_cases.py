"""All questions by all configurations, with what passed and what did not; and which to look at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.evaluation_detail import show_case
from pages.components.evaluation_marks import COLORS, FAILED, NONE, PASSED, mark, overall
from pages.components.evaluation_reading import Loaded
from pages.components.evaluation_url import CASE

if TYPE_CHECKING:
    from agents.runtime import Runtime

ROWS = 200
"""Of one page of the table."""
ALL, NOT_PASSED, DIFFER = "All", "Not passed", "Differ"
_ROW_PX = 35
QUESTION_PX = 180
"""So narrow that an outcome stands beside it on a phone."""


def show_cases(runtime: Runtime, loaded: Loaded) -> None:
    """Draws filters, the table, and the question that was chosen in it."""
    numbers = _filtered(loaded)
    total = len(loaded.results.cases)
    if not numbers:
        st.info(
            f"None of the {total:,} questions fits these filters.", icon=":material/filter_alt:"
        )
    else:
        shown = numbers if len(numbers) == total else f"{len(numbers):,} of {total:,}"
        what = f"{total:,}" if shown is numbers else shown
        st.caption(f"{what} questions. Choose a row to read its answers.")
        _table(loaded, _one_page(numbers))
    _chosen(runtime, loaded, numbers)


def matching(
    loaded: Loaded, *, show: str = ALL, tags: Sequence[str] = (), text: str = ""
) -> list[int]:
    """Numbers of the cases that fit, in their order.

    `show`: NOT_PASSED is any configuration failing or without an answer; DIFFER is some passing and
    some not. `tags`: at least one of them. `text`: in question or id, in any case.
    """
    needle, columns = text.casefold().strip(), range(len(loaded.labels))
    found = []
    for number, case in enumerate(loaded.results.cases):
        signs = {overall(loaded.of(number, n)) for n in columns}
        bad = signs & {FAILED, NONE}
        if (
            (show == NOT_PASSED and not bad)
            or (show == DIFFER and not (bad and PASSED in signs))
            or (tags and not set(tags) & set(case.tags))
            or (needle and needle not in f"{case.question}\n{case.id}".casefold())
        ):
            continue
        found.append(number)
    return found


def _filtered(loaded: Loaded) -> list[int]:
    tags = sorted({tag for case in loaded.results.cases for tag in case.tags})
    several = len(loaded.labels) > 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.segmented_control(
            "Show", [ALL, NOT_PASSED, *([DIFFER] if several else [])], default=ALL, required=True,
            key="cases_show", width="content",
            help="Differ: some configurations passed, and some did not.",
        )  # fmt: skip
        text = st.text_input(
            "Search", key="cases_text", placeholder="Words of a question", width=260
        )
        chosen = []
        if tags:
            chosen = st.multiselect(
                "Tags", tags, key=f"cases_tags_{loaded.evaluation.id}", width=260
            )
    return matching(loaded, show=show or ALL, tags=chosen, text=text)


def _one_page(numbers: Sequence[int]) -> Sequence[int]:
    pages = -(-len(numbers) // ROWS)
    if pages <= 1:
        return numbers
    page = min(st.pagination(pages, key=f"cases_page_{len(numbers)}"), pages)
    return numbers[(page - 1) * ROWS : page * ROWS]


def _table(loaded: Loaded, numbers: Sequence[int]) -> None:
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    cases, columns = loaded.results.cases, range(len(loaded.labels))
    marks = {n: [mark(loaded.of(number, n)) for number in numbers] for n in columns}
    seen = sorted({one for column in marks.values() for one in column})
    frame = pd.DataFrame(
        {"question": [_line(cases[number].question) for number in numbers]}
        | {f"m{n}": [[one] for one in column] for n, column in marks.items()}
        | {
            "tags": [", ".join(cases[number].tags) for number in numbers],
            "id": [cases[number].id for number in numbers],
        }
    )
    kinds = {
        f"m{n}": st.column_config.MultiselectColumn(
            label, options=seen, color=[COLORS[one[0]] for one in seen], width=130
        )
        for n, label in enumerate(loaded.labels)
    }
    if not any(frame["tags"]):
        frame = frame.drop(columns="tags")
    key = f"cases_{loaded.evaluation.id}_{hash(tuple(numbers))}"
    st.dataframe(
        frame, hide_index=True, key=key, selection_mode="single-row", height=_height(len(numbers)),
        on_select=partial(_choose, key, [cases[number].id for number in numbers]),
        alt="Questions by configurations: passed or not",
        column_config={
            "question": st.column_config.TextColumn("Question", width=QUESTION_PX),
            "tags": "Tags",
            "id": "Id",
            **kinds,
        },
    )  # fmt: skip


def _height(rows: int) -> int:
    return min(rows + 1, 13) * _ROW_PX + 3


def _choose(key: str, ids: list[str]) -> None:
    """A callback: the chosen row goes into the address, so that a reload shows it again."""
    rows = st.session_state[key].selection.rows
    if rows and rows[0] < len(ids):
        st.query_params[CASE] = ids[rows[0]]
    else:
        st.query_params.pop(CASE, None)


def _chosen(runtime: Runtime, loaded: Loaded, numbers: Sequence[int]) -> None:
    asked = st.query_params.get(CASE)
    if not asked:
        return
    places = {case.id: number for number, case in enumerate(loaded.results.cases)}
    if asked not in places:
        st.warning("There is no such question in this evaluation.", icon=":material/link_off:")
        return
    number = places[asked]
    ids = [loaded.results.cases[n].id for n in numbers]
    with st.container(border=True):
        _steps(ids, asked)
        show_case(runtime, loaded, number)


def _steps(ids: Sequence[str], asked: str) -> None:
    """To the question before and after it in the table, and away."""
    here = ids.index(asked) if asked in ids else None
    with st.container(horizontal=True, vertical_alignment="center"):
        where = f"Question {here + 1:,} of {len(ids):,}" if here is not None else "Not in the table"
        st.markdown(f":small[:gray[{where}]]", width="stretch")
        before = ids[here - 1] if here else None
        after = ids[here + 1] if here is not None and here + 1 < len(ids) else None
        for label, icon, to in (
            ("Previous", ":material/chevron_left:", before),
            ("Next", ":material/chevron_right:", after),
        ):
            st.button(
                label, key=f"case_{label}", icon=icon, type="tertiary", disabled=to is None,
                on_click=_go, args=(to,),
            )  # fmt: skip
        st.button("Close", key="case_close", icon=":material/close:", type="tertiary",
                  on_click=_go, args=(None,))  # fmt: skip


def _go(case_id: str | None) -> None:
    """A callback."""
    if case_id is None:
        st.query_params.pop(CASE, None)
    else:
        st.query_params[CASE] = case_id


def _line(text: str) -> str:
    line = " ".join(text[:400].split())
    return line if len(line) <= 200 else f"{line[:199]}…"
