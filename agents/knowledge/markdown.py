"""Cuts Markdown (or plain text) into blocks that must stay whole: the grain of a passage.

Not a renderer: it knows just enough to see headings, fences, tables, list items and paragraphs, and
never fails; what it does not understand is a paragraph. One pass over the lines, linear in size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "fence", "table", "item", "paragraph"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    kind: BlockKind
    text: str
    level: int = 0
    """1-6 for a heading, else 0."""


_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?$")
_CLOSING_HASHES = re.compile(r"(?:^|[ \t])#+[ \t]*$")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})([^`]*)$")
_ITEM = re.compile(r"^( *)(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*(?::?-+:?[ \t]*)?)*$")
_RULE = re.compile(r"^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_MARKUP = re.compile(r"\[([^\]\[]{0,300})\]\([^)\s]{0,500}\)|[*`]+|(?<!\w)_+|_+(?!\w)")


def heading_text(text: str) -> str:
    """A heading as a reader says it: without emphasis, code marks or link targets."""
    return " ".join(_MARKUP.sub(lambda m: m[1] or "", text).split())


def front_matter(text: str) -> tuple[str | None, str]:
    """The `title:` of a leading YAML block, if any, and the text after that block."""
    if not text.startswith("---\n"):
        return None, text
    end = text.find("\n---", 3)
    if end < 0 or end > 20_000 or text[end + 4 : end + 5] not in ("", "\n"):
        return None, text
    found = re.search(r"(?m)^title:[ \t]*(.+)$", text[4:end])
    title = found[1].strip().strip("\"'") if found else None
    return title or None, text[end + 4 :].lstrip("\n")


def plain_blocks(text: str) -> list[Block]:
    """Paragraphs of a text that is not Markdown."""
    parts = (part.strip("\n") for part in re.split(r"\n[ \t]*\n", text))
    return [Block(kind="paragraph", text=part) for part in parts if part.strip()]


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of a Markdown text in order; blank lines and horizontal rules are dropped."""
    lines = text.split("\n")
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        block, at = _next_block(lines, at)
        if block is not None:
            blocks.append(block)
    return blocks


def _next_block(lines: list[str], at: int) -> tuple[Block | None, int]:
    line = lines[at]
    if not line.strip() or _RULE.match(line):
        return None, at + 1
    if heading := _HEADING.match(line):
        title = heading_text(_CLOSING_HASHES.sub("", heading[2] or ""))
        if title:
            return Block(kind="heading", text=title, level=len(heading[1])), at + 1
        return None, at + 1
    if _FENCE.match(line):
        end = _fence_end(lines, at)
        return Block(kind="fence", text="\n".join(lines[at:end])), end
    if _is_table(lines, at):
        end = at
        while end < len(lines) and "|" in lines[end] and lines[end].strip():
            end += 1
        return Block(kind="table", text="\n".join(lines[at:end])), end
    if item := _ITEM.match(line):
        end = _item_end(lines, at, len(item[1]))
        return Block(kind="item", text="\n".join(lines[at:end]).rstrip()), end
    return _paragraph(lines, at)


def _fence_end(lines: list[str], at: int) -> int:
    """The line after the closing fence; a fence left open runs to the end, as in CommonMark."""
    opening = _FENCE.match(lines[at])
    mark = opening[1] if opening else "```"
    for index in range(at + 1, len(lines)):
        closing = lines[index].strip()
        if len(closing) >= len(mark) and not closing.strip(mark[0]):
            return index + 1
    return len(lines)


def _is_table(lines: list[str], at: int) -> bool:
    if "|" not in lines[at] or at + 1 >= len(lines):
        return False
    rule = lines[at + 1]
    return "|" in rule and "-" in rule and len(rule) < 2000 and _TABLE_RULE.match(rule) is not None


def _item_end(lines: list[str], at: int, indent: int) -> int:
    """An item holds its nested items, fences and indented paragraphs, and lazy continuation lines."""
    index = at + 1
    while index < len(lines):
        line = lines[index]
        if _FENCE.match(line) and (lines[index - 1].strip() or line.startswith(" " * (indent + 2))):
            index = _fence_end(lines, index)
            continue
        if not line.strip():
            after = next(
                (n for n in range(index + 1, min(index + 3, len(lines))) if lines[n].strip()), None
            )
            # Two spaces are enough to belong to the item: real documents indent carelessly.
            if after is None or not lines[after].startswith(" " * (indent + 2)):
                return index
            index = after
            continue
        nested = _ITEM.match(line)
        if (nested and len(nested[1]) <= indent + 1) or _HEADING.match(line):
            return index
        index += 1
    return index


def _paragraph(lines: list[str], at: int) -> tuple[Block, int]:
    index = at + 1
    while index < len(lines):
        line = lines[index]
        underline = _UNDERLINE.match(line)
        if underline and index == at + 1:
            level = 1 if underline[1][0] == "=" else 2
            return Block(kind="heading", text=heading_text(lines[at]), level=level), index + 1
        starts_other = (
            _HEADING.match(line) or _FENCE.match(line) or _ITEM.match(line) or _RULE.match(line)
        )
        if not line.strip() or starts_other or _is_table(lines, index):
            break
        index += 1
    return Block(kind="paragraph", text="\n".join(lines[at:index]).strip("\n")), index
