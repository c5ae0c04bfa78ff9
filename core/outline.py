"""The blocks of an answer in Markdown: headings, lists, tables, code and the text between them.

Not a renderer. One pass over the lines that knows what CommonMark and GitHub's tables say about
headings, lists, fences and tables, is linear in the text and never fails: what it does not
understand is a paragraph. What stands in a code block is nothing but code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

PartKind = Literal["heading", "text", "bullets", "steps", "table", "code"]

# Scripts without spaces: each character is a word.
_IDEOGRAPH = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(
    rf"[{_IDEOGRAPH}]|[^\W{_IDEOGRAPH}]+(?:[-.,:'’/][^\W{_IDEOGRAPH}]+)*",
)
_TARGET = r"\([^\s()]*(?:\([^\s()]*\)[^\s()]*)*(?:[ \t]+\"[^\"\n]*\")?\)"
LINK = re.compile(rf"(!?)\[([^\[\]\n]{{0,500}})\]{_TARGET}")
"""A link or, with the mark, an image; and its text."""
CITATION = re.compile(r"\[(\d{1,3})\](?!\()")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r"([ \t]*)(?:([-*+])|(\d{1,9})[.)])[ \t]+(?=\S)")
_QUOTE = re.compile(r"(?: {0,3}>[ \t]?)+")
_INDENT = ("    ", "\t")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of an answer: one heading, list, table or code block, or paragraphs in a row."""

    kind: PartKind
    level: int = 0
    """Of a heading 1-6; of a list how deep it goes, 1 = flat; else 0."""
    text: str = ""
    """A heading's words, a code block's language, the cells of a table's header; else ""."""
    size: int = 0
    """Words of text, items of a list, rows of a table, lines of code; of a heading 0."""


@dataclass(kw_only=True, slots=True)
class Outline:
    """Lines folded into parts."""

    parts: list[Part] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    """Blocks that are not code, as they were written."""
    words: int = 0
    """What a reader sees, code included; without addresses of links and numbers of citations."""
    _paragraph: list[str] = field(default_factory=list)
    _indents: list[int] = field(default_factory=list)
    """Of the list that is open, outermost first; none when no list is open."""
    _blank: bool = True
    """The line before was empty."""

    def read(self, lines: list[str]) -> None:
        at = 0
        while at < len(lines):
            at = self._block(lines, at)
        self._end_paragraph()

    def _block(self, lines: list[str], at: int) -> int:
        """Folds what begins at a line; gives the line after it."""
        line = lines[at]
        stripped = line.strip()
        if not stripped:
            self._end_paragraph()
            self._blank = True
            return at + 1
        first = stripped[0]
        if first in "`~" and (fence := _FENCE.match(line)) and _opens(fence):
            return self._fence(lines, at, fence)
        if self._blank and not self._indents and line.startswith(_INDENT):
            return self._indented(lines, at)
        if first == "#" and (heading := _HEADING.match(line)):
            self._heading(len(heading[1]), _without_closing(line[heading.end() :].strip()))
        elif first in "=-*_" and _is_rule(stripped, under=bool(self._paragraph)):
            self._rule(stripped)
        elif (item := _ITEM.match(line)) and self._may_begin(item):
            self._item(item, line[item.end() :])
        elif "|" in line and _is_table(lines, at):
            return self._table(lines, at)
        else:
            self._text(line, stripped)
        return at + 1

    def _fence(self, lines: list[str], at: int, fence: re.Match[str]) -> int:
        """A fence that is left open runs to the end, as in CommonMark."""
        self._end_paragraph()
        mark, language = fence[1], fence[2].strip().partition(" ")[0]
        end = at + 1
        while end < len(lines):
            closing = lines[end].strip()
            if len(closing) >= len(mark) and not closing.strip(mark[0]):
                break
            end += 1
        self._code(lines[at + 1 : end], language)
        return end + 1

    def _indented(self, lines: list[str], at: int) -> int:
        end = at
        while end < len(lines) and lines[end].startswith(_INDENT):
            end += 1
        self._code(lines[at:end], "")
        return end

    def _code(self, lines: list[str], language: str) -> None:
        self.words += count_words("\n".join(lines))
        self._add("code", 0, language, len(lines))

    def _heading(self, level: int, text: str) -> None:
        self._end_paragraph()
        self._indents.clear()
        if text:
            self._say(text)
            self._add("heading", level, plain(text))

    def _rule(self, stripped: str) -> None:
        above = self._paragraph
        if above and not self._indents and stripped[0] in "=-" and " " not in stripped:
            self._paragraph = []
            self._heading(1 if stripped[0] == "=" else 2, " ".join(above))
            return
        self._end_paragraph()
        self._indents.clear()

    def _may_begin(self, item: re.Match[str]) -> bool:
        """A number at the beginning of a line of a paragraph is a list only when it is 1."""
        return not self._paragraph or bool(self._indents) or bool(item[2]) or item[3] == "1"

    def _item(self, item: re.Match[str], text: str) -> None:
        self._end_paragraph()
        indent, indents = len(item[1].expandtabs(4)), self._indents
        while indents and indent < indents[-1] + 2:
            indents.pop()
        last = self.parts[-1].kind if self.parts else "text"
        kind: PartKind = "bullets" if item[2] else "steps"
        if indents and last in ("bullets", "steps"):
            kind = last  # what is nested belongs to the list around it
        indents.append(indent)
        self._grow(kind, 1, len(indents))
        self._paragraph.append(text)

    def _table(self, lines: list[str], at: int) -> int:
        self._end_paragraph()
        self._indents.clear()
        end = at + 2
        while end < len(lines) and "|" in lines[end]:
            end += 1
        rows = [lines[at], *lines[at + 2 : end]]
        self._say("\n".join(rows).replace("|", " | "))
        self._add("table", 0, " | ".join(map(plain, _cells(lines[at]))), len(rows) - 1)
        return end

    def _text(self, line: str, stripped: str) -> None:
        # A line that is not indented, after an empty one, is outside of the list.
        if self._blank and self._indents and not line.startswith(("  ", "\t")):
            self._indents.clear()
        self._blank = False
        self._paragraph.append(stripped)

    def _end_paragraph(self) -> None:
        if self._paragraph:
            words = self._say("\n".join(self._paragraph))
            if not self._indents:
                self._grow("text", words)
            self._paragraph = []
        self._blank = False

    def _say(self, text: str) -> int:
        words = count_words(text) - (len(CITATION.findall(text)) if "[" in text else 0)
        self.prose.append(text)
        self.words += words
        return words

    def _add(self, kind: PartKind, level: int = 0, text: str = "", size: int = 0) -> None:
        self.parts.append(Part(kind=kind, level=level, text=text, size=size))

    def _grow(self, kind: PartKind, size: int, level: int = 0) -> None:
        """The last part by so much, or a new one."""
        last = self.parts[-1] if self.parts else None
        if last is None or last.kind != kind:
            self._add(kind, level, "", size)
        else:
            self.parts[-1] = Part(kind=kind, level=max(level, last.level), size=last.size + size)


def outline_of(text: str) -> Outline:
    """The parts of an answer, of an unfinished one too. Quoted text counts like other text."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if ">" in text:
        lines = [_QUOTE.sub("", line, count=1) if ">" in line[:4] else line for line in lines]
    outline = Outline()
    outline.read(lines)
    return outline


def count_words(text: str) -> int:
    """Words between spaces; of Chinese and Japanese each character."""
    if "](" in text:
        text = LINK.sub(r" \2 ", text)
    return len(_WORD.findall(text))


def plain(text: str) -> str:
    """One line as a reader sees it: without bold, code marks and addresses of links."""
    if "](" in text:
        text = LINK.sub(r"\2", text)
    return " ".join(text.replace("**", "").replace("`", "").split())


def _opens(fence: re.Match[str]) -> bool:
    return fence[1][0] == "~" or "`" not in fence[2]


def _without_closing(heading: str) -> str:
    bare = heading.rstrip("#")
    closed = bare != heading and (not bare or bare[-1] in " \t")
    return bare.rstrip() if closed else heading


def _is_rule(stripped: str, *, under: bool) -> bool:
    """A thematic break or, under text, the line that makes it a heading."""
    first = stripped[0]
    if first == "=" or stripped == "--":
        return under and not stripped.strip(first)
    marks = stripped.replace(" ", "").replace("\t", "")
    return len(marks) >= 3 and not marks.strip(first)


def _is_table(lines: list[str], at: int) -> bool:
    rule = lines[at + 1] if at + 1 < len(lines) else ""
    if "-" not in rule or "|" not in rule or rule.strip("|:- \t"):
        return False
    return len(_cells(lines[at])) == len(_cells(rule))


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.replace("\\|", " ").strip().strip("|").split("|")]
