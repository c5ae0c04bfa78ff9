"""A conversation to read: the branch shown, as Markdown or as one HTML file that asks nobody for anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.conversation import Conversation, Message
from core.version import VERSION

if TYPE_CHECKING:
    from jinja2 import Template
    from markdown_it import MarkdownIt

_TEMPLATE = Path(__file__).with_name("conversation.html")
_ENDS = {
    "error": "This answer ended with an error.",
    "cancelled": "This answer was stopped.",
    "lost": "This answer was lost when Switchboard ended.",
    "interrupted": "This answer waits for a person.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """A message in words."""

    role: str
    who: str
    about: str
    text: str
    thinking: str
    end: str
    tools: Sequence[dict[str, Any]]
    sources: Sequence[dict[str, Any]]
    files: Sequence[str]
    rating: str


def as_markdown(one: Conversation) -> str:
    """Headings for who speaks. Answers are Markdown as they are; all else shows what was typed."""
    parts = [f"# {_typed(one.title)}", f"*{_typed(_about(one))}*"]
    for said in _all_said(one):
        parts.append(f"## {said.who}" + (f"\n\n*{_typed(said.about)}*" if said.about else ""))
        if said.thinking:
            parts.append("> **Reasoning**\n>\n" + _quoted(said.thinking))
        for tool in said.tools:
            parts.append(f"Used the tool `{tool['name']}`:\n\n{_fenced(_call(tool))}")
        if said.text:
            parts.append(said.text if said.role == "assistant" else _typed_lines(said.text))
        if said.end:
            parts.append(f"*{said.end}*")
        if said.sources:
            lines = [f"- [{source['n']}] {_typed(_source(source))}" for source in said.sources]
            parts.append("**Sources**\n\n" + "\n".join(lines))
        if said.files:
            parts.append("**Files:** " + ", ".join(map(_typed, said.files)))
        if said.rating:
            parts.append(f"*{_typed(said.rating)}*")
    return "\n\n".join(parts) + "\n"


def as_html(one: Conversation) -> str:
    """Light and dark, printable; no scripts, no images, no requests."""
    render = _markdown().render
    return _template().render(
        title=one.title,
        about=_about(one),
        said=[(said, render(said.text), _call) for said in _all_said(one)],
        source=_source,
        version=VERSION,
    )


def _all_said(one: Conversation) -> list[_Said]:
    versions = one.versions()
    return [_said(message, *versions[message.key]) for message in one.branch()]


def _said(one: Message, number: int, versions: int) -> _Said:
    summary = one.summary
    about = [_time(one.created_at_us)]
    if summary is not None:
        about += [summary.agent or "", summary.model or ""]
    if versions > 1:
        about.append(f"version {number} of {versions}")
    rating = ""
    if one.rating is not None:
        words = [*one.rating.reasons, one.rating.comment]
        thumb = "Rated good" if one.rating.thumb > 0 else "Rated bad"
        rating = ": ".join(filter(None, [thumb, ", ".join(filter(None, words))]))
    return _Said(
        role=one.role,
        who="Question" if one.role == "user" else "Answer",
        about=" · ".join(filter(None, about)),
        text=one.text,
        thinking=summary.thinking if summary else "",
        end=_ENDS.get(summary.status, "") if summary else "",
        tools=summary.tools if summary else (),
        sources=summary.sources if summary else (),
        files=[file.name for file in one.files],
        rating=rating,
    )


def _about(one: Conversation) -> str:
    branch, whole = len(one.branch()), len(one.messages)
    other = whole - branch
    parts = [
        _time(one.created_at_us),
        f"{branch:,} messages" if branch != 1 else "1 message",
        f"{other:,} more in other versions" if other else "",
        ", ".join(one.tags),
    ]
    return " · ".join(filter(None, parts))


def _time(at_us: int | None) -> str:
    if at_us is None:
        return ""
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M} UTC"


def _call(tool: dict[str, Any]) -> str:
    output = tool.get("error") or tool.get("output")
    return "\n\n".join(filter(None, [str(tool.get("input") or ""), str(output or "")]))


def _source(source: dict[str, Any]) -> str:
    parts = [source.get("title") or source.get("document"), source.get("heading")]
    return " – ".join(str(part) for part in parts if part)


def _typed(text: str) -> str:
    """Words of people in a line of Markdown, as they are."""
    return _escaped(" ".join(text.split()))


def _typed_lines(text: str) -> str:
    """The same with its lines, and the spaces they begin with."""
    lines = []
    for line in text.expandtabs(4).split("\n"):
        words = line.lstrip(" ")
        lines.append("\u00a0" * (len(line) - len(words)) + _escaped(words.rstrip()))
    return re.sub(r"(?<=[^\n])\n(?=[^\n])", "  \n", "\n".join(lines))


def _escaped(text: str) -> str:
    """Only what Markdown would read as markup, so that the file can be read as it is too."""
    text = re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", text)
    text = re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", text)
    return re.sub(r"^([#+=-])", r"\\\1", text)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # HTML in a text is text; an image would be fetched by whoever opens the file.
    found = MarkdownIt("commonmark", {"html": False, "linkify": False})
    return found.enable(["table", "strikethrough"]).disable("image")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_TEMPLATE.read_text("utf-8"))
