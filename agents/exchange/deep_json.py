"""JSON that is nested deeper than the standard library can go: a reply inside a reply inside a reply."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

DEEP = 300
"""From here on the standard library, which calls itself for each level, is not asked."""
_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|NaN|-?Infinity")


def loads(text: str, depth: int) -> Any:
    """As json.loads; `depth`: how deep the text is nested. Raises ValueError."""
    return json.loads(text) if depth < DEEP else _loads(text)


def _loads(text: str) -> Any:
    holder: list[Any] = []
    stack: list[Any] = [holder]
    key: str | None = None
    at = _skip(text, 0)
    while at < len(text):
        char, top = text[at], stack[-1]
        if char in "}]":
            if len(stack) == 1 or isinstance(top, dict) != (char == "}") or key is not None:
                raise json.JSONDecodeError("Wrong closing bracket", text, at)
            stack.pop()
            at = _skip(text, at + 1)
            continue
        if char == ",":
            at = _skip(text, at + 1)
            continue
        if isinstance(top, dict) and key is None:
            if char != '"':
                raise json.JSONDecodeError("Expecting a name", text, at)
            key, at = scanstring(text, at + 1)
            at = _skip(text, at)
            if text[at : at + 1] != ":":
                raise json.JSONDecodeError("Expecting ':'", text, at)
            at = _skip(text, at + 1)
            continue
        value: Any
        if char == '"':
            value, at = scanstring(text, at + 1)
        elif char in "{[":
            value = {} if char == "{" else []
            at += 1
        else:
            match = _SCALAR.match(text, at)
            if match is None:
                raise json.JSONDecodeError("Expecting a value", text, at)
            value, at = json.loads(match[0]), match.end()
        if isinstance(top, dict):
            top[key] = value
            key = None
        else:
            top.append(value)
        if char in "{[":
            stack.append(value)
        at = _skip(text, at)
    if len(stack) != 1 or len(holder) != 1:
        raise json.JSONDecodeError("The text ends too early", text, len(text))
    return holder[0]


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
