"""What the paced provider says: the bytes of an answer, and the smallest value that fits a schema."""

from __future__ import annotations

import json
from typing import Any


class Reply:
    """The bytes of one answer."""

    def __init__(self, request: dict[str, Any], routing: tuple[str, str] | None, n: int) -> None:
        self._tool = routing[0] if routing else ""
        self._common = {"id": "chatcmpl-bench", "created": 1_760_000_000, "model": request["model"]}
        self._usage = {"prompt_tokens": 100, "completion_tokens": n, "total_tokens": 100 + n}
        self._wants_usage = (request.get("stream_options") or {}).get("include_usage")

    def delta(self, token: str) -> bytes:
        return self._event([self._choice({"role": "assistant", **self._content(token)}, None)])

    def tail(self) -> bytes:
        end = self._event([self._choice({}, "tool_calls" if self._tool else "stop")])
        if self._wants_usage:
            end += self._event([], usage=self._usage)
        return end + b"data: [DONE]\n\n"

    def whole(self, text: str) -> dict[str, Any]:
        message = {"role": "assistant", **self._content(text)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        kind = {"object": "chat.completion", "choices": [choice], "usage": self._usage}
        return self._common | kind

    def _content(self, text: str) -> dict[str, Any]:
        if not self._tool:
            return {"content": text}
        function = {"name": self._tool, "arguments": text}
        call = {"index": 0, "id": "call_bench", "type": "function", "function": function}
        return {"content": None, "tool_calls": [call]}

    def _choice(self, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "finish_reason": finish}

    def _event(self, choices: list[Any], **more: Any) -> bytes:
        event = self._common | {"object": "chat.completion.chunk", "choices": choices, **more}
        return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def forced_value(request: dict[str, Any]) -> tuple[str, str] | None:
    """(tool name or "", JSON) when the request wants a value and not an answer."""
    choice = request.get("tool_choice")
    tools = [tool["function"] for tool in request.get("tools") or ()]
    if tools and choice not in (None, "none", "auto"):
        name = choice["function"]["name"] if isinstance(choice, dict) else tools[0]["name"]
        tool = next(tool for tool in tools if tool["name"] == name)
        return name, json.dumps(smallest(tool["parameters"], tool["parameters"]))
    wanted = (request.get("response_format") or {}).get("json_schema")
    if wanted:
        return "", json.dumps(smallest(wanted["schema"], wanted["schema"]))
    return None


def smallest(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """A minimal valid value of a JSON schema."""
    if "$ref" in schema:
        return smallest(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    for key, first in (("const", False), ("enum", True), ("default", False)):
        if key in schema:
            return schema[key][0] if first else schema[key]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return smallest(schema[key][0], root)
    kind = schema.get("type", "object")
    if kind == "object":
        properties = schema.get("properties", {})
        return {k: smallest(properties[k], root) for k in schema.get("required", properties)}
    empty: dict[str, Any] = {"array": [], "integer": 1, "number": 0.5, "boolean": True}
    return empty.get(kind, "bench" if kind == "string" else None)
