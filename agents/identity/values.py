"""What is known of accounts, sessions, keys and deeds, without anything that lets somebody in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.identity import Role, Scope, Via

Clock = Callable[[], int]
"""UTC microseconds."""

COARSE_US = 300_000_000
"""When something was last used is written at most this often, not with every request."""


def now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    owner: str
    name: str
    role: Role
    """As it counts now, whoever gave it."""
    login: str | None
    """None: logs in elsewhere."""
    issuer: str | None
    created_at_us: int
    seen_at_us: int | None
    disabled_at_us: int | None
    valid_after_us: int

    @property
    def disabled(self) -> bool:
        return self.disabled_at_us is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    id: str
    owner: str
    via: Via
    created_at_us: int
    expires_at_us: int
    seen_at_us: int
    """To within five minutes."""


KeyState = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    id: str
    owner: str
    name: str
    hint: str
    """Like `sb-1a2b…9z8y`."""
    scopes: frozenset[Scope]
    created_at_us: int
    expires_at_us: int | None
    used_at_us: int | None
    """To within five minutes; None: never."""
    revoked_at_us: int | None

    def state(self, at_us: int) -> KeyState:
        if self.revoked_at_us is not None:
            return "revoked"
        ended = self.expires_at_us is not None and self.expires_at_us <= at_us
        return "expired" if ended else "active"
