"""What an answer in Markdown looks like: how long it is, how it is built, what it cites.

Counts for style control, for the comparison of two answers and for checks. What stands in code
never counts as structure, bold text, link or citation.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from core.outline import CITATION, LINK, Part, outline_of

Side = Literal["both", "left", "right"]

WORDS_PER_MINUTE = 238
"""Silent reading of English non-fiction by adults: Brysbaert (2019), How many words do we read per
minute? A review and meta-analysis of reading rate. Journal of Memory and Language 109, 104047."""
MAX_PARTS = 200
"""Of an outline that are compared: the time grows with their square and more."""

_CODE = re.compile(r"\\[!-/:-@\[-`{-~]|(?<!`)(`+)(?!`)(.{1,2000}?)(?<!`)\1(?!`)", re.DOTALL)
_BARE_LINK = re.compile(r"https?://[^\s<>]+")
_BOLD = re.compile(r"\*{2,}|_{2,}|\n\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFeatures:
    """Counts of one answer."""

    words: int
    """What a reader sees, code included; without addresses of links and numbers of citations."""
    headings: int
    list_items: int
    bold: int
    code_blocks: int
    tables: int
    links: int
    """Markdown links and bare addresses; images are none."""
    citations: tuple[int, ...]
    """Distinct numbers in square brackets, in order of their first appearance."""
    outline: tuple[Part, ...]

    @property
    def reading_seconds(self) -> float:
        """At WORDS_PER_MINUTE."""
        return self.words * 60 / WORDS_PER_MINUTE


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One line of a comparison of two outlines."""

    side: Side
    text: str
    """Plain text that may hold words of an answer: escape it before showing it as Markdown."""


def traits_of(text: str) -> TextFeatures:
    """The features of an answer; of an unfinished one too. About a millisecond for 10 kB."""
    outline = outline_of(text)
    prose = _without_code(outline.prose)
    citations = [int(number) for number in CITATION.findall(prose)]
    without_links, links = _links(prose)
    kinds = Counter(part.kind for part in outline.parts)
    return TextFeatures(
        words=outline.words,
        headings=kinds["heading"],
        list_items=sum(part.size for part in outline.parts if part.kind in ("bullets", "steps")),
        bold=_count_bold(prose),
        code_blocks=kinds["code"],
        tables=kinds["table"],
        links=links + len(_BARE_LINK.findall(without_links)),
        citations=tuple(dict.fromkeys(citations)),
        outline=tuple(outline.parts),
    )


def prose_of(text: str) -> str:
    """The text without code blocks; an `x` stands for what is between backticks."""
    return _without_code(outline_of(text).prose)


def structure_diff(left: TextFeatures, right: TextFeatures) -> tuple[Difference, ...]:
    """The outlines of two answers in order, each part said in a few words.

    Headings are the same when their words are; code when its language is; other parts when they
    are of one kind, whatever their size, which is then said for both.
    """
    a, b = left.outline[:MAX_PARTS], right.outline[:MAX_PARTS]
    matcher = SequenceMatcher(None, [_same(p) for p in a], [_same(p) for p in b], autojunk=False)
    found: list[Difference] = []
    for how, from_a, to_a, from_b, to_b in matcher.get_opcodes():
        if how == "equal":
            pairs = zip(a[from_a:to_a], b[from_b:to_b], strict=True)
            found += [Difference(side="both", text=_said_of_both(x, y)) for x, y in pairs]
            continue
        found += [Difference(side="left", text=_said(part)) for part in a[from_a:to_a]]
        found += [Difference(side="right", text=_said(part)) for part in b[from_b:to_b]]
    both: tuple[tuple[Side, TextFeatures], ...] = (("left", left), ("right", right))
    for side, features in both:
        if (more := len(features.outline) - MAX_PARTS) > 0:
            found.append(Difference(side=side, text=f"And {_number(more, 'more part')}"))
    return tuple(found)


def _without_code(blocks: list[str]) -> str:
    return "\n\n".join(
        _CODE.sub("x", block) if "`" in block or "\\" in block else block for block in blocks
    )


def _links(prose: str) -> tuple[str, int]:
    """The prose without Markdown links, and how many there were."""
    found = 0

    def drop(link: re.Match[str]) -> str:
        nonlocal found
        found += not link[1]
        return link[2]

    return (LINK.sub(drop, prose) if "](" in prose else prose), found


def _count_bold(prose: str) -> int:
    """Pairs of marks: one opens before a character and closes after one, within a block."""
    count, open_ = 0, {"*": False, "_": False}
    for run in _BOLD.finditer(prose):
        mark = run[0][0]
        if mark == "\n":
            open_ = {"*": False, "_": False}
            continue
        before = prose[run.start() - 1] if run.start() else " "
        after = prose[run.end()] if run.end() < len(prose) else " "
        word = mark == "_"  # underscores do not work inside a word
        if open_[mark] and not before.isspace() and not (word and after.isalnum()):
            count, open_[mark] = count + 1, False
        elif not open_[mark] and not after.isspace() and not (word and before.isalnum()):
            open_[mark] = True
    return count


def _same(part: Part) -> tuple[str, str]:
    return part.kind, part.text.casefold() if part.kind in ("heading", "code") else ""


def _said(part: Part) -> str:
    match part.kind:
        case "heading":
            return f"Heading {part.level}: {part.text}"
        case "text":
            return f"Text of {_number(part.size, 'word')}"
        case "bullets" | "steps":
            name = "List" if part.kind == "bullets" else "Numbered list"
            deep = f", {part.level} levels deep" if part.level > 1 else ""
            return f"{name} of {_number(part.size, 'item')}{deep}"
        case "table":
            return f"Table of {_number(part.size, 'row')}: {part.text}"
        case "code":
            language = f" in {part.text}" if part.text else ""
            return f"Code of {_number(part.size, 'line')}{language}"


def _said_of_both(left: Part, right: Part) -> str:
    one, other = _said(left), _said(right)
    return one if one == other else f"{one} (right: {other[0].lower()}{other[1:]})"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
