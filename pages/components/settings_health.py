"""Settings: where the data lies and whether the process is well."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries import Filter, Queries
from analytics.queries.upkeep import quarters_waiting
from analytics.timeaxis import local
from core.errors import StorageError, SwitchboardError
from pages.components import session
from pages.components.dashboard_quality_bar import coverages, doubts, show_coverage
from pages.components.format import count, duration, size
from pages.components.health_words import growth_words, per_second, warnings
from pages.components.lost_files import show_lost_files
from pages.components.markdown import escape
from pages.components.session import show_error

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.recorder import RecorderHealth

RANGE = Filter(range="24h")
Figures = dict[str, tuple[str, str]]
"""What is shown -> its value, and what it means when its name does not say it."""
FAULTS = {
    "Runs dropped", "Texts not kept", "Observer errors", "Journal errors", "Lost runs",
    "Passed unchecked", "Spans dropped",
}  # fmt: skip
"""Counts that are 0 while all is well."""


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
    """Draws what is wrong first, then how complete the figures are, then the process in figures."""
    health = runtime.recorder.health()
    st.subheader("Health", anchor=False)
    lost = show_lost_files(runtime)
    found = warnings(runtime, health)
    for warning in found:
        st.warning(warning, icon=":material/warning:")
    if not found and not lost:
        st.success("Nothing is wrong.", icon=":material/check_circle:")
    try:
        _show_coverage(session.figures())
        of_analytics = _of_analytics(session.figures(), health)
    except StorageError as exc:
        show_error(exc)
        of_analytics = {}
    _show("Analytics", of_analytics | _of_recorder(health))
    if "Growth" in of_analytics:
        st.caption(f"Growth: {of_analytics['Growth'][1]}.")
    _show("Runs", _of_runs(runtime))
    _show("Watching", _of_watching(runtime))
    st.caption("Counts are since this process started.")


def _show(title: str, figures: Figures) -> None:
    st.markdown(f"**{title}**")
    with st.grid(4, min_column_width=150, gap="small"):
        for label, (value, note) in figures.items():
            bad = label in FAULTS and value != "0"
            shown = f":orange[{value}]" if bad else value
            st.metric(label, shown, help=note or None, border=True)


def _show_coverage(queries: Queries) -> None:
    quality = queries.data_quality(RANGE)
    st.markdown("**How complete the figures are**, of the calls of the last 24 hours")
    with st.grid(3, min_column_width=150, gap="small"):
        for name, rate in coverages(quality):
            show_coverage(name, rate)
    for sentence in doubts(quality):
        st.caption(f":material/warning: :orange[{sentence}]")


def _of_analytics(queries: Queries, health: RecorderHealth) -> Figures:
    """Raises StorageError."""
    since_us = queries.window(Filter(range="all")).since_us
    waiting = queries.ask(quarters_waiting, RANGE)
    return {
        "Database": (size(health.file_bytes), "analytics.db with its write-ahead log."),
        "Growth": growth_words(health, since_us, time.time_ns() // 1000),
        "Not summed up yet": (
            count(waiting),
            "Quarters of an hour whose sums are not made yet; charts read their rows. "
            "The one that goes on is one of them.",
        ),
    }


def _of_recorder(health: RecorderHealth) -> Figures:
    return {
        "Rows per second": (per_second(health.rows_per_s), "Written, over the last minute."),
        "Write lag": (
            duration(health.lag_us) if health.lag_us else "none",
            "How long the oldest thing has waited to be written.",
        ),
        "Waiting to be written": (count(health.waiting), "Runs and notes of running ones."),
        "Runs recorded": (count(health.runs_written), ""),
        "Runs dropped": (count(health.dropped), "Finished runs that are missing from analytics."),
        "Texts not kept": (
            count(health.content_lost),
            "Runs whose questions and answers were to be kept and could not be.",
        ),
    }


def _of_runs(runtime: Runtime) -> Figures:
    active = runtime.runs.active()
    queued = sum(run.state == "queued" for run in active)
    took_s = runtime.warm_up.took_s
    ready = duration(took_s * 1e6) if took_s is not None else "under way"
    errors = runtime.runs.observer_errors + runtime.recorder.health().observer_errors
    return {
        **_of_limits(runtime),
        "Active runs": (count(len(active) - queued), ""),
        "Waiting runs": (count(queued), ""),
        "Lost runs": (
            count(len(runtime.lost_runs)),
            "Of the process before: under way when it ended.",
        ),
        "Warm-up": (ready, ""),
        "SQLite": (sqlite3.sqlite_version, ""),
        "Observer errors": (count(errors), ""),
        "Journal errors": (count(runtime.runs.journal_errors), ""),
    }


def _of_limits(runtime: Runtime) -> Figures:
    """Of what is switched on."""
    settings, figures = runtime.settings, {}
    if settings.rate_limit:
        figures["Requests not counted"] = (
            count(runtime.limits.storage_errors),
            "Let pass because the place where requests are counted did not answer.",
        )
    if settings.answer_cache != "off":
        answers = runtime.answers
        figures["Answers given again"] = (
            count(answers.hits),
            f"From the answer cache since the start; {count(answers.misses)} questions were not in it.",
        )
        figures["Answer cache errors"] = (count(answers.errors), "Then a model was asked.")
    return figures


def _of_watching(runtime: Runtime) -> Figures:
    spending, alerts = runtime.spending.health(), runtime.alerts.health()
    looked = alerts.last_round_at_us
    zone = runtime.zone
    when = f"{local(looked, zone):%H:%M:%S}, {zone.key}" if looked is not None else "not yet"
    figures = {
        "Alert checks": (
            count(alerts.rounds),
            f"How often all rules were evaluated since the start; last: {when}.",
        ),
        "Refused by budgets": (count(spending.refused_checks), "Calls that were not made."),
        "Passed unchecked": (
            count(spending.unknown_checks),
            "Calls that were let pass because the spending could not be read.",
        ),
    }
    if runtime.exporter is not None:
        export = runtime.exporter.health()
        figures["Spans sent"] = (count(export.spans_sent), "")
        figures["Spans dropped"] = (count(export.spans_dropped), "")
        figures["Runs to be sent"] = (count(export.runs_waiting), "")
    return figures
