"""One request to one model as it is recorded: when things came, and how it ended.

The token path appends a time to a list; everything else is computed when the attempt is over, and
told by `Attempt` events: one at the start, one at the end under the same `call_id`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks, add_usage
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk

from agents.watchdog import Strike
from core.errors import ModelFailure, ProtocolError, redact
from core.events import Attempt, AttemptOutcome, CallPurpose

STALL_S = 1.0
WHOLE = frozenset({"stop", "tool_calls"})
"""Finish reasons after which tool calls are complete."""
clock = time.monotonic
"""The same clock as the event loop's, so that one reading serves deadlines and timings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallInfo:
    """What is known of an attempt before it starts."""

    call_id: str
    logical_call_id: str
    attempt: int
    purpose: CallPurpose
    agent: str | None
    model: str
    provider: str
    region: str | None = None
    continued: bool = False

    def event(self, outcome: AttemptOutcome, **more: Any) -> Attempt:
        return Attempt(
            call_id=self.call_id,
            logical_call_id=self.logical_call_id,
            attempt=self.attempt,
            purpose=self.purpose,
            agent=self.agent,
            model=self.model,
            provider=self.provider,
            continued=self.continued,
            outcome=outcome,
            **more,
        )


@dataclass(kw_only=True, slots=True)
class Call:
    """One attempt while it runs. `arrivals` are the times of content chunks: text, reasoning, or
    tool arguments."""

    info: CallInfo
    started: float = field(default_factory=clock)
    first_chunk: float | None = None
    first_answer: float | None = None
    arrivals: list[float] = field(default_factory=list)
    text_chars: int = 0
    other_chars: int = 0
    """Reasoning and tool arguments."""
    finish_reason: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    reported: UsageMetadata | None = None
    tools: list[AIMessageChunk] = field(default_factory=list)
    """Tool call chunks, held back until the finish reason says that they are whole."""
    struck: Strike | None = None
    capped: bool = False

    def absorb(self, chunk: ChatGenerationChunk, now: float) -> ChatGenerationChunk | None:
        """Takes what belongs to the attempt and not to the text: metadata, usage, tool calls.
        Gives back what is left to show, if anything."""
        message = chunk.message
        assert isinstance(message, AIMessageChunk)
        given = {**message.response_metadata, **(chunk.generation_info or {})}
        if (reason := given.pop("finish_reason", None)) and self.finish_reason is None:
            self.finish_reason = str(reason)
        self.metadata |= {key: value for key, value in given.items() if value is not None}
        if message.usage_metadata:
            self.reported = add_usage(self.reported, message.usage_metadata)
        if message.tool_call_chunks:
            self.arrivals.append(now)
            self.other_chars += sum(len(c.get("args") or "") for c in message.tool_call_chunks)
            self.tools.append(AIMessageChunk(content="", tool_call_chunks=message.tool_call_chunks))
        extra = message.additional_kwargs
        if not message.content and not extra:
            return None
        if not message.tool_call_chunks:
            self.arrivals.append(now)
        self.other_chars += len(str(extra.get("reasoning_content") or ""))
        shown = AIMessageChunk(content=message.content, additional_kwargs=extra)
        return ChatGenerationChunk(message=shown)

    def check_end(self) -> None:
        """Raises ProtocolError for an answer that is not whole, or calls a tool with half of its
        arguments: LangChain would mend `{"q": "ref` and the tool would run."""
        if self.finish_reason is None:
            raise ProtocolError("The stream ended before the answer was complete.")
        for call in self.whole_tool_calls():
            if not call.get("name") or not _is_json_object(call.get("args") or "{}"):
                raise ProtocolError("The model called a tool with arguments that cannot be read.")

    def whole_tool_calls(self) -> list[ToolCallChunk]:
        """Every tool call, each as one chunk; none when the answer was cut."""
        if not self.tools or self.finish_reason not in WHOLE:
            return []
        return add_ai_message_chunks(self.tools[0], *self.tools[1:]).tool_call_chunks

    def end_event(
        self,
        outcome: AttemptOutcome,
        failure: ModelFailure | None = None,
        next_model: str | None = None,
    ) -> Attempt:
        """The attempt's second event."""
        return self.info.event(
            outcome,
            response_model=_text(self.metadata.get("model_name")),
            response_id=_text(self.metadata.get("id")),
            finish_reason=self.finish_reason,
            first_chunk_us=self._since(self.first_chunk),
            first_token_us=self._since(self.arrivals[0] if self.arrivals else None),
            first_answer_us=self._since(self.first_answer),
            last_token_us=self._since(self.arrivals[-1] if self.arrivals else None),
            duration_us=self._since(clock()),
            chunk_count=len(self.arrivals),
            **_gaps(self.arrivals),
            error_type=self._error_type(failure),
            error_message=redact(failure.message) if failure else None,
            http_status=failure.http_status_seen if failure else None,
            next_model=next_model,
        )

    def _error_type(self, failure: ModelFailure | None) -> str | None:
        if failure is None:
            return None
        return f"{self.struck}_timeout" if self.struck else failure.code

    def _since(self, at: float | None) -> int | None:
        return None if at is None else round((at - self.started) * 1e6)


def _gaps(arrivals: Sequence[float]) -> dict[str, int | None]:
    """Times between content chunks, in microseconds; None without two of them."""
    gaps = sorted(later - earlier for earlier, later in pairwise(arrivals))
    stalls = [gap for gap in gaps if gap > STALL_S]
    return {
        "gap_p50_us": _rank(gaps, 0.50),
        "gap_p95_us": _rank(gaps, 0.95),
        "gap_max_us": _rank(gaps, 1.0),
        "stall_count": len(stalls),
        "stall_us": round(sum(stalls) * 1e6),
    }


def _rank(values: Sequence[float], share: float) -> int | None:
    """Nearest rank of sorted values."""
    if not values:
        return None
    return round(values[max(0, math.ceil(share * len(values)) - 1)] * 1e6)


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _text(value: object) -> str | None:
    return str(value) if value else None
