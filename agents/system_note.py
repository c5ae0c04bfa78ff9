"""A person's note to the models: it ends the system message, behind everything that providers cache.

Inside the cached prefix it would give every person a cache of their own. It is no prompt of ours: no
version holds it and no version's name speaks of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import prompts
from core.errors import InvalidInput
from core.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage, SystemMessage

MAX_NOTE_CHARS = 4_000
NOTE_FROM = "note_from"
"""In the `additional_kwargs` of a system message: where the note begins. Providers do not get it."""


def checked_note(text: object) -> str:
    """The note as it is kept and sent, "" for none. Raises InvalidInput."""
    if not isinstance(text, str):
        raise InvalidInput("The note to the model is not text.")
    note = clean(text[: 4 * MAX_NOTE_CHARS + 4096]).strip()
    if len(note) > MAX_NOTE_CHARS:
        raise InvalidInput(
            f"The note to the model has more than {MAX_NOTE_CHARS:,} characters.",
            what_to_do="Shorten it.",
        )
    return note


def system_message(text: str, note: str | None, **extra: Any) -> SystemMessage:
    """The rules of a call, then the note. `extra` speaks of the rules alone (cached characters)."""
    from langchain_core.messages import SystemMessage

    if not note:
        return SystemMessage(text, additional_kwargs=extra)
    whole = f"{text}\n\n{prompts.load('note')}\n{note}"
    return SystemMessage(whole, additional_kwargs={**extra, NOTE_FROM: len(text)})


def without_note(message: BaseMessage) -> str:
    """The text of a message up to the note, for a reader that cannot follow one."""
    start = message.additional_kwargs.get(NOTE_FROM)
    return message.text[:start] if isinstance(start, int) else message.text
