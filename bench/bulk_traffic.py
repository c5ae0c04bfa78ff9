"""Analytics databases of a million and more calls, for measuring how fast figures are read.

    python -m bench.bulk_traffic /tmp/bench --calls 1000000 10000000

What is in them, and what of it is real: bench/bulk_model.py. The schema is the product's, made by
`AnalyticsStore`; rows are inserted without its writer, indexes are built afterwards, and every
quarter of an hour is marked stale, so that the figures can be prepared as after an upgrade.
A database that is there already, with the same parameters and tables, is used again.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from sqlalchemy import Index, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from analytics.schema import document_day, feedback, llm_call, metadata, run, schema_meta, step
from analytics.store import AnalyticsStore
from analytics.timeaxis import DAY_US, HOUR_US, QUARTER_US
from bench.bulk_model import Runs, arrivals, load_prices, load_source
from bench.bulk_rows import Columns, Tables, rows_of
from core.database import database_url

UNTIL_US = 1_795_000_080_000_000
"""2026-11-18 11:08 UTC: inside a quarter; the range before it has a change to winter time."""
DAYS = 90
SEED = 1
CALLS_PER_RUN = 1.6125
_AT_ONCE = 40_000
_REVISION = 1
"""To be raised when the same parameters give other rows."""
_FILLED = (run, step, llm_call, feedback, document_day)
_DOCUMENTS = 438
_TIMED = {"step": " WHERE operation_name IN ('execute_tool', 'retrieval')"}
"""Of a partial index."""


@dataclass(frozen=True)
class Size:
    """What to build. Calls come out within 1 % of the number asked for."""

    calls: int
    days: int = DAYS
    seed: int = SEED

    @property
    def since_us(self) -> int:
        return UNTIL_US - self.days * DAY_US

    @property
    def runs(self) -> int:
        return round(self.calls / CALLS_PER_RUN)


@dataclass(frozen=True)
class Built:
    path: Path
    seconds: float
    """0 when it was there."""
    rows: int


def build(folder: Path, size: Size) -> Built:
    """The database of a size in a folder, made unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    source = load_source(size.seed)
    kind = "traces" if source.real else "model"
    name = f"calls-{size.calls}-{size.days}d-seed{size.seed}-{kind}-{_fingerprint():08x}.db"
    path = folder / name
    if path.exists():
        _renew(path)
        return Built(path, 0.0, 0)
    began, unfinished = time.perf_counter(), path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    store = AnalyticsStore(database_url(unfinished))
    store.open()
    store.close()
    rng = np.random.default_rng([size.seed, size.calls])
    with contextlib.closing(_connect(unfinished)) as connection:
        for index in _indexes(*_FILLED):
            connection.execute(f"DROP INDEX {index.name}")
        rows, quarters = 0, np.empty(0, dtype=np.int64)
        tables = Tables(load_prices(), len(source.rates))
        hours = -(-size.days * DAY_US // HOUR_US)
        for at, user in arrivals(source, rng, size.runs, size.since_us, hours, _AT_ONCE):
            drawn = Runs(source, rng, at, user, (at - size.since_us) / (size.days * DAY_US))
            for table, columns in tables.of(drawn, rng).items():
                rows += _insert(connection, table, columns)
                if "started_at_us" in columns:
                    begun = columns["started_at_us"] // QUARTER_US * QUARTER_US
                    quarters = np.union1d(quarters, begun)
        rows += _insert(connection, "document_day", _documents(size, rng))
        _insert(connection, "stale", {"level": ["quarter"] * len(quarters), "start_us": quarters})
        for index in _indexes(*_FILLED):
            connection.execute(_create(index))
        connection.commit()
        connection.execute("PRAGMA optimize=0x10002")
        connection.execute("PRAGMA journal_mode=WAL")
    unfinished.rename(path)
    return Built(path, time.perf_counter() - began, rows)


def forget_folded(path: Path) -> None:
    """The database as it was before its figures were prepared."""
    quarter = f"SELECT DISTINCT started_at_us / {QUARTER_US} * {QUARTER_US} FROM"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        starts = {
            start
            for table in ("run", "llm_call", "step")
            for (start,) in connection.execute(f"{quarter} {table}{_TIMED.get(table, '')}")
        }
        for table in ("block", "label", "stale"):
            connection.execute(f"DELETE FROM {table}")
        _insert(
            connection, "stale", {"level": ["quarter"] * len(starts), "start_us": sorted(starts)}
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def count_facts(path: Path) -> int:
    """Runs, calls, and the steps that figures are made of."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        counts = (
            connection.execute(f"SELECT count(*) FROM {table}{_TIMED.get(table, '')}").fetchone()
            for table in ("run", "llm_call", "step")
        )
        return sum(n for (n,) in counts)


def _connect(path: Path) -> sqlite3.Connection:
    """For building: what a crash leaves is built again."""
    connection = sqlite3.connect(path)
    for pragma in (
        "journal_mode=MEMORY",
        "synchronous=OFF",
        "locking_mode=EXCLUSIVE",
        "cache_size=-600000",
        "temp_store=FILE",
        "threads=2",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _insert(connection: sqlite3.Connection, table: str, columns: Columns) -> int:
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
    return connection.executemany(statement, rows_of(columns)).rowcount


def _documents(size: Size, rng: np.random.Generator) -> Columns:
    """Found documents by day; one in twenty is never found."""
    last = UNTIL_US // DAY_US
    days = np.arange(min(-(-size.since_us // DAY_US), last - 1), last) * DAY_US
    popularity = rng.permutation(1 / np.arange(1, _DOCUMENTS + 1))
    popularity[rng.random(_DOCUMENTS) < 0.05] = 0
    mean = popularity / popularity.sum() * size.runs * 4 / len(days)
    found = rng.poisson(mean, (len(days), _DOCUMENTS))
    day, document = np.nonzero(found)
    return {
        "day_us": days[day],
        "document": [f"article-{k:03d}" for k in document.tolist()],
        "retrievals": found[day, document],
    }


def _renew(path: Path) -> None:
    """Gives a database the indexes and the unfilled tables of now; those filled have not changed."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = {
            name: " ".join(text.split())
            for name, text in connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            )
        }
        tables = [t for t in metadata.sorted_tables if t not in _FILLED and t is not schema_meta]
        changed = set()
        for thing in (*tables, *_indexes(*_FILLED), *_indexes(*tables)):
            name, kind = str(thing.name), "TABLE" if isinstance(thing, Table) else "INDEX"
            if found.get(name) != " ".join(_create(thing).split()):
                connection.execute(f"DROP {kind} IF EXISTS {name}")
                changed.add(name)
        for thing in (*tables, *_indexes(*_FILLED), *_indexes(*tables)):
            connection.execute(_create(thing, if_not_exists=True))
        connection.commit()
    if changed & {"block", "label", "stale"}:
        forget_folded(path)


def _indexes(*tables: Table) -> list[Index]:
    return [
        index for table in tables for index in sorted(table.indexes, key=lambda one: str(one.name))
    ]


def _fingerprint() -> int:
    """Changes with the rows and with the columns they are in."""
    columns = [_create(table) for table in _FILLED]
    return crc32("\n".join([str(_REVISION), *columns]).encode())


def _create(thing: Table | Index, *, if_not_exists: bool = False) -> str:
    kind = CreateTable if isinstance(thing, Table) else CreateIndex
    statement = kind(thing, if_not_exists=if_not_exists)  # type: ignore[arg-type]
    return str(statement.compile(dialect=sqlite.dialect())).strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calls", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    for calls in given.calls:
        built = build(given.folder, Size(calls, given.days, given.seed))
        size = built.path.stat().st_size
        print(f"{built.path}: {built.rows} rows in {built.seconds:.0f} s, {size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
