"""A chat model that plays a script, and a source that hands it out. The real interfaces, no provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

Reply = str | dict[str, Any] | BaseException
"""Text, a tool call {"name": …, "args": …}, or an exception to raise."""


class ScriptedChat(BaseChatModel):
    """Answers with its replies in order, word by word; remembers every prompt."""

    replies: list[Any] = Field(default_factory=list)
    prompts: list[list[BaseMessage]] = Field(default_factory=list)
    delay_s: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Any:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools])

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise AssertionError("graphs must stream")

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.prompts.append(messages)
        reply: Reply = self.replies.pop(0) if self.replies else "ok"
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, dict):
            import json

            call = {
                "name": reply["name"],
                "args": json.dumps(reply["args"]),
                "id": f"call{len(self.prompts)}",
                "index": 0,
                "type": "tool_call_chunk",
            }
            yield _chunk("", tool_call_chunks=[call], chunk_position="last")
            return
        words = reply.split(" ")
        for n, word in enumerate(words):
            await asyncio.sleep(self.delay_s)
            piece = _chunk(word if n == 0 else f" {word}")
            if run_manager:
                await run_manager.on_llm_new_token(piece.text, chunk=piece)
            yield piece
        yield _chunk(
            "",
            chunk_position="last",
            response_metadata={"finish_reason": "stop"},
            usage_metadata=UsageMetadata(
                input_tokens=10, output_tokens=len(words), total_tokens=10 + len(words)
            ),
        )


def _chunk(text: str, **kwargs: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, **kwargs))


class ScriptedSource:
    """Hands out one model per purpose, whatever ids are asked for."""

    def __init__(self, **by_purpose: ScriptedChat) -> None:
        self.models = by_purpose
        self.asked: list[tuple[tuple[str, ...], str, str | None]] = []

    def usable(self, model_ids: Iterable[str]) -> list[str]:
        return list(model_ids)

    def chat(
        self,
        model_ids: tuple[str, ...],
        *,
        purpose: str,
        agent: str | None = None,
        temperature: float | None = None,
        sink: Any = None,
        allowance: Any = None,
        begun: str = "",
        max_tokens: int | None = None,
        stop: tuple[str, ...] = (),
    ) -> BaseChatModel:
        self.asked.append((model_ids, purpose, agent))
        return self.models.setdefault(purpose, ScriptedChat())
