"""The OpenAPI document, where FastAPI cannot know: what the entrance demands, and what streams answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.guards.entrance import is_public

SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key (`sb-…`) or a token of the configured issuer.",
}
_STREAM = "text/event-stream"


def complete(api: FastAPI, *, login: bool) -> None:
    """Call once. `login`: whether people have to log in."""
    make = api.openapi

    def completed() -> dict[str, Any]:
        if api.openapi_schema is not None:
            return api.openapi_schema
        document = make()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _say_what_streams_answer(operation.get("responses", {}))
                if login and is_public(path):
                    operation["security"] = []
        if login:
            document.setdefault("components", {})["securitySchemes"] = {"bearer": SCHEME}
            document["security"] = [{"bearer": []}]
        return document

    api.openapi = completed  # type: ignore[method-assign]


def _say_what_streams_answer(responses: dict[str, Any]) -> None:
    """FastAPI gives every answer of a route the media type of its stream, and the type `string` to it."""
    for status, response in responses.items():
        content = response.get("content", {})
        if _STREAM not in content:
            continue
        if status.startswith("2"):
            content[_STREAM].get("schema", {}).pop("type", None)
        else:
            content.setdefault("application/json", content.pop(_STREAM))
