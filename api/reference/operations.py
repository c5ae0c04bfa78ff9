"""The operations of an OpenAPI document, as the page shows them. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.reference.schemas import FieldView, Schemas, Type, limits_of, name_of, types_of

BASE = "http://localhost:8501/api"
METHODS = ("get", "post", "put", "patch", "delete")
ID = "019f2c1d8a7e5b3c4d2e1f0a9b8c7d6e"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    name: str
    place: str
    required: bool
    types: tuple[Type, ...]
    limits: str
    default: str
    about: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    status: str
    about: str
    kinds: tuple[str, ...]
    """Content types."""
    types: tuple[Type, ...]
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    anchor: str
    method: str
    path: str
    title: str
    about: tuple[str, ...]
    """Paragraphs."""
    parameters: tuple[Parameter, ...]
    body: tuple[FieldView, ...]
    body_types: tuple[Type, ...]
    body_example: str
    curl: str
    answers: tuple[Answered, ...]
    errors: tuple[tuple[str, str], ...]
    """(status, what it means)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    name: str
    operations: tuple[Operation, ...]


def groups_of(document: Mapping[str, Any], schemas: Schemas) -> list[Group]:
    """By tag, in the order in which tags come up."""
    found: dict[str, list[Operation]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                one = operations[method]
                tag = (one.get("tags") or ["other"])[0]
                found.setdefault(tag, []).append(_operation(path, method, one, schemas))
    return [Group(name=tag, operations=tuple(many)) for tag, many in found.items()]


def _operation(path: str, method: str, one: Mapping[str, Any], schemas: Schemas) -> Operation:
    paragraphs = re.split(r"\n\s*\n", str(one.get("description", "")).strip())
    parameters = tuple(_parameters(one))
    body, example = _body(one), None
    if body:
        example = schemas.example(body)
    responses = one.get("responses", {})
    return Operation(
        anchor=re.sub(r"[^a-z0-9]+", "-", f"{method}-{path}".lower()).strip("-"),
        method=method.upper(),
        path=path,
        title=str(one.get("summary", "")),
        about=tuple(" ".join(part.split()) for part in paragraphs if part),
        parameters=parameters,
        body=tuple(schemas.fields(body)) if body else (),
        body_types=tuple(types_of(body)) if body else (),
        body_example=_pretty(example) if body else "",
        curl=_curl(method, path, parameters, example if body else None, _streams(responses)),
        answers=tuple(_answers(responses, schemas)),
        errors=tuple(
            (status, str(found.get("description", "")))
            for status, found in sorted(responses.items())
            if not status.startswith("2")
        ),
    )


def _parameters(one: Mapping[str, Any]) -> Iterator[Parameter]:
    for given in one.get("parameters", ()):
        schema = given.get("schema", {})
        default = schema.get("default")
        yield Parameter(
            name=given["name"],
            place=given["in"],
            required=bool(given.get("required")),
            types=tuple(types_of(schema)),
            limits=limits_of(schema),
            default="" if default in (None, []) else str(default),
            about=str(given.get("description", "")),
        )


def _body(one: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for content in one.get("requestBody", {}).get("content", {}).values():
        return content.get("schema") or None
    return None


def _answers(responses: Mapping[str, Any], schemas: Schemas) -> Iterator[Answered]:
    for status, found in sorted(responses.items()):
        if not status.startswith("2"):
            continue
        content = found.get("content", {})
        schema: Mapping[str, Any] = next(
            (c["schema"] for c in content.values() if c.get("schema")), {}
        )
        given = next((c["example"] for c in content.values() if "example" in c), None)
        example = given
        if given is None and (name_of(schema) or schema.get("properties")):
            example = schemas.example(schema)
        yield Answered(
            status=status,
            about=str(found.get("description", "")),
            kinds=tuple(content),
            types=tuple(types_of(schema)) if schema else (),
            example=example if isinstance(example, str) else _pretty(example) if example else "",
        )


def _streams(responses: Mapping[str, Any]) -> bool:
    return list(responses.get("200", {}).get("content", {})) == ["text/event-stream"]


def _curl(
    method: str, path: str, parameters: tuple[Parameter, ...], body: Any, streams: bool
) -> str:
    for one in parameters:
        if one.place == "path":
            path = path.replace(
                f"{{{one.name}}}", ID if one.name.endswith("_id") else "switchboard"
            )
    path = re.sub(r"\{[^}]*\}", "switchboard", path)
    parts = ["curl", *(["-N"] if streams else [])]
    if method != "get":
        parts += ["-X", method.upper()] if body is None or method != "post" else []
    parts.append(
        shlex.quote(f"{BASE}{path}") if re.search(r"[^\w:/.\-]", path) else f"{BASE}{path}"
    )
    if body is not None:
        text = json.dumps(body, ensure_ascii=False)
        parts += ["\\\n  -H", "'Content-Type: application/json'", "\\\n  -d", shlex.quote(text)]
    return " ".join(parts)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
