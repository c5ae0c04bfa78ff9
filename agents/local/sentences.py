"""A passage as units one may quote: sentences, list items, tables and code blocks, each whole.

Built on the same block parser that cut the passages (agents/knowledge/markdown.py). Nothing is ever
cut inside a word, a code span or a link; text is cleaned only of what would be wrong in an answer:
images, comments, links relative to another page, quote marks, pointers to further reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.knowledge.markdown import Block, markdown_blocks
from agents.local.inline import RELATIVE_LINK, clean_inline, is_pointer, split_sentences
from agents.local.stem import stems
from core.events import Source

UnitKind = Literal["sentence", "item", "step", "table", "code"]

_MARKER = re.compile(r"^( *)([-*+]|\d{1,9}[.)])[ \t]+")
_SKIPPED_HEADING = re.compile(
    r"^(?:further reading|see also|related|next steps|read more|references)\b", re.I
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    kind: UnitKind
    text: str
    """Markdown, ready to show; a list item without its marker."""
    stems: frozenset[str]
    order: tuple[str, ...]
    """All stems as they stand, for phrases and length."""
    block: int
    """Units of one paragraph or one list share it."""
    marker: str = ""
    """Of a step: `3.`; of an item: `-`."""
    pointer: bool = False
    """It only says where to read on, or what the page is about."""

    @property
    def is_lead(self) -> bool:
        return self.kind == "sentence" and self.text.rstrip("*_ ").endswith((":", "："))


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """What stands under one heading of one passage."""

    n: int
    index: int
    """Place among all sections of the prompt."""
    document: str
    area: str
    title: str
    trail: tuple[str, ...]
    units: tuple[Unit, ...]
    head_order: tuple[str, ...]
    """All stems of its own (innermost) heading, for comparing it with a question."""
    head_stems: frozenset[str]
    """Of its own (innermost) heading."""
    title_stems: frozenset[str]
    body_stems: frozenset[str]

    @property
    def heading(self) -> str:
        return self.trail[-1] if self.trail else self.title


def sections(sources: Sequence[Source]) -> list[Section]:
    """The sections of all passages in their order; those of pure pointers are left out."""
    out: list[Section] = []
    for source in sources:
        trail = tuple(part for part in re.split(r"\s+[›»]\s+", source.heading) if part)
        for own, blocks in _under_headings(markdown_blocks(source.text)):
            names = (*trail, *(name for name in own if name not in trail and name != source.title))
            if _SKIPPED_HEADING.match(names[-1] if names else ""):
                continue
            units = tuple(_units(blocks))
            if units:
                out.append(_section(source, len(out), names, units))
    return out


def _section(
    source: Source, index: int, names: tuple[str, ...], units: tuple[Unit, ...]
) -> Section:
    head = tuple(stems(names[-1] if names else source.title))
    return Section(
        n=source.n,
        index=index,
        document=source.document,
        area=source.area,
        title=source.title,
        trail=names,
        units=units,
        head_order=head,
        head_stems=frozenset(head),
        title_stems=frozenset(stems(" ".join((source.title, *names[:-1])))),
        body_stems=frozenset().union(*(unit.stems for unit in units)),
    )


def _under_headings(blocks: Sequence[Block]) -> Iterator[tuple[tuple[str, ...], list[Block]]]:
    trail: list[Block] = []
    body: list[Block] = []
    for block in blocks:
        if block.kind != "heading":
            body.append(block)
            continue
        if body:
            yield tuple(b.text for b in trail), body
            body = []
        while trail and trail[-1].level >= block.level:
            trail.pop()
        trail.append(block)
    if body:
        yield tuple(b.text for b in trail), body


def _units(blocks: Sequence[Block]) -> Iterator[Unit]:
    number = -1
    before: Block | None = None
    for block in blocks:
        if before is None or not _same_list(before, block):
            number += 1
        before = block
        if block.kind == "fence":
            yield _unit("code", _dedent(block.text), number)
        elif block.kind == "table":
            yield _unit("table", RELATIVE_LINK.sub(r"\1", _dedent(block.text)), number)
        elif block.kind == "item":
            yield from _item(block.text, number)
        else:
            for sentence in split_sentences(clean_inline(block.text)):
                yield _unit("sentence", sentence, number)


def _same_list(before: Block, block: Block) -> bool:
    """Neighbouring items, unless the numbers start again: platform tabs glued together."""
    if not before.kind == block.kind == "item":
        return False
    last, now = _MARKER.match(before.text), _MARKER.match(block.text)
    if last is None or now is None or last[2][0].isdigit() != now[2][0].isdigit():
        return False
    return not (now[2][:-1] == "1" and last[2][:-1].isdigit() and int(last[2][:-1]) > 2)


def _item(text: str, number: int) -> Iterator[Unit]:
    match = _MARKER.match(text)
    if match is None:
        return
    width = match.end()
    first, _, rest = text.partition("\n")
    lines = (
        [first[width:], *(_outdent(line, width) for line in rest.split("\n"))]
        if rest
        else [first[width:]]
    )
    lines = _without_soft_breaks(lines)
    lines[0] = _without_pointers(clean_inline(lines[0]))
    body = "\n".join(line for line in lines if line.strip() or "```" in rest).strip()
    if not body:
        return
    ordered = match[2][0].isdigit()
    yield _unit("step" if ordered else "item", RELATIVE_LINK.sub(r"\1", body), number, match[2])


def _outdent(line: str, width: int) -> str:
    """A continuation line relative to the item's text; careless indents lose what they have."""
    spaces = len(line) - len(line.lstrip(" "))
    return line[min(spaces, width) :]


def _without_soft_breaks(lines: list[str]) -> list[str]:
    """Joins plain continuation lines to the line before; keeps nested items, code and tables."""
    out: list[str] = []
    fenced = False
    for line in lines:
        fence = line.lstrip().startswith(("```", "~~~"))
        plain = not (fenced or fence or _MARKER.match(line) or "|" in line or not line.strip())
        if out and plain and out[-1].strip() and not out[-1].lstrip().startswith(("```", "~~~")):
            out[-1] += " " + line.strip()
        else:
            out.append(line)
        fenced = fenced != fence
    return out


def _without_pointers(text: str) -> str:
    kept = [s for s in split_sentences(text) if not is_pointer(s)]
    return " ".join(kept)


def _unit(kind: UnitKind, text: str, block: int, marker: str = "") -> Unit:
    order = tuple(stems(text))
    pointer = kind == "sentence" and is_pointer(text)
    return Unit(
        kind=kind,
        text=text,
        stems=frozenset(order),
        order=order,
        block=block,
        marker=marker,
        pointer=pointer,
    )


def _dedent(text: str) -> str:
    lines = text.split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip(" "))
    return "\n".join(_outdent(line, indent) for line in lines)
