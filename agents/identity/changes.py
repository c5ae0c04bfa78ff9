"""What was found out about a credential a moment ago, until something in this process changes it.

Streams and pages ask once a second whether their person may go on; that must not be a query each.
A change by another process (the command line) is seen after `FRESH_S`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from agents.identity.credentials import digest
from core.identity import Principal

FRESH_S = 3.0
MOST = 10_000


class Changes:
    """Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Principal, tuple[float, Principal]] = {}
        self._generation = 0
        self._removed: dict[str, int] = {}

    def made(self) -> None:
        """Somebody's credentials or rights are other than before. Call it after the commit."""
        with self._lock:
            self._generation += 1
            self._known.clear()

    def removed(self, owner: str, at_us: int) -> None:
        """An account is gone. Kept until a restart, and by a hash: the name is to be nowhere."""
        with self._lock:
            self._removed[digest(owner)] = at_us
        self.made()

    def is_from_before_removal(self, owner: str, issued_at_us: int) -> bool:
        """Whether what was issued then was for an account that is gone: it makes no new one."""
        with self._lock:
            return issued_at_us <= self._removed.get(digest(owner), -1)

    def fresh(self, asked: Principal, look: Callable[[Principal], Principal]) -> Principal:
        """What `look` says of it, or said a moment ago. What it raises is not kept."""
        with self._lock:
            known, generation = self._known.get(asked), self._generation
        if known is not None and self._clock() - known[0] < FRESH_S:
            return known[1]
        at, found = self._clock(), look(asked)
        with self._lock:
            if generation == self._generation:  # else what was read may be from before the change
                if len(self._known) >= MOST:
                    self._known.clear()
                self._known[asked] = (at, found)
        return found
