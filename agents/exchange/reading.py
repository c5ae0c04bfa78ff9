"""A file as conversations, one at a time; and by entry, why one cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.exchange import chatgpt, fields, librechat, open_webui, own
from agents.exchange.deep_json import loads
from agents.exchange.found import Found
from agents.exchange.limits import MAX_CONVERSATIONS, MAX_NESTING
from agents.exchange.source import Parts
from agents.exchange.split import Piece, Splitter
from core.conversation import Conversation
from core.errors import InvalidInput

TITLES = {
    own.NAME: "Switchboard", chatgpt.NAME: "ChatGPT", open_webui.NAME: "Open WebUI",
    librechat.NAME: "LibreChat",
}  # fmt: skip
"""Formats, as people call them."""
HELP = (
    "Export the chats again: as JSON from Switchboard, Open WebUI or LibreChat, or take "
    "conversations.json, or the whole ZIP archive, that ChatGPT sends."
)
_READERS: tuple[tuple[str, Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], Found]], ...] = (
    (chatgpt.NAME, chatgpt.fits, chatgpt.read),
    (open_webui.NAME, open_webui.fits, open_webui.read),
    (librechat.NAME, librechat.fits, librechat.read),
    (own.NAME, own.fits, own.read),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One conversation of a file, or why it is none."""

    number: int
    """From 1, over all files of an archive."""
    form: str = ""
    """One of TITLES; "" when it is none of them."""
    title: str = ""
    conversation: Conversation | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    owner: str = ""
    """Whose it was in the other program."""


def detect(entry: Mapping[str, Any]) -> str | None:
    """The format of an entry."""
    return next((name for name, fits, _ in _READERS if fits(entry)), None)


class Reading:
    """Iterate it as often as you like. `share` says how far the last time is, from 0 to 1.

    Raises InvalidInput when the file as a whole cannot be used: it is no JSON, a bomb, somebody
    else's, or holds nothing.
    """

    def __init__(self, path: Path, *, owner: str) -> None:
        self._path, self._owner = path, owner
        self._parts: Parts | None = None

    @property
    def share(self) -> float:
        return min(1.0, self._parts.done / self._parts.total) if self._parts else 0.0

    def __iter__(self) -> Iterator[Entry]:
        self._parts = Parts(self._path)
        number = 0
        for _, stream in self._parts:
            splitter = Splitter(stream)  # type: ignore[arg-type]
            checked: bytes | None = None
            for piece in splitter:
                if splitter.header is not None and checked is None:
                    checked = splitter.header
                    self._check_owner(checked)
                number += 1
                if number > MAX_CONVERSATIONS:
                    raise InvalidInput(
                        f"The file has more than {MAX_CONVERSATIONS:,} conversations.",
                        what_to_do="Split it into several files.",
                    )
                yield read_entry(number, piece)
            if splitter.header is not None and checked is None:
                self._check_owner(splitter.header)
        if not number:
            raise InvalidInput("The file holds no conversations.", what_to_do=HELP)

    def _check_owner(self, header: bytes) -> None:
        owner = own.owner_of(header)
        if owner is not None and owner != self._owner:
            raise InvalidInput(
                "The file holds the conversations of somebody else. Nothing of it is imported.",
                what_to_do="Ask the person whose they are to share them, or to import them.",
            )


def read_entry(number: int, piece: Piece) -> Entry:
    """Never raises for what an entry says."""
    if piece.problem:
        return Entry(number=number, problem=piece.problem)
    if piece.depth > MAX_NESTING:
        return Entry(number=number, problem=f"It is nested deeper than {MAX_NESTING:,} levels.")
    try:
        data = loads(piece.raw.decode("utf-8"), piece.depth)
    except UnicodeDecodeError:
        return Entry(number=number, problem="It is not UTF-8 text.")
    except (ValueError, RecursionError) as exc:
        return Entry(number=number, problem=f"It is not valid JSON: {fields.line(str(exc))}.")
    if not isinstance(data, dict):
        return Entry(number=number, problem="It is not a conversation.")
    return read_object(number, data)


def read_object(number: int, data: Mapping[str, Any]) -> Entry:
    title = fields.line(data.get("title"), 200)
    for name, fits, read in _READERS:
        if not fits(data):
            continue
        try:
            found = read(data)
        except InvalidInput as exc:
            return Entry(number=number, form=name, title=title, problem=exc.message)
        return Entry(
            number=number,
            form=name,
            title=found.conversation.title,
            conversation=found.conversation,
            notes=found.notes,
            owner=found.owner,
        )
    keys = ", ".join(fields.line(str(key), 30) for key in list(data)[:6])
    problem = f"It is of no format that can be read. It has: {keys or 'nothing'}."
    return Entry(number=number, title=title, problem=problem)
