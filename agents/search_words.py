"""What people type into a search box, as words; and where in a text these words are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.text import clean

MAX_WORDS = 16
MAX_QUERY = 300
SNIPPET_CHARS = 180
_BEFORE = 50
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Of a snippet. Text as people wrote it: to be escaped where it is shown."""

    text: str
    matched: bool


def words_of(query: str) -> tuple[str, ...]:
    """What can be looked for; nothing of it has a meaning but its letters and digits."""
    given = clean(query[:MAX_QUERY]).replace('"', " ").split()
    return tuple(word for word in given if _WORD.search(word))[:MAX_WORDS]


def as_match(words: Sequence[str]) -> str:
    """For FTS5: each word quoted, so that nothing in it is syntax; the last may be a beginning."""
    return " AND ".join(f'"{word}"' for word in words) + (" *" if may_go_on(words[-1]) else "")


def may_go_on(word: str) -> bool:
    """One letter is the beginning of a tenth of all words: nothing to look for."""
    return len(word) > 1


def written_without_spaces(words: Sequence[str]) -> bool:
    """Thai, Chinese, Japanese …: an index of words cannot find a part of what it takes for one."""
    return any(_UNSPACED.search(word) for word in words)


def folded(text: str) -> str:
    """For comparing: small letters without accents, each at the place of its own."""
    return text.lower() if text.isascii() else "".join(map(_fold, text))


def holds_all(text: str, words: Sequence[str], *, anywhere: bool) -> bool:
    there = folded(text)
    return all(pattern.search(there) for pattern in patterns(words, anywhere=anywhere))


def patterns(words: Sequence[str], *, anywhere: bool) -> list[re.Pattern[str]]:
    """For folded text. `anywhere`: also inside a word; else whole words and the last a beginning."""
    found = []
    for n, word in enumerate(words):
        if anywhere:
            found.append(re.compile(re.escape(folded(word))))
            continue
        core = r"[\W_]+".join(map(re.escape, _WORD.findall(folded(word))))
        end = r"[^\W_]*" if n == len(words) - 1 and may_go_on(word) else r"(?![^\W_])"
        found.append(re.compile(rf"(?<![^\W_]){core}{end}"))
    return found


def snippet(text: str, words: Sequence[str], *, anywhere: bool = False) -> tuple[Piece, ...]:
    """The text around the first place with a word in it, on one line, with the words marked."""
    line = " ".join(text.split())
    marks = sorted(
        match.span()
        for pattern in patterns(words, anywhere=anywhere)
        for match in pattern.finditer(folded(line))
    )
    begin = max(0, marks[0][0] - _BEFORE) if marks else 0
    if begin:
        begin = line.find(" ", begin, marks[0][0]) + 1 or begin
    end = begin + SNIPPET_CHARS
    pieces, at = [Piece(text="…", matched=False)] if begin else [], begin
    for first, last in marks:
        if first < at or last > end:  # inside the one before, or cut off
            continue
        pieces += [
            Piece(text=line[at:first], matched=False),
            Piece(text=line[first:last], matched=True),
        ]
        at = last
    rest = line[at:end] + ("…" if len(line) > end else "")
    return tuple(piece for piece in [*pieces, Piece(text=rest, matched=False)] if piece.text)


@lru_cache(maxsize=8192)
def _fold(char: str) -> str:
    return unicodedata.normalize("NFD", char)[0].lower()[0]
