"""Settings: the documents answers are made from, and reading them again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import streamlit as st

from agents.knowledge.notes import area_of, is_notes_area
from core.errors import SwitchboardError
from pages.components import session
from pages.components.format import count, duration, size
from pages.components.markdown import escape
from pages.components.session import show_error

if TYPE_CHECKING:
    from agents.embeddings import EmbeddingStatus
    from agents.knowledge.rows import AreaInfo
    from agents.knowledge.sync import SyncReport
    from agents.runtime import Runtime

POLL_S = 0.1
VECTORS_S = 1.0
PROBLEMS_SHOWN = 100


@st.fragment
def show_knowledge(runtime: Runtime) -> None:
    """Draws areas, the last report and the button. A fragment: reading again redraws only this."""
    st.subheader("Knowledge", anchor=False)
    may_read_again = session.allowed("settings")
    if may_read_again:
        st.caption(
            f"Folder: {escape(str(runtime.knowledge.folder))}. Its sub-folders are the areas; "
            "SWITCHBOARD_KNOWLEDGE_DIR points at another folder. Only files that changed are read "
            "again."
        )
    else:
        st.caption("The documents answers are made from. They are the same for everybody here.")
    if may_read_again and st.button("Re-index", key="reindex", icon=":material/sync:"):
        failure = _sync(runtime)
        if failure is not None:
            show_error(failure)
    try:
        areas = [
            one
            for one in runtime.knowledge.areas()
            if not is_notes_area(one.area) or one.area == area_of(session.owner())
        ]
    except SwitchboardError as exc:
        show_error(exc)
        return
    if areas:
        st.table(area_rows(areas), border="horizontal", hide_header=False, alt="Knowledge areas")
    else:
        st.info(
            "No documents yet. Put .md, .markdown or .txt files into the folder and re-index.",
            icon=":material/folder_open:",
        )
    if may_read_again:
        _show_report(runtime.knowledge.report)
    status = runtime.knowledge.embedding_status
    if status is not None:
        st.fragment(_show_vectors, run_every=VECTORS_S if status.running else None)(runtime)


@session.needs("settings")
def _sync(runtime: Runtime) -> SwitchboardError | None:
    """Syncs in a thread, so that the page can be left meanwhile; the sync then still ends well."""
    failures: list[SwitchboardError] = []
    seen = (0, 0)

    def on_progress(done: int, total: int) -> None:
        nonlocal seen
        seen = done, total

    def work() -> None:
        try:
            runtime.knowledge.sync(on_progress)
        except SwitchboardError as exc:
            failures.append(exc)

    thread = threading.Thread(target=work, name="reindex", daemon=True)
    bar = st.progress(0.0, "Reading the documents…")
    thread.start()
    while thread.is_alive():
        thread.join(POLL_S)
        done, total = seen
        if total:  # drawing it is also a yield point: navigation is served here
            bar.progress(done / total, f"Reading the documents: {count(done)} of {count(total)}")
        st.session_state.get("_")
    bar.empty()
    return failures[0] if failures else None


def area_rows(areas: list[AreaInfo]) -> dict[str, list[str]]:
    """Cells as Markdown, the sum last."""
    rows = [(escape(a.area), a.documents, a.passages, a.chars) for a in areas]
    if len(rows) > 1:
        sums = (sum(column) for column in list(zip(*rows, strict=True))[1:])
        rows.append(("**All**", *sums))
    return {
        "Area": [row[0] for row in rows],
        "Documents": [count(row[1]) for row in rows],
        "Passages": [count(row[2]) for row in rows],
        "Text": [size(row[3]) for row in rows],
    }


def _show_vectors(runtime: Runtime) -> None:
    status = runtime.knowledge.embedding_status
    if status is None:
        return
    if status.running and status.total:
        st.progress(status.done / status.total, vectors_line(status))
    else:
        st.caption(vectors_line(status))
    if status.last_error:
        st.warning(
            f"Searches use words only where vectors are missing. {escape(status.last_error)}",
            icon=":material/warning:",
        )


def vectors_line(status: EmbeddingStatus) -> str:
    """How far the vectors of the passages are, as a sentence."""
    parts = [f"{count(status.done)} of {count(status.total)} passages have a vector"]
    if status.refused:
        parts.append(f"{count(status.refused)} were refused by the model")
    if status.questions_without:
        parts.append(f"{count(status.questions_without)} searches went without")
    return f"Vector search with {escape(status.model)}: {', '.join(parts)}."


def _show_report(report: SyncReport | None) -> None:
    if report is None:
        st.caption("The documents have not been read since Switchboard started.")
        return
    st.caption(report_line(report))
    if not report.problems:
        return
    with st.expander(
        f"{len(report.problems)} files need a look", icon=":material/warning:", key="problems"
    ):
        shown = report.problems[:PROBLEMS_SHOWN]
        st.table(
            {
                "File": [escape(path) for path, _ in shown],
                "Why": [escape(reason) for _, reason in shown],
            },
            border="horizontal",
            hide_header=False,
            alt="Files that could not be indexed",
        )
        if len(report.problems) > PROBLEMS_SHOWN:
            st.caption(f"And {len(report.problems) - PROBLEMS_SHOWN} more.")


def report_line(report: SyncReport) -> str:
    """The last report as a sentence."""
    return (
        f"Last read: {count(report.added)} added, {count(report.changed)} changed, "
        f"{count(report.removed)} removed, {count(report.unchanged)} unchanged; "
        f"{count(report.passages)} passages, in {duration(report.duration_ms * 1000)}."
    )
