"""OpenAI's Chat Completions, Embeddings and Models, as the scripted provider speaks them."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.provider.player import prompt_chars
from tests.provider.reply import Fault, Reply, ToolCall, Usage

CREATED = 1_760_000_000
CODES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class OpenAIDialect:
    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, reply: Reply, body: Mapping[str, Any], number: int) -> None:
        self.reply = reply
        self.model = reply.response_model or str(body.get("model", ""))
        self.id = f"chatcmpl-{number}"
        options = body.get("stream_options") or {}
        wanted = not body.get("stream") or options.get("include_usage")
        self.reported = reply.usage_for(prompt_chars(body.get("messages", ""))) if wanted else None

    def start(self) -> bytes:
        return self._choice({"role": "assistant", "content": "", "refusal": None})

    def reasoning(self, piece: str) -> bytes:
        return self._choice({"reasoning_content": piece})

    def token(self, piece: str) -> bytes:
        return self._choice({"content": piece})

    def tool_call(self, index: int, call: ToolCall) -> Iterable[bytes]:
        function = {"name": call.name, "arguments": ""}
        opening = {
            "index": index,
            "id": call.id or f"call_{index}",
            "type": "function",
            "function": function,
        }
        yield self._choice({"tool_calls": [opening]})
        for at in range(0, len(call.json), 8):
            piece = {"index": index, "function": {"arguments": call.json[at : at + 8]}}
            yield self._choice({"tool_calls": [piece]})

    def finish(self, reason: str) -> bytes:
        return self._choice({}, finish_reason=reason)

    def usage(self) -> bytes:
        if self.reported is None or self.reply.usage_at == "every_chunk":
            return b""
        empty = {"index": 0, "delta": {}, "finish_reason": None}
        choices = [empty] if self.reply.usage_with_choices else []
        return self._event({"choices": choices, "usage": _usage(self.reported)})

    def done(self) -> bytes:
        return b"data: [DONE]\n\n"

    def keepalive(self) -> bytes:
        return b": keep-alive\n\n"

    def error(self, fault: Fault) -> bytes:
        error = {"message": fault.message, "type": "server_error", "code": fault.code}
        return b"data: " + json.dumps({"error": error}).encode() + b"\n\n"

    def garbage(self, fault: Fault) -> bytes:
        if fault.kind == "huge_event":
            return self._choice({"content": "x" * fault.size})
        if fault.kind == "bad_utf8":
            return self._choice({"content": "@@"}).replace(b"@@", b"\xff\xfe")
        return b'data: {"id": "chatcmpl", "choices": [{"delta": {"cont\n\n'

    def whole(self) -> bytes:
        """The answer to a request that did not ask for a stream."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.reply.tokens)}
        if self.reply.reasoning:
            message["reasoning_content"] = "".join(self.reply.reasoning)
        if self.reply.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.id or f"call_{index}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.json},
                }
                for index, call in enumerate(self.reply.tool_calls)
            ]
        choice = {"index": 0, "message": message, "finish_reason": self.reply.finish}
        answer = {
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": [choice],
        }
        if self.reported is not None:
            answer["usage"] = _usage(self.reported)
        return json.dumps(answer).encode()

    def _choice(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk: dict[str, Any] = {"choices": [choice]}
        if self.reported is not None and self.reply.usage_at == "every_chunk":
            chunk["usage"] = _usage(self.reported)
        return self._event(chunk)

    def _event(self, chunk: Mapping[str, Any]) -> bytes:
        whole = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            **chunk,
        }
        return b"data: " + json.dumps(whole, separators=(",", ":")).encode() + b"\n\n"


def fitted(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """The reply as this request wants it: `structured` as a forced tool call or as JSON text."""
    if reply.structured is None:
        return reply
    text = json.dumps(reply.structured)
    choice = body.get("tool_choice")
    tools = body.get("tools") or []
    if tools and choice not in (None, "none", "auto"):
        named = choice.get("function", {}).get("name") if isinstance(choice, Mapping) else None
        name = named or tools[0]["function"]["name"]
        call = ToolCall(name=name, args=text)
        return replace(reply, chunks=(), tool_calls=(call,), finish_reason="stop")
    return replace(reply, chunks=tuple(text[at : at + 6] for at in range(0, len(text), 6)))


def error(reply: Reply, key: str) -> bytes:
    """Body of a status that is not 200."""
    if isinstance(reply.error_body, str):
        return reply.error_body.encode()
    if reply.error_body is not None:
        return json.dumps(reply.error_body).encode()
    kind, code = CODES.get(reply.status, ("server_error", None))
    message = {
        401: f"Incorrect API key provided: {key}. You can find your API key in the dashboard.",
        404: "The model does not exist or you do not have access to it.",
        429: "Rate limit reached for requests per minute.",
    }.get(reply.status, "The server had an error while processing your request.")
    body = {"message": message, "type": kind, "param": None, "code": reply.error_type or code}
    return json.dumps({"error": body}).encode()


def models(names: Iterable[str]) -> bytes:
    data = [{"id": n, "object": "model", "created": CREATED, "owned_by": "test"} for n in names]
    return json.dumps({"object": "list", "data": data}).encode()


def embeddings(body: Mapping[str, Any]) -> tuple[bytes, Usage]:
    """Vectors that depend on the words of the text alone: equal texts, equal vectors."""
    given = body.get("input", [])
    texts = [given] if isinstance(given, str) else [str(text) for text in given]
    size = int(body.get("dimensions") or 32)
    data = []
    for index, text in enumerate(texts):
        found: Any = vector(text, size)
        if body.get("encoding_format") == "base64":
            found = base64.b64encode(struct.pack(f"<{size}f", *found)).decode()
        data.append({"object": "embedding", "index": index, "embedding": found})
    tokens = sum(max(1, len(text) // 4) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    answer = {"object": "list", "data": data, "model": body.get("model"), "usage": usage}
    return json.dumps(answer).encode(), Usage(input=tokens, output=0)


def vector(text: str, size: int) -> list[float]:
    vector = [0.0] * size
    for word in text.lower().split() or [""]:
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        vector[int.from_bytes(digest[:4], "big") % size] += 1.0 if digest[4] & 1 else -1.0
    norm = sum(x * x for x in vector) ** 0.5 or 1.0
    return [x / norm for x in vector]


def _usage(reported: Usage | Mapping[str, Any]) -> Mapping[str, Any]:
    return reported.openai() if isinstance(reported, Usage) else reported
