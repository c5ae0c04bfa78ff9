"""`ResilientChat`: the model every graph gets. A list of models that behaves like one.

Retries, fallbacks, deadlines, continuation of a broken answer, usage and cost happen here, once, for
all providers; graphs see an ordinary chat model whose messages each have one id. The parts: what an
operation does (operation.py), how an answer is read (reading.py), what is recorded (attempt.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from queue import SimpleQueue
from typing import Annotated, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field
from pydantic_core import CoreSchema, core_schema

from agents.candidate import Candidate
from agents.operation import Operation, Services, folded
from agents.scope import current_scope
from agents.spending import Allowance
from core.events import CallPurpose, Event

__all__ = ["Candidate", "ResilientChat", "Services", "folded"]

OWN_PROVIDER = "switchboard"


def _nobody(model_id: str) -> Candidate | None:
    return None


class _AsItIs:
    """Keeps pydantic from looking into the values of a field: they are ours, and it would read the
    types of everything they hold."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return core_schema.any_schema()


class ResilientChat(BaseChatModel):
    """Raises `core.errors.ModelFailure` only, with the text that was shown as `partial`.

    Events of attempts go to the stream writer of the graph it is called in, else to `sink`; the end
    of a cancelled attempt goes to `sink` whenever there is one, because a graph that is being
    stopped reads its stream no more. Whoever folds the chunks of `astream` uses `folded`, which
    knows restarts.
    """

    candidates: Annotated[tuple[Candidate, ...], _AsItIs] = Field(exclude=True, repr=False)
    """In the order in which they are asked."""
    services: Annotated[Services, _AsItIs] = Field(exclude=True, repr=False)
    purpose: CallPurpose = "answer"
    agent: str | None = None
    sink: Annotated[Callable[[Event], None] | None, _AsItIs] = Field(
        default=None, exclude=True, repr=False
    )
    loop: Annotated[asyncio.AbstractEventLoop | None, _AsItIs] = Field(
        default=None, exclude=True, repr=False
    )
    """The run loop, for callers without one."""
    allowance: Annotated[Allowance | None, _AsItIs] = Field(default=None, exclude=True, repr=False)
    """Asked before every model that is called; None: nobody counts the money."""
    stand_in: Annotated[Callable[[str], Candidate | None], _AsItIs] = Field(
        default=_nobody, exclude=True, repr=False
    )

    begun: str = Field(default="", exclude=True, repr=False)
    """The text of an answer that is gone on with."""
    max_tokens: int | None = None
    """The longest answer, for every model that is asked."""
    stop: tuple[str, ...] = ()
    """Texts before which an answer ends, beside those of a call."""

    @property
    def _llm_type(self) -> str:
        return OWN_PROVIDER

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"models": [candidate.id for candidate in self.candidates]}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        name = self.candidates[0].id if self.candidates else "none"
        return LangSmithParams(ls_provider=OWN_PROVIDER, ls_model_name=name, ls_model_type="chat")

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Keeps the tools in OpenAI's form; each model converts them when it is asked."""
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self.bind(tools=formatted, **kwargs)

    def _should_stream(self, *, async_api: bool, run_manager: Any = None, **kwargs: Any) -> bool:
        # Only for astream and stream. LangChain's own fold, which invoke would use inside a graph,
        # does not know restarts; `_agenerate` streams to the callbacks all the same.
        return run_manager is None

    def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        operation = Operation(
            self.services,
            self.candidates,
            _stream_writer() or self.sink or _ignore,
            emit_cancelled=self.sink,
            purpose=self.purpose,
            agent=self.agent,
            allowance=self.allowance,
            stand_in=self.stand_in,
            begun=self.begun,
        )
        if self.max_tokens is not None:
            kwargs.setdefault("max_tokens", self.max_tokens)
        return operation.stream(messages, [*(stop or ()), *self.stop] or None, kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        parts: list[AIMessageChunk] = []
        async with aclosing(self._astream(messages, stop, **kwargs)) as chunks:
            async for chunk in chunks:
                parts.append(_identified(chunk, run_manager))
                if run_manager is not None:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
        return _result(parts)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        parts: list[AIMessageChunk] = []
        for chunk in self._stream(messages, stop, **kwargs):
            parts.append(_identified(chunk, run_manager))
            if run_manager is not None:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
        return _result(parts)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """The async path, run on the run loop for a caller on another thread; ends with its run."""
        loop = self._loop_of_others()
        pieces: SimpleQueue[ChatGenerationChunk | BaseException | None] = SimpleQueue()

        async def pump() -> None:
            end: BaseException | None = None
            scope, task = current_scope.get(), asyncio.current_task()
            assert task is not None
            try:
                if scope is not None:
                    scope.call_began(task)
                async with aclosing(self._astream(messages, stop, **kwargs)) as chunks:
                    async for chunk in chunks:
                        pieces.put(chunk)
            except BaseException as exc:
                end = exc
                raise
            finally:
                if scope is not None:
                    scope.call_ended(task)
                pieces.put(end)

        future = asyncio.run_coroutine_threadsafe(pump(), loop)
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            future.cancel()

    def _loop_of_others(self) -> asyncio.AbstractEventLoop:
        if self.loop is None or not self.loop.is_running():
            raise RuntimeError("the run loop is not running: use astream or ainvoke")
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            return self.loop
        if here is self.loop:
            raise RuntimeError("the run loop cannot wait for itself: use astream or ainvoke")
        return self.loop


def _stream_writer() -> Callable[[Event], None] | None:
    """Where a graph's own events go; None outside of a graph."""
    from langgraph.config import get_stream_writer

    try:
        return get_stream_writer()
    except (RuntimeError, KeyError):
        return None


def _identified(chunk: ChatGenerationChunk, run_manager: Any) -> AIMessageChunk:
    """The message of a chunk, under the id that LangChain gives to chunks of `astream`."""
    if run_manager is not None:
        chunk.message.id = f"lc_run--{run_manager.run_id}"
    assert isinstance(chunk.message, AIMessageChunk)
    return chunk.message


def _result(parts: Sequence[AIMessageChunk]) -> ChatResult:
    message = message_chunk_to_message(folded(parts))
    return ChatResult(generations=[ChatGeneration(message=message)])


def _ignore(event: Event) -> None:
    pass
