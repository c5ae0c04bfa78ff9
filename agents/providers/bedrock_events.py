"""One Bedrock answer: messages of the event stream in, LangChain chunks out.

Text is plain string content, tool calls are only `tool_call_chunks` (the parent repeats them as
content blocks), thinking is `additional_kwargs["reasoning_content"]`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from botocore.eventstream import EventStreamBuffer, EventStreamMessage
from langchain_aws.chat_models.bedrock_converse import (
    _extract_thinking_tokens,
    _extract_usage_metadata,
    _parse_stream_event,
)
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from agents.providers.body import Body, EventStreamFrames
from agents.providers.verdicts import failure_of
from agents.thinking import ThinkingSplitter
from core.errors import ProtocolError

PROVIDER = "bedrock_converse"
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}


class BedrockAnswer:
    """Feed it the bytes of the body, then ask for `last`."""

    def __init__(
        self,
        body: Body,
        *,
        model_name: str,
        request_id: str | None,
        thinking_tags: tuple[str, str] | None,
        keep_reasoning_blocks: bool,
    ) -> None:
        self._body = body
        self._model_name = model_name
        self._request_id = request_id
        self._splitter = ThinkingSplitter(*thinking_tags) if thinking_tags else None
        self._keep_reasoning_blocks = keep_reasoning_blocks
        self._frames = EventStreamFrames()
        self._parser = EventStreamBuffer()
        self._metadata: dict[str, Any] = {}
        self._thinking_tokens: int | None = None
        self.any_event = False

    def feed(self, piece: bytes) -> list[ChatGenerationChunk]:
        """The chunks of every message that became complete. Sets the flags of the body."""
        chunks: list[AIMessageChunk] = []
        for frame in self._frames.feed(piece):
            self._parser.add_data(frame)
            for message in self._parser:
                self._message(message, chunks)
        return [ChatGenerationChunk(message=chunk) for chunk in chunks]

    def last(self) -> ChatGenerationChunk:
        """The closing chunk: usage and identity, no text."""
        metadata: dict[str, Any] = {"model_provider": PROVIDER, "model_name": self._model_name}
        if self._request_id:
            metadata["id"] = self._request_id
        usage = self._metadata.get("usage")
        counts = None
        if isinstance(usage, Mapping) and usage:
            try:
                counts = _extract_usage_metadata(
                    {"usage": dict(usage)}, reasoning_tokens=self._thinking_tokens
                )
            except (TypeError, AttributeError):
                counts = None  # what nobody can read is not worth an answer that is already here
            metadata["usage"] = usage
        if isinstance(metrics := self._metadata.get("metrics"), Mapping):
            metadata["metrics"] = metrics
        message = AIMessageChunk(
            content="", response_metadata=metadata, usage_metadata=counts, chunk_position="last"
        )
        return ChatGenerationChunk(message=message)

    def _message(self, message: EventStreamMessage, chunks: list[AIMessageChunk]) -> None:
        self.any_event = True
        headers = message.headers
        if headers.get(":message-type") != "event":
            raise _failure(headers, message.payload)
        payload = orjson.loads(message.payload)
        if not isinstance(payload, dict):
            raise ProtocolError("The provider sent an event that is not a JSON object.")
        match headers.get(":event-type"):
            case "contentBlockDelta":
                self._delta(payload, chunks)
            case "contentBlockStart":
                if "toolUse" in payload["start"]:
                    chunks.append(_tool_chunk({"contentBlockStart": payload}))
            case "messageStop":
                self._stop(payload, chunks)
            case "metadata":
                self._metadata = payload
                self._body.complete = True
            case _:
                pass  # messageStart, contentBlockStop, and what a later version adds

    def _delta(self, payload: dict[str, Any], chunks: list[AIMessageChunk]) -> None:
        delta = payload["delta"]
        if (text := delta.get("text")) is not None:
            if self._splitter is None:
                if text:
                    chunks.append(_text_chunk(text))
                return
            for kind, part in self._splitter.feed(text):
                chunks.append(_text_chunk(part) if kind == "text" else _thinking_chunk(part))
        elif "toolUse" in delta:
            chunks.append(_tool_chunk({"contentBlockDelta": payload}))
        elif "reasoningContent" in delta:
            self._reasoning(payload, chunks)

    def _reasoning(self, payload: dict[str, Any], chunks: list[AIMessageChunk]) -> None:
        reasoning = payload["delta"]["reasoningContent"]
        chunk = _thinking_chunk(reasoning.get("text") or "")
        if self._keep_reasoning_blocks:
            # Claude wants its signed thinking back, unchanged, when a tool result follows.
            if redacted := reasoning.get("redactedContent"):
                reasoning["redactedContent"] = base64.b64decode(redacted)
            block = _parse_stream_event({"contentBlockDelta": payload})
            if block is not None:
                chunk.content = block.content
        chunks.append(chunk)

    def _stop(self, payload: dict[str, Any], chunks: list[AIMessageChunk]) -> None:
        for kind, part in self._splitter.flush() if self._splitter else ():
            chunks.append(_text_chunk(part) if kind == "text" else _thinking_chunk(part))
        reason = str(payload.get("stopReason"))
        self._thinking_tokens = _extract_thinking_tokens(
            payload.get("additionalModelResponseFields")
        )
        if self._body.finished:
            return
        self._body.finished = True
        metadata = {
            "model_provider": PROVIDER,
            "stopReason": reason,
            "finish_reason": FINISH_REASONS.get(reason, reason),
        }
        chunks.append(AIMessageChunk(content="", response_metadata=metadata))


def _text_chunk(text: str) -> AIMessageChunk:
    return AIMessageChunk(content=text, response_metadata={"model_provider": PROVIDER})


def _thinking_chunk(text: str) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        additional_kwargs={"reasoning_content": text} if text else {},
        response_metadata={"model_provider": PROVIDER},
    )


def _tool_chunk(event: dict[str, Any]) -> AIMessageChunk:
    parsed = _parse_stream_event(event)
    return AIMessageChunk(
        content="",
        tool_call_chunks=parsed.tool_call_chunks if isinstance(parsed, AIMessageChunk) else [],
        response_metadata={"model_provider": PROVIDER},
    )


def _failure(headers: Mapping[str, Any], payload: bytes) -> Exception:
    """An exception inside the stream (`:exception-type`) or of the stream (`:error-code`)."""
    code = headers.get(":exception-type") or headers.get(":error-code")
    message = headers.get(":error-message")
    if message is None:
        try:
            body = orjson.loads(payload)
            message = body.get("message") or body.get("Message") or body.get("originalMessage")
        except (ValueError, AttributeError):
            message = payload.decode("utf-8", "replace")
    return failure_of(str(message or code), codes=(code,))
