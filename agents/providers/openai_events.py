"""One Chat Completions answer: server-sent events in, LangChain chunks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai.chat_models.base import _create_usage_metadata

from agents.providers.body import Body
from agents.providers.verdicts import error_object
from core.errors import ProtocolError

DONE = b"[DONE]"
Convert = Callable[[dict[str, Any], type, dict[str, Any] | None], ChatGenerationChunk | None]


class OpenAIAnswer:
    """Feed it the data of each event, then ask for `last`. `convert` is the parent's conversion."""

    def __init__(self, convert: Convert) -> None:
        self._convert = convert
        self._usage: Mapping[str, Any] | None = None
        self._tier: str | None = None
        self._id: str | None = None
        self.any_event = False

    def chunk(self, data: bytes, body: Body) -> ChatGenerationChunk | None:
        """The chunk of one event. Sets the flags of the body."""
        self.any_event = True
        if data == DONE:
            body.complete = True
            return None
        event = orjson.loads(data)
        if not isinstance(event, dict):
            raise ProtocolError("The provider sent an event that is not a JSON object.")
        if error := event.get("error"):
            raise error_object(error)
        if usage := event.get("usage"):
            self._usage, self._tier = usage, event.get("service_tier")
        self._id = self._id or event.get("id")
        choices = event.get("choices")
        if not choices or (delta := choices[0]["delta"]) is None:
            return None
        text = delta.get("content")
        if text and isinstance(text, str) and not _more(delta, choices[0]):
            message = AIMessageChunk(content=text, response_metadata={"model_provider": "openai"})
            return ChatGenerationChunk(message=message)
        return self._other(event, delta, body)

    def _other(
        self, event: dict[str, Any], delta: Mapping[str, Any], body: Body
    ) -> ChatGenerationChunk | None:
        """Roles, tools, reasoning and the finish: rare, so the parent's own conversion."""
        event.pop("usage", None)  # reported once, at the end
        if body.finished:  # a second finish reason would be joined to the first: "stopstop"
            event["choices"][0]["finish_reason"] = None
        elif event["choices"][0].get("finish_reason"):
            body.finished = True
        chunk = self._convert(event, AIMessageChunk, None)
        if chunk is not None:
            reasoning = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(reasoning, str) and reasoning:
                chunk.message.additional_kwargs["reasoning_content"] = reasoning
        return chunk

    def last(self) -> ChatGenerationChunk:
        """The closing chunk: usage and identity, no text."""
        metadata: dict[str, Any] = {"model_provider": "openai"}
        if self._id:
            metadata["id"] = self._id
        if self._usage:
            metadata["usage"] = self._usage
        message = AIMessageChunk(
            content="",
            response_metadata=metadata,
            usage_metadata=_usage_metadata(self._usage, self._tier),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)


def _more(delta: Mapping[str, Any], choice: Mapping[str, Any]) -> object:
    """Whether a delta with text holds anything else that matters."""
    return choice.get("finish_reason") or (
        len(delta) > 1
        and (
            delta.get("tool_calls")
            or delta.get("function_call")
            or delta.get("reasoning_content")
            or delta.get("reasoning")
        )
    )


def _usage_metadata(usage: Mapping[str, Any] | None, tier: str | None) -> UsageMetadata | None:
    """Unknown stays None. A usage nobody can read is not worth an answer that is already here."""
    try:
        counts = _create_usage_metadata(dict(usage), tier) if usage else None
    except (TypeError, ValueError, AttributeError):
        return None
    if counts is None or not all(
        isinstance(counts[name], int) for name in ("input_tokens", "output_tokens", "total_tokens")
    ):
        return None
    return counts
