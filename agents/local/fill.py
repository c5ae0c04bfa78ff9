"""Arguments for any JSON schema from a question: valid first, sensible where the schema lets it be.

Enums are chosen by the words of the question and by lines of the prompt that explain an option
("- billing: prices, invoices"); numbers, dates and quoted words are taken from the question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.local.question import SYNONYMS
from agents.local.stem import is_content, stem, stems, words

Writer = Callable[[str], str]
Schema = Mapping[str, Any]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?")
_QUOTED = re.compile(r"[\"“'‘`]([^\"”'’`]{1,200})[\"”'’`]")
_NAME = re.compile(r"\b(?:in|for|of|at|to|from|about|on|near) ((?:[A-Z][\w.-]*)(?: [A-Z][\w.-]*)*)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_URL = re.compile(r"https?://\S+")
_TITLES = ("title", "name", "subject", "headline", "label")
_REASONS = ("reason", "reasoning", "rationale", "explanation", "why", "justification", "thought")
_ANSWERS = ("answer", "response", "reply", "summary", "result", "content", "message", "body")


def arguments(
    schema: Schema, question: str, instructions: str, write: Writer | None
) -> dict[str, Any]:
    """Values for the required fields, and for optional ones the question speaks to."""
    properties: Mapping[str, Schema] = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    numbers = [text.replace(",", "") for text in _NUMBER.findall(question)]
    out: dict[str, Any] = {}
    for name, field in properties.items():
        field = _concrete(field)
        if name in required or _spoken_of(name, field, question):
            out[name] = _value(name, field, question, instructions, write, numbers)
    if not properties and not out:
        return {}
    return out


def _concrete(schema: Schema) -> Schema:
    """The first alternative that is not null, with the outer default kept."""
    for key in ("anyOf", "oneOf", "allOf"):
        options = [s for s in schema.get(key) or () if s.get("type") != "null"]
        if options:
            return {**schema, **_concrete(options[0])}
    kind = schema.get("type")
    if isinstance(kind, list):
        return {**schema, "type": next((k for k in kind if k != "null"), "string")}
    return schema


def _spoken_of(name: str, schema: Schema, question: str) -> bool:
    """Whether an optional field should be filled."""
    options = [str(option).lower() for option in schema.get("enum") or ()]
    return any(re.search(rf"\b{re.escape(option)}\b", question.lower()) for option in options)


def _value(
    name: str,
    schema: Schema,
    question: str,
    instructions: str,
    write: Writer | None,
    numbers: list[str],
) -> Any:
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return choose_option(schema["enum"], question, instructions)
    kind = schema.get("type") or ("object" if schema.get("properties") else "string")
    if kind in ("integer", "number"):
        return _number(schema, numbers, whole=kind == "integer")
    if kind == "boolean":
        return bool(schema.get("default", _affirmed(name, question)))
    if kind == "array":
        return _array(name, schema, question, instructions, write, numbers)
    if kind == "object":
        return arguments(schema, question, instructions, write)
    if kind == "null":
        return None
    return _string(name, schema, question, write)


def choose_option(options: Sequence[Any], question: str, instructions: str = "") -> Any:
    """The option the question is about, judged by its own words and its line in the instructions."""
    asked = [stem(word) for word in words(question) if is_content(word)]
    related = {other for word in asked for other in SYNONYMS.get(word, ())}

    def worth(option: Any) -> float:
        own = set(stems(str(option).replace("_", " ")))
        line = re.search(rf"(?m)^\W*{re.escape(str(option))}\W*[:–-](.*)$", instructions)
        told = set(stems(line[1])) if line else set()
        exact = sum(word in own for word in asked) * 2 + sum(word in told for word in asked)
        return exact + 0.5 * len(related & (own | told))

    best = max(options, key=worth)
    if worth(best):
        return best
    general = [
        o for o in options if str(o).lower() in ("general", "other", "none", "unknown", "default")
    ]
    return general[0] if general else options[0]


def _number(schema: Schema, numbers: list[str], *, whole: bool) -> float | int:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if numbers:
        value = float(numbers.pop(0))
    else:
        value = float(
            schema.get(
                "default", low if low is not None else min(1, high) if high is not None else 1
            )
        )
    step = 1 if whole else 1e-6
    if low is not None:
        value = max(value, low + (step if "minimum" not in schema else 0))
    if high is not None:
        value = min(value, high - (step if "maximum" not in schema else 0))
    return round(value) if whole else value


def _affirmed(name: str, question: str) -> bool:
    telling = [stem(word) for word in words(name.replace("_", " ")) if is_content(word)]
    return bool(telling) and set(telling) <= set(stems(question))


def _array(
    name: str,
    schema: Schema,
    question: str,
    instructions: str,
    write: Writer | None,
    numbers: list[str],
) -> list[Any]:
    items = _concrete(schema.get("items") or {"type": "string"})
    least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 5))
    if items.get("enum"):
        asked = set(stems(question))
        met = [o for o in items["enum"] if set(stems(str(o).replace("_", " "))) <= asked]
        found: list[Any] = met or [choose_option(items["enum"], question, instructions)]
    elif items.get("type") in ("integer", "number"):
        found = [_number(items, numbers, whole=items["type"] == "integer") for _ in list(numbers)]
    elif items.get("type") == "object":
        found = [arguments(items, question, instructions, write)]
    else:
        found = _QUOTED.findall(question) or list(
            dict.fromkeys(w for w in words(question) if is_content(w))
        )
    while found and len(found) < least:
        found.append(found[-1])
    if len(found) < least:
        found = [_value(name, items, question, instructions, write, numbers) for _ in range(least)]
    return found[: max(most, least)]


def _string(name: str, schema: Schema, question: str, write: Writer | None) -> str:
    key = name.lower()
    text = _plain_string(key, schema, question, write)
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    if len(text) < least:
        text = text.ljust(least, ".")
    return text[: int(most)] if most is not None else text


def _plain_string(key: str, schema: Schema, question: str, write: Writer | None) -> str:
    for form, pattern in (("date", _DATE), ("email", _EMAIL), ("uri", _URL), ("url", _URL)):
        if form in (schema.get("format"), key):
            found = pattern.search(question)
            return found[0] if found else str(schema.get("default", ""))
    if key in _TITLES or key.endswith("_title"):
        return " ".join(question.split()[:8]).rstrip("?.!,")
    if key in _REASONS:
        said = [word for word in words(question) if is_content(word)][:4]
        return (
            f"Chosen by the words of the question: {', '.join(said)}."
            if said
            else "The best match."
        )
    if key in _ANSWERS and write is not None:
        return write(question)
    if key not in ("query", "question", "text", "input"):
        for pattern in (_QUOTED, _NAME):
            if found := pattern.search(question):
                return found[1].strip()
    return question
