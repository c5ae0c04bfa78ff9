"""Splits the `<thinking>` text some models write at the start of an answer from the answer.

Amazon Nova (first generation) thinks aloud in plain text. A pure state machine over the pieces of
a stream: any way of cutting the same text gives the same result.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["thinking", "text"]
OPEN, CLOSE = "<thinking>", "</thinking>"


class ThinkingSplitter:
    """Feed it pieces, then `flush` once.

    Only a tag at the very start counts (white space before it is allowed, and another block right
    after one): an answer that explains `<thinking>` is left alone. White space between the thinking
    and the answer is dropped. A block that is never closed is thinking to its end.
    """

    def __init__(self, open_tag: str = OPEN, close_tag: str = CLOSE) -> None:
        self._open = open_tag
        self._close = close_tag
        self._state: Literal["start", "thinking", "text"] = "start"
        self._held = ""
        """Text that may still turn out to be white space or part of a tag."""
        self._thought = False

    def feed(self, piece: str) -> list[tuple[Kind, str]]:
        """What is now certain, in order. Never an empty string."""
        if self._state == "text":
            return [("text", piece)] if piece else []
        parts: list[tuple[Kind, str]] = []
        self._held += piece
        while self._step(parts):
            pass
        return parts

    def flush(self) -> list[tuple[Kind, str]]:
        """What was held back, now that the message is over."""
        held, self._held = self._held, ""
        if self._state == "thinking":
            return [("thinking", held)] if held else []
        if self._state == "start" and self._thought:
            held = held.lstrip()
        return [("text", held)] if held else []

    def _step(self, parts: list[tuple[Kind, str]]) -> bool:
        """Moves on by one tag; False = nothing more can be said."""
        if self._state == "text":
            return False
        return self._start(parts) if self._state == "start" else self._think(parts)

    def _start(self, parts: list[tuple[Kind, str]]) -> bool:
        stripped = self._held.lstrip()
        if stripped.startswith(self._open):
            self._held = stripped[len(self._open) :]
            self._state, self._thought = "thinking", True
            return True
        if self._open.startswith(stripped):
            return False
        parts.append(("text", stripped if self._thought else self._held))
        self._held, self._state = "", "text"
        return True

    def _think(self, parts: list[tuple[Kind, str]]) -> bool:
        thought, closed, rest = self._held.partition(self._close)
        if not closed:
            keep = _overlap(self._held, self._close)
            thought, rest = (
                self._held[: len(self._held) - keep],
                self._held[len(self._held) - keep :],
            )
        if thought:
            parts.append(("thinking", thought))
        self._held = rest
        if closed:
            self._state = "start"
        return bool(closed)


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    for size in range(min(len(text), len(tag) - 1), 0, -1):
        if text.endswith(tag[:size]):
            return size
    return 0
