"""CSV that spreadsheets open as text and numbers, never as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | float | None

BOM = b"\xef\xbb\xbf"
"""Makes Excel read UTF-8."""
# A spreadsheet runs a text that begins so as a formula; some take the wide forms for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A whole table with its mark. Unknown is an empty cell."""
    return BOM + csv_lines([header, *rows])


def csv_lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Lines of a table in UTF-8, without the mark."""
    out = io.StringIO()
    csv.writer(out).writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def safe_cell(value: Cell) -> Cell:
    """Text that would be a formula gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
