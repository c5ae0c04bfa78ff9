"""Sums and distributions of a scope: the one thing every question of the pages is made of.

Each is taken from where it costs least (`source.py`). A dashboard asks a dozen questions about the same
window, so what was read last is kept while nothing changes; `Queries.pin` makes the questions of one
page share a window. `Facts.of` gives the same figures of one person only, whatever a scope asks for.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, select

from analytics import grouped
from analytics.blocks.kinds import Kind, choose, middles
from analytics.blocks.labels import LABEL_VERSION
from analytics.blocks.rows import CODE
from analytics.grouped import Part, Spread, Sums
from analytics.measures import FACTS, Fact
from analytics.metrics import NONE, Ints
from analytics.queries.labels import LabelBook
from analytics.queries.reading import Reader
from analytics.queries.scope import Scope
from analytics.queries.source import (
    MANY_QUARTERS,
    Cells,
    Filters,
    Rows,
    busy_quarters,
    find_cells,
    finest,
    read_rows,
    spread_out,
    zone_of_blocks,
)
from analytics.schema import schema_meta
from analytics.timeaxis import QUARTER_US, Axis, Window

__all__ = ["Facts", "Rows"]

Kept = TypeVar("Kept")
SAMPLE = 5_000
FEW = 400
"""So few are all read, wherever they are."""
_VERSIONS = select(schema_meta.c.name, schema_meta.c.value)
_KEPT = 48


class _Kept:
    """What was read last, and the names of its codes: of one file, for everybody who asks.

    Rows are kept with the filters they were read with, the person's among them; cells of blocks are
    everybody's and narrowed each time. Safe from any thread.
    """

    def __init__(self, generation: int) -> None:
        self.book = LabelBook()
        self._file = generation
        self._found: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def of_file(self, generation: int) -> None:
        """Forgets another file: its codes mean other names."""
        if self._file != generation:
            with self._lock:
                self.book, self._file = LabelBook(), generation
                self._found.clear()

    def find(self, key: Hashable) -> object | None:
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
            return found

    def keep(self, key: Hashable, found: object) -> None:
        with self._lock:
            self._found[key] = found
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)


class Facts:
    """Safe from any thread; two may read the same numbers at once."""

    def __init__(self, reader: Reader, zone: ZoneInfo) -> None:
        self.reader = reader
        self._zone = zone
        self._kept = _Kept(reader.generation)

    def of(self, owner: str) -> Facts:
        """The figures of one person only. Nothing that is asked of it widens it again."""
        narrow = copy.copy(self)
        narrow.reader = self.reader.of(owner)
        return narrow

    def _filters(self, fact: Fact, scope: Scope) -> dict[str, tuple[str, ...]]:
        """What the scope keeps, and of that only what the reader's person may see."""
        filters, owner = scope.filters(fact), self.reader.owner
        if owner is None:
            return filters
        asked = filters.get("user", (owner,))
        return {**filters, "user": (owner,) if owner in asked else ()}

    def sums(
        self,
        fact: Fact,
        scope: Scope,
        names: Sequence[str],
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Sums:
        """Sums of measures (`analytics/measures.py`) of the scope, by dimensions and bucket.

        Exact, wherever they come from. Raises StorageError.
        """
        filters = self._filters(fact, scope)
        kind = choose(fact, None, {*by, *filters}, names)

        def of_cells(cells: Cells) -> tuple[Part, Ints]:
            part = self._part_of(cells, by, names, filters)
            return part, _places(axis, part.at_us)

        def of_rows(rows: Rows) -> tuple[Part, Ints]:
            made = FACTS[fact].make(rows.ints, rows.is_in)
            values = {name: made[name]() for name in names}
            part = Part(at_us=rows.ints["started_at_us"], codes=rows.codes, values=values)
            return grouped.reduced(part, names, by, _places(axis, part.at_us))

        buckets = len(axis.buckets) if axis else 1
        parts, places = self._parts(fact, kind, scope, axis, of_cells, of_rows)
        codes, values = grouped.sums(parts, names, by, places, buckets)
        return Sums(groups=self._names(by, codes), values=values)

    def spread(
        self,
        fact: Fact,
        scope: Scope,
        value: str,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Spread:
        """The distribution of a value (`FactSpec.spreads`) by dimensions and bucket.

        Exact from rows, within 1 % from the histograms of hours and days. Raises StorageError.
        """
        filters = self._filters(fact, scope)
        kind = choose(fact, value, {*by, *filters})

        def of_cells(cells: Cells) -> tuple[Part, Ints]:
            part = self._part_of(cells, by, ["bin", "count"], filters)
            part = replace(part, codes={**part.codes, "bin": part.values["bin"]})
            return grouped.reduced(part, ["count"], by, _places(axis, part.at_us), also="bin")

        def of_rows(rows: Rows) -> tuple[Part, Ints]:
            given = FACTS[fact].spreads[value](rows.ints, rows.is_in)
            rows, given = rows.take(given != NONE), given[given != NONE]
            values = {"value": given, "weight": np.ones(len(given), dtype=np.int64)}
            at_us = rows.ints["started_at_us"]
            return Part(at_us=at_us, codes=rows.codes, values=values), _places(axis, at_us)

        buckets = len(axis.buckets) if axis else 1
        parts, places = self._parts(fact, kind, scope, axis, of_cells, of_rows)
        parts = [_with_middles(part) for part in parts]
        codes, *arrays = grouped.spread(parts, by, places, buckets)
        return Spread(self._names(by, codes), buckets, *arrays)

    def rows(self, fact: Fact, scope: Scope) -> Rows:
        """Every row of the scope. Only for scopes known to be small."""
        return self._all(fact, [scope.window], self._filters(fact, scope))

    def sample(self, fact: Fact, scope: Scope, wanted: int = SAMPLE) -> Rows:
        """All rows of a scope, or those of some quarters of an hour when there are many of either."""
        window, filters = scope.window, self._filters(fact, scope)
        n = self.sums(fact, scope, ["n"]).total("n")
        few_quarters = window.until_us - window.since_us <= MANY_QUARTERS * QUARTER_US
        if n <= wanted and (n <= FEW or few_quarters):
            return self._all(fact, [window], filters)
        found = self._all(fact, spread_out(window, n, wanted), filters)
        if found.n > min(n, wanted) // 8:
            return found
        nothing: list[Window] = []
        spans = self.reader.snapshot(
            lambda connection: busy_quarters(connection, fact, window, wanted), nothing
        )
        return self._all(fact, spans or [window], filters)

    # -- where the numbers come from

    def _parts(
        self,
        fact: Fact,
        kind: Kind | None,
        scope: Scope,
        axis: Axis | None,
        of_cells: Callable[[Cells], tuple[Part, Ints]],
        of_rows: Callable[[Rows], tuple[Part, Ints]],
    ) -> tuple[list[Part], list[Ints]]:
        """Everything of the scope, and the bucket of each row or cell."""
        filters = self._filters(fact, scope)

        def read(connection: Connection) -> list[tuple[Part, Ints]]:
            version = self._now(connection)
            cells = self._cells(connection, kind, scope.window, axis, version)
            found = [of_cells(cells)] if cells.blocks else []
            rows = self._rows(connection, fact, cells.gaps, filters, version)
            return [*found, *map(of_rows, rows)]

        nothing: list[tuple[Part, Ints]] = []
        found = self.reader.snapshot(read, nothing)
        return [part for part, _ in found], [place for _, place in found]

    def _now(self, connection: Connection) -> int:
        """The version of the data in this snapshot; the names are those of the snapshot too."""
        found = {row.name: row.value for row in connection.execute(_VERSIONS)}
        self._kept.of_file(self.reader.generation)
        self._kept.book.refresh(connection, found.get(LABEL_VERSION, 0))
        return int(found.get("data_version", 0))

    def _cells(
        self,
        connection: Connection,
        kind: Kind | None,
        window: Window,
        axis: Axis | None,
        version: int,
    ) -> Cells:
        longest = finest(axis)

        def read() -> Cells:
            known = zone_of_blocks(connection)
            # Days of another zone are right for totals, but lie across the edges of an axis.
            usable = known is not None and (axis is None or known == self._zone.key)
            zone = ZoneInfo(known) if known and usable else None
            return find_cells(connection, kind, window, longest, zone)

        return self._once(("cells", kind, window, longest, axis is None, version), read)

    def _rows(
        self,
        connection: Connection,
        fact: Fact,
        gaps: Sequence[Window],
        filters: Filters,
        version: int,
    ) -> Iterable[Rows]:
        key = ("rows", fact, tuple(gaps), tuple(sorted(filters.items())), version)
        found = self._kept.find(key)
        if found is not None:
            return found  # type: ignore[return-value]
        return self._read_and_keep(connection, fact, gaps, filters, key)

    def _read_and_keep(
        self,
        connection: Connection,
        fact: Fact,
        gaps: Sequence[Window],
        filters: Filters,
        key: Hashable,
    ) -> Iterator[Rows]:
        batches = 0
        last: list[Rows] = []
        for rows in read_rows(connection, self._kept.book, fact, gaps, filters):
            batches, last = batches + 1, [rows]
            yield rows
        if batches <= 1:  # what does not fit one batch is not kept
            self._kept.keep(key, last)

    def _all(self, fact: Fact, spans: Sequence[Window], filters: Filters) -> Rows:
        def read(connection: Connection) -> list[Rows]:
            version = self._now(connection)
            return list(self._rows(connection, fact, spans, filters, version))

        nothing: list[Rows] = []
        found = self.reader.snapshot(read, nothing)
        return Rows.join(fact, found, self._kept.book)

    def _part_of(
        self, cells: Cells, by: Sequence[str], names: Sequence[str], filters: Filters
    ) -> Part:
        """The columns a question needs, of the cells its filters keep.

        Filters look at the small numbers of the blocks; only what they keep is made into wide ones.
        """
        kept: slice | Ints = slice(None)
        if filters:
            masks = [
                self._kept.book.codes_of(name, values)[_column(cells, f"{CODE}{name}")]
                for name, values in filters.items()
            ]
            kept = np.flatnonzero(np.logical_and.reduce(masks))
        starts = np.array(cells.starts, dtype=np.int64)
        lengths = [block.n for block in cells.blocks]
        return Part(
            at_us=np.repeat(starts, lengths)[kept],
            codes={
                name: self._kept.book.of_codes(name, _column(cells, f"{CODE}{name}")[kept])
                for name in by
            },
            values={name: _column(cells, name)[kept].astype(np.int64) for name in names},
        )

    # -- what was read last

    def _once(self, key: Hashable, read: Callable[[], Kept]) -> Kept:
        found = self._kept.find(key)
        if found is None:
            found = read()
            self._kept.keep(key, found)
        return found  # type: ignore[return-value]

    def _names(self, by: Sequence[str], codes: Ints) -> tuple[grouped.Names, ...]:
        return tuple(
            tuple(self._kept.book.name(name, code) for name, code in zip(by, row, strict=True))
            for row in codes.tolist()
        )


def _with_middles(part: Part) -> Part:
    """Bins become the values they stand for; rows have their own."""
    if "bin" not in part.codes:
        return part
    values = {"value": middles(part.codes["bin"]), "weight": part.values["count"]}
    return Part(at_us=part.at_us, codes=part.codes, values=values)


def _column(cells: Cells, name: str) -> Ints:
    return np.concatenate([block[name] for block in cells.blocks])


def _places(axis: Axis | None, at_us: Ints) -> Ints:
    return np.zeros(len(at_us), dtype=np.int64) if axis is None else axis.places(at_us)
