"""What every route demands of its address: ids that look like ids, and no query it does not know.

An unknown query parameter is refused, not ignored: `?archvied=true` would otherwise answer with the
wrong list, and look right.
"""

from __future__ import annotations

import re

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.routing import compile_path

from api.guards.refusals import route_path
from core.errors import NotFound
from core.ids import is_id

Known = list[tuple[re.Pattern[str], str, frozenset[str]]]


class KnownParameters:
    """A dependency of the whole API."""

    def __init__(self) -> None:
        self._known: Known | None = None

    async def __call__(self, connection: HTTPConnection) -> None:
        """Raises NotFound, RequestValidationError."""
        for name, value in connection.path_params.items():
            if name.endswith("_id") and not is_id(value):
                raise NotFound("There is nothing under this address.")
        if not connection.query_params or not isinstance(connection, Request):
            return
        if self._known is None:
            self._known = await run_in_threadpool(_documented, connection.app)
        path, method = route_path(connection.scope), connection.method
        allowed = next(
            (names for pattern, m, names in self._known if m == method and pattern.match(path)),
            None,
        )
        if allowed is None:  # a page for people, such as /docs
            return
        unknown = dict.fromkeys(n for n in connection.query_params if n not in allowed)
        if unknown:
            why = {"type": "unknown", "msg": "There is no such parameter", "input": None}
            raise RequestValidationError([{**why, "loc": ("query", name)} for name in unknown])


def _documented(api: FastAPI) -> Known:
    """(path, method, names of its query parameters) of everything /api/docs shows."""
    return [
        (
            compile_path(path)[0],
            method.upper(),
            frozenset(p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"),
        )
        for path, operations in api.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
