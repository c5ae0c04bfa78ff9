"""The tab "Retrieval": what knowledge gave to answers, and the documents nobody ever needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import streamlit as st

from agents.knowledge.notes import MOUNT, is_notes_area
from analytics.queries.retrieval import (
    documents,
    modes,
    retrievals_over_time,
    scores,
    use_of,
)
from analytics.queries.views import marks
from analytics.timeaxis import local
from core.errors import SwitchboardError
from pages.components.charts import HEIGHT, Count, Series, bars, lines
from pages.components.charts_axes import NEUTRALS, ONES, PERCENT, bucket_labels
from pages.components.charts_card import BUCKET_HEADER, Table, bucket_cells, card
from pages.components.dashboard_charts import marks_on
from pages.components.dashboard_controls import is_filtered
from pages.components.dashboard_intervals import interval_column
from pages.components.dashboard_tables import (
    Column,
    draw,
    percentile_column,
    rate_column,
    table_of,
)
from pages.components.format import count
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.knowledge.rows import DocumentInfo
    from analytics.queries import CountSeries
    from analytics.queries.retrieval import DocumentCounts, ModeRow, ScoreSpread
    from pages.components.dashboard_tab import Tab

TOP_DOCUMENTS = 50
NOTES = f"/{MOUNT}/"
"""Where the paths of notes begin."""
GREY = "#8A9499"
_ROWS_SEEN = 6
_UTC = ZoneInfo("UTC")
MODES = {
    "rag": ("RAG", NEUTRALS[0], "circle"),
    "hybrid": ("Hybrid", NEUTRALS[3], "triangle"),
    "cag": ("CAG", NEUTRALS[2], "diamond"),
    "metrics": ("Metrics", NEUTRALS[4], "rect"),
}
_MODES_MEAN = (
    "RAG searches passages. CAG puts whole documents into the prompt. Hybrid does both. The data "
    "agent asks for figures with a tool instead: see Agents & tools."
)
_SCORE = (
    "A score is the share of the question's information that a passage covers, rare words counting "
    "more: 0 to 1, comparable between questions and the same for RAG and hybrid. In hybrid it is that "
    "of the searched passages. CAG reads whole documents and scores none."
)
_LATENCY = "Searching and reading, without the model."
_COUNTED = (
    "Retrievals in which at least one passage of the document reached the model, by search or as a "
    "whole (CAG, hybrid). Whole UTC days; counted when a run ends."
)


def show(tab: Tab) -> None:
    """Volume and scores side by side, the table of modes, then the documents."""
    rows = tab.answer(modes)
    if not rows:
        st.info("Nothing was retrieved in this range.", icon=":material/search_off:")
    else:
        with st.grid(2, min_column_width=360, gap="small", key="retrieval_charts"):
            _show_over_time(tab, tab.answer(retrievals_over_time))
            _show_scores(tab.answer(scores), rows)
        _show_modes(rows)
    if tab.everybody:  # a day's counter does not know who found a document
        _show_documents(tab, tab.answer(documents))


def mode_name(mode: str) -> str:
    return MODES[mode][0] if mode in MODES else mode


def _show_over_time(tab: Tab, found: CountSeries) -> None:
    whole = [not bucket.partial for bucket in found.buckets]
    drawn = [
        Series(name=mode_name(mode), color=_look(mode)[1], values=values, sound=whole)
        for mode, values in found.values.items()
    ]
    total = sum(sum(values) for values in found.values.values())
    with card(
        "retrievals",
        "Retrievals by mode",
        f"How much is looked up, and how? n = {count(total)} retrievals",
        definition=_MODES_MEAN,
        data=partial(_over_time_table, tab, found),
        runs={},
    ):
        parts = [f"{one.name} {count(sum(v or 0 for v in one.values))}" for one in drawn]
        st.echarts_chart(
            bars(
                bucket_labels(found.buckets, found.size, tab.zone), drawn, ONES,
                marks=marks_on(found.buckets, tab.answer(marks)),
            ),
            key="chart_retrievals", height=HEIGHT,
            alt="Retrievals over time by mode: " + ", ".join(parts),
        )  # fmt: skip


def _show_scores(found: ScoreSpread, rows: Sequence[ModeRow]) -> None:
    n = {mode: sum(counts) for mode, counts in found.counts.items()}
    unscored = sum(row.retrievals - row.scored for row in rows)
    with card(
        "scores",
        "Best score of a retrieval",
        "Does the knowledge cover the questions? "
        f"n = {count(sum(n.values()))} retrievals, {count(unscored)} without a score",
        definition=_SCORE,
        data=partial(_score_table, found),
    ):
        if not n:
            st.info("No retrieval of this range has a score.", icon=":material/help:")
            return
        labels = [
            f"{low:.1f}–{high:.1f}" for low, high in zip(found.edges, found.edges[1:], strict=False)
        ]
        drawn = [
            Series(
                name=mode_name(mode),
                color=_look(mode)[1],
                symbol=_look(mode)[2],
                values=[part / n[mode] for part in counts],
                sound=[True] * len(counts),
            )
            for mode, counts in found.counts.items()
        ]
        also = [
            Count(name=f"{mode_name(mode)}, n", values=counts)
            for mode, counts in found.counts.items()
        ]
        medians = ", ".join(
            f"{mode_name(row.mode)} {_score(row.score_p50)}" for row in rows if row.scored
        )
        st.echarts_chart(
            lines(labels, drawn, PERCENT, also), key="chart_scores", height=HEIGHT,
            alt=f"Share of retrievals by their best score. Medians: {medians}",
        )  # fmt: skip


def _show_modes(rows: Sequence[ModeRow]) -> None:
    empty = [row.empty for row in rows]
    columns = {
        "Mode": Column(values=[mode_name(row.mode) for row in rows]),
        "Retrievals": Column(values=[row.retrievals for row in rows], show=count),
        "Passages each": Column(
            values=[row.hits / row.retrievals for row in rows],
            show=lambda value: f"{value:.1f}",
            help="Passages / retrievals. Of whole documents every passage counts.",
        ),
        "Empty": rate_column(empty, "Retrievals that found nothing."),
        "Empty, 95 % interval": interval_column(empty),
        "Best score p10": Column(
            values=[row.score_p10 for row in rows], show=_score, help=_SCORE,
            grey=[row.scored < 36 for row in rows],
        ),
        "Best score p50": Column(
            values=[row.score_p50 for row in rows], show=_score, help=_SCORE,
            grey=[row.scored < 6 for row in rows],
        ),
        "Latency p50": percentile_column(_LATENCY, [row.p50 for row in rows]),
        "Latency p95": percentile_column(_LATENCY, [row.p95 for row in rows]),
    }  # fmt: skip
    with card(
        "retrieval-modes",
        "By mode",
        "Which way of retrieving is slow or finds nothing? "
        f"n = {count(sum(row.retrievals for row in rows))} retrievals",
        definition=_MODES_MEAN,
        data=partial(table_of, columns),
    ):
        draw(columns, alt="Passages, empty retrievals, scores and latency by mode",
             key="retrieval_modes")  # fmt: skip


def _show_documents(tab: Tab, counts: DocumentCounts) -> None:
    try:
        infos = {
            info.path: info
            for info in tab.runtime.knowledge.index.documents()
            if not is_notes_area(info.area)  # a person's, and named by what is in it
        }
    except SwitchboardError as exc:
        st.warning(
            f"The documents cannot be listed: {escape(exc.message)}", icon=":material/folder_off:"
        )
        infos = {}
    found = tuple(one for one in counts.found if not one[0].startswith(NOTES))
    counts = replace(counts, found=found)
    use = use_of(counts, list(infos))
    days = _days(tab, counts)
    with st.grid(2, min_column_width=360, gap="small", key="retrieval_documents"):
        _show_found(counts, infos, days)
        _show_never(use.never, infos, counts, days)


def _show_found(counts: DocumentCounts, infos: dict[str, DocumentInfo], days: str) -> None:
    top = counts.found[:TOP_DOCUMENTS]
    columns = {
        "Document": Column(values=[path for path, _ in top]),
        "Retrievals": Column(values=[n for _, n in top], show=count),
        "Title": Column(values=[infos[path].title if path in infos else None for path, _ in top]),
        "Area": Column(values=[infos[path].area if path in infos else "not there now"
                               for path, _ in top]),
    }  # fmt: skip
    with card(
        "documents-found",
        "Most found documents",
        f"Which documents carry the answers? Showing {len(top)} of {count(len(counts.found))}, {days}",
        definition=_COUNTED,
        data=lambda: (["document", "retrievals"], list(counts.found)),
    ):
        if top:
            draw(columns, alt="Documents by how often they were found", key="documents_found",
                 height=_table_px(len(top)))  # fmt: skip
        else:
            st.info("No document was found on these days.", icon=":material/description:")


def _show_never(
    never: Sequence[str], infos: dict[str, DocumentInfo], counts: DocumentCounts, days: str
) -> None:
    columns = {
        "Document": Column(values=list(never)),
        "Title": Column(values=[infos[path].title for path in never]),
        "Area": Column(values=[infos[path].area for path in never]),
        "Passages": Column(values=[infos[path].passages for path in never], show=count),
    }
    with card(
        "documents-never",
        "Never found",
        f"Which documents does nobody need? {count(len(never))} of {count(len(infos))}, {days}",
        definition=f"Documents of the knowledge folder without a single retrieval. {_COUNTED}",
        data=partial(table_of, columns),
    ):
        if counts.counted_since_us is None:
            st.info(
                "Nothing is counted yet: documents are counted as runs end.",
                icon=":material/hourglass_empty:",
            )
        elif never:
            draw(columns, alt="Documents that were never found", key="documents_never",
                 height=_table_px(len(never)))  # fmt: skip
        elif infos:
            st.success("Every document was found at least once.", icon=":material/task_alt:")
        else:
            st.info("The knowledge folder holds no documents.", icon=":material/folder_open:")


def _table_px(rows: int) -> Literal["auto"] | int:
    return HEIGHT if rows > _ROWS_SEEN else "auto"


def _days(tab: Tab, counts: DocumentCounts) -> str:
    """The days a counter covers, and what it cannot know."""
    since = max(counts.since_us, counts.counted_since_us or 0)
    first, last = (
        local(at_us, _UTC).strftime("%Y-%m-%d") for at_us in (since, counts.until_us - 1)
    )
    days = f"UTC days {first} to {last}" if first != last else f"UTC day {first}"
    return f"{days}, filters do not apply" if is_filtered(tab.keep) else days


def _look(mode: str) -> tuple[str, str, str]:
    return MODES.get(mode, (mode, GREY, "circle"))


def _score(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _over_time_table(tab: Tab, found: CountSeries) -> Table:
    starts = bucket_cells(found.buckets, tab.zone)
    rows = [[*cells, *(v[k] for v in found.values.values())] for k, cells in enumerate(starts)]
    return [*BUCKET_HEADER, *found.values], rows


def _score_table(found: ScoreSpread) -> Table:
    rows = [
        [low, high, *(counts[k] for counts in found.counts.values())]
        for k, (low, high) in enumerate(zip(found.edges, found.edges[1:], strict=False))
    ]
    return ["score_from", "score_below", *found.counts], rows
