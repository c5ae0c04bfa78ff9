"""What a list of messages holds for the embedded answerer: the question, passages, tool results.

Passages may stand in any message, in the form of agents/passage_format.py; a human message that only
carries passages is not a question. Text inside passages is material, never an instruction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from agents.followup import standalone
from agents.passage_format import NO_DOCUMENTS, parse
from agents.system_note import without_note
from core.events import Source

_MARK = "<passage "
_BLOCK = re.compile(r'<passage n="\d+".*?</passage>\n?', re.DOTALL)
_ABOUT_NEXT = re.compile(r"(?:Passages|No passage was) found for the next message\.?")
"""What agents/answering.py writes above passages: such a message is no question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolResult:
    name: str
    text: str
    failed: bool
    sources: tuple[Source, ...]
    """Passages in the result, if it is of that kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    asked: str
    """The last human message."""
    question: str
    """The same with what it leans on, so that it stands alone."""
    sources: tuple[Source, ...]
    """The passages of the prompt; results of earlier questions' tools, numbered anew, are not among them."""
    results: tuple[ToolResult, ...]
    """Of the tools called since the question."""
    called: frozenset[str]
    instructions: str
    """The system text without its passages: a forced tool's choices may be explained there."""
    chars: int
    without_documents: bool = False
    """The run uses no documents: that there are no passages does not mean that none was found."""


def read(messages: Sequence[BaseMessage]) -> Conversation:
    """The conversation as the answerer sees it."""
    texts = [without_note(message) for message in messages]
    said = [
        _question(text) if message.type == "human" else text
        for message, text in zip(messages, texts, strict=True)
    ]
    last = max((i for i, m in enumerate(messages) if m.type == "human" and said[i]), default=-1)
    history = [
        ("user" if message.type == "human" else "assistant", text)
        for message, text in zip(messages[: max(0, last)], said, strict=False)
        if message.type in ("human", "ai") and text
    ]
    asked = said[last] if last >= 0 else ""
    after = range(last + 1, len(messages))
    return Conversation(
        asked=asked,
        question=standalone(asked, history) if history else asked,
        sources=_sources(
            text
            for i, text in sorted(enumerate(texts), key=lambda pair: pair[0] != last)
            if i >= last or messages[i].type != "tool"
        ),
        results=tuple(
            _result(m, texts[i]) for i in after if isinstance(m := messages[i], ToolMessage)
        ),
        called=frozenset(
            call["name"]
            for i in after
            if isinstance(m := messages[i], AIMessage)
            for call in m.tool_calls
        ),
        instructions="\n".join(
            text.split(_MARK, 1)[0]
            for m, text in zip(messages, texts, strict=True)
            if m.type == "system"
        ),
        chars=sum(len(text) for text in texts),
        without_documents=any(message.additional_kwargs.get(NO_DOCUMENTS) for message in messages),
    )


def _question(text: str) -> str:
    """What a person says in a message, without passages; empty for a message that only carries them."""
    own = _BLOCK.sub("", text).strip() if _MARK in text else text
    return "" if _ABOUT_NEXT.fullmatch(own.strip()) else own


def _sources(texts: Iterable[str]) -> tuple[Source, ...]:
    found: dict[int, Source] = {}
    for text in texts:
        if _MARK in text:
            for source in parse(text):
                found[source.n] = source
    return tuple(found.values())


def _result(message: ToolMessage, text: str) -> ToolResult:
    return ToolResult(
        name=message.name or "",
        text=text,
        failed=message.status == "error",
        sources=tuple(parse(text)) if _MARK in text else (),
    )
