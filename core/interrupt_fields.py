"""The typed fields of a form, from a JSON schema or from values that are to be changed.

Nothing here raises for a strange schema: what cannot be drawn as a typed field becomes a field for
JSON. The schema comes from a graph, and may quote a model: it is read, never followed out of itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

FieldKind = Literal[
    "text",
    "long_text",
    "integer",
    "number",
    "boolean",
    "choice",
    "choices",
    "lines",
    "date",
    "json",
]
MAX_FIELDS = 60
MAX_OPTIONS = 500
LONG_CHARS = 80
MAX_LABEL_CHARS = 120
_MAX_STEPS = 20

Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    value: Any
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One thing to fill in."""

    path: tuple[str, ...] = ()
    """Where its value goes in the answer; () when it is the answer."""
    label: str
    kind: FieldKind
    group: str = ""
    """Title of the object it is part of, for fields one level down."""
    description: str = ""
    required: bool = True
    may_be_empty: bool = False
    """An empty text is a value, not a missing one."""
    nullable: bool = False
    default: Any = None
    options: tuple[Option, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None

    @property
    def key(self) -> str:
        """Its name among the entered values."""
        return ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in self.path)


def fields_of_schema(schema: object, values: Mapping[str, Any] | None = None) -> tuple[Field, ...]:
    """The fields of a schema; `values` stand in them at first, before the schema's defaults."""
    root = schema if isinstance(schema, Mapping) else {}
    top = _plain(root, root)
    if not _properties(top):
        return (_field(root, root, (), "Answer", required=True, value=None),)
    found = list(_object_fields(top, root, (), values or {}, required=True))
    if len(found) > MAX_FIELDS:
        return (_json_field((), "Answer", default=values or None),)
    return tuple(found)


def fields_of_values(values: Mapping[str, Any]) -> tuple[Field, ...]:
    """A field for each value, of the value's own type."""
    if len(values) > MAX_FIELDS:
        return (_json_field((), "Arguments", default=dict(values)),)
    return tuple(_field_of_value(str(name), value) for name, value in values.items())


def options_of(values: object) -> tuple[Option, ...]:
    """Choices as graphs write them: plain values, or objects with a label and a value or an id."""
    if isinstance(values, Mapping):
        values = [{"value": key, "label": label} for key, label in values.items()]
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        return ()
    return tuple(_option(item) for item in values[:MAX_OPTIONS])


def label_of(name: str) -> str:
    """`due_date` as "Due date"."""
    text = " ".join(name.replace("_", " ").split())[:MAX_LABEL_CHARS]
    return text[:1].upper() + text[1:] or "Value"


def _option(item: Any) -> Option:
    if isinstance(item, Mapping):
        for key in ("value", "id", "const", "key", "name"):
            if key in item:
                label = next((item[k] for k in ("label", "title", "name", "text") if item.get(k)), item[key])  # fmt: skip
                return Option(value=item[key], label=_short(label))
    return Option(value=item, label=_short(item))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else "—" if value is None else str(value)
    return " ".join(text.split())[:MAX_LABEL_CHARS] or "(empty)"


def _object_fields(
    schema: Schema,
    root: Schema,
    path: tuple[str, ...],
    values: Mapping[str, Any],
    *,
    required: bool,
) -> Iterator[Field]:
    wanted = schema.get("required")
    named = set(wanted) if isinstance(wanted, list) else set()
    for name, part in list(_properties(schema).items())[: MAX_FIELDS + 1]:
        inner = _plain(part, root)
        must = required and name in named
        value = values.get(name)
        here = (*path, str(name))
        if not path and inner.get("type") == "object" and _properties(inner):
            given = value if isinstance(value, Mapping) else inner.get("default")
            group = _title(part) or label_of(str(name))
            nested = _object_fields(inner, root, here, given if isinstance(given, Mapping) else {},
                                    required=must)  # fmt: skip
            for field in nested:
                yield replace(field, group=group)
        else:
            yield _field(part, root, here, str(name), required=must, value=value)


def _field(
    schema: object, root: Schema, path: tuple[str, ...], name: str, *, required: bool, value: Any
) -> Field:
    part, nullable = _plain(schema, root), _nullable(schema, root)
    default = part.get("default") if value is None else value
    field = Field(
        path=path,
        label=_title(schema) or label_of(name),
        kind="text",
        description=str(part.get("description") or "")[:1000],
        required=required,
        nullable=nullable,
        default=default,
        minimum=_number(part, "minimum", "exclusiveMinimum"),
        maximum=_number(part, "maximum", "exclusiveMaximum"),
        min_length=_whole(part.get("minLength")),
        max_length=_whole(part.get("maxLength")),
    )
    options = _options(part, root)
    if options:
        return replace(field, kind="choice", options=options)
    return _typed(field, part, root)


def _title(schema: object) -> str:
    """A field's own title. The one of what it refers to is the name of a class."""
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return title[:MAX_LABEL_CHARS] if isinstance(title, str) else ""


def _typed(field: Field, part: Schema, root: Schema) -> Field:
    match part.get("type"):
        case "string":
            if part.get("format") == "date":
                return replace(field, kind="date")
            long = (field.max_length or 0) > LONG_CHARS or part.get("format") in ("textarea", "markdown")  # fmt: skip
            default = field.default if isinstance(field.default, str) else ""
            return replace(field, kind="long_text" if long or _is_long(default) else "text")
        case "integer" | "number" | "boolean" as kind:
            return replace(field, kind=kind)
        case "array":
            items = _plain(part.get("items"), root)
            options = _options(items, root)
            if options:
                return replace(field, kind="choices", options=options)
            if items.get("type") == "string":
                return replace(field, kind="lines")
    return replace(field, kind="json")


def _field_of_value(name: str, value: Any) -> Field:
    kind: FieldKind
    match value:
        case bool():
            kind = "boolean"
        case int():
            kind = "integer"
        case float():
            kind = "number"
        case str():
            kind = "long_text" if _is_long(value) else "text"
        case [*items] if items and all(isinstance(item, str) for item in items):
            kind = "lines"
        case _:
            kind = "json"
    return Field(
        path=(name,), label=label_of(name), kind=kind, default=value, may_be_empty=kind in ("text", "long_text")
    )  # fmt: skip


def _json_field(path: tuple[str, ...], label: str, default: Any) -> Field:
    return Field(path=path, label=label, kind="json", default=default)


def _is_long(text: str) -> bool:
    return len(text) > LONG_CHARS or "\n" in text


def _options(part: Schema, root: Schema) -> tuple[Option, ...]:
    """The values a schema names one by one."""
    if "const" in part:
        return (_option(part["const"]),)
    values = part.get("enum")
    if isinstance(values, list) and 0 < len(values) <= MAX_OPTIONS:
        names = part.get("enumNames")
        labels = names if isinstance(names, list) and len(names) == len(values) else values
        return tuple(
            Option(value=value, label=_short(label))
            for value, label in zip(values, labels, strict=True)
        )
    each = part.get("oneOf") or part.get("anyOf")
    if isinstance(each, list) and 0 < len(each) <= MAX_OPTIONS:
        parts = [_plain(one, root) for one in each]
        if all("const" in one for one in parts):
            return tuple(
                Option(value=one["const"], label=_short(one.get("title") or one["const"]))
                for one in parts
            )
    return ()


def _plain(schema: object, root: Schema) -> Schema:
    """A schema with its reference followed and "or null" taken away."""
    part: Schema = schema if isinstance(schema, Mapping) else {}
    for _ in range(_MAX_STEPS):
        reference = part.get("$ref")
        single = part.get("allOf")
        real = _alternatives(part)
        if isinstance(reference, str):
            inner: object = resolve(reference, root)
        elif isinstance(single, list) and len(single) == 1:
            inner = single[0]
        elif len(real) == 1 and "const" not in part:
            inner = real[0]
        elif isinstance(part.get("type"), list):
            kinds = [kind for kind in part["type"] if kind != "null"]
            return {**part, "type": kinds[0] if len(kinds) == 1 else None}
        else:
            return part
        outer = {k: v for k, v in part.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
        part = {**(inner if isinstance(inner, Mapping) else {}), **outer}
    return {}


def resolve(reference: str, root: Schema) -> object:
    """What `#/$defs/name` stands for; {} for what is not in the schema itself."""
    if not reference.startswith("#"):
        return {}
    found: object = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            return {}
        found = found[name]
    return found


def _alternatives(part: Schema) -> list[Any]:
    """The members of a union that are not null, if null is one or there is one only."""
    each = part.get("anyOf") or part.get("oneOf")
    if not isinstance(each, list):
        return []
    return [one for one in each if not (isinstance(one, Mapping) and one.get("type") == "null")]


def _nullable(schema: object, root: Schema) -> bool:
    part: object = schema
    for _ in range(_MAX_STEPS):
        if not isinstance(part, Mapping):
            return False
        kind, each = part.get("type"), part.get("anyOf") or part.get("oneOf")
        if kind == "null" or (isinstance(kind, list) and "null" in kind):
            return True
        if isinstance(each, list) and any(isinstance(o, Mapping) and o.get("type") == "null" for o in each):  # fmt: skip
            return True
        if not isinstance(part.get("$ref"), str):
            return False
        part = resolve(part["$ref"], root)
    return False


def _properties(part: Schema) -> Mapping[str, Any]:
    found = part.get("properties")
    return found if isinstance(found, Mapping) else {}


def _number(part: Schema, *names: str) -> float | None:
    for name in names:
        value = part.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
