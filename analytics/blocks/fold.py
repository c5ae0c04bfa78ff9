"""Folds rows into blocks: quarters first, then hours and days of the reporting zone.

Runs on the writer's thread, between commits, a little at a time. Each step is one transaction that
takes its work from `stale` and removes it there, so a killed process loses nothing and counts nothing
twice. Quarters that may still get rows are left to the readers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from analytics.blocks.cells import cells_of_rows, merged
from analytics.blocks.codec import Block, pack
from analytics.blocks.kinds import KINDS, fingerprint
from analytics.blocks.labels import LabelWriter
from analytics.blocks.rows import CODE, RowColumns, block_columns, column_query, joined
from analytics.blocks.stale import (
    DAY,
    HOUR,
    QUARTER,
    ZONE_LABEL,
    day_of,
    end_of,
    hour_of,
    rows_since,
)
from analytics.measures import FACTS, Fact
from analytics.schema import block, label, stale
from analytics.timeaxis import QUARTER_US
from core.database import Database, database_url

FORMAT = fingerprint()
GRACE_US = 20_000_000
"""After a quarter ended: most of its runs have ended then too."""
_FACTS: tuple[Fact, ...] = ("run", "call", "step")
_PARTS: dict[str, list[str]] = {QUARTER: [], HOUR: [QUARTER], DAY: [QUARTER, HOUR]}
_LOOKED_AT = 8
_ROWS_AT_ONCE = 200_000


class Folder:
    """`step` does one piece of work in the caller's transaction. Belongs to the writer's thread."""

    def __init__(self, timezone: str = "UTC") -> None:
        self._zone = ZoneInfo(timezone)
        self._labels = LabelWriter()
        self._doing: tuple[str, int] | None = None
        self._skipped: set[tuple[str, int]] = set()

    def step(self, connection: Connection, now_us: int) -> int:
        """Folds one quarter, hour or day. Returns the rows and cells it read; 0 = nothing to do."""
        self._check_zone(connection)
        self._labels.begin(connection)
        latest = now_us - GRACE_US
        for level, work in (
            (HOUR, self._fold_hour),
            (DAY, self._fold_day),
            (QUARTER, self._fold_quarter),
        ):
            start = self._next(connection, level, latest)
            if start is not None:
                self._doing = (level, start)
                return work(connection, start)
        return 0

    def failed(self) -> None:
        """The transaction of a step was rolled back: nothing learnt in it holds.

        What it worked on is left to the readers, who take the rows, until the next start.
        """
        self._labels = LabelWriter()
        if self._doing is not None:
            self._skipped.add(self._doing)

    # -- what comes next

    def _next(self, connection: Connection, level: str, latest_us: int) -> int | None:
        """The newest closed piece of a level whose parts are all folded: people look at what is new."""
        starts = connection.execute(
            select(stale.c.start_us)
            .where(stale.c.level == level, stale.c.start_us <= latest_us - QUARTER_US)
            .order_by(stale.c.start_us.desc())
            .limit(_LOOKED_AT + len(self._skipped))
        ).scalars()
        for start in starts.all():
            if (level, start) in self._skipped:
                continue
            end = end_of(level, start, self._zone)
            parts = select(stale.c.start_us).where(
                stale.c.level.in_(_PARTS[level]), stale.c.start_us >= start, stale.c.start_us < end
            )
            if end <= latest_us and connection.execute(parts.limit(1)).first() is None:
                return int(start)
        return None

    def _check_zone(self, connection: Connection) -> None:
        """Hours and days belong to one zone; another one makes them anew from the quarters.

        Hours whose rows are gone are kept and added up to days of the new zone: an hour that lies
        across its midnight then counts for the day it began in.
        """
        name = f"{FORMAT} {self._zone.key}"
        same = label.c.kind == ZONE_LABEL, label.c.code == 0
        known = connection.execute(select(label.c.name).where(*same)).scalar_one_or_none()
        if known == name:
            return
        of_format = known is not None and known.partition(" ")[0] == FORMAT
        since = rows_since(connection)
        connection.execute(delete(label).where(*same))
        connection.execute(insert(label).values(kind=ZONE_LABEL, code=0, name=name))
        connection.execute(delete(block).where(block.c.level == HOUR, block.c.start_us >= since))
        connection.execute(delete(block).where(block.c.level == DAY))
        connection.execute(delete(stale).where(stale.c.level.in_((HOUR, DAY))))
        kept = select(block.c.start_us).where(block.c.level == HOUR).distinct()
        hours = connection.execute(kept).scalars().all()
        _note(connection, DAY, {day_of(hour, self._zone) for hour in hours})
        quarters = select(block.c.start_us).where(block.c.level == QUARTER).distinct()
        starts = connection.execute(quarters).scalars().all()
        if of_format:
            _note(connection, HOUR, {hour_of(start, self._zone) for start in starts})
        else:
            connection.execute(delete(block).where(block.c.level == QUARTER))
            _note(connection, QUARTER, starts)

    # -- the work

    def _fold_quarter(self, connection: Connection, start: int) -> int:
        blocks, read = [], 0
        for fact in _FACTS:
            rows = _read_rows(connection, self._labels, fact, start, start + QUARTER_US)
            read += rows.n
            blocks.append(
                {
                    "kind": fact,
                    "level": QUARTER,
                    "start_us": start,
                    "n": rows.n,
                    "data": pack(block_columns(rows, start)),
                }
            )
        connection.execute(delete(block).where(block.c.level == QUARTER, block.c.start_us == start))
        connection.execute(insert(block), blocks)
        _done(connection, QUARTER, start)
        _note(connection, HOUR, [hour_of(start, self._zone)])
        return read + 1

    def _fold_hour(self, connection: Connection, start: int) -> int:
        end, read = end_of(HOUR, start, self._zone), 0
        cells: dict[str, bytes] = {}
        for fact in _FACTS:
            found = connection.execute(
                select(block.c.start_us, block.c.data).where(
                    block.c.kind == fact,
                    block.c.level == QUARTER,
                    block.c.start_us >= start,
                    block.c.start_us < end,
                )
            )
            rows = joined(fact, [_unpacked(fact, Block(data), at) for at, data in found])
            read += rows.n
            cells |= cells_of_rows(fact, rows, self._labels.code)
        _put(connection, HOUR, start, cells)
        _done(connection, HOUR, start)
        _note(connection, DAY, [day_of(start, self._zone)])
        return read + 1

    def _fold_day(self, connection: Connection, start: int) -> int:
        end = end_of(DAY, start, self._zone)
        parts: dict[str, list[bytes]] = {kind.name: [] for kind in KINDS}
        found = connection.execute(
            select(block.c.kind, block.c.data).where(
                block.c.level == HOUR, block.c.start_us >= start, block.c.start_us < end
            )
        )
        for name, data in found:
            parts[name].append(data)
        cells = {kind.name: merged(kind, parts[kind.name]) for kind in KINDS}
        read = sum(map(len, parts.values()))
        _put(connection, DAY, start, cells)
        _done(connection, DAY, start)
        return read + 1


def _read_rows(
    connection: Connection, writer: LabelWriter, fact: Fact, since_us: int, until_us: int
) -> RowColumns:
    """The rows of a fact from the database, their texts as codes."""
    read = column_query(fact).read(connection, since_us=since_us, until_us=until_us)
    codes = {name: writer.encode(name, texts) for name, texts in read.texts.items()}
    return RowColumns(read.ints, codes)


def _unpacked(fact: Fact, found: Block, start_us: int) -> RowColumns:
    spec = FACTS[fact]
    ints = {name: found[name] for name in spec.ints}
    ints["started_at_us"] = ints["started_at_us"].astype("i8") + start_us
    return RowColumns(ints, {name: found[f"{CODE}{name}"] for name in spec.labels})


def _put(connection: Connection, level: str, start: int, cells: Mapping[str, bytes]) -> None:
    connection.execute(delete(block).where(block.c.level == level, block.c.start_us == start))
    rows = [
        {"kind": kind, "level": level, "start_us": start, "n": Block(data).n, "data": data}
        for kind, data in cells.items()
    ]
    connection.execute(insert(block), rows)


def _done(connection: Connection, level: str, start: int) -> None:
    connection.execute(delete(stale).where(stale.c.level == level, stale.c.start_us == start))


def _note(connection: Connection, level: str, starts: Iterable[int]) -> None:
    for start in starts:
        _done(connection, level, start)
        connection.execute(insert(stale).values(level=level, start_us=start))


def fold_all(path_or_url: str | Path, timezone: str = "UTC", *, now_us: int | None = None) -> int:
    """Folds everything that waits, of a database no Switchboard has open. Returns what was read."""
    database = Database(database_url(path_or_url))
    folder, total = Folder(timezone), 0
    try:
        while True:
            with database.write() as connection:
                read = done = folder.step(connection, now_us or time.time_ns() // 1000)
                while done and read < _ROWS_AT_ONCE:
                    done = folder.step(connection, now_us or time.time_ns() // 1000)
                    read += done
            if not read:
                return total
            total += read
    finally:
        database.close()
