"""Rows of a file into the database, in chunks through the recorder's writer, and out again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from sqlalchemy import Connection, delete, insert, select, update

from analytics.blocks import touch
from analytics.blocks.stale import ROWS_SINCE, rows_since
from analytics.call_rows import Row
from analytics.imports.check import Tally
from analytics.imports.mapping import ColumnMapping
from analytics.imports.rows import RowMaker
from analytics.imports.source import Reading, Source
from analytics.imports.values import Call, Rejected, calls
from analytics.queries import Ask
from analytics.schema import (
    content,
    cost_history,
    feedback,
    import_batch,
    llm_call,
    run,
    schema_meta,
)
from core.catalog import Catalog
from core.errors import InvalidInput
from core.ids import new_id

CHUNK = 1_000
"""Rows of one transaction: recorded runs wait for it, so it is a fraction of a second."""
MAX_ROWS = 5_000_000

Result = TypeVar("Result")


class Write(Protocol):
    """`Recorder.write`."""

    def __call__(self, work: Callable[[Connection], Result], /) -> Result: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """`import_id` is None when nothing new was in the file."""

    import_id: str | None
    accepted: int
    known: int
    """Rows that were there already."""
    rejected: int
    problems: tuple[Rejected, ...]
    complete: bool
    """False when it was stopped; what was written can be deleted or completed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportBatch:
    """One row of the list of imports."""

    import_id: str
    source: str
    digest: str
    status: str
    accepted: int
    known: int
    rejected: int
    since_us: int | None
    until_us: int | None
    created_at_us: int


def import_calls(
    write: Write,
    source: Source,
    mapping: ColumnMapping,
    catalog: Catalog,
    *,
    progress: Callable[[float], None] = lambda share: None,
    stopped: Callable[[], bool] = lambda: False,
    now_us: int | None = None,
) -> ImportResult:
    """Adds every usable row that is not there yet. Raises InvalidInput, StorageError.

    A failure leaves what was written, listed as incomplete: importing the file again adds the rest,
    `delete_import` takes it back.
    """
    now_us = now_us or time.time_ns() // 1000
    batch = _Batch(write, source, mapping, now_us)
    maker = RowMaker(batch.import_id, catalog, now_us if mapping.prices_of_today else None)
    complete = True
    with Reading(source) as reading:
        rows = calls(reading, mapping, now_us, write(rows_since))
        while chunk := list(islice(rows, CHUNK)):
            if stopped():
                complete = False
                break
            batch.add(chunk, maker)
            progress(reading.share)
    return batch.end(complete)


class _Batch:
    """The row of `import_batch` and the counts that go into it."""

    def __init__(self, write: Write, source: Source, mapping: ColumnMapping, now_us: int) -> None:
        self.import_id = new_id()
        self._write = write
        self._tally = Tally()
        self._added = self._known = 0
        self._first: Row | None = {
            "import_id": self.import_id,
            "source": source.name[:200],
            "digest": source.digest(),
            "mapping": mapping.to_json(),
            "created_at_us": now_us,
        }

    def add(self, chunk: Sequence[Call | Rejected], maker: RowMaker) -> None:
        for row in chunk:
            self._tally.add(row)
        if self._tally.accepted > MAX_ROWS:
            raise InvalidInput(
                f"The file has more than {MAX_ROWS:,} calls.",
                what_to_do="Split it and import the parts one after the other.",
            )
        made = [maker.rows(row) for row in chunk if isinstance(row, Call)]
        added = self._write(lambda connection: self._store(connection, made))
        self._added, self._known = self._added + added, self._known + len(made) - added

    def end(self, complete: bool) -> ImportResult:
        if self._added:
            self._write(lambda c: _note(c, self.import_id, self._counts(0, 0, complete)))
        return ImportResult(
            import_id=self.import_id if self._added else None,
            accepted=self._added,
            known=self._known,
            rejected=self._tally.rejected,
            problems=tuple(self._tally.problems),
            complete=complete,
        )

    def _store(self, connection: Connection, made: Sequence[tuple[Row, Row]]) -> int:
        ids = [row["run_id"] for row, _ in made]
        there = set(connection.execute(select(run.c.run_id).where(run.c.run_id.in_(ids))).scalars())
        fresh = [pair for pair in made if pair[0]["run_id"] not in there]
        if not fresh:
            return 0
        connection.execute(insert(run), [pair[0] for pair in fresh])
        connection.execute(insert(llm_call), [pair[1] for pair in fresh])
        touch(connection, [int(pair[0]["started_at_us"] or 0) for pair in fresh])
        counts = self._counts(len(fresh), len(made) - len(fresh), complete=False)
        if self._first is not None:
            connection.execute(insert(import_batch), self._first | counts)
            self._first = None
        else:
            _note(connection, self.import_id, counts)
        return len(fresh)

    def _counts(self, added: int, known: int, complete: bool) -> Row:
        return {
            "status": "done" if complete else "running",
            "accepted": self._added + added,
            "known": self._known + known,
            "rejected": self._tally.rejected,
            "since_us": self._tally.since_us,
            "until_us": self._tally.until_us,
        }


def _note(connection: Connection, import_id: str, counts: Row) -> None:
    of_it = import_batch.c.import_id == import_id
    connection.execute(update(import_batch).where(of_it).values(counts))


def kept_since(ask: Ask) -> int:
    """A question for `Queries.ask`: calls from before this moment were deleted; 0 = none were."""
    found = select(schema_meta.c.value).where(schema_meta.c.name == ROWS_SINCE)
    return int(next((row["value"] for row in ask.reader.rows(found)), 0))


def list_imports(ask: Ask) -> tuple[ImportBatch, ...]:
    """A question for `Queries.ask`: the newest 200 imports; the filter does not matter."""
    columns = [import_batch.c[name] for name in ImportBatch.__dataclass_fields__]
    newest = select(*columns).order_by(import_batch.c.created_at_us.desc()).limit(200)
    return tuple(ImportBatch(**row) for row in ask.reader.rows(newest))


def delete_import(
    write: Write, import_id: str, progress: Callable[[int], None] = lambda deleted: None
) -> int:
    """Takes an import back, in chunks. Returns the calls that went. Raises StorageError."""
    gone = 0
    while count := write(lambda connection: _delete_some(connection, import_id)):
        gone += count
        progress(gone)
    return gone


def _delete_some(connection: Connection, import_id: str) -> int:
    of_it = import_batch.c.import_id == import_id
    period = connection.execute(
        select(import_batch.c.since_us, import_batch.c.until_us).where(of_it)
    ).first()
    if period is None:
        return 0
    # The period makes this a walk along the index by time instead of one over all runs.
    found = connection.execute(
        select(run.c.run_id, run.c.started_at_us)
        .where(run.c.started_at_us.between(*period), run.c.import_id == import_id)
        .limit(CHUNK)
    ).all()
    if not found:
        connection.execute(delete(import_batch).where(of_it))
        return 0
    ids = [row.run_id for row in found]
    for table in (llm_call, feedback, content, cost_history, run):
        connection.execute(delete(table).where(table.c.run_id.in_(ids)))
    touch(connection, [row.started_at_us for row in found])
    return len(found)
