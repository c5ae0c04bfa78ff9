"""Lifetimes: what is old is deleted a little at a time, while runs are recorded.

Three lifetimes: what was said (`content`), single runs with their steps and calls (rows), and sums
per hour and day (figures). Rows go by whole days of the reporting zone, because figures are made for
those: the figures of a day whose rows are gone are never made anew. Deletions are chunks on the
writer's thread with pauses between them, oldest first; then unused pages are given back to the disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from analytics.blocks.stale import DAY, HOUR, QUARTER, keep_figures_before
from analytics.ratings import BY_USER
from analytics.recorder import Recorder
from analytics.schema import (
    block,
    content,
    cost_history,
    document_day,
    feedback,
    llm_call,
    run,
    stale,
    step,
)
from analytics.timeaxis import DAY_US, QUARTER_US, local, midnight_us
from core.errors import StorageError

log = logging.getLogger(__name__)

CHUNK_ROWS = 2_000
CHUNK_BLOCKS = 200
PAGES = 500
PAUSE_S = 0.05
FIRST_S = 60.0
EVERY_S = 3_600.0
WAIT_FOR_FIGURES_DAYS = 2
"""How long rows outlive their lifetime when their sums are not made yet."""
# In the words of the partial index: SQLite compares them literally.
_TIMED = text("operation_name IN ('execute_tool', 'retrieval')")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifetimes:
    """Days. Figures live at least as long as rows, content at most as long."""

    content_days: int
    rows_days: int
    figures_days: int


@dataclass(kw_only=True, slots=True)
class Cleaning:
    """What one round deleted."""

    at_us: int
    content: int = 0
    rows: int = 0
    figures: int = 0
    pages_left: int = 0
    error: str | None = None


@dataclass(kw_only=True)
class Janitor:
    """`start` runs it once an hour; `run_once` is one round, on the caller's thread."""

    recorder: Recorder
    lifetimes: Lifetimes
    zone: ZoneInfo
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    chunk: int = CHUNK_ROWS
    pause_s: float = PAUSE_S
    first_s: float = FIRST_S
    last: Cleaning | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Once; the first round comes a little later, when the first pages are served."""
        self._thread = threading.Thread(target=self._loop, name="analytics-janitor", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Ends after the chunk it is in. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run_once(self) -> Cleaning:
        """Deletes everything that is too old. A fault ends the round; the next one goes on."""
        done = Cleaning(at_us=self.now_us())
        try:
            self._clean(done)
        except StorageError as exc:
            done.error = exc.message
            log.warning("old analytics data could not be deleted: %s", exc.message)
        self.last = done
        return done

    def _clean(self, done: Cleaning) -> None:
        # Words without their run could be found neither by person nor by thread.
        content_days = min(self.lifetimes.content_days, self.lifetimes.rows_days)
        content_cut = done.at_us - content_days * DAY_US
        rows_cut, figures_cut = self.cuts(done.at_us)
        done.content = self._repeat(lambda c: delete_content(c, content.c.at_us < content_cut, self.chunk))  # fmt: skip
        old_words = feedback.c.updated_at_us < content_cut
        done.content += self._repeat(lambda c: delete_comments(c, old_words, self.chunk))
        rows_cut = self.recorder.write(lambda c: _wait_for_figures(c, rows_cut, self.zone))
        self.recorder.write(lambda c: keep_figures_before(c, rows_cut))
        done.rows = self._repeat(lambda c: _delete_rows(c, rows_cut, self.chunk))
        done.figures = self._repeat(lambda c: _delete_figures(c, figures_cut))
        if done.content or done.rows or done.figures:
            done.pages_left = shrink(self.recorder, self._pause)

    def cuts(self, now_us: int) -> tuple[int, int]:
        """Since when rows and figures are kept: beginnings of days in the reporting zone."""
        rows = _midnight(now_us - self.lifetimes.rows_days * DAY_US, self.zone)
        figures = _midnight(now_us - self.lifetimes.figures_days * DAY_US, self.zone)
        return rows, min(rows, figures)

    def _repeat(self, chunk: Callable[[Connection], int]) -> int:
        total = 0
        while not self._stop.is_set():
            deleted = self.recorder.write(chunk)
            total += deleted
            if not deleted or self._pause():
                break
        return total

    def _pause(self) -> bool:
        """True when it is time to end."""
        return self._stop.wait(self.pause_s)

    def _loop(self) -> None:
        wait = self.first_s
        while not self._stop.wait(wait):
            wait = EVERY_S
            try:
                self.run_once()
            except Exception:
                log.exception("the janitor of analytics failed; it tries again")


def shrink(recorder: Recorder, pause: Callable[[], bool]) -> int:
    """Gives unused pages back in small steps. Returns how many are left: 0, or it was stopped."""
    before, left = -1, recorder.maintain(PAGES)
    while left and left != before and not pause():
        before, left = left, recorder.maintain(PAGES)
    return left


def delete_content(connection: Connection, condition: ColumnElement[bool], limit: int) -> int:
    """Up to `limit` kept items; returns how many."""
    return _delete_some(connection, content, condition, limit)


def delete_comments(connection: Connection, condition: ColumnElement[bool], limit: int) -> int:
    """Up to `limit` comments of people; their thumbs go on counting. Returns how many."""
    said = (feedback.c.source == BY_USER) & feedback.c.evaluation_explanation.is_not(None)
    chosen = select(feedback.c.feedback_id).where(said, condition).limit(limit)
    wordless = update(feedback).where(feedback.c.feedback_id.in_(chosen))
    return connection.execute(wordless.values(evaluation_explanation=None)).rowcount


# -- rows


def _wait_for_figures(connection: Connection, cut_us: int, zone: ZoneInfo) -> int:
    """The cut, or a day before it whose sums are not made yet; for two days at most."""
    first = connection.execute(
        select(func.min(stale.c.start_us)).where(stale.c.start_us < cut_us)
    ).scalar_one_or_none()
    if first is None:
        return cut_us
    latest = _midnight(cut_us - WAIT_FOR_FIGURES_DAYS * DAY_US, zone)
    return max(_midnight(int(first), zone), latest)


def _delete_rows(connection: Connection, cut_us: int, limit: int) -> int:
    """Rows from before a moment, the oldest quarter of an hour first.

    A quarter's block goes when its last row is gone, so figures show it whole or not at all. Sums of
    its hour and day stay.
    """
    deleted = 0
    while deleted < limit:
        quarter = _oldest_quarter(connection, cut_us)
        if quarter is None:
            return deleted + _delete_rest(connection, cut_us, limit - deleted)
        count, complete = _delete_quarter(connection, quarter, limit - deleted)
        deleted += count
        if complete:
            ended = block.c.start_us == quarter, block.c.level == QUARTER
            connection.execute(delete(block).where(*ended))
    return deleted


def _oldest_quarter(connection: Connection, cut_us: int) -> int | None:
    starts = [
        connection.execute(statement).scalar_one_or_none()
        for statement in (
            select(func.min(run.c.started_at_us)),
            select(func.min(llm_call.c.started_at_us)),
            select(func.min(step.c.started_at_us)).where(_TIMED),
            select(func.min(block.c.start_us)).where(block.c.level == QUARTER),
        )
    ]
    old = [int(start) for start in starts if start is not None and start < cut_us]
    return min(old) - min(old) % QUARTER_US if old else None


def _delete_quarter(connection: Connection, quarter: int, limit: int) -> tuple[int, bool]:
    """Each row by its own time, as figures count it; the other steps of a run go with the run."""
    deleted = 0
    for table, delete_them in (
        (llm_call, _delete_calls),
        (step, _delete_timed_steps),
        (run, _delete_runs),
    ):
        inside = table.c.started_at_us.between(quarter, quarter + QUARTER_US - 1)
        while (count := delete_them(connection, inside, limit - deleted)) > 0:
            deleted += count
            if deleted >= limit:
                return deleted, False
    return deleted, True


def _delete_calls(connection: Connection, inside: ColumnElement[bool], limit: int) -> int:
    keys = _keys(connection, llm_call, inside, limit)
    if keys:
        of_call = [cost_history.c[name] == bindparam(name) for name in keys[0]]
        connection.execute(delete(cost_history).where(*of_call), keys)
    return _delete_keys(connection, llm_call, keys)


def _delete_timed_steps(connection: Connection, inside: ColumnElement[bool], limit: int) -> int:
    keys = _keys(connection, step, inside & _TIMED, limit)
    return _delete_keys(connection, step, keys)


def _delete_runs(connection: Connection, inside: ColumnElement[bool], limit: int) -> int:
    """Runs and all that belongs to them; those are more rows than the limit, but of few runs."""
    keys = _keys(connection, run, inside, max(1, limit // 5))
    if keys:
        untimed = step.c.run_id == bindparam("run_id"), text(f"NOT ({_TIMED})")
        connection.execute(delete(step).where(*untimed), keys)
        for table in (content, cost_history):
            connection.execute(delete(table).where(table.c.run_id == bindparam("run_id")), keys)
    return _delete_keys(connection, run, keys)


def _delete_rest(connection: Connection, cut_us: int, limit: int) -> int:
    """Opinions by their own time, and what waits to be folded and never will be."""
    connection.execute(delete(stale).where(stale.c.start_us < cut_us))
    return _delete_some(connection, feedback, feedback.c.created_at_us < cut_us, limit)


# -- figures


def _delete_figures(connection: Connection, cut_us: int) -> int:
    levels = block.c.level.in_((HOUR, DAY))
    blocks = _delete_some(connection, block, levels & (block.c.start_us < cut_us), CHUNK_BLOCKS)
    days = _delete_some(connection, document_day, document_day.c.day_us < cut_us - DAY_US, CHUNK_ROWS)  # fmt: skip
    return blocks + days


# -- inside


def _delete_some(
    connection: Connection, table: Table, condition: ColumnElement[bool], limit: int
) -> int:
    return _delete_keys(connection, table, _keys(connection, table, condition, limit))


def _keys(
    connection: Connection, table: Table, condition: ColumnElement[bool], limit: int
) -> list[dict[str, object]]:
    found = connection.execute(select(*table.primary_key.columns).where(condition).limit(limit))
    return [dict(row._mapping) for row in found]


def _delete_keys(connection: Connection, table: Table, keys: list[dict[str, object]]) -> int:
    if keys:
        same = [table.c[name] == bindparam(name) for name in keys[0]]
        connection.execute(delete(table).where(*same), keys)
    return len(keys)


def _midnight(at_us: int, zone: ZoneInfo) -> int:
    return midnight_us(local(at_us, zone).date(), zone)
