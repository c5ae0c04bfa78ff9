"""Cooldown per model: a provider that is down is asked by one probe now and then, not by everybody.

closed → open after `FAILURES` failures in `WINDOW_S`, at once after silence (it costs everybody the
whole deadline) or a Retry-After; open → half-open when the cooldown is over: one call may try;
half-open → closed when it gets a token, open again for twice as long when it fails. Refused
credentials block a model until `reset`: no waiting will help. Any thread may call.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from core.errors import ModelAuthFailed, ModelFailure, ModelRateLimited

FAILURES = 3
WINDOW_S = 60.0
COOLDOWN_S = 15.0
MAX_COOLDOWN_S = 300.0
BLOCKED_S = 300.0
JITTER = 0.2
SHORT_WAIT_S = 5.0
"""A Retry-After up to this is waited for; a longer one keeps everybody away until then."""

Phase = Literal["closed", "open", "half_open", "blocked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerState:
    """One model, for people."""

    model: str
    phase: Phase
    cooldown_s: float
    """Until the next try; 0 when calls go through or nothing but a reset helps."""
    recent_failures: int
    last_error: str | None


@dataclass(slots=True)
class _Entry:
    failures: deque[float] = field(default_factory=deque)
    open_until: float | None = None
    """None = closed."""
    asked_to_wait: bool = False
    """The provider named the time itself; trying earlier is pointless."""
    blocked: ModelFailure | None = None
    blocked_until: float = 0.0
    """A refused key is tried again now and then: it may have been an expired session."""
    trips: int = 0
    """How often it opened in a row; each time doubles the cooldown."""
    probing: bool = False
    last: ModelFailure | None = None


class Breaker:
    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`jitter` gives numbers in [0, 1)."""
        self._clock = clock
        self._jitter = jitter
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def admit(self, model: str) -> bool:
        """Whether a call may be made now. A yes to a half-open model is its one probe, which
        `answered`, `failed` or `released` gives back."""
        with self._lock:
            entry = self._entries.get(model)
            if entry is None or (entry.open_until is None and entry.blocked is None):
                return True
            if entry.probing or self._clock() < entry.blocked_until:
                return False
            if entry.open_until is not None and self._clock() < entry.open_until:
                return False
            entry.probing = True
            return True

    def answered(self, model: str) -> None:
        """A call got a token. What failed before only counts against a model in its window."""
        with self._lock:
            entry = self._entries.get(model)
            if entry is not None and (entry.open_until is not None or entry.blocked is not None):
                self._entries[model] = _Entry(last=entry.last)

    def failed(self, model: str, failure: ModelFailure, *, silent: bool = False) -> None:
        """`silent`: nothing came within the deadline. Refused requests are not failures here."""
        with self._lock:
            entry = self._entries.setdefault(model, _Entry())
            now = self._clock()
            entry.last = failure
            was_probe, entry.probing = entry.probing, False
            wait = failure.retry_after_s
            if isinstance(failure, ModelAuthFailed):
                entry.blocked, entry.blocked_until = failure, now + BLOCKED_S
            elif wait is not None and wait > SHORT_WAIT_S:
                entry.open_until, entry.asked_to_wait = now + wait, True
            elif isinstance(failure, ModelRateLimited) and not was_probe:
                pass  # it works, it is only busy: waited for or passed over, never shut out
            else:
                entry.failures.append(now)
                if was_probe or silent or self._recent(entry, now) >= FAILURES:
                    self._open(entry, now)

    def released(self, model: str) -> None:
        """A call ended without saying anything about the model's health: stopped, or refused."""
        with self._lock:
            if (entry := self._entries.get(model)) is not None:
                entry.probing = False

    def reset(self, model: str | None = None) -> None:
        """Forgets what happened to one model, or to all: the configuration changed."""
        with self._lock:
            if model is None:
                self._entries.clear()
            else:
                self._entries.pop(model, None)

    def why_not(self, model: str) -> ModelFailure | None:
        """The failure that keeps a model away, if any."""
        with self._lock:
            entry = self._entries.get(model)
            return entry.last if entry is not None else None

    def may_be_forced(self, model: str) -> bool:
        """Whether a call is worth a try in spite of the cooldown, for want of any other model."""
        with self._lock:
            entry = self._entries.get(model)
            return entry is None or (entry.blocked is None and not entry.asked_to_wait)

    def state(self) -> dict[str, BreakerState]:
        """Every model that ever failed."""
        with self._lock:
            now = self._clock()
            return {model: self._state(model, entry, now) for model, entry in self._entries.items()}

    def _state(self, model: str, entry: _Entry, now: float) -> BreakerState:
        phase: Phase = "closed"
        left = 0.0
        if entry.blocked is not None:
            phase = "blocked"
        elif entry.open_until is not None:
            left = max(0.0, entry.open_until - now)
            phase = "open" if left > 0 else "half_open"
        return BreakerState(
            model=model,
            phase=phase,
            cooldown_s=left,
            recent_failures=self._recent(entry, now),
            last_error=entry.last.message if entry.last is not None else None,
        )

    def _recent(self, entry: _Entry, now: float) -> int:
        while entry.failures and entry.failures[0] <= now - WINDOW_S:
            entry.failures.popleft()
        return len(entry.failures)

    def _open(self, entry: _Entry, now: float) -> None:
        cooldown = min(COOLDOWN_S * 2**entry.trips, MAX_COOLDOWN_S)
        spread = 1 - JITTER + 2 * JITTER * self._jitter()
        entry.open_until, entry.asked_to_wait = now + cooldown * spread, False
        entry.trips += 1
