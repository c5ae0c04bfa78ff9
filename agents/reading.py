"""Reading one answer of one model: deadlines, bounds, and which chunks may be shown.

The token path is here, so everything that can wait until the end of the attempt is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from agents.attempt import Call, clock
from agents.candidate import Candidate, as_failure, options_for
from agents.continuation import Overlap, SameBeginning
from agents.retry import Limits
from agents.watchdog import Watchdog
from core.errors import ModelFailure, ModelUnavailable, redact

log = logging.getLogger(__name__)


class Reading:
    """Made for one attempt. Text that is handed on is appended to `shown`."""

    def __init__(
        self,
        candidate: Candidate,
        call: Call,
        limits: Limits,
        ends_at: float,
        shown: list[str],
        overlap: Overlap | SameBeginning,
        on_first_token: Callable[[], None],
    ) -> None:
        """`ends_at`: when the operation has to be over. `overlap`: takes out what was shown before."""
        self._candidate = candidate
        self._call = call
        self._limits = limits
        self._shown = shown
        self._room = limits.max_chars - sum(map(len, shown))
        self._overlap = overlap
        self._begun = False
        """Content has come: from here on it is the idle deadline that counts."""
        self._watch = Watchdog(asyncio.get_running_loop(), ends_at)
        self._on_first_token = on_first_token

    async def chunks(
        self, messages: list[BaseMessage], stop: list[str] | None, options: Mapping[str, Any]
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        """What may be shown. Returns when the answer is whole, raises ModelFailure when not.

        After the finish reason the answer is whole: nothing that goes wrong then is a failure.
        """
        call, watch = self._call, self._watch
        inner: AsyncIterator[ChatGenerationChunk] | None = None
        watch.start("first_token", self._limits.first_token_s)
        try:
            model = await self._candidate.model()
            # Building the first model of a provider imports it; that is not the provider's silence.
            watch.start("first_token", self._limits.first_token_s)
            call.started = clock()
            inner = model._astream(messages, stop, **options_for(model, options))
            async with aclosing(self._visible(inner)) as visible:
                async for chunk in visible:
                    yield chunk
        except GeneratorExit:
            raise
        except BaseException as exc:
            failure = self._failure(exc)
            if call.finish_reason is None:
                raise failure from (None if watch.struck else exc.__cause__)
            log.warning("%s broke off after its answer: %s", call.info.model, redact(str(failure)))
        finally:
            watch.settle()
            await _close(inner)
        call.check_end()

    async def _visible(
        self, inner: AsyncIterator[ChatGenerationChunk]
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        call, watch = self._call, self._watch
        arrivals, shown = call.arrivals, self._shown
        async for chunk in inner:
            now = clock()
            message: Any = chunk.message
            visible: ChatGenerationChunk | None = chunk
            if (
                message.tool_call_chunks
                or message.usage_metadata
                or message.additional_kwargs
                or chunk.generation_info
                or not message.content
                or len(message.response_metadata) > 1  # more than the provider's name
                or "finish_reason" in message.response_metadata
            ):
                visible = self._special(chunk, now)
            else:
                arrivals.append(now)
                watch.beat = now
            if not self._begun:
                self._begin(now)
            if visible is None:
                continue
            if text := visible.text:
                call.text_chars += len(text)
                if not self._overlap.decided or len(text) > self._room:
                    visible, text = self._filtered(text)
                    if visible is None:
                        continue
                self._room -= len(text)
                shown.append(text)
                if call.first_answer is None:
                    call.first_answer = now
            _neutral(visible)
            watch.away = True
            yield visible
            watch.away = False
            watch.guard(asyncio.current_task())
            watch.beat = clock()
            if call.capped:
                return
        if rest := self._overlap.flush():
            shown.append(rest)
            yield _text_chunk(rest)

    def _special(self, chunk: ChatGenerationChunk, now: float) -> ChatGenerationChunk | None:
        """A chunk that is more, or less, than text. Gives what may be shown of it."""
        seen, whole = len(self._call.arrivals), self._call.finish_reason is not None
        visible = self._call.absorb(chunk, now)
        if len(self._call.arrivals) > seen:
            self._watch.beat = now
        if not whole and self._call.finish_reason is not None:
            self._begun = True  # an answer without any text has begun by ending
            self._watch.start("grace", self._limits.grace_s)
        return visible

    def _begin(self, now: float) -> None:
        if self._call.first_chunk is None:
            self._call.first_chunk = now
        if self._call.arrivals:
            self._begun = True
            self._watch.start("idle", self._limits.idle_s)
            self._on_first_token()

    def _filtered(self, text: str) -> tuple[ChatGenerationChunk | None, str]:
        """Text without what it repeats, and not more of it than an answer may have."""
        text = self._overlap.feed(text)
        if len(text) > self._room:
            text = text[: self._room]
            self._call.capped, self._call.finish_reason = True, "length"
        if not text and not self._call.capped:
            return None, ""
        return _text_chunk(text), text

    def _failure(self, exc: BaseException) -> ModelFailure:
        """What an exception means here. Raises it again if it is somebody's wish to stop."""
        if self._watch.claims_cancel():
            self._call.struck = self._watch.struck
            return self._too_late()
        if isinstance(exc, Exception):
            return as_failure(exc, f"{self._candidate.id} failed")
        raise exc

    def _too_late(self) -> ModelFailure:
        name, limits = self._candidate.id, self._limits
        match self._watch.struck:
            case "first_token":
                return ModelUnavailable(f"{name} wrote nothing for {limits.first_token_s:g} s.")
            case "total":
                return ModelUnavailable(f"The answer took longer than {limits.total_s:g} s.")
            case _:
                return ModelUnavailable(f"{name} fell silent for {limits.idle_s:g} s.")


def _neutral(chunk: ChatGenerationChunk) -> None:
    """Takes off what belongs to one provider: LangChain joins metadata of chunks as text, and the
    message has one id whoever writes it."""
    message = chunk.message
    if message.response_metadata:
        message.response_metadata = {}
    if message.id is not None:
        message.id = None


def _text_chunk(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


async def _close(stream: object) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
