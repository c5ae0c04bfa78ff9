"""What is wrong with the process, and how fast its figures grow, in words."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from core.database import SAFE_SQLITE
from pages.components.format import UNKNOWN, count, size
from pages.components.lost_files import not_written
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from analytics.recorder import RecorderHealth

DAY_US = 86_400_000_000
TOO_EARLY = "not known yet"


def growth_words(health: RecorderHealth, since_us: int, now_us: int) -> tuple[str, str]:
    """How much larger the file becomes in a day, and what that rests on, in plain words.

    `since_us`: the first run ever recorded. Under a day of runs nothing is said.
    """
    if health.growth is not None:
        return _per_day(
            health.growth.bytes_per_day
        ), f"over the last {health.growth.hours:.0f} hours"
    if health.file_bytes is None:
        return UNKNOWN, "not a file"
    days = (now_us - since_us) / DAY_US
    if days < 1:
        return TOO_EARLY, "less than a day of runs"
    since = _many(int(days), "day", "days")
    return _per_day(health.file_bytes / days), f"size / {since} since the first run"


def _per_day(num_bytes: float) -> str:
    sign = "-" if num_bytes < 0 else ""
    return f"{sign}{size(round(abs(num_bytes)))} a day"


def per_second(rows: float) -> str:
    """Rows per second; small ones with their digits."""
    return f"{rows:.2f}" if 0 < rows < 10 else count(rows)


def warnings(runtime: Runtime, health: RecorderHealth) -> list[str]:
    """Markdown sentences: what is wrong and what it means."""
    return [*_of_recorder(health, runtime.zone), *_of_helpers(runtime), *_of_runs(runtime)]


def _of_recorder(health: RecorderHealth, zone: ZoneInfo) -> list[str]:
    found = []
    if health.failing:
        found.append(not_written(health.failing_since_us, health.last_error, zone))
    if health.dropped:
        found.append(
            f"{_many(health.dropped, 'finished run is', 'finished runs are')} missing from analytics."
        )
    if health.content_lost:
        runs = _many(health.content_lost, "run", "runs")
        found.append(f"The words of {runs} were to be kept and are lost; the figures are there.")
    return found


def _of_helpers(runtime: Runtime) -> list[str]:
    """Export of traces, budgets, alerts, prices: each goes on by itself when its fault is over."""
    found = []
    export = runtime.exporter.health() if runtime.exporter is not None else None
    if export is not None and export.failing:
        found.append(f"Traces cannot be sent: {escape(export.last_error or 'unknown')}")
    if export is not None and export.spans_dropped:
        found.append(f"{_many(export.spans_dropped, 'span was', 'spans were')} not delivered.")
    spending = runtime.spending.health()
    if spending.last_error is not None:
        found.append(f"Budgets cannot read what was spent: {escape(spending.last_error)}")
    if spending.unknown_checks:
        checks = _many(spending.unknown_checks, "budget check", "budget checks")
        found.append(f"{checks} let a call pass because the spending could not be read.")
    alerts = runtime.alerts.health()
    if alerts.last_error is not None:
        found.append(f"Alerts are not evaluated: {escape(alerts.last_error)}")
    if runtime.price_problem:
        found.append(escape(runtime.price_problem))
    return found


def _of_runs(runtime: Runtime) -> list[str]:
    found = []
    if runtime.runs.journal_errors:
        found.append(
            f"{_many(runtime.runs.journal_errors, 'time', 'times')} the log of a run could not be "
            "saved: an answer that was cut off by a crash could be shorter than what was shown."
        )
    if runtime.lost_runs:
        found.append(
            f"{_many(len(runtime.lost_runs), 'answer was', 'answers were')} under way when "
            "Switchboard ended the last time. What was written is in the thread, marked as lost."
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


def _many(number: int, one: str, more: str) -> str:
    return f"{count(number)} {one if number == 1 else more}"
