"""How often somebody may try a password: by login name, and all people together.

Not by address: behind a proxy or in a container everybody has the same one, and it can be forged.
Every attempt counts before its password is looked at, so that many at once are not more than many
one after the other. Kept in memory: a restart forgives.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from agents.identity.credentials import digest
from core.errors import RateLimited

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import MovingWindowRateLimiter

PER_LOGIN = "8 per 5 minute"
OF_ALL = "120 per minute"


class LoginLimit:
    """Safe from any thread."""

    def __init__(self, per_login: str = PER_LOGIN, of_all: str = OF_ALL) -> None:
        self._texts = (per_login, of_all)
        self._made: tuple[MovingWindowRateLimiter, RateLimitItem, RateLimitItem] | None = None
        # The library's memory can lose a key's lock while another thread waits for it.
        self._lock = threading.Lock()

    def attempt(self, login: str) -> None:
        """Counts one. Raises RateLimited, which says when to come back."""
        place = _place(login)
        with self._lock:
            limiter, per_login, of_all = self._ready()
            for item, key in ((of_all, "everybody"), (per_login, place)):
                if not limiter.test(item, key):
                    reset = limiter.get_window_stats(item, key).reset_time
                    raise _refused(max(1.0, reset - time.time()))
            limiter.hit(of_all, "everybody")
            limiter.hit(per_login, place)

    def succeeded(self, login: str) -> None:
        """The right password: earlier mistakes are forgotten."""
        with self._lock:
            limiter, per_login, _ = self._ready()
            limiter.clear(per_login, _place(login))

    def _ready(self) -> tuple[MovingWindowRateLimiter, RateLimitItem, RateLimitItem]:
        if self._made is None:
            from limits import parse
            from limits.storage import MemoryStorage
            from limits.strategies import MovingWindowRateLimiter

            per_login, of_all = (parse(text) for text in self._texts)
            self._made = (MovingWindowRateLimiter(MemoryStorage()), per_login, of_all)
        return self._made


def _place(login: str) -> str:
    """One of 65,536: names that are only tried must not fill the memory, and the library forgets none."""
    return digest(login)[:4]


def _refused(retry_after_s: float) -> RateLimited:
    return RateLimited(
        "Too many attempts to log in.",
        retry_after_s=retry_after_s,
        what_to_do=f"Wait {_in_words(retry_after_s)}, then try again.",
    )


def _in_words(seconds: float) -> str:
    """Never less than it is: who comes back too early is refused again."""
    if seconds < 90:
        return "1 second" if seconds <= 1 else f"{math.ceil(seconds)} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
