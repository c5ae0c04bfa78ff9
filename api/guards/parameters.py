"""What every route demands of its address: ids that look like ids, and no query it does not know.

An unknown query parameter is refused, not ignored: `?archvied=true` would otherwise answer with the
wrong list, and look right.
"""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from core.errors import NotFound
from core.ids import is_id


async def known_parameters(connection: HTTPConnection) -> None:
    """A dependency of the whole API. Raises NotFound, RequestValidationError."""
    for name, value in connection.path_params.items():
        if name.endswith("_id") and not is_id(value):
            raise NotFound("There is nothing under this address.")
    route = connection.scope.get("route")
    if (
        not connection.query_params
        or not isinstance(route, APIRoute)
        or not route.include_in_schema
    ):
        return
    method = str(connection.scope.get("method", "")).lower()
    known = await run_in_threadpool(_documented, connection.app, route.path_format, method)
    unknown = [name for name in connection.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [
                {"type": "unknown", "loc": ("query", name), "msg": "There is no such parameter", "input": ""}
                for name in unknown
            ]
        )  # fmt: skip


def _documented(api: FastAPI, path: str, method: str) -> frozenset[str]:
    """Names of the query parameters that /api/docs shows for it."""
    operation = api.openapi()["paths"].get(path, {}).get(method, {})
    return frozenset(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
