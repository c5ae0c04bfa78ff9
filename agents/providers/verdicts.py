"""What a provider's own words mean: its error codes, its messages and the HTTP status.

Values in, a `ModelFailure` out. agents/providers/errors.py takes the values out of exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.errors import (
    ContextTooLong,
    ModelAuthFailed,
    ModelFailure,
    ModelRateLimited,
    ModelRefused,
    ModelUnavailable,
    ProtocolError,
)

QUOTA_RETRY_AFTER_S = 3600.0
"""A used-up quota does not come back by waiting a minute; providers name no time for it."""

# Parts of messages, lower case, by which servers say that the prompt does not fit. Superset of
# langchain-openai 1.7.3 `_handle_openai_bad_request` and langchain-aws 1.9.1
# `_CONTEXT_OVERFLOW_MARKERS`, plus llama.cpp and Ollama.
_TOO_LONG = (
    "context_length_exceeded",
    "contextwindowexceedederror",
    "maximum context length",
    "exceeds the context window",
    "exceed the context window",
    "exceeds the available context size",
    "exceed context limit",
    "input tokens exceed",
    "input is too long",
    "prompt is too long",
    "too many input tokens",
    "exceed model maximum",
    "longer than the model's context length",
)
_RATE = {"rate_limit_exceeded", "rate_limit_error", "requests", "tokens"} | {
    "throttlingexception",
    "throttling",
    "toomanyrequestsexception",
    "slowdown",
}
_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "servicequotaexceededexception"}
_AUTH = {"invalid_api_key", "authentication_error", "permission_error", "account_deactivated"} | {
    "accessdeniedexception",
    "unrecognizedclientexception",
    "invalidsignatureexception",
    "incompletesignature",
    "incompletesignatureexception",
    "invalidclienttokenid",
    "missingauthenticationtoken",
    "missingauthenticationtokenexception",
    "expiredtoken",
    "expiredtokenexception",
    "signaturedoesnotmatch",
    "optinrequired",
}
_REFUSED = {"invalid_request_error", "model_not_found", "content_filter", "content_policy"} | {
    "validationexception",
    "resourcenotfoundexception",
    "content_policy_violation",
}
_UNAVAILABLE = {"server_error", "overloaded_error", "timeout", "api_error", "engine_overloaded"} | {
    "internalserverexception",
    "internalserverfault",
    "internalfailure",
    "serviceunavailableexception",
    "serviceunavailable",
    "modelstreamerrorexception",
    "modelerrorexception",
    "modeltimeoutexception",
    "modelnotreadyexception",
}


def failure_of(
    message: str,
    *,
    status: int | None = None,
    codes: tuple[object, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> ModelFailure:
    """What a provider's own words mean: its error codes first, then the HTTP status."""
    names = {str(code).lower() for code in codes if code is not None}
    text = message.lower()
    cls: type[ModelFailure]
    if status == 413 or any(mark in text or mark in names for mark in _TOO_LONG):
        cls, says = ContextTooLong, "The conversation does not fit the model"
    elif names & _QUOTA or status == 402:
        cls, says = ModelRateLimited, "The provider's quota is used up"
    elif names & _AUTH or status in (401, 403):
        cls, says = ModelAuthFailed, "The provider refused the credentials"
    elif (names & _RATE and status in (None, 200, 429)) or status == 429:
        cls, says = ModelRateLimited, "The provider asks to wait"
    elif names & _UNAVAILABLE or status in (408, 409, 425) or (status is not None and status > 499):
        cls, says = ModelUnavailable, "The provider reported a problem of its own"
    elif names & _REFUSED or (status is not None and status >= 400):
        cls, says = ModelRefused, "The provider refused the request"
    elif status is not None and 300 <= status < 400:
        cls, says = ProtocolError, "The provider redirected the request, which is not followed"
    else:
        cls, says = ModelUnavailable, "The provider reported an error"
    wait = retry_after(headers)
    if wait is None and (names & _QUOTA or status == 402):
        wait = QUOTA_RETRY_AFTER_S
    number = f" ({status})" if status is not None and status != 200 else ""
    return cls(f"{says}{number}: {message}", retry_after_s=wait, http_status_seen=status)


def error_object(error: object, status: int | None = None) -> ModelFailure:
    """An OpenAI-style `{"error": …}` value; compatible servers also send plain strings."""
    if not isinstance(error, Mapping):
        return failure_of(str(error), status=status)
    code = error.get("code")
    if status is None and isinstance(code, int) and 100 <= code < 600:
        status = code  # OpenRouter and vLLM put the HTTP status here
    message = str(error.get("message") or "no reason given")
    return failure_of(message, status=status, codes=(code, error.get("type")))


def retry_after(headers: Mapping[str, str] | None) -> float | None:
    """Seconds from `retry-after-ms` or `retry-after`, which is a number or an HTTP date."""
    if not headers:
        return None
    given = {name.lower(): value for name, value in headers.items()}
    try:
        if (ms := given.get("retry-after-ms")) is not None:
            return max(0.0, float(ms) / 1000)
        if (seconds := given.get("retry-after")) is None:
            return None
        try:
            return max(0.0, float(seconds))
        except ValueError:
            at = parsedate_to_datetime(seconds)
            return max(0.0, (at.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
