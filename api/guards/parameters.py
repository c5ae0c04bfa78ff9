"""What every route demands of its address: ids that look like ids, and no query it does not know.

An unknown query parameter is refused, not ignored: `?archvied=true` would otherwise answer with the
wrong list, and look right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.routing import compile_path

from api.guards.refusals import route_path
from core.errors import NotFound
from core.ids import is_id


@dataclass(frozen=True, slots=True)
class Known:
    """An operation of the document."""

    address: str
    path: re.Pattern[str]
    method: str
    queries: frozenset[str]


class KnownParameters:
    """A dependency of the whole API."""

    def __init__(self) -> None:
        self._known: list[Known] | None = None

    async def __call__(self, connection: HTTPConnection) -> None:
        """Raises NotFound, RequestValidationError."""
        for name, value in connection.path_params.items():
            if name.endswith("_id") and not is_id(value):
                raise NotFound("There is nothing under this address.")
        if not connection.query_params or not isinstance(connection, Request):
            return
        if self._known is None:
            self._known = await run_in_threadpool(documented, connection.app)
        path, method = route_path(connection.scope), connection.method
        found = (one.queries for one in matching(self._known, path) if one.method == method)
        allowed = next(found, None)
        if allowed is None:  # a page for people, such as /docs
            return
        unknown = dict.fromkeys(n for n in connection.query_params if n not in allowed)
        if unknown:
            why = {"type": "unknown", "msg": "There is no such parameter", "input": None}
            raise RequestValidationError([{**why, "loc": ("query", name)} for name in unknown])


def documented(api: FastAPI) -> list[Known]:
    """Everything /api/docs shows. Slow the first time."""
    return [
        Known(
            path,
            compile_path(path)[0],
            method.upper(),
            frozenset(p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"),
        )
        for path, operations in api.openapi()["paths"].items()
        for method, operation in operations.items()
    ]


def matching(known: list[Known], path: str) -> list[Known]:
    """Operations under a path: those that name it, or else those with an id in its place."""
    found = [one for one in known if one.path.match(path)]
    return [one for one in found if one.address == path] or found
