"""Requests of one person in a moving window of time, by the library `limits`.

Counted in this process, or in Redis when several processes share the limits. When Redis does not
answer, requests are allowed: a rate limit protects others from one person, and must not become the
thing that stops everybody. That is logged once per fault and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from core.errors import ConfigError, RateLimited

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.storage import Storage

log = logging.getLogger(__name__)
STORAGE_TIMEOUT_S = 0.5
REST_S = 5.0
"""After a fault the storage is left alone for so long: waiting for it would slow every request."""
EXAMPLE = "60/minute, or 60/minute;1000/day"


class Rate:
    """Safe from any thread. Raises ConfigError when a setting cannot be used."""

    def __init__(self, wanted: str | None, storage: str = "memory://") -> None:
        self._items = _parsed(wanted) if wanted else ()
        self._rest_until = 0.0
        self.storage_errors = 0
        """Requests that were allowed because the storage could not be asked."""
        self.refused = 0
        if not self._items:
            return
        from limits.strategies import MovingWindowRateLimiter

        opened = _opened(storage)
        self._window = MovingWindowRateLimiter(opened)
        # In this process nothing can come between the look at all limits and the count of them.
        self._whole = threading.Lock() if storage.startswith("memory") else nullcontext()

    def count(self, owner: str) -> None:
        """Counts one request. Raises RateLimited, and then counts nothing."""
        if not self._items or time.monotonic() < self._rest_until:
            return
        try:
            with self._whole:
                refused = [one for one in self._items if not self._window.test(one, owner)]
                if not refused:
                    refused = [one for one in self._items if not self._window.hit(one, owner)]
                again = [self._window.get_window_stats(one, owner).reset_time for one in refused]
        except Exception as exc:  # whatever the client of the storage raises
            self._went_without(exc)
            return
        if refused:
            self.refused += 1
            longest = max(one.get_expiry() for one in refused)
            raise _sentence(refused[0], min(longest, max(again) - time.time()))

    def _went_without(self, exc: Exception) -> None:
        if self.storage_errors == 0 or time.monotonic() - self._rest_until > 2 * REST_S:
            log.warning("requests are not limited: the storage fails (%s)", type(exc).__name__)
        self.storage_errors += 1
        self._rest_until = time.monotonic() + REST_S


def _parsed(wanted: str) -> tuple[RateLimitItem, ...]:
    from limits import parse_many

    try:
        found = tuple(parse_many(wanted))
    except ValueError as exc:
        raise ConfigError(
            f"SWITCHBOARD_RATE_LIMIT: '{wanted[:80]}' is not a limit.",
            what_to_do=f"Write it like {EXAMPLE}.",
        ) from exc
    if any(one.amount < 1 for one in found):
        raise ConfigError(
            "SWITCHBOARD_RATE_LIMIT: a limit of 0 would let nobody in.",
            what_to_do=f"Write it like {EXAMPLE}.",
        )
    return found


def _opened(uri: str) -> Storage:
    from limits.errors import ConfigurationError
    from limits.storage import storage_from_string

    scheme = uri.partition(":")[0]
    if scheme not in ("memory", "redis", "rediss"):
        raise ConfigError(
            f"SWITCHBOARD_RATE_LIMIT_STORAGE: requests cannot be counted in '{scheme[:40]}'.",
            what_to_do="Use memory:// or redis://host:6379.",
        )
    options = (
        {"socket_timeout": STORAGE_TIMEOUT_S, "socket_connect_timeout": STORAGE_TIMEOUT_S}
        if scheme != "memory"
        else {}
    )
    try:
        opened = storage_from_string(uri, **options)
    except ConfigurationError as exc:
        raise ConfigError(
            "SWITCHBOARD_RATE_LIMIT_STORAGE names Redis, and its client is not installed.",
            what_to_do="Install it with `pip install redis`, or use memory://.",
        ) from exc
    except Exception as exc:  # the client's words for an address that is none
        raise ConfigError(
            "SWITCHBOARD_RATE_LIMIT_STORAGE is not the address of a Redis server.",
            what_to_do="Use memory:// or redis://host:6379.",
        ) from exc
    assert not isinstance(opened, type)
    return opened  # type: ignore[return-value]


def _sentence(refused: RateLimitItem, again_s: float) -> RateLimited:
    # Only whole seconds are told: half a second early would be refused again.
    wait_s = max(1, -int(-again_s // 1))
    requests = "request" if refused.amount == 1 else "requests"
    window = refused.GRANULARITY.name
    if refused.multiples != 1:
        window = f"{refused.multiples} {window}s"
    return RateLimited(
        f"You sent {refused.amount} {requests} per {window}, and that is the limit.",
        retry_after_s=float(wait_s),
        what_to_do=f"Wait {_words(wait_s)} and send it again.",
    )


def _words(wait_s: int) -> str:
    for seconds, name in ((3600, "hour"), (60, "minute")):
        if wait_s >= 2 * seconds:
            return f"{-(-wait_s // seconds)} {name}s"
    return "1 second" if wait_s == 1 else f"{wait_s} seconds"
