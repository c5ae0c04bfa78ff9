"""A conversation as every program that keeps one could tell it: a tree of messages and what is known of them.

Values between formats and the database: readers of foreign files make them, writers and the database
take them. No ids: messages and runs have keys that mean something inside their conversation only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.transcript import AnswerSummary

Role = Literal["user", "assistant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rating:
    thumb: int
    """1 up, -1 down."""
    reasons: tuple[str, ...] = ()
    comment: str = ""
    rated_at_us: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFile:
    """A file of a message, with its content."""

    name: str
    media_type: str
    content: bytes
    pages: int | None = None
    created_at_us: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    key: str
    parent: str | None
    """Messages with the same parent are versions of each other, in the order of the list."""
    role: Role
    text: str
    created_at_us: int | None = None
    run: str | None = None
    """Key of the run it belongs to."""
    summary: AnswerSummary | None = None
    """Of answers: model, reasoning, tools, sources, usage."""
    rating: Rating | None = None
    files: tuple[KeptFile, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AnsweredInterrupt:
    """What a graph asked people, and what they said."""

    interrupt_id: str
    value: str
    response_schema: str | None
    asked_at_us: int
    answer: Any
    answered_at_us: int
    resumed_by: str | None = None
    """Key of the run that went on with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """How an answer came about."""

    key: str
    graph: str
    question: str
    parent: str
    """Key of the message the answer follows."""
    answer: str | None
    started_at_us: int
    request: Mapping[str, Any] = field(default_factory=dict)
    """What was chosen for it: model, agent, temperature …"""
    events: Sequence[Any] = ()
    """Lines of its log, see core/log_codec.py; ids of this conversation are keys with an @ before."""
    interrupts: tuple[AnsweredInterrupt, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """`messages`: a parent stands before its children. `head`: the last one of the branch shown."""

    title: str
    messages: tuple[Message, ...]
    created_at_us: int | None = None
    updated_at_us: int | None = None
    head: str | None = None
    tags: tuple[str, ...] = ()
    pinned_at_us: int | None = None
    archived_at_us: int | None = None
    source: str | None = None
    """The program it comes from; None: this one."""
    runs: tuple[RunRecord, ...] = ()

    def digest(self) -> str:
        """SHA-256 of what was said, by whom, when and after what, in hex.

        Title, tags and what else people change later are left out: the same conversation under
        another name is the same.
        """
        place = {message.key: number for number, message in enumerate(self.messages)}
        said = [
            [
                place.get(one.parent or "", -1),
                one.role,
                one.text,
                one.created_at_us,
                one.summary.thinking if one.summary else "",
            ]
            for one in self.messages
        ]
        form = json.dumps([self.created_at_us, said], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(form.encode("utf-8", "replace")).hexdigest()

    def branch(self) -> list[Message]:
        """The messages of the branch shown, first to last."""
        by_key = {message.key: message for message in self.messages}
        last = by_key.get(self.head or "") or (self.messages[-1] if self.messages else None)
        found: list[Message] = []
        while last is not None and len(found) <= len(by_key):
            found.append(last)
            last = by_key.get(last.parent or "")
        return found[::-1]

    def versions(self) -> dict[str, tuple[int, int]]:
        """Key of a message → (which of its versions it is, from 1; how many there are)."""
        siblings: dict[str | None, list[str]] = {}
        for message in self.messages:
            siblings.setdefault(message.parent, []).append(message.key)
        return {
            key: (number, len(keys))
            for keys in siblings.values()
            for number, key in enumerate(keys, 1)
        }
