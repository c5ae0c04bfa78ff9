"""Cuts streamed Markdown into finished blocks, so that only the last one is sent again.

`st.write_stream` sends the whole current element for every piece. A no-op callable in the stream ends
the element; what was before it is never sent again. Cutting is only safe at a blank line where the
next line begins something new.
"""

from __future__ import annotations

import re
from typing import Literal

BREAK = None
"""Stands between two blocks in the output of `BlockSplitter.feed`."""

Kind = Literal["", "text", "list", "table", "quote", "code", "math"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIST = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
# A marker that could still become a list item, so one must wait for the next character.
_MAYBE_LIST = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)]?)$")
# Footnotes and reference links bind across the whole text; [1][2] are our own citations.
_BINDS = re.compile(r"\[\^|\]\[(?!\d+\])|^ {0,3}\[[^\]\n]+\]:", re.MULTILINE)


class BlockSplitter:
    """Feed pieces, get pieces and BREAKs. Joined without the BREAKs they are the input."""

    def __init__(self, smallest: int = 0) -> None:
        """`smallest`: characters a block must have to be cut off from what follows."""
        self._smallest = smallest
        self._size = 0
        self._line = ""
        self._kind: Kind = ""
        self._fence: str | None = None
        self._blank = False
        """The last complete line was blank: a break is possible before the next line."""
        self._waiting = ""
        """Start of a line that does not yet say whether it continues the block."""
        self._bound = False
        self._tail = ""

    def feed(self, piece: str) -> list[str | None]:
        self._look_for_references(piece)
        out: list[str | None] = []
        text = self._waiting + piece
        self._waiting = ""
        start = i = 0
        while i < len(text):
            if not self._line and self._blank and text[i] != "\n":
                decided = self._starts_new(text[i:].split("\n", 1))
                if decided is None:
                    self._waiting = text[i:]
                    break
                if decided:
                    _append(out, text[start:i])
                    out.append(BREAK)
                    start, self._kind, self._size = i, "", 0
                self._blank = False
            self._take(text[i])
            i += 1
        _append(out, text[start : len(text) - len(self._waiting)])
        return out

    def close(self) -> list[str | None]:
        """What was held back."""
        rest, self._waiting = self._waiting, ""
        return [rest] if rest else []

    def _look_for_references(self, piece: str) -> None:
        window = self._tail + piece
        self._tail = window[-80:]
        if not self._bound and _BINDS.search(window):
            self._bound = True

    def _starts_new(self, parts: list[str]) -> bool | None:
        """Whether the line begins a new block; None when its start does not say yet."""
        line, complete = parts[0], len(parts) == 2
        if self._fence or self._bound or self._kind in ("math", ""):
            return False
        if line[0] in " \t":
            return False  # may belong to a list item
        if self._kind in ("list", "quote", "table"):
            if not complete and _MAYBE_LIST.match(line):
                return None
            if _LIST.match(line) or line[0] in ">|":
                return False
        if self._size < self._smallest:
            self._kind = ""  # something new begins, but what was before is too small to cut off
            return False
        return True

    def _take(self, char: str) -> None:
        self._size += 1
        if char != "\n":
            self._line += char
            return
        line, self._line = self._line, ""
        self._blank = not line.strip() and self._fence is None
        if self._blank:
            return
        fence = _FENCE.match(line)
        if self._fence is not None:
            if fence and fence[1].startswith(self._fence) and not line.strip(" `~"):
                self._fence = None
            return
        if fence:
            self._fence, self._kind = fence[1], "code"
        elif line.strip().startswith("$$"):
            opened = line.count("$$") % 2 == 1
            self._kind = ("text" if self._kind == "math" else "math") if opened else "text"
        elif self._kind in ("", "text", "code"):
            self._kind = _kind_of(line)


def _kind_of(line: str) -> Kind:
    if _LIST.match(line):
        return "list"
    start = line.lstrip()[:1]
    return "quote" if start == ">" else "table" if start == "|" else "text"


def _append(out: list[str | None], text: str) -> None:
    if text:
        out.append(text)
