"""Every error Switchboard raises on purpose.

    SwitchboardError
    ├── InvalidInput          400  the caller's text, id or option cannot be used
    ├── NotLoggedIn           401  no credential, or one that does not hold (any more)
    ├── Forbidden             403  the role or the key's scopes do not allow it
    ├── NotFound              404  no such thread, run, model (a foreign id answers the same)
    ├── ThreadBusy            409  the thread already has an active run
    ├── KeyReused             409  an idempotency key came with another request before
    ├── RateLimited           429  too many requests of one person or key; says when to come back
    ├── QuotaExceeded         429  the tokens or the money of one person's day are used up
    ├── Overloaded            503  more runs are waiting than the queue holds
    ├── ShuttingDown          503  the process is draining and takes no new runs
    ├── StorageError          507  a database or folder cannot be written or read
    ├── ConfigError           500  a setting is wrong; the message names it
    └── ModelFailure          502  a provider did not give a whole answer
        ├── ModelUnavailable  503  connection, timeout, 5xx, cooling down
        ├── ModelRateLimited  429  the provider said to wait
        ├── ModelAuthFailed   502  missing or refused credentials
        ├── ModelRefused      502  the request itself was refused (400, 404, content policy)
        ├── ContextTooLong    400  the conversation does not fit the model
        ├── BudgetExceeded    402  a hard budget is used up: no model was asked
        │   └── QuotaUsedUp   429  QuotaExceeded, when it is found out in the middle of a run
        └── ProtocolError     502  what came back is not what the protocol says

`code` is stable and machine-readable, `message` says what failed, `what_to_do` says what the reader
can do now. Neither ever holds a key, a trace or a path outside the data folder.
"""

from __future__ import annotations

import re
from typing import ClassVar


class SwitchboardError(Exception):
    """Base of all errors above. `str(error)` is the message."""

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_what_to_do: ClassVar[str] = "Try again. If it happens again, look at the log."
    retry_after_s: float | None = None
    """Seconds until trying again is of use, where somebody said so."""

    def __init__(self, message: str, *, what_to_do: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.what_to_do = what_to_do or self.default_what_to_do


class InvalidInput(SwitchboardError):
    code, http_status = "invalid_input", 400
    default_what_to_do = "Change it and try again."


class NotFound(SwitchboardError):
    code, http_status = "not_found", 404
    default_what_to_do = "Check the address, or go back to the list."


class NotLoggedIn(SwitchboardError):
    code, http_status = "not_logged_in", 401
    default_what_to_do = "Log in, or send a valid key as `Authorization: Bearer …`."


class Forbidden(SwitchboardError):
    code, http_status = "forbidden", 403
    default_what_to_do = "Ask an administrator."


class RateLimited(SwitchboardError):
    """`retry_after_s`: seconds until a request can be accepted again."""

    retry_after_s: float
    code, http_status, retryable = "rate_limited", 429, True
    default_what_to_do = "Wait a moment and send it again."

    def __init__(
        self, message: str, *, retry_after_s: float, what_to_do: str | None = None
    ) -> None:
        super().__init__(message, what_to_do=what_to_do)
        self.retry_after_s = retry_after_s


class QuotaExceeded(RateLimited):
    code, retryable = "quota", False
    default_what_to_do = "Wait until tomorrow, or ask an administrator for more."


class ThreadBusy(SwitchboardError):
    code, http_status, retryable = "thread_busy", 409, True
    default_what_to_do = "Wait for the answer, or stop it first."


class KeyReused(SwitchboardError):
    code, http_status = "idempotency_key_reused", 409
    default_what_to_do = "Use a new key for a new request."


class Overloaded(SwitchboardError):
    code, http_status, retryable = "overloaded", 503, True
    default_what_to_do = "Wait a moment and send the message again."


class ShuttingDown(SwitchboardError):
    code, http_status, retryable = "shutting_down", 503, True
    default_what_to_do = "Wait until Switchboard is back, then send the message again."


class StorageError(SwitchboardError):
    code, http_status, retryable = "storage", 507, True
    default_what_to_do = "Free some disk space or check the rights of the data folder, then retry."


class ConfigError(SwitchboardError):
    code = "config"
    default_what_to_do = "Correct the setting and start Switchboard again."


class ModelFailure(SwitchboardError):
    """A provider did not give a whole answer.

    `retry_after_s`: what the provider asked for, if it did. `http_status_seen`: its status.
    `partial`: the text that was shown before it failed.
    """

    partial: str = ""

    code, http_status = "model_failure", 502
    default_what_to_do = "Send the message again, or choose another model."

    def __init__(
        self,
        message: str,
        *,
        what_to_do: str | None = None,
        retry_after_s: float | None = None,
        http_status_seen: int | None = None,
    ) -> None:
        super().__init__(message, what_to_do=what_to_do)
        self.retry_after_s = retry_after_s
        self.http_status_seen = http_status_seen


class ModelUnavailable(ModelFailure):
    code, http_status, retryable = "model_unavailable", 503, True


class ModelRateLimited(ModelFailure):
    code, http_status, retryable = "model_rate_limited", 429, True
    default_what_to_do = "Wait a moment and send the message again, or choose another model."


class ModelAuthFailed(ModelFailure):
    code = "model_auth"
    default_what_to_do = "Check the provider's key under Settings."


class ModelRefused(ModelFailure):
    code = "model_refused"
    default_what_to_do = "Choose another model, or word the message differently."


class ContextTooLong(ModelFailure):
    code, http_status = "context_too_long", 400
    default_what_to_do = "Start a new thread, or send a shorter message."


class BudgetExceeded(ModelFailure):
    code, http_status = "budget", 402
    default_what_to_do = "Wait until the budget starts again, or raise it on the page Alerts."


class QuotaUsedUp(BudgetExceeded):
    """What fails inside a run fails as a model does; `code` is that of QuotaExceeded."""

    code, http_status = "quota", 429
    default_what_to_do = QuotaExceeded.default_what_to_do


class ProtocolError(ModelFailure):
    code, retryable = "model_protocol", True
    default_what_to_do = (
        "Check that the base URL is an OpenAI-compatible server, or choose another model."
    )


def http_status_of(code: str) -> int:
    """The HTTP status of an error that is known by its code only; 500 for one that is not known."""
    waiting: list[type[SwitchboardError]] = [SwitchboardError]
    while waiting:
        one = waiting.pop()
        if one.code == code:
            return one.http_status
        waiting += one.__subclasses__()
    return 500


_SECRETS = (
    (re.compile(r"\b(sk|pk|rk|xai|gsk)-[A-Za-z0-9_\-*]{4,}"), lambda m: f"{m[1]}-…{m[0][-4:]}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{6,}"), lambda m: f"{m[1]} …"),
    (re.compile(r"\bsb-[A-Za-z0-9]{16,}"), lambda m: f"sb-…{m[0][-4:]}"),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)*"), lambda m: "eyJ…"),
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{12,}"), lambda m: f"{m[1]}…{m[0][-4:]}"),
    (re.compile(r"(\w+://[^:/@\s]+:)[^@/\s]+@"), lambda m: f"{m[1]}…@"),
    (
        re.compile(
            r"(?i)\b(api[_-]?key|secret|token|password|switchboard_session)(\"?\s*[=:]\s*\"?)[^\s\"',;&]{6,}"
        ),
        lambda m: f"{m[1]}{m[2]}…",
    ),
)


def redact(text: str, limit: int = 500) -> str:
    """One line of at most `limit` characters without keys, bearer tokens or passwords in URLs."""
    line = " ".join(text.split())
    for pattern, replacement in _SECRETS:
        line = pattern.sub(replacement, line)
    return line if len(line) <= limit else line[: limit - 1] + "…"
