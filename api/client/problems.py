"""From what came back, or did not, to the errors of core/errors.py.

SwitchboardError
├── Unreachable      nothing answers, or the connection broke and could not be made again
└── NotSwitchboard   something else answers there
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import httpx2

from core import errors
from core.errors import ModelFailure, RateLimited, SwitchboardError, redact
from core.text import clean

_GATEWAY = frozenset({502, 503, 504})
_BY_CODE = {
    found.code: found
    for found in reversed(list(vars(errors).values()))  # of two with one code, the more general
    if isinstance(found, type) and issubclass(found, SwitchboardError)
}


class AnswerLost(SwitchboardError):
    code, http_status = "lost", 502
    default_what_to_do = "Ask again. What was kept of the answer is in the thread."


class Unreachable(SwitchboardError):
    """`sent`: whether the request may have arrived."""

    code, http_status, retryable = "unreachable", 503, True
    default_what_to_do = "Start it with `make run`, or give another address."

    def __init__(self, message: str, *, what_to_do: str | None = None, sent: bool = True) -> None:
        super().__init__(message, what_to_do=what_to_do)
        self.sent = sent


class NotSwitchboard(SwitchboardError):
    code, http_status = "not_switchboard", 502
    default_what_to_do = (
        "Check the address: it is the one of the pages, such as http://127.0.0.1:8501."
    )


def of_transport(exc: httpx2.RequestError, url: str) -> SwitchboardError:
    """Why there is no answer."""
    match exc:
        case httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return Unreachable(f"Nothing answers at {url}.", sent=False)
        case httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError():
            return NotSwitchboard(f"{url} cannot be called: {redact(str(exc))}.")
        case httpx2.TimeoutException():
            return Unreachable(
                f"{url} did not answer in time.", what_to_do="Look whether it is very busy."
            )
        case httpx2.SSEError():
            return NotSwitchboard(f"What {url} sends is not a stream of events.")
        case _:
            return Unreachable(
                f"The connection to {url} was lost.",
                what_to_do="Look whether it still runs, and send the message again.",
            )


def of_response(response: httpx2.Response, url: str) -> SwitchboardError:
    """The error an answer with a status of 300 or more stands for. Its body has been read."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    given = body.get("error") if isinstance(body, Mapping) else None
    wait = _seconds(response.headers.get("retry-after"))
    if isinstance(given, Mapping) and isinstance(given.get("code"), str):
        return of_body(given, response.status_code, wait)
    said = redact(clean(response.text), 120)
    sentence = f"{url} answers {response.status_code}{f': {said}' if said else ''}."
    if response.status_code in _GATEWAY:
        problem: SwitchboardError = Unreachable(sentence, what_to_do="Try again in a moment.")
        problem.retry_after_s = wait
        return problem
    return NotSwitchboard(sentence)


def of_body(
    given: Mapping[str, Any], status: int | None = None, wait: float | None = None
) -> SwitchboardError:
    """The error of an error body, or of a run's `error` event. Unknown codes keep their code."""
    code, message = str(given.get("code")), _sentence(given)
    what_to_do = clean(str(given.get("what_to_do") or "")) or None
    cls = _BY_CODE.get(code, SwitchboardError)
    if issubclass(cls, RateLimited):
        return cls(message, what_to_do=what_to_do, retry_after_s=1.0 if wait is None else wait)
    if issubclass(cls, ModelFailure):
        return cls(message, what_to_do=what_to_do, retry_after_s=wait)
    problem = cls(message, what_to_do=what_to_do)
    problem.retry_after_s = wait
    if code not in _BY_CODE:  # of a newer server
        known = {"code": code, "retryable": given.get("retryable") is True}
        vars(problem).update(known | ({"http_status": status} if status else {}))
    return problem


def _sentence(given: Mapping[str, Any]) -> str:
    """The message, with the reason for each field."""
    fields = given.get("fields")
    reasons = [
        f"{one.get('field')}: {one.get('reason')}"
        for one in (fields if isinstance(fields, list) else ())
        if isinstance(one, Mapping)
    ]
    parts = (str(given.get("message") or "The request failed."), "; ".join(reasons[:5]))
    return clean(" ".join(part for part in parts if part))


def _seconds(header: str | None) -> float | None:
    """Of `Retry-After` as seconds; its other form, a date, is of no use without a right clock."""
    try:
        value = float(header or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
