"""The passages a run found: rank, score, document, and whether the answer cites them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.answer import cited_numbers
from pages.components.dashboard_tables import Column, draw
from pages.components.format import UNKNOWN, count, duration
from pages.components.markdown import escape, safe

if TYPE_CHECKING:
    from core.events import Source
    from pages.components.run_reading import KnownRun

MAX_TEXTS = 40
_MODES = {
    "rag": "the best passages were searched",
    "cag": "whole documents were given",
    "hybrid": "whole documents were given and passages searched",
    "metrics": "figures of this dashboard were asked",
    "none": "nothing was searched",
}


def show_sources(known: KnownRun) -> None:
    found = known.transcript.sources
    if found is None or not found.sources:
        _from_rows(known)
        return
    cited = set(cited_numbers(known.transcript.text))
    st.caption(
        f"{count(len(found.sources))} passages, {count(_cited(found.sources, cited))} cited; "
        f"{_MODES.get(found.mode, escape(found.mode))} in {duration(found.duration_us)}."
    )
    if found.query:
        st.caption("Searched for")
        st.code(found.query, language=None, wrap_lines=True)
    draw(source_columns(found.sources, cited), alt="Passages the run found, best first",
         key="run_sources")  # fmt: skip
    for source in found.sources[:MAX_TEXTS]:
        _passage(source, source.n in cited)
    if len(found.sources) > MAX_TEXTS:
        st.caption(f"Showing the text of {MAX_TEXTS} of {len(found.sources)}.")


def source_columns(sources: tuple[Source, ...], cited: set[int]) -> dict[str, Column]:
    return {
        "Rank": Column(values=[source.n for source in sources]),
        "Cited": Column(values=["cited" if s.n in cited else "–" for s in sources]),
        "Score": Column(values=[s.score for s in sources], show=_score),
        "Document": Column(values=[s.document for s in sources]),
        "Area": Column(values=[s.area for s in sources]),
        "Heading": Column(values=[s.heading or s.title for s in sources]),
    }


def _cited(sources: tuple[Source, ...], cited: set[int]) -> int:
    return sum(source.n in cited for source in sources)


def _score(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _passage(source: Source, is_cited: bool) -> None:
    heading = f" › {escape(source.heading)}" if source.heading else ""
    mark = " · cited" if is_cited else ""
    with st.expander(f"\\[{source.n}\\] {escape(source.title)}{heading}{mark}", type="compact"):
        st.markdown(safe(source.text))


def _from_rows(known: KnownRun) -> None:
    """Without the log only how much was found is known."""
    rows = known.detail.steps if known.detail else ()
    searches = [step for step in rows if step.operation_name == "retrieval"]
    if not searches:
        st.info("This run searched no documents.", icon=":material/menu_book:")
        return
    st.caption("Which passages these were is gone with the run's log.")
    st.table(
        {
            "Search": [_MODES.get(s.retrieval_mode or "", UNKNOWN) for s in searches],
            "Passages": [count(s.retrieval_hits) for s in searches],
            "Best score": [_score(s.retrieval_top_score) for s in searches],
            "Took": [duration(s.duration_us) for s in searches],
        },
        border="horizontal",
        alt="Searches of the run",
    )
