"""Sums and histograms of an hour or a day, of all kinds: made from rows, or added up from smaller ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from analytics import grouped
from analytics.blocks.codec import Block, pack
from analytics.blocks.kinds import KINDS, Kind, bins, measures
from analytics.blocks.rows import CODE, RowColumns
from analytics.grouped import Part
from analytics.measures import FACTS, Fact
from analytics.metrics import NONE, Ints, Mask


def cells_of_rows(
    fact: Fact, rows: RowColumns, code_of: Callable[[str, str], int]
) -> dict[str, bytes]:
    """All kinds of a fact by their names. `code_of("status", "ok")` is the code of a label."""

    def is_in(dimension: str, *names: str) -> Mask:
        return np.isin(rows.codes[dimension], [code_of(dimension, name) for name in names])

    spec = FACTS[fact]
    made = {name: make() for name, make in spec.make(rows.ints, is_in).items()}
    at_us = rows.ints["started_at_us"]
    sums = Part(at_us=at_us, codes=rows.codes, values=made)
    spreads = {
        value: _binned(rows, spec.spreads[value](rows.ints, is_in)) for value in _values(fact)
    }
    return {
        kind.name: _sums_cell(kind, [sums], list(made))
        if kind.value is None
        else _spread_cell(kind, [spreads[kind.value]])
        for kind in KINDS
        if kind.fact == fact
    }


def merged(kind: Kind, cells: Sequence[bytes]) -> bytes:
    """One cell from those of shorter spans of the same kind."""
    blocks = [block for data in cells if (block := Block(data)).n]
    if kind.value is not None:
        return _spread_cell(kind, [_part(kind, block, ["bin", "count"]) for block in blocks])
    names = list(kind.names) or measures(kind.fact)
    return _sums_cell(kind, [_part(kind, block, names) for block in blocks], names)


def _sums_cell(kind: Kind, parts: Sequence[Part], made: Sequence[str]) -> bytes:
    names = list(kind.names or made)
    places = [np.zeros(len(part.at_us), dtype=np.int64) for part in parts]
    codes, values = grouped.sums(parts, names, kind.dimensions, places, 1)
    if not kind.dimensions and not sum(len(part.at_us) for part in parts):
        codes, values = codes[:0], {name: value[:0] for name, value in values.items()}
    columns = {f"{CODE}{name}": codes[:, k] for k, name in enumerate(kind.dimensions)}
    return pack({**columns, **{name: value[:, 0] for name, value in values.items()}})


def _spread_cell(kind: Kind, parts: Sequence[Part]) -> bytes:
    """Counts by dimensions and bin: a bin is one more dimension."""
    with_bin = [
        Part(at_us=p.at_us, codes={**p.codes, "bin": p.values["bin"]}, values=p.values)
        for p in parts
    ]
    places = [np.zeros(len(part.at_us), dtype=np.int64) for part in parts]
    codes, values = grouped.sums(with_bin, ["count"], [*kind.dimensions, "bin"], places, 1)
    columns = {f"{CODE}{name}": codes[:, k] for k, name in enumerate(kind.dimensions)}
    return pack({**columns, "bin": codes[:, -1], "count": values["count"][:, 0]})


def _binned(rows: RowColumns, given: Ints) -> Part:
    counts = given != NONE
    found = bins(given[counts])
    return Part(
        at_us=rows.ints["started_at_us"][counts],
        codes={name: codes[counts] for name, codes in rows.codes.items()},
        values={"bin": found, "count": np.ones(len(found), dtype=np.int64)},
    )


def _part(kind: Kind, block: Block, names: Sequence[str]) -> Part:
    return Part(
        at_us=np.zeros(block.n, dtype=np.int64),
        codes={name: block[f"{CODE}{name}"] for name in kind.dimensions},
        values={name: block[name] for name in names},
    )


def _values(fact: Fact) -> list[str]:
    return list(dict.fromkeys(k.value for k in KINDS if k.fact == fact and k.value is not None))
