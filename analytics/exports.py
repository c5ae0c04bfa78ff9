"""Rows of runs, calls or steps as CSV, JSON lines or Parquet, in constant memory.

Rows are read in chunks by (start, id), each in a short read transaction of its own, so recording
goes on meanwhile; an export is therefore not one snapshot: rows that are written later, but began
before what was already read, are missing. Questions and answers are never in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Column as SqlColumn
from sqlalchemy import Select, Table, and_, func, select, tuple_

from analytics.export_writers import ExportFormat, open_writer
from analytics.measures import FACTS, Fact
from analytics.queries import Ask, Filter, Queries
from analytics.queries.scope import Scope
from analytics.schema import llm_call, run, step
from core.errors import StorageError, SwitchboardError

Rows = list[dict[str, Any]]
ExportKind = Literal["runs", "calls", "steps"]
EXPORT_KINDS: tuple[ExportKind, ...] = get_args(ExportKind)
CHUNK = 4000
"""Rows of one read: some megabytes, some tens of milliseconds."""

_FACTS: Mapping[ExportKind, Fact] = {"runs": "run", "calls": "call", "steps": "run"}
_TABLES: Mapping[ExportKind, Table] = {"runs": run, "calls": llm_call, "steps": step}


class Stopped(SwitchboardError):
    """An export was stopped before it was whole."""

    code = "stopped"
    default_what_to_do = "Start it again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an export is. `of` is None when it could not be counted in time.

    For steps, `done` and `of` are runs: steps are read with the run they belong to.
    """

    rows: int
    done: int
    of: int | None

    @property
    def share(self) -> float | None:
        return min(1.0, self.done / self.of) if self.of else None


def export_columns(kind: ExportKind) -> list[SqlColumn[Any]]:
    """The columns, named as in the schema."""
    return list(_TABLES[kind].columns)


def export_rows(
    queries: Queries,
    kind: ExportKind,
    keep: Filter,
    form: ExportFormat,
    target: Path,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    chunk: int = CHUNK,
) -> Progress:
    """Writes the rows of a filter into a file, which appears only when it is whole.

    Runs and calls count when they began in the range; steps are all steps of the runs that did.
    `progress` is called after each chunk; what it raises stops the export. Raises StorageError.
    """
    ask = queries.ask(lambda ask: ask, queries.pin(keep))
    of = _count(ask, kind)
    part = target.with_name(f".{target.name}.part")
    rows = done = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with part.open("wb") as file:
            writer = open_writer(form, file, export_columns(kind), queries.zone)
            for found, covered in _chunks(ask, kind, chunk):
                writer.write(found)
                rows, done = rows + len(found), done + covered
                progress(Progress(rows=rows, done=done, of=of))
            writer.close()
        part.replace(target)
    except OSError as exc:
        raise StorageError(
            f"{target.name} cannot be written: {exc.strerror or exc}.",
            what_to_do="Free some space or check the rights of the folder, then export again.",
        ) from exc
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Progress(rows=rows, done=done, of=of)


def _count(ask: Ask, kind: ExportKind) -> int | None:
    counted = ask.scope.of(_FACTS[kind]).with_only_columns(func.count().label("n"))
    try:
        rows = ask.reader.rows(counted)
    except StorageError:
        return None
    return int(rows[0]["n"]) if rows else 0


def _chunks(ask: Ask, kind: ExportKind, chunk: int) -> Iterator[tuple[Rows, int]]:
    """Rows, and how much of the total they cover."""
    if kind == "steps":
        for runs in _pages(ask, "runs", [run.c.started_at_us, run.c.run_id], max(1, chunk // 8)):
            yield _steps_of(ask, [row["run_id"] for row in runs]), len(runs)
        return
    for rows in _pages(ask, kind, export_columns(kind), chunk):
        yield rows, len(rows)


def _pages(ask: Ask, kind: ExportKind, columns: list[SqlColumn[Any]], chunk: int) -> Iterator[Rows]:
    """Rows in the order they began, `chunk` at a time."""
    table = _TABLES[kind]
    order = [table.c.started_at_us, *table.primary_key.columns]
    statement = _by_time(ask.scope, _FACTS[kind]).with_only_columns(*columns).order_by(*order)
    last: tuple[Any, ...] | None = None
    while True:
        page = statement.limit(chunk)
        if last is not None:
            # The first condition is implied by the second; it lets the index find the place.
            page = page.where(and_(order[0] >= last[0], tuple_(*order) > tuple_(*last)))
        rows = ask.reader.rows(page)
        if rows:
            yield rows
        if len(rows) < chunk:
            return
        last = tuple(rows[-1][column.name] for column in order)


def _by_time(scope: Scope, fact: Fact) -> Select[Any]:
    """The rows of a scope, found by the index of time only.

    Through another index, all that is left of the range would be sorted anew for every page.
    """
    labels = FACTS[fact].labels
    everything = Scope(window=scope.window, keep=Filter())
    return everything.of(fact).where(
        *(func.coalesce(labels[n], "").in_(values) for n, values in scope.filters(fact).items())
    )


def _steps_of(ask: Ask, run_ids: list[str]) -> Rows:
    found = select(*export_columns("steps")).where(step.c.run_id.in_(run_ids))
    return ask.reader.rows(found.order_by(step.c.run_id, step.c.started_at_us, step.c.step_id))
