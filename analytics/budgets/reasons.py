"""Definitions that people or programs wrote: valid, or refused with a reason for each field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.errors import InvalidInput

Value = TypeVar("Value")
WHOLE = "definition"
"""The name under which a reason stands that is not about one field."""


class BadDefinition(InvalidInput):
    """`reasons`: what is wrong, by the name of the field."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        said = "; ".join(f"{name}: {reason}" for name, reason in self.reasons.items())
        super().__init__(said, what_to_do="Correct these fields and save again.")


def checked(kind: TypeAdapter[Value], given: Any) -> Value:
    """Raises BadDefinition."""
    try:
        return kind.validate_python(given)
    except ValidationError as exc:
        raise BadDefinition(_reasons(exc)) from exc


def from_json(kind: TypeAdapter[Value], text: str) -> Value:
    """Raises BadDefinition."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as exc:
        where = f" (line {exc.lineno})" if isinstance(exc, json.JSONDecodeError) else ""
        raise BadDefinition({WHOLE: f"this is not JSON{where}"}) from exc
    return checked(kind, given)


def _reasons(exc: ValidationError) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for error in exc.errors(include_url=False, include_input=False):
        # A union puts the chosen kind in front of the field's name.
        path = [str(part) for part in error["loc"] if str(part) not in _TAGS]
        message = error["msg"].removeprefix("Value error, ")
        message = _PLAIN.get(error["type"], message[:1].lower() + message[1:])
        reasons.setdefault(".".join(path) or WHOLE, message.replace("input should", "must"))
    return reasons


_PLAIN = {
    "extra_forbidden": "there is no such field",
    "missing": "it is missing",
    "tuple_type": "must be a list",
    "dict_type": "must be an object with named fields",
    "model_type": "must be an object with named fields",
    "model_attributes_type": "must be an object with named fields",
    "union_tag_not_found": "it is missing",
}
"""Instead of Pydantic's words for the kinds of Python."""
_TAGS = frozenset({"threshold", "burn_rate", "anomaly", "no_data"})
