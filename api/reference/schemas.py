"""JSON Schema in words: what a field may be, and a value it could have. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
DEPTH = 6
_ZERO: Mapping[str, Any] = {
    "string": "text", "integer": 0, "number": 0.0, "boolean": False, "null": None, "object": {},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Type:
    """`ref` is the name of a schema of the document, for a link."""

    words: str
    ref: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldView:
    name: str
    types: tuple[Type, ...]
    required: bool
    limits: str
    default: str
    about: str


class Schemas:
    """The schemas of one OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._all: Mapping[str, Schema] = document.get("components", {}).get("schemas", {})

    def resolved(self, schema: Schema) -> Schema:
        """Without a reference at the top."""
        ref = name_of(schema)
        return self._all.get(ref, {}) if ref else schema

    def fields(self, schema: Schema) -> list[FieldView]:
        whole = self.resolved(schema)
        required = set(whole.get("required", ()))
        return [
            FieldView(
                name=name,
                types=tuple(types_of(one)),
                required=name in required,
                limits=limits_of(one),
                default=_default(one),
                about=str(one.get("description", "")),
            )
            for name, one in whole.get("properties", {}).items()
        ]

    def example(self, schema: Schema, depth: int = 0) -> Any:
        """A value that fits: the schema's own example, or one made of its fields."""
        schema = self.resolved(schema)
        for key in ("examples", "example"):
            if schema.get(key):
                return schema[key][0] if key == "examples" else schema[key]
        if "default" in schema:
            return schema["default"]
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return self.example(schema[key][0], depth)
        if schema.get("type") == "array":
            return [] if depth > DEPTH else [self.example(schema.get("items", {}), depth + 1)]
        if "properties" in schema and depth <= DEPTH:
            return {
                name: self.example(one, depth + 1) for name, one in schema["properties"].items()
            }
        return _ZERO.get(str(schema.get("type", "string")), "text")

    def items(self) -> list[tuple[str, Schema]]:
        return sorted(self._all.items())


def name_of(schema: Schema) -> str | None:
    """The name behind a reference."""
    ref = schema.get("$ref")
    return str(ref).rpartition("/")[2] if ref else None


def types_of(schema: Schema) -> list[Type]:
    """Each alternative once, in order."""
    found: list[Type] = []
    for key in ("anyOf", "oneOf"):
        for one in schema.get(key, ()):
            found += [t for t in types_of(one) if t not in found]
    if schema.get("type") == "array":
        inner = types_of(schema.get("items", {}))
        return [Type(words=f"list of {one.words}", ref=one.ref) for one in inner]
    return found or [_one_type(schema)]


def _one_type(schema: Schema) -> Type:
    if ref := name_of(schema):
        return Type(words=ref, ref=ref)
    if schema.get("allOf"):
        return _one_type(schema["allOf"][0])
    if "const" in schema:
        return Type(words=repr(schema["const"]).replace("'", '"'))
    if "enum" in schema:
        return Type(words=" · ".join(str(one) for one in schema["enum"]))
    kind = str(schema.get("type", "any"))
    return Type(words=f"{kind} ({schema['format']})" if "format" in schema else kind)


def limits_of(schema: Schema) -> str:
    """Such as "1 to 200 characters"; "" for none."""
    parts = []
    for one in (schema, *schema.get("anyOf", ())):
        for low, high, unit in (
            ("minLength", "maxLength", " characters"),
            ("minItems", "maxItems", " items"),
            ("minimum", "maximum", ""),
        ):
            least, most = one.get(low), one.get(high)
            if least is not None and least == most:
                parts.append(f"{_number(most)}{unit}")
            elif least is not None and most is not None:
                parts.append(f"{_number(least)} to {_number(most)}{unit}")
            elif most is not None:
                parts.append(f"at most {_number(most)}{unit}")
            elif least is not None:
                parts.append(f"at least {_number(least)}{unit}")
    return ", ".join(dict.fromkeys(parts))


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else str(value)


def _default(schema: Schema) -> str:
    if "default" not in schema or schema["default"] is None:
        return ""
    return (
        str(schema["default"]).lower()
        if isinstance(schema["default"], bool)
        else str(schema["default"])
    )
