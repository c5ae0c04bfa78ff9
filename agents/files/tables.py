"""CSV as passages that can be read alone: rows under their header, and one passage about the whole.

A table that a program wrote is read as it is; one that a person wrote may have short and long rows,
which are filled or cut to the header. Nothing here computes an answer: the passage about the whole
holds counts and sums because no search for rows can give them.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from agents.files.values import FileRefused

DELIMITERS = ",;\t|"
PASSAGE_CHARS = 1_100
"""Of rows in one passage, above which the next begins."""
PASSAGE_ROWS = 20
CELL_CHARS = 600
MAX_COLUMNS = 200
SHOWN_COLUMNS = 40
"""Columns the passage about the whole describes."""
COMMON_VALUES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_table(text: str) -> Table:
    """Raises FileRefused when there is no row under the header."""
    text = text.lstrip("\ufeff")
    delimiter = None
    if text[:4].lower() == "sep=":  # Excel's hint
        first, _, text = text.partition("\n")
        delimiter = first[4:5]
    rows = list(_rows(text, delimiter if delimiter in _ALL else _delimiter(text)))
    if not rows:
        raise FileRefused("empty", "The table holds no cells.")
    width = min(MAX_COLUMNS, max(len(row) for row in rows[:1000]))
    columns = tuple(
        name or f"Column {n}" for n, name in enumerate(_filled(rows[0], width), start=1)
    )
    return Table(columns=columns, rows=tuple(_filled(row, width) for row in rows[1:]))


_ALL = tuple(DELIMITERS)


def _delimiter(text: str) -> str:
    """The one that cuts the first lines into the same number of cells, more than one."""
    sample = text[:100_000]

    def worth(delimiter: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in islice(_rows(sample, delimiter), 50))
        width, times = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
        return (times if width > 1 else 0, width)

    return max(DELIMITERS, key=worth)


def _rows(text: str, delimiter: str) -> Iterator[tuple[str, ...]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:  # a quotation mark that is never closed
            raise FileRefused(
                "unreadable",
                f"The table cannot be read from line {reader.line_num:,} on: {exc}.",
                what_to_do="Close the quotation mark there, or add the file as .txt.",
            ) from exc
        if any(cell.strip() for cell in cells):
            yield tuple(_cell(cell) for cell in cells)


def _cell(cell: str) -> str:
    text = " ".join(cell.split())
    return text if len(text) <= CELL_CHARS else text[: CELL_CHARS - 1] + "…"


def _filled(row: Sequence[str], width: int) -> tuple[str, ...]:
    return (*row[:width], *("",) * (width - len(row)))


def row_passages(table: Table) -> Iterator[tuple[str, str]]:
    """(heading, Markdown table) of neighbouring rows, each under the header."""
    head = [_line(table.columns), "|" + " --- |" * len(table.columns)]
    lines: list[str] = []
    first, size = 1, 0
    for number, row in enumerate(table.rows, start=1):
        line = _line(row)
        if lines and (size + len(line) > PASSAGE_CHARS or len(lines) >= PASSAGE_ROWS):
            yield _rows_heading(first, number - 1), "\n".join([*head, *lines])
            lines, first, size = [], number, 0
        lines.append(line)
        size += len(line)
    if lines:
        yield _rows_heading(first, len(table.rows)), "\n".join([*head, *lines])


def _rows_heading(first: int, last: int) -> str:
    return f"Row {first:,}" if first == last else f"Rows {first:,} to {last:,}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def about(name: str, table: Table) -> str:
    """What no search for rows finds: how many there are, and of each column what it holds."""
    parts = [
        f"The table {name} has {len(table.rows):,} rows and {len(table.columns):,} columns: "
        f"{', '.join(table.columns[:SHOWN_COLUMNS])}."
    ]
    for place, column in enumerate(table.columns[:SHOWN_COLUMNS]):
        sentence = _about_column(column, [row[place] for row in table.rows])
        if sentence:
            parts.append(f"- {sentence}")
    return "\n".join([parts[0], "", *parts[1:]])


def _about_column(column: str, values: Sequence[str]) -> str:
    held = [value for value in values if value]
    if not held:
        return f"**{column}** is empty in every row."
    empty = f"; {len(values) - len(held):,} empty" if len(held) < len(values) else ""
    numbers = [_number(value) for value in held]
    if all(number is not None for number in numbers):
        found = [number for number in numbers if number is not None]
        total = sum(found)
        return (
            f"**{column}**: the lowest value is {_shown(min(found))}, the highest is "
            f"{_shown(max(found))}, the sum (total) is {_shown(total)}, the average (mean) is "
            f"{_shown(total / len(found))}{empty}."
        )
    counts = Counter(held)
    if len(counts) == len(held):
        return f"**{column}**: {len(held):,} different values{empty}."
    common = ", ".join(f"{value[:60]} ({n:,})" for value, n in counts.most_common(COMMON_VALUES))
    most = "" if len(counts) <= COMMON_VALUES else "the most frequent are "
    return f"**{column}**: {len(counts):,} different values; {most}{common}{empty}."


def _number(value: str) -> float | None:
    """A plain number; with a comma for decimals or thousands only where that is beyond doubt."""
    text = value.replace("\u00a0", "").replace("'", "").strip().lstrip("$€£").rstrip("%$€£ ")
    whole, comma, rest = text.rpartition(",")
    if comma and "." not in text and "," not in whole and len(rest) != 3:
        text = f"{whole}.{rest}"
    else:
        text = text.replace(",", "")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number and abs(number) < 1e300 else None


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"
