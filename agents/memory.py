"""What an agent remembers of a thread: the newest messages under a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

CHARS_PER_TOKEN = 4
OVERHEAD_TOKENS = 4


def keep_newest(messages: Sequence[AnyMessage], max_tokens: int) -> list[AnyMessage]:
    """The newest messages that fit, beginning with a human one; tool calls keep their results.

    One walk backwards: LangChain's trim_messages is quadratic (0.7 s for 400 messages). The last
    human message and what follows it always stay, however long.
    """
    start, used = len(messages), 0
    last_human = max((i for i, m in enumerate(messages) if m.type == "human"), default=0)
    for i in range(len(messages) - 1, -1, -1):
        used += _tokens(messages[i])
        if used > max_tokens and i < last_human:
            break
        if messages[i].type == "human":  # a cut is only allowed before a question
            start = i
    return list(messages[min(start, last_human) :])


def _tokens(message: AnyMessage) -> int:
    return len(str(message.content)) // CHARS_PER_TOKEN + OVERHEAD_TOKENS
