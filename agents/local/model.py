"""`LocalExtractive`: the embedded answerer as a LangChain chat model.

It streams, binds tools, gives structured output and reports usage like any provider's model, so the
same graph runs with it. No key, no network, no weights: the work is in reply.py.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agents.local.reply import Reply, respond

MODEL_NAME = "extractive"
CHARS_PER_TOKEN = 4
INLINE_CHARS = 2_000
"""A prompt above this is read in a thread: scoring may take longer than the loop should wait."""
PAUSE_S = 0.02
"""The shortest pause worth taking; below it words are sent together."""
_PIECE = re.compile(
    r"\n*```[^\n]*\n|`[^`\n]+`\S*\s*|\[[^\]\n]{0,200}\]\([^)\s]*\)\S*\s*|(?:\[\d+\][.:]?)+\s*|\S+\s*|\s+"
)


class LocalExtractive(BaseChatModel):
    """Answers by choosing and citing sentences of the passages in its prompt."""

    words_per_s: float = 200.0
    """How fast text streams; 0 = as fast as it can. The first word is never held back."""

    @property
    def _llm_type(self) -> str:
        return "local-extractive"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": MODEL_NAME}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = LangSmithParams(
            ls_provider="local", ls_model_name=MODEL_NAME, ls_model_type="chat", ls_temperature=0.0
        )
        if stop:
            params["ls_stop"] = stop
        return params

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=formatted, tool_choice=tool_choice, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if sum(len(str(message.content)) for message in messages) > INLINE_CHARS:
            reply = await asyncio.to_thread(_respond, messages, kwargs)
        else:
            reply = _respond(messages, kwargs)
        started = time.monotonic()
        sent = 0
        for chunk in _chunks(reply, stop, kwargs.get("max_tokens")):
            yield chunk
            sent += 1
            if not self.words_per_s:
                if sent % 8 == 0:
                    await asyncio.sleep(0)
                continue
            ahead = sent / self.words_per_s - (time.monotonic() - started)
            if ahead > PAUSE_S:
                await asyncio.sleep(ahead)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _chunks(_respond(messages, kwargs), stop, kwargs.get("max_tokens"))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        first, *more = (chunk.message for chunk in self._stream(messages, stop, None, **kwargs))
        assert isinstance(first, AIMessageChunk)
        whole = add_ai_message_chunks(first, *(m for m in more if isinstance(m, AIMessageChunk)))
        message = AIMessage(
            content=whole.content,
            tool_calls=list(whole.tool_calls),
            response_metadata=whole.response_metadata,
            usage_metadata=whole.usage_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _respond(messages: Sequence[BaseMessage], kwargs: dict[str, Any]) -> Reply:
    return respond(messages, kwargs.get("tools") or (), kwargs.get("tool_choice"))


def _chunks(
    reply: Reply, stop: Sequence[str] | None, max_tokens: int | None
) -> Iterator[ChatGenerationChunk]:
    """The reply in pieces of a word, code spans, links and citations whole; then usage and the end."""
    written, finish = 0, "stop" if reply.call is None else "tool_calls"
    if reply.call is not None:
        written = len(reply.call.json)
        call = tool_call_chunk(
            name=reply.call.name, args=reply.call.json, id=f"call_{uuid.uuid4().hex[:24]}", index=0
        )
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[call]))
    else:
        for piece in _PIECE.findall(_until(reply.text, stop)):
            if max_tokens is not None and _tokens(written + len(piece.rstrip())) > max_tokens:
                finish = "length"
                break
            written += len(piece)
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
    read, made = _tokens(reply.input_chars), _tokens(written)
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="",
            usage_metadata=UsageMetadata(
                input_tokens=read, output_tokens=made, total_tokens=read + made
            ),
            response_metadata={
                "model_name": MODEL_NAME,
                "finish_reason": finish,
            },
            chunk_position="last",
        )
    )


def _until(text: str, stop: Sequence[str] | None) -> str:
    """The text up to the first stop sequence."""
    cuts = [at for sequence in stop or () if sequence and (at := text.find(sequence)) >= 0]
    return text[: min(cuts)] if cuts else text


def _tokens(chars: int) -> int:
    """An estimate: about four characters to a token, at least one for any text."""
    return -(-chars // CHARS_PER_TOKEN)
