"""JSON from outside, read strictly: what is ambiguous, endless or cannot be stored is refused by name.

For bodies (api/guards/bodies.py) and for text frames of sockets. Nothing of what was sent is repeated.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import NoReturn

from api.errors import field_name
from core.errors import InvalidInput

MAX_DEPTH = 64
MAX_NUMBER_CHARS = 64
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


class BadJson(InvalidInput):
    """`field`: the outermost field at fault, or `body`. `reason`: why, without the value."""

    http_status = 422
    default_what_to_do = "Correct it and send it again."

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"The JSON cannot be used: {field} {reason}.")
        self.fields = [{"field": field, "reason": reason}]


def read_json(raw: bytes | str) -> object:
    """The value. Raises BadJson: malformed, not UTF-8, NaN or Infinity, numbers beyond 64 bits,
    duplicate names, nested deeper than 64, NUL characters, halves of surrogate pairs."""
    text = _text(raw)
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except RecursionError:
        raise _too_deep("body") from None
    except json.JSONDecodeError as exc:
        raise BadJson("body", f"is not JSON: {exc.msg} (character {exc.pos})") from None
    # Only escapes can spell what the decoder and the parser have not refused already.
    if "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
        _check(value)
    return value


def _text(raw: bytes | str) -> str:
    if isinstance(raw, str):
        return raw
    if raw.startswith(b"\xef\xbb\xbf"):
        raise BadJson("body", "starts with a byte order mark")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise BadJson("body", f"is not UTF-8 (byte {exc.start})") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        (twice, _), *_rest = Counter(name for name, _ in pairs).most_common(1)
        raise BadJson(field_name(twice), "is given twice")
    return read


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= (number := int(text)) < 2**63:
        raise BadJson("body", "holds an integer beyond 64 bits")
    return number


def _float(text: str) -> float:
    if len(text) > MAX_NUMBER_CHARS or not math.isfinite(number := float(text)):
        raise BadJson("body", "holds a number that is too large or too long")
    return number


def _constant(_name: str) -> NoReturn:
    raise BadJson("body", "holds NaN or Infinity, which JSON does not have")


def _too_deep(field: str) -> BadJson:
    return BadJson(field, f"is nested deeper than {MAX_DEPTH} levels")


def _check(value: object) -> None:
    """Depth and characters of everything in it, without calling itself."""
    waiting: list[tuple[object, int, str]] = [(value, 1, "body")]
    while waiting:
        one, depth, field = waiting.pop()
        if isinstance(one, str):
            if _UNUSABLE.search(one):
                raise BadJson(field, "holds NUL or half of a surrogate pair")
            continue
        if not isinstance(one, dict | list):
            continue
        if depth > MAX_DEPTH:
            raise _too_deep(field)
        if isinstance(one, dict):
            for name, inner in one.items():
                here = field_name(name) if depth == 1 else field
                waiting.append((name, depth + 1, here))
                waiting.append((inner, depth + 1, here))
        else:
            waiting.extend((inner, depth + 1, field) for inner in one)
