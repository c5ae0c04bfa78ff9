"""All operations of the OpenAPI document, with addresses and bodies that fit them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from api.guards.entrance import is_public


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    ids: tuple[str, ...]
    """Names of the ids in its path."""
    body: object
    """One that fits, or None."""

    @property
    def public(self) -> bool:
        return is_public(self.path)

    def target(self, identifier: str) -> str:
        return re.sub(r"\{[^}]+\}", identifier, self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(api: FastAPI) -> list[Operation]:
    document = api.openapi()
    return [
        Operation(
            method.upper(),
            path,
            tuple(re.findall(r"\{([a-z_]+)[^}]*\}", path)),
            _body(document, operation),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _body(document: dict[str, Any], operation: dict[str, Any]) -> object:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return None if content is None else sample(document, content["schema"])


def sample(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The smallest value that fits."""
    if "$ref" in schema:
        named = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            named = named[part]
        return sample(document, named)
    for key in ("example", "const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return sample(document, schema[key][0])
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {
                name: sample(document, schema["properties"][name])
                for name in schema.get("required", ())
            }
        case "array":
            return [sample(document, schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "string":
            return "x" * max(1, schema.get("minLength", 1))
    return None
