"""Two texts word by word as Markdown. What is marked is marked by form too, not by colour alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from pages.components.markdown import plain

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_SAYS = re.compile(r"\w")
_SAID = re.compile(r"\w+")
_TAIL = re.compile(r"\W+\Z")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
MAX_WORDS = 2_500
"""Comparing takes the square of it; longer texts are compared by lines."""
MAX_LINES = 1_000
SAME = "The two answers are the same, word by word."


@dataclass(frozen=True, kw_only=True, slots=True)
class Diff:
    alike: float
    """0..1: how much of both texts is the same, by words."""
    markdown: str


def word_diff(before: str, after: str) -> Diff:
    """`before` with what only it has struck out, and what only `after` has in bold."""
    old, new = _parts(before, after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    out: list[str] = []
    for gone, added in _changes(matcher.get_opcodes(), old, new):
        if gone == added:
            out.append(plain(gone))
        else:
            out += [_marked(gone, "red", "~~"), _marked(added, "green", "**")]
    return Diff(alike=_alike(matcher, old, new), markdown="".join(out))


def _alike(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> float:
    """Blanks and signs do not count: any two texts have those in common."""
    same = sum(_said(old[m.a : m.a + m.size]) for m in matcher.get_matching_blocks())
    said = _said(old) + _said(new)
    return 2 * same / said if said else matcher.ratio()


def _said(parts: Sequence[str]) -> int:
    """Words, whether the parts are words or lines."""
    return sum(len(_SAID.findall(part)) for part in parts)


def _changes(
    steps: Sequence[tuple[str, int, int, int, int]], old: list[str], new: list[str]
) -> Iterator[tuple[str, str]]:
    """Stretches of both texts in order: the same twice, or what stood where now something else is.

    Blanks and signs between two changed words belong to the change: else it reads as rubble.
    """
    gone = added = ""
    for kind, i1, i2, j1, j2 in steps:
        before, after = "".join(old[i1:i2]), "".join(new[j1:j2])
        if kind != "equal" or ((gone or added) and not _SAYS.search(before)):
            gone, added = gone + before, added + after
            continue
        yield from _apart(gone, added)
        gone = added = ""
        yield before, after
    yield from _apart(gone, added)


def _apart(gone: str, added: str) -> Iterator[tuple[str, str]]:
    """A change without the end both sides share."""
    pairs = zip(reversed(gone), reversed(added), strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    tail = _TAIL.search(gone[len(gone) - same :])
    cut = len(tail[0]) if tail else 0
    if len(gone) > cut or len(added) > cut:
        yield gone[: len(gone) - cut], added[: len(added) - cut]
    if cut:
        yield gone[len(gone) - cut :], added[len(added) - cut :]


def _parts(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) <= MAX_WORDS:
        return old, new
    return _LINES.findall(before)[:MAX_LINES], _LINES.findall(after)[:MAX_LINES]


def _marked(text: str, color: str, sign: str) -> str:
    """Every line by itself: a mark does not reach over a line's end."""
    return "\n".join(_line(line, color, sign) for line in text.split("\n")).replace("\n", "  \n")


def _line(line: str, color: str, sign: str) -> str:
    words = line.strip()
    if not words:
        return line
    lead, tail = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :]
    return f"{lead}:{color}-background[{sign}{plain(words)}{sign}]{tail}"
