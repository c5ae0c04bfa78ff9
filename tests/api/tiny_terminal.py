"""What a person sees: the few terminal functions that the live line uses, played on a grid."""

from __future__ import annotations

import re

_PART = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b([78D=>])|([\x00-\x1f])|([^\x00-\x1f]+)")


class TinyTerminal:
    """Rows scroll out at the top of the screen, not of a region that begins elsewhere."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.gone: list[str] = []
        """Lines that scrolled out."""
        self._cells = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._bottom = rows - 1
        self._saved = (0, 0)

    def feed(self, text: str) -> TinyTerminal:
        for match in _PART.finditer(text):
            numbers, letter, single, control, plain = match.groups()
            if letter:
                self._sequence([int(n) if n.isdecimal() else 0 for n in numbers.split(";")], letter)
            elif single:
                self._single(single)
            elif control:
                self._control(control)
            for character in plain or "":
                self._put(character)
        return self

    def lines(self) -> list[str]:
        """Everything that can be read, also by scrolling back, without empty lines at the end."""
        found = [*self.gone, *("".join(row).rstrip() for row in self._cells)]
        while found and not found[-1]:
            found.pop()
        return found

    def _put(self, character: str) -> None:
        if self._column >= self.columns:
            self._column = 0
            self._feed_line()
        self._cells[self._row][self._column] = character
        self._column += 1

    def _feed_line(self) -> None:
        if self._row == self._bottom:
            self.gone.append("".join(self._cells.pop(0)).rstrip())
            self._cells.insert(self._bottom, [" "] * self.columns)
        elif self._row < self.rows - 1:
            self._row += 1

    def _control(self, control: str) -> None:
        if control == "\r":
            self._column = 0
        elif control == "\n":
            self._feed_line()

    def _single(self, name: str) -> None:
        if name == "7":
            self._saved = (self._row, self._column)
        elif name == "8":
            self._row, self._column = self._saved
        elif name == "D":
            self._feed_line()

    def _sequence(self, numbers: list[int], letter: str) -> None:
        if letter == "r":
            self._bottom = (numbers[1] if len(numbers) > 1 else self.rows) - 1
            self._row = self._column = 0
        elif letter == "H":
            self._row, self._column = numbers[0] - 1, numbers[1] - 1
        elif letter == "A":
            self._row = max(0, self._row - numbers[0])
        elif letter == "K":
            self._cells[self._row] = [" "] * self.columns
        else:
            assert letter == "m", f"the test's terminal does not know {letter!r}"
