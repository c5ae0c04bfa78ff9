"""Fills passages: groups the blocks of a document into pieces of about 180 words under one heading.

Fences, tables, list items and paragraphs stay whole unless they are very long; tiny sections join
their neighbour. Pure functions; `passages.py` makes passages of the pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agents.knowledge.markdown import Block, heading_text
from agents.knowledge.text import count_words

TARGET_WORDS = 180
SOFT_LIMIT_WORDS = 240
"""A block that would pass this starts a new passage."""
TINY_WORDS = 60
"""A section below this is joined with its neighbour."""
WHOLE_LIMIT_WORDS = 400
"""A fence, table, item or paragraph above this is cut at lines or sentences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Blocks under one heading, or several tiny sections joined."""

    trail: tuple[str, ...]
    blocks: tuple[Block, ...]
    words: int


def pieces(blocks: Iterable[Block], title: str) -> list[Piece]:
    """The pieces of a document in order. A heading that only repeats the title is dropped."""
    return _join_tiny([part for section in _sections(blocks, title) for part in _pack(section)])


def render(blocks: Iterable[Block]) -> str:
    """Back to Markdown: list items close together, everything else apart."""
    out = ""
    before: Block | None = None
    for block in blocks:
        if before is not None:
            out += "\n" if before.kind == block.kind == "item" else "\n\n"
        out += f"{'#' * block.level} {block.text}" if block.kind == "heading" else block.text
        before = block
    return out.strip("\n")


def _sections(blocks: Iterable[Block], title: str) -> list[Piece]:
    """One piece per heading that has text of its own, with the trail of headings above it."""
    found: list[Piece] = []
    trail: list[Block] = []
    body: list[Block] = []

    def close() -> None:
        if body:
            names = tuple(block.text for block in trail)
            found.append(Piece(trail=names, blocks=tuple(body), words=_words(body)))
            body.clear()

    for block in blocks:
        if block.kind != "heading":
            body.extend(_cut_long(block))
            continue
        close()
        while trail and trail[-1].level >= block.level:
            trail.pop()
        if block.text != heading_text(title) or block.level > 2:
            trail.append(block)
    close()
    return found


def _words(blocks: Iterable[Block]) -> int:
    return sum(count_words(block.text) for block in blocks)


def _join_tiny(packed: list[Piece]) -> list[Piece]:
    """Joins a tiny section to the one before it when they share a parent and fit together."""
    joined: list[Piece] = []
    for piece in packed:
        last = joined[-1] if joined else None
        if last is None or not _belong_together(last, piece):
            joined.append(piece)
            continue
        # Its own headings stay readable as lines; the first trail names the passage.
        shared = _shared(last.trail, piece.trail)
        own = piece.trail[shared:]
        marks = tuple(
            Block(kind="heading", text=name, level=min(6, shared + 2 + depth))
            for depth, name in enumerate(own)
        )
        joined[-1] = Piece(
            trail=last.trail,
            blocks=(*last.blocks, *marks, *piece.blocks),
            words=last.words + piece.words,
        )
    return joined


def _belong_together(last: Piece, piece: Piece) -> bool:
    if min(last.words, piece.words) >= TINY_WORDS or last.words + piece.words > SOFT_LIMIT_WORDS:
        return False
    shared = _shared(last.trail, piece.trail)
    # Siblings, or a short lead-in with its first sub-section; not two far corners of a document.
    return shared >= min(len(last.trail), len(piece.trail)) - 1


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _pack(piece: Piece) -> list[Piece]:
    """Fills passages up to the target; a lead-in ending with a colon goes with what it leads to."""
    groups: list[list[Block]] = []
    current: list[Block] = []
    size = 0
    for block in piece.blocks:
        words = count_words(block.text)
        full = size >= TARGET_WORDS or size + words > SOFT_LIMIT_WORDS
        if current and full:
            kept: list[Block] = []
            while len(current) > 1 and _leads_on(current[-1]):
                kept.insert(0, current.pop())
            groups.append(current)
            current, size = kept, _words(kept)
        current.append(block)
        size += words
    if (
        groups
        and _words(current) < TINY_WORDS
        and _words(groups[-1]) + _words(current) <= SOFT_LIMIT_WORDS
    ):
        groups[-1].extend(current)
    elif current:
        groups.append(current)
    return [Piece(trail=piece.trail, blocks=tuple(group), words=_words(group)) for group in groups]


def _leads_on(block: Block) -> bool:
    return block.kind == "heading" or (
        block.kind == "paragraph" and block.text.rstrip().endswith(":")
    )


def _cut_long(block: Block) -> list[Block]:
    if count_words(block.text) <= WHOLE_LIMIT_WORDS:
        return [block]
    if block.kind == "fence":
        lines = block.text.split("\n")
        closed = len(lines) > 1 and not lines[-1].strip().strip("`~")
        body = lines[1:-1] if closed else lines[1:]
        mark = re.match(r"\s*(`{3,}|~{3,})", lines[0])
        end = mark[1] if mark else "```"
        return [_like(block, f"{lines[0]}\n{part}\n{end}") for part in _bounded(body, "\n")]
    if block.kind == "table":
        head, rows = block.text.split("\n")[:2], block.text.split("\n")[2:]
        return [_like(block, "\n".join([*head, part])) for part in _bounded(rows, "\n")]
    if block.kind == "item":
        return [_like(block, part) for part in _bounded(block.text.split("\n"), "\n")]
    sentences = re.split(r"(?<=[.!?;:。！？])\s+|(?<=[。！？])", block.text)
    return [_like(block, part) for part in _bounded(sentences, " ")]


def _like(block: Block, text: str) -> Block:
    return Block(kind=block.kind, text=text)


def _bounded(parts: Iterable[str], glue: str, limit: int = TARGET_WORDS) -> list[str]:
    """Joins parts up to `limit` words each; a single part above 400 words is cut by words."""
    out: list[str] = []
    current: list[str] = []
    size = 0
    for small in (small for part in parts for small in _by_words(part)):
        words = count_words(small)
        if current and size + words > limit:
            out.append(glue.join(current))
            current, size = [], 0
        current.append(small)
        size += words
    if current and glue.join(current).strip():
        out.append(glue.join(current))
    return out


def _by_words(part: str) -> list[str]:
    """The last resort for one endless line: 180 words, or 1,200 characters without a space."""
    if count_words(part) <= WHOLE_LIMIT_WORDS:
        return [part]
    out: list[str] = []
    current, size = "", 0
    for piece in re.findall(r"\S{1,1200}\s{0,8}", part):
        words = max(1, count_words(piece))
        if current and size + words > TARGET_WORDS:
            out.append(current.rstrip())
            current, size = "", 0
        current += piece
        size += words
    return [*out, current.rstrip()] if current.strip() else out
