"""Errors as answers: one shape for all of them, and never a trace, a key or the bad value itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NotRequired

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from typing_extensions import TypedDict

from core.errors import RateLimited, SwitchboardError


class WrongField(TypedDict):
    field: str
    reason: str


class Problem(TypedDict):
    """What failed, and what the caller can do."""

    code: str
    message: str
    what_to_do: str
    retryable: bool
    fields: NotRequired[list[WrongField]]


class ErrorAnswer(TypedDict):
    """The body of every error."""

    error: Problem


def _documented(**descriptions: str) -> dict[int | str, dict[str, Any]]:
    return {
        int(status[1:]): {"model": ErrorAnswer, "description": description}
        for status, description in descriptions.items()
    }


DOCUMENTED = _documented(
    _400="The request cannot be used",
    _401="No credential, or one that does not hold",
    _402="A budget is used up",
    _403="The role, the key or the page does not allow it",
    _404="There is no such thing, or it belongs to somebody else",
    _405="The address has no such method",
    _408="The body did not arrive in time",
    _409="The thread already has an answer under way",
    _413="The body is too large",
    _414="The address is too long",
    _415="The body is not JSON in UTF-8, or is compressed",
    _422="A field cannot be used",
    _429="Too many requests, or the day's quota is used up",
    _500="Switchboard made a mistake",
    _502="A provider did not give a whole answer",
    _503="Busy, stopping, or a provider cannot be reached",
    _507="A database or folder cannot be written or read",
)
"""What any route may answer besides its own."""

MAX_FIELDS = 50
_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "media_type",
}
_OF_THE_ROUTER = {
    "Not Found": "There is nothing under this address.",
    "Method Not Allowed": "This address has no such method.",
}
"""What Starlette says, as a sentence."""
_REPEATS = frozenset({"union_tag_invalid"})
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


def install(api: FastAPI) -> None:
    """Every error leaves the API as `{"error": {...}}` with its status."""
    api.add_exception_handler(SwitchboardError, _ours)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)


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


def answer_of(exc: SwitchboardError) -> JSONResponse:
    """An error of ours as an answer."""
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
        fields=getattr(exc, "fields", None),
        headers=headers,
    )


async def _ours(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, SwitchboardError)
    return answer_of(exc)


def field_name(part: object) -> str:
    """A name of the caller as it may be repeated: short and plain, or not at all."""
    if isinstance(part, int):
        return str(part)
    return part if isinstance(part, str) and _PLAIN_NAME.fullmatch(part) else "…"


async def _invalid(_request: Request, exc: Exception) -> JSONResponse:
    """Names fields and reasons; what was sent is not repeated (it may not even be valid JSON)."""
    assert isinstance(exc, RequestValidationError)
    fields = [
        {"field": ".".join(field_name(part) for part in one["loc"]), "reason": _reason(one)}
        for one in exc.errors()[:MAX_FIELDS]
    ]
    named = ", ".join(one["field"] for one in fields[:5])
    return answer(
        422,
        "invalid_input",
        f"The request cannot be used: {named}.",
        "Correct the named fields and send it again.",
        fields=fields,
    )


def _reason(one: Mapping[str, object]) -> str:
    """What pydantic says, unless it repeats what was sent."""
    reason, given = str(one["msg"]).removeprefix("Value error, "), one.get("input")
    if one["type"] in _REPEATS or (isinstance(given, str) and len(given) > 2 and given in reason):
        return "This value cannot be used here"
    return reason[:200]


async def _http(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    code = _CODES.get(exc.status_code, "http")
    return answer(
        exc.status_code,
        code,
        _OF_THE_ROUTER.get(str(exc.detail), str(exc.detail)),
        "See /api/docs for what there is.",
        headers=dict(exc.headers or {}),
    )


def unexpected(number: str) -> JSONResponse:
    """For what nobody expected; the log has it under `number` (api/guards/mishaps.py)."""
    return answer(
        500,
        "internal",
        "Switchboard made a mistake.",
        f"Try again. The log has the details under {number}.",
        retryable=True,
    )
