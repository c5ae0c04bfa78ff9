"""Amazon Bedrock's Converse and ConverseStream, as the scripted provider speaks them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.provider import eventstream
from tests.provider.player import prompt_chars
from tests.provider.reply import Fault, Reply, ToolCall, Usage

STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}
ERROR_TYPES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


class BedrockDialect:
    """Content blocks are numbered as they come: reasoning, text, then one per tool call."""

    content_type = "application/vnd.amazon.eventstream"

    def __init__(self, reply: Reply, body: Mapping[str, Any], number: int) -> None:
        self.reply = reply
        self.reported = reply.usage_for(prompt_chars(body))
        self._block = 0
        self._open: str | None = None

    def start(self) -> bytes:
        return eventstream.event("messageStart", {"role": "assistant"})

    def reasoning(self, piece: str) -> bytes:
        return self._delta("reasoning", {"reasoningContent": {"text": piece}})

    def token(self, piece: str) -> bytes:
        return self._delta("text", {"text": piece})

    def tool_call(self, index: int, call: ToolCall) -> Iterable[bytes]:
        yield self._close()
        tool = {"toolUseId": call.id or f"tooluse_{index}", "name": call.name}
        start = {"start": {"toolUse": tool}, "contentBlockIndex": self._block}
        yield eventstream.event("contentBlockStart", start)
        self._open = "tool"
        for at in range(0, len(call.json), 8):
            yield self._delta("tool", {"toolUse": {"input": call.json[at : at + 8]}})
        yield self._close()

    def finish(self, reason: str) -> bytes:
        stop = {"stopReason": STOP_REASONS.get(reason, reason)}
        return self._close() + eventstream.event("messageStop", stop)

    def usage(self) -> bytes:
        metadata: dict[str, Any] = {"metrics": {"latencyMs": 42}}
        if self.reported is not None:
            metadata["usage"] = _usage(self.reported)
        return eventstream.event("metadata", metadata)

    def done(self) -> bytes:
        return b""

    def keepalive(self) -> bytes:
        return eventstream.event("ping", {})

    def error(self, fault: Fault) -> bytes:
        return eventstream.exception(fault.code or "modelStreamErrorException", fault.message)

    def garbage(self, fault: Fault) -> bytes:
        if fault.kind == "huge_event":
            return self.token("x" * fault.size)
        if fault.kind == "bad_utf8":
            payload = b'{"delta":{"text":"\xff\xfe"},"contentBlockIndex":0}'
            return eventstream.event("contentBlockDelta", payload)
        if fault.kind == "bad_checksum":
            delta = {"delta": {"text": "?"}, "contentBlockIndex": self._block}
            return eventstream.event("contentBlockDelta", delta, break_crc=True)
        return eventstream.event("contentBlockDelta", b'{"delta": {"te')

    def whole(self) -> bytes:
        """The answer to /converse."""
        content: list[dict[str, Any]] = []
        if self.reply.reasoning:
            text = {"reasoningText": {"text": "".join(self.reply.reasoning)}}
            content.append({"reasoningContent": text})
        if self.reply.tokens:
            content.append({"text": "".join(self.reply.tokens)})
        for index, call in enumerate(self.reply.tool_calls):
            tool = {"toolUseId": call.id or f"tooluse_{index}", "name": call.name}
            content.append({"toolUse": {**tool, "input": json.loads(call.json)}})
        answer: dict[str, Any] = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": STOP_REASONS.get(self.reply.finish, self.reply.finish),
            "metrics": {"latencyMs": 42},
        }
        if self.reported is not None:
            answer["usage"] = _usage(self.reported)
        return json.dumps(answer).encode()

    def _delta(self, kind: str, delta: Mapping[str, Any]) -> bytes:
        before = self._close() if self._open not in (None, kind) else b""
        self._open = kind
        body = {"delta": delta, "contentBlockIndex": self._block}
        return before + eventstream.event("contentBlockDelta", body)

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        self._block += 1
        return eventstream.event("contentBlockStop", {"contentBlockIndex": self._block - 1})


def fitted(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """The reply as this request wants it: `structured` as the forced tool's input or as JSON."""
    if reply.structured is None:
        return reply
    text = json.dumps(reply.structured)
    config = body.get("toolConfig") or {}
    choice = config.get("toolChoice") or {}
    if "tool" in choice or "any" in choice:
        first = config["tools"][0]["toolSpec"]["name"]
        call = ToolCall(name=choice.get("tool", {}).get("name", first), args=text)
        return replace(reply, chunks=(), tool_calls=(call,))
    return replace(reply, chunks=tuple(text[at : at + 6] for at in range(0, len(text), 6)))


def error(reply: Reply, key: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a status that is not 200."""
    kind = reply.error_type or ERROR_TYPES.get(reply.status, "InternalServerException")
    headers = {"x-amzn-ErrorType": kind, "x-amzn-RequestId": "scripted"}
    if isinstance(reply.error_body, str):
        return reply.error_body.encode(), headers
    if reply.error_body is not None:
        return json.dumps(reply.error_body).encode(), headers
    message = {
        401: f"The security token included in the request is invalid: {key}",
        403: "You don't have access to the model with the specified model ID.",
        404: "The provided model identifier is invalid.",
        429: "Too many requests, please wait before trying again.",
    }.get(reply.status, "The system encountered an unexpected error during processing.")
    return json.dumps({"message": message}).encode(), headers


def _usage(reported: Usage | Mapping[str, Any]) -> Mapping[str, Any]:
    return reported.bedrock() if isinstance(reported, Usage) else reported
