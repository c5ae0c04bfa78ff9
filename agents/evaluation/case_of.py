"""One row of a question set as a case: the names of its columns and what may stand in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents.evaluation.check import CHECK_TYPES, OF_TEXTS, Check, CheckType, read_check
from agents.evaluation.question_set import Case
from core.errors import InvalidInput
from core.text import clean, message_text

CASE_FIELDS = ("id", "question", "tags", "document", "reference", "notes")
MAX_ID_CHARS = 200
MAX_TEXT_CHARS = 50_000
MAX_TAGS, MAX_TAG_CHARS = 50, 100
MAX_CHECKS = 100
_PATTERNS = ("regex", "not_regex")
_LISTS = (*OF_TEXTS, "tags", "checks")
"""Columns of a CSV file that may hold a list."""


def case_of(values: Mapping[str, Any], max_question_chars: int, *, cells: bool) -> Case:
    """A case; its id is "" when the row has none. `cells`: the values are texts of a CSV file.

    Checks stand in columns named after them, and in JSON also in a list `checks`. Raises
    InvalidInput with what is wrong and what is allowed.
    """
    if cells:
        values = {name: _cell(name, text) for name, text in values.items()}
    return Case(
        id=_id(values.get("id")),
        question=_question(values.get("question"), max_question_chars),
        checks=_checks(values),
        tags=_tags(values.get("tags")),
        document=_text("document", values.get("document"), 1_000),
        reference=_text("reference", values.get("reference"), MAX_TEXT_CHARS) or None,
        notes=_text("notes", values.get("notes"), MAX_TEXT_CHARS),
    )


def _cell(name: str, text: str) -> object:
    """A cell that begins with [ is a JSON list; in a column of patterns only when it can be."""
    text = text.strip()
    if text[:1] != "[" or name not in _LISTS:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list) and (
        name == "checks" or all(isinstance(item, str) for item in value)
    ):
        return value
    if name in _PATTERNS:
        return text
    raise InvalidInput(
        f'\'{name}\' begins with [ and is not a list: write ["one", "two"], or ["[1]"] for a '
        "text in brackets."
    )


def _id(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidInput("'id' must be a text.")
    if isinstance(value, int) and abs(value) > 10**18:
        raise InvalidInput(f"'id' may have at most {MAX_ID_CHARS} characters.")
    text = clean(str(value)).strip()
    if len(text) > MAX_ID_CHARS:
        raise InvalidInput(f"'id' may have at most {MAX_ID_CHARS} characters.")
    return text


def _question(value: object, limit: int) -> str:
    if value is None or value == "":
        raise InvalidInput("The row has no question.")
    if not isinstance(value, str):
        raise InvalidInput("'question' must be a text.")
    if len(value) > limit:
        raise InvalidInput(
            f"The question has {len(value):,} characters; at most {limit:,} are allowed."
        )
    try:
        return message_text(value, limit)
    except InvalidInput as exc:
        raise InvalidInput("The row has no question.") from exc


def _text(name: str, value: object, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"'{name}' must be a text.")
    if len(value) > limit:
        raise InvalidInput(
            f"'{name}' has {len(value):,} characters; at most {limit:,} are allowed."
        )
    return clean(value).strip()


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.replace(";", ",").split(",")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise InvalidInput("'tags' must be texts, separated by commas or in a list.")
    tags = tuple(dict.fromkeys(tag for tag in (clean(t).strip() for t in value) if tag))
    if len(tags) > MAX_TAGS or any(len(tag) > MAX_TAG_CHARS for tag in tags):
        raise InvalidInput(f"'tags' may be {MAX_TAGS} texts of {MAX_TAG_CHARS} characters at most.")
    return tags


def _checks(values: Mapping[str, Any]) -> tuple[Check, ...]:
    listed = values.get("checks")
    if listed is None or listed == "":
        listed = []
    if not isinstance(listed, list):
        raise InvalidInput("'checks' must be a list of objects with a type and a value.")
    checks = [_listed(entry) for entry in listed]
    checks += [read_check(kind, values[kind]) for kind in _columns(values)]
    if len(checks) > MAX_CHECKS:
        raise InvalidInput(f"The row has {len(checks):,} checks; at most {MAX_CHECKS} are allowed.")
    return tuple(checks)


def _listed(entry: object) -> Check:
    if not isinstance(entry, dict) or "type" not in entry or "value" not in entry:
        raise InvalidInput("Each of 'checks' must be an object with a type and a value.")
    if unknown := sorted(map(str, entry.keys() - {"type", "value"})):
        raise InvalidInput(f"A check has no '{clean(unknown[0])[:40]}'; it has a type and a value.")
    return read_check(entry["type"], entry["value"])


def _columns(values: Mapping[str, Any]) -> list[CheckType]:
    """The checks a row has columns for. An empty cell asks for nothing."""
    return [kind for kind in CHECK_TYPES if values.get(kind) not in (None, "")]
