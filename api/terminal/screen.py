"""What is written to a terminal or a pipe, and the live line at the bottom of a terminal.

The live line stands in the last row, below a scroll region that holds everything else: text then
wraps, scrolls and can be copied as if the line were not there. A resize at worst leaves a stale line.
"""

from __future__ import annotations

import os
import time
from typing import Literal, TextIO

from core.text import clean

Style = Literal["dim", "bold", "red", "cyan"]
_CODES: dict[Style, str] = {"dim": "2", "bold": "1", "red": "31", "cyan": "36"}
_REDRAW_S = 0.1
_LEAST_ROWS = 4


class Screen:
    """`live`: a terminal that understands cursor movements. `colours` only where it is live."""

    def __init__(self, out: TextIO, *, live: bool, colours: bool) -> None:
        self._out, self.live, self._colours = out, live, live and colours
        self._rows = 0
        """Of the terminal while the live line stands, else 0."""
        self._status, self._drawn_at = "", 0.0
        self._column_zero = True

    def write(self, text: str) -> None:
        """Text of a server or a model, at once."""
        safe = clean(text)
        if safe:
            self._raw(safe)
            self._column_zero = safe.endswith("\n")

    def line(self, text: str = "", style: Style | None = None) -> None:
        """A line of its own."""
        self.end_line()
        self._raw(f"{self.paint(clean(text), style)}\n")

    def end_line(self) -> None:
        """Goes to a new line, unless there already."""
        if not self._column_zero:
            self._raw("\n")
            self._column_zero = True

    def paint(self, text: str, style: Style | None) -> str:
        if style is None or not self._colours or not text:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"

    def prompt(self, text: str) -> str:
        """A painted prompt whose width readline can tell."""
        if not self._colours:
            return text
        return f"\001\x1b[1m\002{text}\001\x1b[0m\002"

    # -- the live line

    def status(self, text: str) -> None:
        """Shows this in the last row, at most ten times a second."""
        now = time.monotonic()
        if not self.live or (self._rows and now - self._drawn_at < _REDRAW_S):
            return
        self._drawn_at = now
        size = self._size()
        if size is None:
            return
        columns, rows = size
        if rows != self._rows:
            self._reserve(rows)
        line = self.paint(" ".join(clean(text).split())[: columns - 1], "dim")
        self._raw(f"\x1b7\x1b[{rows};1H\x1b[2K{line}\x1b8")

    def end_status(self) -> None:
        """Gives the last row back."""
        if self._rows:
            self._raw(f"\x1b7\x1b[r\x1b[{self._rows};1H\x1b[2K\x1b8")
            self._rows = 0

    def _reserve(self, rows: int) -> None:
        """Keeps the last row out of what scrolls; makes room first when the cursor stands in it."""
        room = "" if self._rows else "\x1bD\x1b[1A"  # a line feed that stays in its column
        self._raw(f"{room}\x1b7\x1b[1;{rows - 1}r\x1b8")
        self._rows = rows

    def _size(self) -> tuple[int, int] | None:
        try:
            columns, rows = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            return None
        return (columns, rows) if columns > 1 and rows >= _LEAST_ROWS else None

    def _raw(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
