"""What an answer is checked for: the kinds of checks, and how one is read from a file.

A check is one expectation about one answer. Whether an answer meets it is decided in checks.py.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.errors import InvalidInput
from core.patterns import check_pattern
from core.text import clean

CheckType = Literal[
    "contains", "not_contains", "any_of", "regex", "not_regex", "equals", "json_schema",
    "cites", "cites_any", "route", "tool",
    "max_seconds", "max_first_token_seconds", "max_usd", "max_output_tokens",
    "judge",
]  # fmt: skip
CHECK_TYPES: tuple[CheckType, ...] = get_args(CheckType)

MAX_VALUE_CHARS = 20_000
MAX_VALUES = 100

OF_TEXTS: tuple[CheckType, ...] = (
    "contains", "not_contains", "any_of", "regex", "not_regex", "cites", "route", "tool",
)  # fmt: skip
_PATTERNS = ("regex", "not_regex")
_AMOUNTS = ("max_seconds", "max_first_token_seconds", "max_usd")
_COUNTS = ("cites_any", "max_output_tokens")


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One expectation.

    `value`: texts for contains, not_contains, regex, not_regex, cites and tool (all of them must
    hold), and for any_of and route (one of them must); a number for cites_any and the limits; one
    text for equals and judge (the rubric); JSON with sorted keys for json_schema.
    """

    type: CheckType
    value: str | tuple[str, ...] | int | float

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a file: {"type": ..., "value": ...}."""
        value: Any = self.value
        if isinstance(value, tuple):
            value = value[0] if len(value) == 1 else list(value)
        elif self.type == "json_schema" and isinstance(value, str):
            value = json.loads(value)
        return {"type": self.type, "value": value}


def read_check(kind: object, value: object) -> Check:
    """A check from what a file says. Raises InvalidInput with what is allowed."""
    if kind not in CHECK_TYPES:
        raise InvalidInput(
            f"There is no check '{str(kind)[:60]}'; there are: {', '.join(CHECK_TYPES)}."
        )
    if kind in _COUNTS:
        return Check(type=kind, value=_count(kind, value))
    if kind in _AMOUNTS:
        return Check(type=kind, value=_amount(kind, value))
    if kind == "json_schema":
        return Check(type=kind, value=_schema(value))
    texts = _texts(kind, value)
    if kind in _PATTERNS:
        for pattern in texts:
            check_pattern(kind, pattern)
    return Check(type=kind, value=texts if kind in OF_TEXTS else texts[0])


def _texts(kind: str, value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) and kind in OF_TEXTS else [value]
    given = [clean(text) for text in listed if isinstance(text, str)]
    if not given or len(given) < len(listed) or not all(text.strip() for text in given):
        what = "a text or a list of texts" if kind in OF_TEXTS else "a text"
        raise InvalidInput(f"'{kind}' must be {what} that is not empty.")
    if len(given) > MAX_VALUES:
        raise InvalidInput(f"'{kind}' has {len(given):,} texts; at most {MAX_VALUES} are allowed.")
    longest = max(map(len, given))
    if longest > MAX_VALUE_CHARS:
        raise InvalidInput(
            f"A text of '{kind}' has {longest:,} characters; at most {MAX_VALUE_CHARS:,} are "
            "allowed."
        )
    return tuple(given)


def _count(kind: str, value: object) -> int:
    number = _number(value)
    if number is None or number != int(number) or number < 1:
        raise InvalidInput(f"'{kind}' must be a whole number from 1, not {_shown(value)}.")
    return int(number)


def _amount(kind: str, value: object) -> float:
    number = _number(value)
    if number is None or number <= 0:
        unit = "US dollars" if kind == "max_usd" else "seconds"
        raise InvalidInput(
            f"'{kind}' must be a number of {unit} above 0, with a point, not {_shown(value)}."
        )
    return number


def _number(value: object) -> float | None:
    """Of a number or of its text in a CSV cell; None for everything else, and for huge ones."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 1e15 else None


def _shown(value: object) -> str:
    return f"'{clean(str(value))[:40]}'"


def _schema(value: object) -> str:
    from core.json_schema import check_schema

    if isinstance(value, str):
        _check_length(value)
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as exc:
            raise InvalidInput(f"'json_schema' is not JSON: {str(exc)[:120]}.") from exc
    try:
        text = json.dumps(
            value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
        )
        text.encode()
    except (ValueError, RecursionError) as exc:
        what = "a number or a character that JSON in UTF-8 does not have"
        raise InvalidInput(f"'json_schema' holds {what}.") from exc
    _check_length(text)
    check_schema(value)
    return text


def _check_length(schema: str) -> None:
    if len(schema) > MAX_VALUE_CHARS:
        raise InvalidInput(f"'json_schema' is longer than {MAX_VALUE_CHARS:,} characters.")
