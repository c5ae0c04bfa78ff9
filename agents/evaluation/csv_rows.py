"""The rows of a CSV file that people wrote by hand or in a spreadsheet.

Any of comma, semicolon, tab and bar separates cells. A row that cannot be read is given as a
sentence, and so are lines that a quotation mark swallowed, which are then read again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from core.errors import InvalidInput

HELP = "Choose a CSV file with a header line, or a file of JSON lines, in UTF-8."
MAX_RECOVERIES = 1_000
"""How often a quotation mark that is never closed may swallow lines that are then read again."""
_DELIMITERS = ",;\t|"
_LONE = re.compile("[\udc80-\udcff]")
_UNCLOSED = (
    "The row has a quotation mark that is not closed, or one inside a cell that is not doubled."
)
_UNCLOSED_ABOVE = "The row seems to belong to one above it whose quotation mark is not closed."


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    """On which it begins, from 1."""
    text: str
    """As it stands in the file."""
    values: Mapping[str, Any] | str
    """By column, or why the row cannot be read, as a sentence."""


def csv_rows(text: str) -> Iterator[Row]:
    """The rows under the header line. Raises InvalidInput for a header that cannot be used."""
    lines = list(io.StringIO(text, newline=""))
    start, delimiter = 0, ""
    if lines[0].lower().startswith("sep="):  # Excel's hint
        start, delimiter = 1, lines[0][4:5]
    while start < len(lines) and not lines[start].strip():
        start += 1
    header = lines[start] if start < len(lines) else ""
    delimiter = delimiter if delimiter in _DELIMITERS and delimiter else _delimiter(header)
    columns = _columns(header, delimiter)
    yield from _body(lines, start + 1, columns, delimiter)


def lone_bytes(text: str) -> str | None:
    """A sentence when a text has bytes that are not UTF-8, which were read as lone surrogates."""
    return "The row has bytes that are not UTF-8." if _LONE.search(text) else None


def _delimiter(header: str) -> str:
    """The one the header has most of."""
    return max(_DELIMITERS, key=header.count)


def _columns(header: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error as exc:
        raise InvalidInput(f"The header is not CSV: {exc}.", what_to_do=HELP) from exc
    names = ["_".join(cell.lower().split()) for cell in cells]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise InvalidInput(f"The column '{twice[:60]}' is there twice.", what_to_do=HELP)
    return names


def _body(lines: list[str], start: int, columns: list[str], delimiter: str) -> Iterator[Row]:
    """Rows from a line on. Lines that an open quotation mark swallowed are read again."""
    recoveries = 0
    while start < len(lines):
        reader = csv.reader(islice(lines, start, None), delimiter=delimiter, strict=True)
        again = len(lines)
        for row in _rows(reader, lines, start, columns, exact=recoveries > 0):
            yield row
            if row.values == _UNCLOSED and recoveries < MAX_RECOVERIES:
                recoveries, again = recoveries + 1, row.line
                break
        start = again


def _rows(
    reader: Any, lines: list[str], start: int, columns: list[str], *, exact: bool
) -> Iterator[Row]:
    while True:
        first = start + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a mark closes inside a cell, or not before the end or the size limit
            yield Row(first + 1, lines[first], _UNCLOSED)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        text = "".join(lines[first : start + reader.line_num])
        problem = lone_bytes(text) or _misfit(text, cells, columns, exact=exact)
        filled = cells + [""] * (len(columns) - len(cells))
        yield Row(first + 1, text, problem or dict(zip(columns, filled, strict=False)))


def _misfit(text: str, cells: list[str], columns: list[str], *, exact: bool) -> str | None:
    """`exact`: an open quotation mark came before, so what follows may be the end of its row."""
    used = len(cells)
    while used > len(columns) and not cells[used - 1].strip():
        used -= 1
    if used > len(columns) or (exact and used < len(columns)):
        return (
            f"The row has {used} cells, but the header has {len(columns)}: put a text that holds "
            "the separator or a line end in quotation marks."
        )
    return _UNCLOSED_ABOVE if exact and text.count('"') % 2 else None
