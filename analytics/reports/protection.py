"""Data protection report: what is stored of whom, since when, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy import Table as SqlTable

from analytics.queries import Ask
from analytics.reports.desk import Desk
from analytics.reports.document import Column, Figure, Figures, Raw, Section, Table, Words
from analytics.schema import (
    alert_event,
    annotation,
    block,
    content,
    document_day,
    feedback,
    llm_call,
    report,
    run,
    saved_view,
    step,
)
from core.errors import StorageError

_MODES = {
    "off": "Questions, answers and prompts are not kept in analytics.",
    "hashed": "Questions, answers and prompts are kept as keyed hashes: equal texts can be "
    "recognised, their words cannot be read.",
    "masked": "Questions, answers and prompts are kept, with e-mail addresses, keys, card and "
    "phone numbers and the like replaced before they are written. Names of people are not recognised.",
    "full": "Questions, answers and prompts are kept word for word.",
}
_ROWS: tuple[tuple[str, SqlTable, ColumnElement[Any] | None, str], ...] = (
    ("Runs", run, run.c.started_at_us, "rows"),
    ("Steps of runs", step, None, "rows"),
    ("Calls of models", llm_call, llm_call.c.started_at_us, "rows"),
    ("Feedback", feedback, feedback.c.created_at_us, "rows"),
    ("Questions, answers, prompts", content, content.c.at_us, "content"),
    ("Sums and distributions", block, block.c.start_us, "figures"),
    ("Documents found per day", document_day, document_day.c.day_us, "figures"),
    ("Alerts", alert_event, alert_event.c.at_us, "none"),
    ("Releases and notes", annotation, annotation.c.at_us, "none"),
    ("Saved views", saved_view, saved_view.c.created_at_us, "none"),
    ("Reports made", report, report.c.created_at_us, "none"),
)
_FILES = (
    ("app.db", "Conversations: threads, messages, preferences"),
    ("checkpoints.db", "The agents' memory of each conversation"),
    ("analytics.db", "Times, tokens and cost of every run; content as set above"),
    ("knowledge.db", "The index of the documents; nobody's questions"),
)
_FOLDERS = (("reports", "Kept reports"), ("exports", "Exported rows"))


def sections(desk: Desk) -> tuple[Section, ...]:
    """Settings, rows, content and files."""
    return (
        _settings(desk),
        _rows(desk),
        _content(desk),
        _people(desk),
        _files(desk.settings.data_dir),
    )


def _settings(desk: Desk) -> Section:
    settings = desk.settings
    table = Table(
        name="Lifetimes",
        columns=(
            Column(name="What", key=True),
            Column(name="Days kept", unit="count"),
            Column(name="Setting"),
        ),
        rows=(
            (
                "Questions, answers, prompts",
                settings.keep_content_days,
                "SWITCHBOARD_KEEP_CONTENT_DAYS",
            ),
            ("Runs, steps, calls", settings.keep_rows_days, "SWITCHBOARD_KEEP_ROWS_DAYS"),
            ("Sums and distributions", settings.keep_figures_days, "SWITCHBOARD_KEEP_FIGURES_DAYS"),
        ),
    )
    mode = Figure(
        name="Content mode", value=settings.content, unit="text", note="SWITCHBOARD_CONTENT"
    )
    return Section(
        title="What is set",
        blocks=(Figures(items=(mode,)), Words(lines=(_MODES[settings.content],)), table),
    )


def _rows(desk: Desk) -> Section:
    lives = {
        "rows": desk.settings.keep_rows_days,
        "content": desk.settings.keep_content_days,
        "figures": desk.settings.keep_figures_days,
    }
    rows = []
    for name, table, column, life in _ROWS:
        count = _one(desk, select(func.count().label("x")).select_from(table))
        oldest = newest = None
        if column is not None and count:
            oldest = _one(desk, select(func.min(column).label("x")))
            newest = _one(desk, select(func.max(column).label("x")))
        age = max(0, desk.now_us - oldest) if oldest is not None else None
        rows.append((name, table.name, count, oldest, newest, age, lives.get(life)))
    return Section(
        title="What is stored",
        about="Steps are as old as their runs. Lifetimes are in days; without one, until deleted.",
        blocks=(
            Table(
                name="What is stored",
                columns=(
                    Column(name="What", key=True),
                    Column(name="Table", key=True),
                    Column(name="Rows", unit="count"),
                    Column(name="Oldest", unit="moment"),
                    Column(name="Newest", unit="moment"),
                    Column(name="Age of the oldest", unit="us"),
                    Column(name="Lifetime", unit="count"),
                ),
                rows=rows,
            ),
        ),
    )


def _content(desk: Desk) -> Section:
    def question(ask: Ask) -> list[tuple[Raw, ...]]:
        found = ask.reader.rows(
            select(
                content.c.kind, content.c.mode, func.count().label("n"),
                func.min(content.c.at_us).label("oldest"),
                func.sum(func.length(content.c.text)).label("size"),
            )
            .group_by(content.c.kind, content.c.mode)
            .order_by(content.c.kind, content.c.mode)
        )  # fmt: skip
        return [tuple(row.values()) for row in found]

    table = Table(
        name="Content by kind and mode",
        columns=(
            Column(name="Kind", key=True),
            Column(name="Mode", key=True),
            Column(name="Texts", unit="count"),
            Column(name="Oldest", unit="moment"),
            Column(name="Characters", unit="count"),
        ),
        rows=desk.ask(question),
        empty="No question, answer or prompt is stored in analytics.",
    )
    return Section(title="Content", blocks=(table,))


def _people(desk: Desk) -> Section:
    known = select(func.count(run.c.user_id.distinct()).label("x"))
    without = select(func.count().label("x")).where(run.c.user_id.is_(None))
    return Section(
        title="People",
        blocks=(
            Figures(
                items=(
                    Figure(name="People with runs", value=_one(desk, known), unit="count"),
                    Figure(name="Runs without a person", value=_one(desk, without), unit="count"),
                )
            ),
        ),
    )


def _files(folder: Path) -> Section:
    rows: list[tuple[Raw, ...]] = [
        (name, holds, 1, sum(_size(folder / f"{name}{end}") for end in ("", "-wal")), None)
        for name, holds in _FILES
        if (folder / name).exists()
    ]
    for name, holds in _FOLDERS:
        files = [path for path in (folder / name).glob("*") if path.is_file()]
        oldest = min((int(path.stat().st_mtime * 1e6) for path in files), default=None)
        rows.append((f"{name}/", holds, len(files), sum(map(_size, files)), oldest))
    table = Table(
        name="Files of the data folder",
        columns=(
            Column(name="File", key=True),
            Column(name="Holds"),
            Column(name="Files", unit="count"),
            Column(name="Size", unit="bytes"),
            Column(name="Oldest", unit="moment"),
        ),
        rows=rows,
    )
    return Section(title="Files", blocks=(table,))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _one(desk: Desk, statement: Any) -> int | None:
    """One number; None when it could not be found in time or there is none."""
    try:
        rows = desk.ask(lambda ask: ask.reader.rows(statement))
    except StorageError:
        return None
    return rows[0]["x"] if rows else 0
