"""What one run says, for analytics to keep if a setting asks for it: references, no copies.

Nothing here turns messages into text while the run goes on; the functions in `said` do, later and on
another thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from core.transcript import Transcript

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from agents.run import Run

_ROLES = {"human": "user", "ai": "assistant"}
Kind = Literal["question", "answer", "prompt"]
Part = dict[str, Any]
Words = tuple[Kind, str, Callable[[], "str | list[Part]"]]
"""What it is, the call id of a prompt or "", and how to make it."""


class RunWords:
    """Made with a run, read once when it has ended."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._prompts: dict[str, tuple[BaseMessage, ...]] = {}

    def keep_prompt(self, call_id: str, messages: Sequence[BaseMessage]) -> None:
        """The messages one attempt sends to its model."""
        self._prompts[call_id] = tuple(messages)

    def said(self) -> list[Words]:
        """Question, prompts and answer, not made yet."""
        request = self._run.request
        prompts: list[Words] = [
            ("prompt", call_id, partial(prompt_messages, messages))
            for call_id, messages in self._prompts.items()
        ]
        return [
            ("question", "", lambda: request.text),
            *prompts,
            ("answer", "", partial(_answer, self._run)),
        ]


def prompt_messages(messages: Sequence[BaseMessage]) -> list[Part]:
    """Messages as OpenTelemetry's `gen_ai.input.messages` has them."""
    return [{"role": _ROLES.get(m.type, m.type), "parts": _parts(m)} for m in messages]


def _parts(message: BaseMessage) -> list[Part]:
    if message.type == "tool":
        call_id = getattr(message, "tool_call_id", None)
        return [{"type": "tool_call_response", "id": call_id, "response": message.content}]
    texts = [message.content] if isinstance(message.content, str) else message.content
    parts = [_part(text) for text in texts if text]
    calls = getattr(message, "tool_calls", None) or []
    return parts + [
        {"type": "tool_call", "id": c["id"], "name": c["name"], "arguments": c["args"]}
        for c in calls
    ]


def _part(content: str | Part) -> Part:
    if isinstance(content, str):
        return {"type": "text", "content": content}
    if content.get("type") == "text":
        return {"type": "text", "content": content.get("text", "")}
    return dict(content)


def _answer(run: Run) -> str:
    transcript = Transcript()
    transcript.add_all(run.events)
    return transcript.text
