"""Text from outside, made safe to store and show."""

from __future__ import annotations

import re

from core.errors import InvalidInput

# Everything below space but tab and newline, DEL, C1 controls, and the characters that turn the
# reading direction of what follows: they hide text from a reader.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


_INVISIBLE = " \t\n\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u3164"


def clean(text: str) -> str:
    """The text without control characters and lone surrogates, line ends as \\n."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def message_text(text: object, limit: int) -> str:
    """A message as it will be stored: cleaned and stripped.

    Raises InvalidInput when it is not text, empty, or longer than `limit` characters.
    """
    if not isinstance(text, str):
        raise InvalidInput("The message is not text.")
    if len(text) > 4 * limit + 4096:  # do not clean ten megabytes only to refuse them
        raise _too_long(len(text), limit)
    cleaned = clean(text).strip()
    if not cleaned.strip(_INVISIBLE):
        raise InvalidInput("The message is empty.", what_to_do="Type a question and send it.")
    if len(cleaned) > limit:
        raise _too_long(len(cleaned), limit)
    return cleaned


def _too_long(length: int, limit: int) -> InvalidInput:
    return InvalidInput(
        f"The message has {length:,} characters; the limit is {limit:,}.",
        what_to_do="Shorten it, or raise SWITCHBOARD_MAX_MESSAGE_CHARS.",
    )


def short_title(text: str, limit: int = 60) -> str:
    """The first sentence or line of a question, cut at a word, as a thread title."""
    line = " ".join(clean(text).split())
    first = re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0]
    if len(first) <= limit:
        return first or "New chat"
    cut = first[:limit].rsplit(" ", 1)[0]
    return f"{cut or first[:limit]}…"
