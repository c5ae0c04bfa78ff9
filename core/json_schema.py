"""JSON Schema (Draft 2020-12) of somebody else's, without network and in bounded time.

A schema may refer to itself only. Patterns are matched with a time limit, and so is the whole
validation: a schema that refers to itself twice at each level would otherwise never end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from core.errors import InvalidInput
from core.patterns import check_pattern, search

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

TIME_LIMIT_S = 1.0
MAX_UNIQUE_ITEMS = 2_000
"""Each is compared with each."""
_LITERAL = ("const", "enum", "default", "examples")
"""Keywords whose values are data, not schemas."""
_TOO_LONG = f"checking it against the schema took longer than {TIME_LIMIT_S:g} s"


class Unjudged(Exception):
    """Whether a value fits cannot be told; the message is half a sentence that says why."""


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
            f"'json_schema' is not a JSON Schema: {where(exc.absolute_path)}{exc.message[:160]}."
        ) from exc
    except RecursionError as exc:
        raise InvalidInput("'json_schema' is nested too deeply.") from exc


def errors(schema: Any, value: Any) -> list[ValidationError]:
    """What of a value does not fit. Raises Unjudged when that cannot be said."""
    try:
        return list(_validator(schema).iter_errors(value))
    except _OutOfTime as exc:
        raise Unjudged(_TOO_LONG) from exc
    except RecursionError as exc:
        raise Unjudged("the schema refers to itself without end") from exc
    except Exception as exc:  # referencing's errors are wrapped in a private class
        raise Unjudged(str(exc)[:160]) from exc


def where(path: Any) -> str:
    """`at plan.prices[2]: ` of a path; "" of the whole."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"at {text.lstrip('.')[:120]}: " if text else ""


def _validator(schema: Any) -> Any:
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
    return kind(schema, registry=Registry())


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
