"""What a reader makes of one entry."""

from __future__ import annotations

from dataclasses import dataclass

from agents.exchange.limits import MAX_MESSAGES
from core.conversation import Conversation
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
