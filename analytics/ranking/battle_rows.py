"""A row of a file of battles as ballots: one, or as many as it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from analytics.imports.values import Bad
from analytics.ranking.battle_cells import (
    A_WON,
    B_WON,
    BOTH_BAD,
    TIE,
    Result,
    count,
    measure,
    moment,
    name,
    reference,
    result,
    yes,
)
from analytics.ranking.battle_columns import COUNTS, SLICES, BattleField
from core.comparison import Ballot, Traits

_COUNTED: Mapping[BattleField, Result] = {
    "wins_a": A_WON,
    "wins_b": B_WON,
    "ties": TIE,
    "both_bad": BOTH_BAD,
}
T = TypeVar("T")
_NO_SLICES: Mapping[str, str] = MappingProxyType({})
_MEASURES = ("tokens", "headings", "list_items", "bold")


class RowReader:
    """Reads rows of one file. Equal parts of ballots are one object: a million must fit in memory."""

    def __init__(
        self, columns: Sequence[str], chosen: Mapping[BattleField, str], now_us: int
    ) -> None:
        self._at: dict[str, int] = {what: columns.index(column) for what, column in chosen.items()}
        self._now_us = now_us
        self._counts = [name for name in COUNTS if name in self._at]
        self._slices = [name for name in SLICES if name in self._at]
        self._measures = [
            [(what, self._at.get(what)) for what in (f"{part}_{side}" for part in _MEASURES)]
            for side in "ab"
        ]
        self._measured = any(at is not None for side in self._measures for _, at in side)
        self._names: dict[str, str] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._slices_of: dict[tuple[str, ...], Mapping[str, str]] = {}

    def ballots(self, line: int, cells: Sequence[str]) -> Iterator[Ballot]:
        """Raises Bad before the first when the row cannot be used."""
        pair = self._pair(cells)
        results = self._results(cells, *pair)
        voter = self._text("voter", cells, self._name)
        question = self._text("question", cells, reference) or ""
        at_us = self._text("time", cells, lambda _, cell: moment(cell, self._now_us)) or 0
        traits = self._traits(cells) if self._measured else ()
        slices = self._slices_in(cells) if self._slices else _NO_SLICES
        seen = self._text("anonymous", cells, yes) is False
        alone = sum(times for _, times in results) == 1
        nth = 0
        for (outcome, order), times in results:
            for _ in range(times):
                nth += 1
                yield Ballot(
                    # Without a name each battle is of a voter of its own.
                    voter=voter or (f"row {line}" if alone else f"row {line} no. {nth}"),
                    contestants=pair,
                    outcome=outcome,
                    order=order,
                    question=question,
                    at_us=at_us,
                    traits=traits,
                    slices=slices,
                    flags=("revealed",) if seen else (),
                )

    def _pair(self, cells: Sequence[str]) -> tuple[str, str]:
        given = (cells[self._at["model_a"]], cells[self._at["model_b"]])
        pair = self._pairs.get(given)
        if pair is None:
            pair = (self._name("model_a", given[0]), self._name("model_b", given[1]))
            if pair[0] == pair[1]:
                raise Bad("the same model is on both sides", pair[0])
            self._pairs[given] = pair
        return pair

    def _name(self, what: str, cell: str) -> str:
        found = self._names.get(cell)
        if found is None:
            found = self._names[cell] = name(what, cell)
        return found

    def _results(
        self, cells: Sequence[str], model_a: str, model_b: str
    ) -> Sequence[tuple[Result, int]]:
        if "winner" in self._at:
            return ((result(cells[self._at["winner"]], model_a, model_b), 1),)
        found = [(_COUNTED[what], count(what, cells[self._at[what]])) for what in self._counts]
        if not any(times for _, times in found):
            raise Bad("no battles are counted")
        return found

    def _text(
        self, what: BattleField, cells: Sequence[str], read: Callable[[str, str], T]
    ) -> T | None:
        cell = cells[self._at[what]].strip() if what in self._at else ""
        return read(what, cell) if cell else None

    def _traits(self, cells: Sequence[str]) -> tuple[Traits, ...]:
        return tuple(
            _traits_of([_measure(what, cells[at]) if at is not None else None for what, at in side])
            for side in self._measures
        )

    def _slices_in(self, cells: Sequence[str]) -> Mapping[str, str]:
        key = tuple(cells[self._at[what]] for what in self._slices)
        found = self._slices_of.get(key)
        if found is None:
            named = zip(self._slices, key, strict=True)
            found = {what: name(what, cell) for what, cell in named if cell.strip()}
            self._slices_of[key] = found = MappingProxyType(found)
        return found


def _measure(what: str, cell: str) -> float | None:
    return measure(what, cell) if cell and not cell.isspace() else None


def _traits_of(parts: Sequence[float | None]) -> Traits:
    tokens, *others = parts
    headings, list_items, bold = (None if part is None else int(part) for part in others)
    return Traits(tokens=tokens, headings=headings, list_items=list_items, bold=bold)
