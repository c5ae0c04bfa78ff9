"""Errors in OpenAI's form, for the routes under /v1: clients look at `type`, `param` and `code`."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse

from api.completions.schemas import OpenAIErrorBody
from api.errors import DOCUMENTED
from core.errors import InvalidInput, NotFound, RateLimited, SwitchboardError

UNSUPPORTED = frozenset(
    {
        "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "response_format",
        "logprobs", "top_logprobs", "logit_bias", "top_p", "n", "presence_penalty",
        "frequency_penalty", "audio", "modalities", "prediction", "web_search_options", "best_of",
        "tool_calls", "input_audio", "file",
    }
)  # fmt: skip
"""What OpenAI knows, changes the answer, and is not done here."""
_INSTEAD = {
    "tools": "The agents bring their own tools.",
    "functions": "The agents bring their own tools.",
    "response_format": "Answers are text.",
    "n": "Ask again for another answer.",
}
_TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error",
          429: "rate_limit_error"}  # fmt: skip
_CODES = {"not_logged_in": "invalid_api_key", "context_too_long": "context_length_exceeded",
          "rate_limited": "rate_limit_exceeded", "quota": "insufficient_quota"}  # fmt: skip


class ModelNotFound(NotFound):
    code = "model_not_found"


class WrongMessages(InvalidInput):
    """A conversation that cannot be used. `param` says where."""

    def __init__(self, message: str, *, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param, self.kind = param, code


class OpenAIRoute(APIRoute):
    """A route whose errors have OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as exc:
                return _invalid(exc.errors())
            except SwitchboardError as exc:
                return answer_of(exc)

        return handled


def error_dict(exc: SwitchboardError) -> dict[str, Any]:
    """The value of `error`, in an answer or in a stream."""
    return problem_dict(
        exc.http_status,
        getattr(exc, "kind", exc.code),
        f"{exc.message} {exc.what_to_do}",
        param=getattr(exc, "param", "model" if isinstance(exc, ModelNotFound) else None),
    )


def problem_dict(
    status: int, code: str, message: str, *, param: str | None = None
) -> dict[str, Any]:
    """The same of an error that is known by its code."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    if code == "quota":
        kind = "insufficient_quota"
    return {"message": message, "type": kind, "param": param, "code": _CODES.get(code, code)}


def answer_of(exc: SwitchboardError) -> JSONResponse:
    headers = {}
    if exc.http_status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="switchboard"'
    if isinstance(exc, RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(exc.retry_after_s)))
    elif exc.http_status in (429, 503):
        headers["Retry-After"] = "1"
    return JSONResponse({"error": error_dict(exc)}, exc.http_status, headers)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {**found, "model": OpenAIErrorBody} for status, found in DOCUMENTED.items()
}
"""`responses=` of a route under /v1."""


def _invalid(problems: Sequence[Mapping[str, Any]]) -> JSONResponse:
    """OpenAI answers 400 and names one parameter; what was sent is not repeated."""
    from api.errors import field_name

    # Of a union every member complains; the one that got deepest is the one that was meant.
    first = max(problems, key=lambda one: len(one["loc"]))
    parts = [part for part in first["loc"][1:] if not _is_tag(part)]
    param = ".".join(field_name(part) for part in parts) or None
    named = next((p for p in reversed(parts) if isinstance(p, str) and p in UNSUPPORTED), None)
    if named is not None:
        code = "unsupported_parameter"
        message = f"'{param}' is not supported here. {_INSTEAD.get(named, 'Leave it out.')}"
    elif first["type"] == "extra_forbidden":
        code, message = "unknown_parameter", f"There is no parameter '{param}'."
    elif first["type"] == "missing":
        code, message = "missing_required_parameter", f"'{param}' is missing."
    elif first["type"] == "union_tag_invalid":
        code = "unsupported_value"
        expected = first.get("ctx", {}).get("expected_tags", "another")
        message = f"'{param}' is of a kind that is not supported here: it has to be {expected}."
    elif first["type"] == "json_invalid":
        code, param, message = "invalid_json", None, "The body is not valid JSON."
    else:
        code = "invalid_value"
        message = f"'{param or 'The body'}' cannot be used: {_reason(first)}."
    return JSONResponse({"error": problem_dict(400, code, message, param=param)}, 400)


_TAGS = frozenset({"system", "developer", "user", "assistant", "str", "constrained-str"})


def _is_tag(part: object) -> bool:
    """Names that pydantic adds for the member of a union it tried, not fields of the request."""
    if not isinstance(part, str):
        return False
    return part in _TAGS or part.startswith(("list[", "constrained-", "function-", "TextPart"))


def _reason(one: Mapping[str, Any]) -> str:
    text, given = str(one["msg"]), one.get("input")
    repeats = isinstance(given, str) and len(given) > 2 and given in text
    return "its value" if repeats else text[:200]
