"""What a reader makes of one entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.exchange.limits import MAX_MESSAGES
from core.conversation import Conversation, Message
from core.errors import InvalidInput


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    conversation: Conversation
    notes: tuple[str, ...] = ()
    """What was mended or left out, in sentences."""
    owner: str = ""
    """Whose it was in the other program, as that one calls them."""


def checked_count(count: int) -> None:
    """Raises InvalidInput for more messages than a conversation may have."""
    if count > MAX_MESSAGES:
        raise InvalidInput(f"It has {count:,} messages; at most {MAX_MESSAGES:,} are read.")


def by_time(messages: Sequence[Message]) -> tuple[Message, ...]:
    """As they were written, oldest first. One without a time, or with an earlier one than what it
    follows, comes with that: a parent stays before its children."""
    times: dict[str | None, int] = {None: 0}
    for one in messages:
        times[one.key] = max(times.get(one.parent, 0), one.created_at_us or 0)
    return tuple(sorted(messages, key=lambda one: times[one.key]))


def parents_of(messages: Sequence[Message]) -> dict[str, str | None]:
    return {one.key: one.parent for one in messages}
