"""Says in the OpenAPI document what the entrance demands, so that clients and /api/docs ask for a key."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.guards.entrance import is_public

SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key (`sb-…`) or a token of the configured issuer.",
}


def document_login(api: FastAPI) -> None:
    """Call where people have to log in, once every route is there."""
    make = api.openapi

    def with_login() -> dict[str, Any]:
        document = make()  # FastAPI makes it once and gives the same again
        if "security" not in document:
            document.setdefault("components", {})["securitySchemes"] = {"bearer": SCHEME}
            document["security"] = [{"bearer": []}]
            for path, operations in document["paths"].items():
                if is_public(path):
                    for operation in operations.values():
                        operation["security"] = []
        return document

    api.openapi = with_login  # type: ignore[method-assign]
