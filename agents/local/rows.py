"""Rows of attached tables: those that hold what a question names, with the columns it asks for.

A table of a document is prose to be quoted; one that somebody added is asked like a list of records:
"what does Widget 37 cost" names a cell and a column. Pure functions.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agents.files.reading import AREA
from agents.local.compose import MAX_TABLE_ROWS
from agents.local.question import SYNONYMS, Question, Term
from agents.local.stem import stems
from core.events import Source

ENOUGH = 0.5
"""Share of what the question names that the rows must hold."""
_CELL = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\|(?: --- \|)+")


@dataclass(frozen=True, slots=True)
class Row:
    n: int
    """Of its passage."""
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    stems: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    """Neighbours in a cell."""


def rows(question: Question, sources: Sequence[Source]) -> str | None:
    """The answer from rows of attached tables; None when none of them holds what is named."""
    found = list(dict.fromkeys(_rows([s for s in sources if s.area == AREA])))
    if not found:
        return None
    asked = {term.stem: _columns(term, found[0].columns) for term in question.terms}
    naming = [t for t in question.terms if t.base >= 0.6 and not asked[t.stem]]
    counts = Counter(stem for row in found for stem in row.stems)
    weight = {t.stem: t.base * math.log(1 + len(found) / (counts[t.stem] or 0.5)) for t in naming}
    if not any(0 < counts[t.stem] < len(found) for t in naming) and len(found) > 1:
        return None

    def worth(row: Row) -> float:
        held = sum(value for stem, value in weight.items() if stem in row.stems)
        # "Widget 37" in one cell is worth more than a widget that costs 37.
        return held * (1 + 0.1 * len(question.pairs & row.pairs))

    best = max(worth(row) for row in found)
    if not best or best < ENOUGH * sum(weight.values()):
        return None
    chosen = [
        row for row in found if worth(row) >= best * 0.999 and row.columns == found[0].columns
    ]
    columns = [place for places in asked.values() for place in places]
    return _said(chosen, list(dict.fromkeys(columns))) if chosen else None


def _rows(sources: Sequence[Source]) -> Iterator[Row]:
    for source in sources:
        lines = source.text.split("\n")
        columns: tuple[str, ...] = ()
        for at, line in enumerate(lines):
            if not line.startswith("| "):
                columns = ()
            elif at + 1 < len(lines) and _RULE.fullmatch(lines[at + 1]):
                columns = _cells(line)
            elif columns and not _RULE.fullmatch(line):
                cells = _cells(line)
                by_cell = [list(stems(cell)) for cell in cells]
                held = frozenset(stem for cell in by_cell for stem in cell)
                pairs = frozenset(pair for cell in by_cell for pair in pairwise(cell))
                yield Row(source.n, columns, cells, held, pairs)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in _CELL.split(line)[1:-1])


def _columns(term: Term, columns: Sequence[str]) -> list[int]:
    """The columns a word of the question names, itself or by another word for it."""
    meant = {term.stem, *SYNONYMS.get(term.stem, frozenset())}
    own = [place for place, name in enumerate(columns) if term.stem in stems(name)]
    return own or [place for place, name in enumerate(columns) if meant & set(stems(name))]


def _said(chosen: Sequence[Row], columns: Sequence[int]) -> str:
    shown, first = chosen[:MAX_TABLE_ROWS], chosen[0]
    numbers = "".join(f"[{n}]" for n in dict.fromkeys(row.n for row in shown))
    table = "\n".join(_line(cells) for cells in (first.columns, *(row.cells for row in shown)))
    head, _, body = table.partition("\n")
    whole = f"{head}\n|{' --- |' * len(first.columns)}\n{body}"
    if len(chosen) == 1:
        facts = [f"{first.columns[place]}: **{first.cells[place]}**" for place in columns]
        opening = f"{', '.join(facts)} {numbers}." if facts else f"One row holds this {numbers}:"
    elif len(chosen) > len(shown):
        opening = f"{len(chosen)} of the rows found hold this; the first {len(shown)} {numbers}:"
    else:
        opening = f"{len(chosen)} rows hold this {numbers}:"
    return f"{opening}\n\n{whole}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
