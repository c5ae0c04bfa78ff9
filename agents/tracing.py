"""Model calls of dropped-in graphs that bring their own model: recorded like ours.

Our own models report their attempts themselves (agents/failover.py) and are skipped here. Given to
LangGraph once, in the run's config; twice would count every token twice.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from agents.accounting import CHARS_PER_TOKEN, prompt_chars
from core.errors import redact
from core.events import Attempt, Event, UsageReported
from core.usage import Usage, from_langchain

OWN_PROVIDER = "switchboard"


@dataclass(slots=True)
class _Call:
    model: str
    provider: str
    agent: str | None
    started_us: int
    prompt_chars: int
    first_us: int | None = None
    last_us: int | None = None
    chunks: int = 0
    chars: int = 0


class ForeignCalls(BaseCallbackHandler):
    """Runs inline on the loop; the per-token hook is a counter."""

    run_inline = True

    def __init__(self, emit: Callable[[Event], None], clock_us: Callable[[], int]) -> None:
        """`emit` may be called from any thread."""
        self._emit = emit
        self._clock_us = clock_us
        self._calls: dict[UUID, _Call] = {}

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, metadata: Any = None, **kwargs: Any
    ) -> None:
        metadata = metadata or {}
        provider = str(metadata.get("ls_provider") or "unknown")
        if provider == OWN_PROVIDER:
            return
        call = _Call(
            model=str(metadata.get("ls_model_name") or "unknown"),
            provider=provider,
            agent=metadata.get("agent") or metadata.get("langgraph_node"),
            started_us=self._clock_us(),
            prompt_chars=sum(prompt_chars(batch) for batch in messages),
        )
        self._calls[run_id] = call
        self._emit(self._attempt(run_id, call, "started"))

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        call = self._calls.get(run_id)
        if call is None or not token:
            return
        call.last_us = self._clock_us()
        call.chunks += 1
        call.chars += len(str(token))
        if call.first_us is None:
            call.first_us = call.last_us

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        call = self._calls.pop(run_id, None)
        if call is None:
            return
        message = getattr(response.generations[0][0], "message", None)
        info = getattr(message, "response_metadata", None) or {}
        self._emit(
            self._attempt(
                run_id,
                call,
                "ok",
                response_model=info.get("model_name"),
                finish_reason=info.get("finish_reason") or info.get("stopReason"),
            )
        )
        usage = from_langchain(getattr(message, "usage_metadata", None) or {})
        self._emit(_reported(run_id, call, usage))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        call = self._calls.pop(run_id, None)
        if call is None:
            return
        if isinstance(error, asyncio.CancelledError):
            for event in self._stopped(run_id, call):
                self._emit(event)
            return
        self._emit(
            self._attempt(
                run_id,
                call,
                "error",
                error_type=type(error).__name__,
                error_message=redact(str(error)),
            )
        )

    def close_open(self) -> Iterator[Event]:
        """Ends for calls nobody told the end of: a cancelled `ainvoke` calls nothing."""
        for run_id, call in self._calls.items():
            yield from self._stopped(run_id, call)
        self._calls.clear()

    def _stopped(self, run_id: UUID, call: _Call) -> Iterator[Event]:
        """The end of a cancelled call, and an estimate of what it used until then."""
        yield self._attempt(run_id, call, "cancelled")
        used = Usage(
            input_tokens=math.ceil(call.prompt_chars / CHARS_PER_TOKEN),
            output_tokens=math.ceil(call.chars / CHARS_PER_TOKEN),
            source="partial",
        )
        yield _reported(run_id, call, used)

    def _attempt(self, run_id: UUID, call: _Call, outcome: Any, **more: Any) -> Attempt:
        def since(at_us: int | None) -> int | None:
            return None if at_us is None else at_us - call.started_us

        return Attempt(
            call_id=run_id.hex,
            logical_call_id=run_id.hex,
            attempt=1,
            purpose="answer",
            model=call.model,
            provider=call.provider,
            agent=call.agent,
            outcome=outcome,
            first_token_us=since(call.first_us),
            first_answer_us=since(call.first_us),
            last_token_us=since(call.last_us),
            duration_us=None if outcome == "started" else self._clock_us() - call.started_us,
            chunk_count=call.chunks or None,
            **more,
        )


def _reported(run_id: UUID, call: _Call, usage: Usage) -> UsageReported:
    return UsageReported(
        call_id=run_id.hex,
        model=call.model,
        provider=call.provider,
        purpose="answer",
        agent=call.agent,
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        source=usage.source,
    )
