"""Sums and distributions by group and bucket of time: the arithmetic under every figure.

What goes in are parts: rows of the database, or cells that hold sums of many rows. Both are added up
by the same code, so a figure does not depend on where its numbers were kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.metrics import Ints, Percentile

Names = tuple[str | None, ...]
_DENSE = 1 << 16
_EXACT = 2.0**52


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Rows or cells, aligned. `codes[dimension]` are label ids, 0 for NULL."""

    at_us: Ints
    codes: Mapping[str, Ints]
    values: Mapping[str, Ints]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """Sums of measures: `values[measure][g, b]` belongs to `groups[g]` and bucket b.

    Without an axis there is one bucket. Groups are the values of `by`, in its order; without `by`
    there is exactly one group, `()`, even when nothing was found. Groups without rows are absent.
    """

    groups: tuple[Names, ...]
    values: Mapping[str, npt.NDArray[np.int64]]

    def total(self, name: str) -> int:
        """Over all groups and buckets."""
        return int(self.values[name].sum())

    def of(self, group: int, name: str) -> int:
        """Of one group, over all buckets."""
        return int(self.values[name][group].sum())

    def by_bucket(self, name: str) -> tuple[int, ...]:
        """Over all groups."""
        return tuple(self.values[name].sum(axis=0).tolist())

    def over_time(self, group: int, name: str) -> tuple[int, ...]:
        return tuple(self.values[name][group].tolist())


class Spread:
    """Distributions of one value by group and bucket.

    Rows give exact quantiles (linear interpolation between order statistics); cells hold counts of
    logarithmic bins and give them within 1 %.
    """

    def __init__(
        self, groups: tuple[Names, ...], buckets: int, place: Ints, value: Ints, weight: Ints
    ) -> None:
        """`place` = group * buckets + bucket; the three are sorted by (place, value)."""
        self.groups = groups
        self._shape = (len(groups), buckets)
        self._value, self._weight, self._place = value, weight, place
        self._known: dict[float, npt.NDArray[np.float64]] = {}
        self._until = np.concatenate([[0], np.cumsum(weight)])
        edges = np.searchsorted(place, np.arange(len(groups) * buckets + 1))
        self._edges = edges
        self._from = self._until[edges[:-1]]
        self._n = self._until[edges[1:]] - self._from

    @property
    def n(self) -> npt.NDArray[np.int64]:
        """How many values each distribution rests on, by [group, bucket]."""
        shaped: npt.NDArray[np.int64] = self._n.reshape(self._shape)
        return shaped

    def quantiles(self, q: float) -> npt.NDArray[np.float64]:
        """By [group, bucket]; NaN where there are no values."""
        if q not in self._known:
            self._known[q] = self._quantiles(q)
        return self._known[q]

    def _quantiles(self, q: float) -> npt.NDArray[np.float64]:
        if not len(self._value):
            return np.full(self._shape, np.nan)
        position = np.maximum(self._n - 1, 0) * q
        low = np.floor(position).astype(np.int64)
        part = position - low
        high = np.minimum(low + 1, np.maximum(self._n - 1, 0))
        found = self._nth(low) * (1 - part) + self._nth(high) * part
        return np.where(self._n > 0, found, np.nan).reshape(self._shape)

    def percentile(self, q: float, group: int = 0, bucket: int = 0) -> Percentile:
        """One quantile with what it rests on."""
        place = group * self._shape[1] + bucket
        n = int(self._n[place])
        if not n:
            return Percentile(q=q, value=None, n=0, maximum=None)
        value = float(self.quantiles(q)[group, bucket])
        largest = int(self._value[self._edges[place + 1] - 1])
        return Percentile(q=q, value=value, n=n, maximum=largest)

    def at_most(self, limit: float) -> npt.NDArray[np.int64]:
        """How many values are at most `limit`, by [group, bucket]."""
        counted = np.where(self._value <= limit, self._weight, 0)
        sums = np.bincount(self._place, counted, minlength=len(self._n)).astype(np.int64)
        return sums.reshape(self._shape)

    def counts(self, edges: Sequence[float]) -> npt.NDArray[np.int64]:
        """Values in [edges[k], edges[k + 1]), by [group, bucket, k]; the last one takes all above."""
        column = np.searchsorted(np.asarray(edges), self._value, side="right") - 1
        inside = column >= 0
        flat = self._place[inside] * len(edges) + column[inside]
        length = len(self._n) * len(edges)
        sums = np.bincount(flat, self._weight[inside], minlength=length).astype(np.int64)
        return sums.reshape(*self._shape, len(edges))

    def _nth(self, rank: Ints) -> npt.NDArray[np.float64]:
        place = np.searchsorted(self._until, self._from + rank, side="right") - 1
        return self._value[np.minimum(place, len(self._value) - 1)].astype(np.float64)


def sums(
    parts: Sequence[Part],
    names: Sequence[str],
    by: Sequence[str],
    places: Sequence[Ints],
    buckets: int,
) -> tuple[npt.NDArray[np.int64], Mapping[str, npt.NDArray[np.int64]]]:
    """Sums of `names`: the codes of each group (a row each) and the sums of shape (groups, buckets)."""
    group, found = _grouped(parts, by)
    flat = group * buckets + _joined(places)
    length = len(found) * buckets
    values = {
        name: _added(flat, _joined([part.values[name] for part in parts]), length).reshape(
            len(found), buckets
        )
        for name in names
    }
    return found, values


def reduced(
    part: Part, names: Sequence[str], by: Sequence[str], place: Ints, also: str | None = None
) -> tuple[Part, Ints]:
    """A part added up by group, bucket and one more dimension: what is left of many rows is small."""
    codes = {**part.codes, "place": place}
    split = [*by, *([also] if also else []), "place"]
    none = np.zeros(len(place), dtype=np.int64)
    whole = Part(at_us=part.at_us, codes=codes, values=part.values)
    found, values = sums([whole], names, split, [none], 1)
    return (
        Part(
            at_us=np.zeros(len(found), dtype=np.int64),
            codes={name: found[:, k] for k, name in enumerate(split[:-1])},
            values={name: value[:, 0] for name, value in values.items()},
        ),
        found[:, -1],
    )


def spread(
    parts: Sequence[Part], by: Sequence[str], places: Sequence[Ints], buckets: int
) -> tuple[npt.NDArray[np.int64], Ints, Ints, Ints]:
    """The codes of each group, and (place, value, weight) sorted as `Spread` wants them.

    Parts have the values `value` and `weight`.
    """
    group, found = _grouped(parts, by)
    place = group * buckets + _joined(places)
    value = _joined([part.values["value"] for part in parts])
    weight = _joined([part.values["weight"] for part in parts])
    order = np.lexsort((value, place))
    return found, place[order], value[order], weight[order]


def _grouped(parts: Sequence[Part], by: Sequence[str]) -> tuple[Ints, npt.NDArray[np.int64]]:
    """The group of each row, and the codes of each group."""
    length = sum(len(part.at_us) for part in parts)
    if not by:
        return np.zeros(length, dtype=np.int64), np.zeros((1, 0), dtype=np.int64)
    columns = [_joined([part.codes[name] for part in parts]) for name in by]
    key = np.zeros(length, dtype=np.int64)
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    for column, size in zip(columns, sizes, strict=True):
        key = key * size + column
    space = int(np.prod([float(size) for size in sizes]))
    if space <= max(_DENSE, 8 * length):
        present = np.flatnonzero(np.bincount(key, minlength=1))
        present = present if length else present[:0]
        lookup = np.zeros(space, dtype=np.int64)
        lookup[present] = np.arange(len(present))
        group = lookup[key]
    else:
        present, group = np.unique(key, return_inverse=True)
    codes = np.empty((len(present), len(by)), dtype=np.int64)
    rest = present
    for place in range(len(by) - 1, -1, -1):
        codes[:, place] = rest % sizes[place]
        rest = rest // sizes[place]
    return group, codes


def _joined(arrays: Sequence[Ints]) -> Ints:
    if not arrays:
        return np.empty(0, dtype=np.int64)
    return np.concatenate(arrays, dtype=np.int64)


def _added(place: Ints, value: Ints, length: int) -> Ints:
    """Exact sums by place. bincount adds floats, which is exact while all sums stay under 2^53."""
    if float(np.abs(value).sum(dtype=np.float64)) < _EXACT:
        return np.bincount(place, value, minlength=length).astype(np.int64)
    total = np.zeros(length, dtype=np.int64)
    np.add.at(total, place, value)
    return total
