"""The JSON of an answer against a JSON Schema (Draft 2020-12), without network and in bounded time.

A schema may refer to itself only. Patterns are matched with a time limit, and so is the whole
validation: a schema that refers to itself twice at each level would otherwise never end.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from agents.evaluation.patterns import check_pattern, search
from core.errors import InvalidInput

TIME_LIMIT_S = 1.0
MAX_UNIQUE_ITEMS = 2_000
"""Each is compared with each."""
_LITERAL = ("const", "enum", "default", "examples")
"""Keywords whose values are data, not schemas."""
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*json\b[^\n]*\n(.*?)^[ \t]*\1", re.M | re.S | re.I)
_TOO_LONG = f"checking it against the schema took longer than {TIME_LIMIT_S:g} s"


class _OutOfTime(Exception):
    pass


def check_schema(schema: object) -> None:
    """Raises InvalidInput, with a sentence, for a schema that cannot be used."""
    if not isinstance(schema, dict | bool):
        raise InvalidInput("'json_schema' must be a JSON Schema: an object.")
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        for keyword, value in _keywords(schema):
            _refuse(keyword, value)
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        raise InvalidInput(
            f"'json_schema' is not a JSON Schema: {_where(exc.absolute_path)}{exc.message[:160]}."
        ) from exc
    except RecursionError as exc:
        raise InvalidInput("'json_schema' is nested too deeply.") from exc


def json_of(text: str) -> tuple[Any, str]:
    """The JSON of an answer: all of it, or its first block marked as json. Else why there is none."""
    fenced = _FENCED.search(text)
    problem = "The answer holds no JSON: it is neither JSON itself nor has a block marked as json."
    for candidate in (text.strip(), fenced[2] if fenced else None):
        if candidate is None:
            continue
        try:
            return json.loads(candidate, parse_constant=_refuse_constant), ""
        except ValueError as exc:
            if candidate[:1] in ("{", "[") or fenced:
                problem = f"The JSON of the answer is broken: {exc}."
        except RecursionError:
            problem = "The JSON of the answer is nested too deeply."
    return None, problem


def problem_with(schema_text: str, text: str) -> str | None:
    """Why an answer does not fit a schema, as a sentence; None when it fits."""
    value, problem = json_of(text)
    if problem:
        return problem
    from jsonschema.exceptions import best_match

    try:
        error = best_match(_validator(schema_text).iter_errors(value))
    except _OutOfTime:
        return f"The JSON of the answer could not be judged: {_TOO_LONG}."
    except RecursionError:
        return (
            "The JSON of the answer could not be judged: the schema refers to itself without end."
        )
    except Exception as exc:  # referencing's errors are wrapped in a private class
        return f"The JSON of the answer could not be judged: {str(exc)[:160]}."
    if error is None:
        return None
    return (
        f"The JSON of the answer does not fit: {_where(error.absolute_path)}{error.message[:200]}."
    )


def _validator(schema_text: str) -> Any:
    """A validator whose time runs from now."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry

    deadline = time.monotonic() + TIME_LIMIT_S
    original = Draft202012Validator.VALIDATORS

    def limited(keyword: str) -> Callable[..., Iterator[Any]]:
        def validate(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            if time.monotonic() > deadline:
                raise _OutOfTime
            if keyword == "uniqueItems" and isinstance(instance, list):
                _refuse_many(instance)
            yield from original[keyword](validator, value, instance, schema) or ()

        return validate

    kinds = {name: limited(name) for name in ("$ref", "$dynamicRef", "items", "uniqueItems")}
    kind = extend(Draft202012Validator, {**kinds, "pattern": _pattern})
    return kind(json.loads(schema_text), registry=Registry())


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not isinstance(instance, str):
        return
    hit = search(pattern, instance)
    if hit.too_slow:
        raise _OutOfTime
    if hit.found is None:
        yield ValidationError(f"{instance[:60]!r} does not match {pattern[:60]!r}")


def _refuse_many(items: list[Any]) -> None:
    if len(items) > MAX_UNIQUE_ITEMS:
        raise _OutOfTime


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refuse(keyword: str, value: object) -> None:
    """What would reach for the network, or is matched where no time limit can be set."""
    if keyword in ("$ref", "$dynamicRef") and isinstance(value, str) and value[:1] != "#":
        raise InvalidInput(
            f"'json_schema' refers to '{value[:80]}'; it may only refer to itself, as in "
            "'#/$defs/name'."
        )
    if keyword == "patternProperties":
        raise InvalidInput(
            "'json_schema' uses 'patternProperties', which is not supported; use 'properties' or "
            "'propertyNames'."
        )
    if keyword == "pattern" and isinstance(value, str):
        check_pattern("json_schema", value)


def _keywords(schema: object) -> Iterator[tuple[str, object]]:
    if isinstance(schema, list):
        for item in schema:
            yield from _keywords(item)
    elif isinstance(schema, dict):
        for keyword, value in schema.items():
            yield keyword, value
            if keyword not in _LITERAL:
                yield from _keywords(value)


def _where(path: Iterable[str | int]) -> str:
    """`at plan.prices[2]: ` of a path; "" of the whole."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"at {text.lstrip('.')[:120]}: " if text else ""
