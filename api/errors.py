"""Errors as answers: one shape for all of them, and never a trace, a key or the bad value itself."""

from __future__ import annotations

import logging
import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from core.errors import RateLimited, SwitchboardError
from core.ids import new_id

log = logging.getLogger(__name__)


def install(api: FastAPI) -> None:
    """Every error leaves the API as `{"error": {...}}` with its status."""
    api.add_exception_handler(SwitchboardError, _ours)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _unexpected)


def answer(
    status: int,
    code: str,
    message: str,
    what_to_do: str,
    *,
    retryable: bool = False,
    fields: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The body of every error."""
    error: dict[str, object] = {
        "code": code,
        "message": message,
        "what_to_do": what_to_do,
        "retryable": retryable,
    }
    if fields:
        error["fields"] = fields
    return JSONResponse({"error": error}, status, headers)


async def _ours(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, SwitchboardError)
    headers: dict[str, str] = {}
    if exc.http_status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="switchboard"'
    if isinstance(exc, RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_s)))
    elif exc.http_status == 503:
        headers["Retry-After"] = "1"
    return answer(
        exc.http_status,
        exc.code,
        exc.message,
        exc.what_to_do,
        retryable=exc.retryable,
        headers=headers,
    )


async def _invalid(_request: Request, exc: Exception) -> JSONResponse:
    """Names fields and reasons; what was sent is not repeated (it may not even be valid JSON)."""
    assert isinstance(exc, RequestValidationError)
    fields = [
        {"field": ".".join(str(part) for part in one["loc"]), "reason": str(one["msg"])}
        for one in exc.errors()
    ]
    named = ", ".join(one["field"] for one in fields[:5])
    return answer(
        422,
        "invalid_input",
        f"The request cannot be used: {named}.",
        "Correct the named fields and send it again.",
        fields=fields,
    )


async def _http(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(exc.status_code, "http")
    return answer(
        exc.status_code,
        code,
        str(exc.detail),
        "See /api/docs for what there is.",
        headers=dict(exc.headers or {}),
    )


async def _unexpected(_request: Request, exc: Exception) -> JSONResponse:
    number = new_id()
    log.error("request %s failed", number, exc_info=exc)
    return answer(
        500,
        "internal",
        "Switchboard made a mistake.",
        f"Try again. The log has the details under {number}.",
        retryable=True,
    )
