"""Settings: where the data lies and whether the process is well."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import SwitchboardError
from pages.components.format import count, duration, size
from pages.components.markdown import escape
from pages.components.session import show_error

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.recorder import RecorderHealth

SAFE_SQLITE = (3, 51, 3)
"""Older ones can damage a write-ahead log when two connections write at the same moment."""


def show_data(runtime: Runtime) -> None:
    """Draws the data folder: one row per database."""
    st.subheader("Data", anchor=False)
    st.caption(
        f"Folder: {escape(str(runtime.settings.data_dir.resolve()))} (SWITCHBOARD_DATA_DIR). "
        "Back up app.db; knowledge.db can be built again from the documents."
    )
    try:
        rows = _databases(runtime)
    except SwitchboardError as exc:
        show_error(exc)
        return
    st.table(
        {
            "Database": [row[0] for row in rows],
            "Holds": [row[1] for row in rows],
            "Size": [row[2] for row in rows],
            "Rows": [row[3] for row in rows],
        },
        border="horizontal",
        hide_header=False,
        alt="Databases with their sizes and rows",
    )


def _databases(runtime: Runtime) -> list[tuple[str, str, str, str]]:
    counts = runtime.threads.counts()
    areas = runtime.knowledge.areas()
    documents, passages = sum(a.documents for a in areas), sum(a.passages for a in areas)
    name = "app.db" if runtime.database.path else "SWITCHBOARD_DATABASE_URL"
    path = runtime.settings.path
    return [
        (
            escape(name),
            "Threads, messages, runs, preferences",
            size(runtime.database.size_bytes()),
            ", ".join(f"{count(n)} {table}s" for table, n in counts.items()),
        ),
        (
            "checkpoints.db",
            "The agents' memory of each thread",
            size(size_on_disk(path("checkpoints.db"))),
            "–",
        ),
        (
            "analytics.db",
            "Times, tokens and cost of every run",
            size(runtime.recorder.health().file_bytes),
            f"{count(runtime.recorder.health().rows_written)} written since start",
        ),
        (
            "knowledge.db",
            "The index of the documents",
            size(size_on_disk(path("knowledge.db"))),
            f"{count(documents)} documents, {count(passages)} passages",
        ),
    ]


def size_on_disk(path: Path) -> int | None:
    """A SQLite file with its write-ahead log; None when there is no such file."""
    parts = [part for part in (path, path.with_name(f"{path.name}-wal")) if part.exists()]
    return sum(part.stat().st_size for part in parts) if parts else None


def show_health(runtime: Runtime) -> None:
    """Draws what would be wrong first, then the figures."""
    health = runtime.recorder.health()
    st.subheader("Health", anchor=False)
    for warning in warnings(runtime, health):
        st.warning(warning, icon=":material/warning:")
    active = runtime.runs.active()
    queued = sum(run.state == "queued" for run in active)
    ready = duration(runtime.warm_up_s * 1e6) if runtime.warm_up_s is not None else "under way"
    errors = runtime.runs.observer_errors + health.observer_errors
    figures = {
        "Active runs": count(len(active) - queued),
        "Waiting runs": count(queued),
        "Warm-up": ready,
        "SQLite": sqlite3.sqlite_version,
        "Runs recorded": count(health.runs_written),
        "Recorder queue": count(health.waiting),
        "Recorder lag": duration(health.lag_us) if health.lag_us else "none",
        "Runs not recorded": count(health.dropped),
        "Observer errors": count(errors),
        "Journal errors": count(runtime.runs.journal_errors),
        "Lost runs": count(len(runtime.lost_runs)),
    }
    with st.grid(4, min_column_width=150):
        for label, value in figures.items():
            st.metric(label, value, border=True)
    st.caption("Counts are since this process started.")


def warnings(runtime: Runtime, health: RecorderHealth) -> list[str]:
    """Markdown sentences: what is wrong and what it means."""
    found = []
    if health.failing:
        when = _clock(health.last_error_at_us)
        found.append(
            f"Analytics cannot be written{when}: {escape(health.last_error or 'unknown')}. "
            "Answers go on; figures are kept in memory and written when it works again."
        )
    if health.dropped:
        found.append(f"{count(health.dropped)} runs are missing from analytics.")
    if runtime.runs.journal_errors:
        found.append(
            f"{count(runtime.runs.journal_errors)} times the log of a run could not be saved: "
            "an answer that was cut off by a crash could be shorter than what was shown."
        )
    if runtime.lost_runs:
        found.append(
            f"{count(len(runtime.lost_runs))} answers were under way when Switchboard ended the "
            "last time. What was written of them is in their threads, marked as lost."
        )
    if runtime.knowledge.index.notice:
        found.append(escape(runtime.knowledge.index.notice))
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        found.append(
            f"SQLite {escape(sqlite3.sqlite_version)} is older than "
            f"{escape('.'.join(map(str, SAFE_SQLITE)))}, which mends a rare damage when two "
            "connections write at once. Switchboard writes through one connection per file; do not "
            "write to its files with another program."
        )
    return found


def _clock(at_us: int | None) -> str:
    return f" since {datetime.fromtimestamp(at_us / 1e6, UTC):%H:%M} UTC" if at_us else ""
