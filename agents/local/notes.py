"""Requests to keep a note: "Save a note: …", "Remember that …", and the tool that would keep it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_OPENING = (
    r"\s*(?:(?:hi|hello|hey|ok|okay|so|please)\b[\s,.!]*)*"
    r"(?:(?:can|could|would|will) you\s+(?:please\s+)?|i(?:'d| would) like you to\s+|i want you to\s+)?"
    r"(?:please\s+)?"
)
_NOTE = r"(?:(?:a|the|this|that|another|one|new|short|quick|following|my)\s+)*notes?"
_EXPLICIT = re.compile(
    rf"{_OPENING}(?:save|add|make|create|write|take|keep|store|record)\s+(?:me\s+|down\s+)?{_NOTE}\b"
    r"(?:\s+down)?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_REMEMBER = re.compile(
    rf"{_OPENING}(?:remember|memori[sz]e|keep in mind|(?:don't|don’t|do not) forget|make sure to remember|"
    r"note(?:\s+down)?|write down|jot down|save)"
    r"(?:\s+(?:this|that|the following)\b\s*[:,–-]?|\s*:)\s*(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_TITLED = re.compile(
    r"\s*(?:with (?:the )?title|titled|called|named|entitled)\s*:?\s*"
    r"(?:[\"“'‘](?P<quoted>[^\"”’]{1,120})[\"”'’]|(?P<plain>[^:\n]{1,80}?)(?=\s*:|\n))[,.]?",
    re.IGNORECASE,
)
_JOIN = re.compile(
    r"\s*(?:with (?:the )?(?:text|content)\b|saying\b|which says\b|that\b|about\b|for me\b|of\b|to\b)?"
    r"\s*(?:that\b\s*)?[:,–-]*\s*",
    re.IGNORECASE,
)
_TEXTS = ("text", "content", "body", "note", "message")
_TITLES = ("title", "name", "subject", "heading")
TITLE_WORDS = 7
TITLE_CHARS = 60


def is_note_tool(name: str, properties: Mapping[str, Any]) -> bool:
    """Whether a tool keeps notes: `save_note(title, text)` and the like."""
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    keeps = {"save", "add", "create", "make", "write", "keep", "store", "take"} & set(words)
    return bool(keeps and {"note", "notes"} & set(words) and _field(properties, _TEXTS))


def note_arguments(asked: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """Title and text of the note a message asks to keep; None when it asks for none."""
    found = note_in(asked)
    if found is None:
        return None
    title, text = found
    given = {_field(properties, _TEXTS): text, _field(properties, _TITLES): title}
    return {name: value for name, value in given.items() if name}


def note_in(asked: str) -> tuple[str, str] | None:
    """(title, text) of a note somebody wants kept."""
    explicit, title = _EXPLICIT.match(asked), ""
    if explicit is not None:
        rest = explicit["rest"]
        titled = _TITLED.match(rest)
        if titled is not None:
            title, rest = (titled["quoted"] or titled["plain"]).strip(), rest[titled.end() :]
        text = rest[_match_end(_JOIN, rest) :].strip()
    else:
        remember = _REMEMBER.match(asked)
        # "Note that I use Postgres. How do I back it up?" asks something.
        if remember is None or asked.rstrip().endswith("?"):
            return None
        text = remember["rest"].strip()
    text = text.strip("\"“”'‘’") if text[:1] in "\"“'‘" else text
    if not text.strip(" ?!.") or (explicit is not None and asked.rstrip().endswith("?") and not title
                                  and ":" not in asked):  # fmt: skip
        return None
    text = text[:1].upper() + text[1:]
    return title or _title(text), text


def _title(text: str) -> str:
    """The first words of the first sentence."""
    sentence = re.split(r"(?<=[.!?])\s|\n|;", text, maxsplit=1)[0]
    words = re.sub(r"^(?:the|a|an|my|our)\s+", "", sentence, flags=re.IGNORECASE).split()
    title = " ".join(words[:TITLE_WORDS])[:TITLE_CHARS].rstrip(" ,.:;!?–-")
    return title[:1].upper() + title[1:] or "Note"


def _field(properties: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in properties if name.lower() in names), "")


def _match_end(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0
