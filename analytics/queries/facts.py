"""Sums and distributions of a scope: the one thing every question of the pages is made of.

A dashboard asks a dozen questions about the same rows, so what was read last is kept while nothing
changes; `Queries.pin` makes the questions of one page share a scope.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.measures import FACTS, Fact
from analytics.metrics import NONE, Ints, Mask
from analytics.queries import grouped
from analytics.queries.grouped import Part, Spread, Sums
from analytics.queries.labels import LabelBook
from analytics.queries.reading import Reader
from analytics.queries.scope import Scope
from analytics.timeaxis import Axis

_KEPT = 6
_KEPT_ROWS = 1_000_000  # about 200 bytes each


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a fact as whole numbers; `codes` are label ids."""

    ints: Mapping[str, Ints]
    codes: Mapping[str, Ints]
    book: LabelBook

    @property
    def n(self) -> int:
        return len(self.ints["started_at_us"])

    def is_in(self, dimension: str, *names: str) -> Mask:
        return np.isin(self.codes[dimension], self.book.ids(dimension, names))

    def take(self, mask: Mask | Ints) -> Rows:
        return Rows(
            {name: values[mask] for name, values in self.ints.items()},
            {name: values[mask] for name, values in self.codes.items()},
            self.book,
        )

    def names(self, dimension: str) -> list[str | None]:
        """The label of each row."""
        return [self.book.name(dimension, code) for code in self.codes[dimension].tolist()]


class Facts:
    """Safe from any thread; two may read the same rows at once."""

    def __init__(self, reader: Reader, data_version: Callable[[], int]) -> None:
        self.reader = reader
        self._data_version = data_version
        self._book = LabelBook()
        self._kept: OrderedDict[tuple[Fact, Scope, int], Rows] = OrderedDict()
        self._lock = threading.Lock()

    def sums(
        self,
        fact: Fact,
        scope: Scope,
        names: Sequence[str],
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Sums:
        """Sums of measures (`analytics/measures.py`) of the scope, by dimensions and bucket."""
        rows = self.rows(fact, scope)
        made = FACTS[fact].make(rows.ints, rows.is_in)
        part = Part(at_us=rows.ints["started_at_us"], codes=rows.codes, values=made)
        buckets = len(axis.buckets) if axis else 1
        codes, values = grouped.sums([part], names, by, [_places(axis, part)], buckets)
        return Sums(groups=self._names(by, codes), values=values)

    def spread(
        self,
        fact: Fact,
        scope: Scope,
        value: str,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Spread:
        """The distribution of a value (`FactSpec.spreads`) by dimensions and bucket."""
        rows = self.rows(fact, scope)
        given = FACTS[fact].spreads[value](rows.ints, rows.is_in)
        rows, given = rows.take(given != NONE), given[given != NONE]
        part = Part(
            at_us=rows.ints["started_at_us"],
            codes=rows.codes,
            values={"value": given, "weight": np.ones(len(given), dtype=np.int64)},
        )
        buckets = len(axis.buckets) if axis else 1
        codes, *sorted_values = grouped.spread([part], by, [_places(axis, part)], buckets)
        return Spread(self._names(by, codes), buckets, *sorted_values)

    def rows(self, fact: Fact, scope: Scope) -> Rows:
        """Every row of the scope. For figures that are neither sums nor distributions."""
        # The version is read first: rows that come while loading make the copy newer, never older.
        key = (fact, scope, self._data_version())
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = self._load(fact, scope)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _KEPT or sum(r.n for r in self._kept.values()) > _KEPT_ROWS:
                self._kept.popitem(last=False)
        return found

    def sample(self, fact: Fact, scope: Scope) -> Rows:
        """All rows of a scope, or those of evenly spaced quarters of an hour when there are many."""
        return self.rows(fact, scope)

    def _load(self, fact: Fact, scope: Scope) -> Rows:
        spec = FACTS[fact]
        read = self.reader.columns(scope.of(fact), spec.ints, spec.labels)
        codes = {name: self._book.translate(name, found) for name, found in read.texts.items()}
        return Rows(read.ints, codes, self._book)

    def _names(self, by: Sequence[str], codes: Ints) -> tuple[grouped.Names, ...]:
        return tuple(
            tuple(self._book.name(name, code) for name, code in zip(by, row, strict=True))
            for row in codes.tolist()
        )


def _places(axis: Axis | None, part: Part) -> Ints:
    if axis is None:
        return np.zeros(len(part.at_us), dtype=np.int64)
    return axis.places(part.at_us)
