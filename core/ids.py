"""Identifiers: 32 hex characters, ordered by creation time, unguessable in their second half."""

from __future__ import annotations

import re
import secrets
import time

ID_PATTERN = re.compile(r"^[0-9a-f]{32}$")


def new_id() -> str:
    """48 bits of UTC milliseconds, then 80 random bits; also a valid W3C trace id."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def is_id(value: object) -> bool:
    """True for the exact form `new_id` makes. Everything from a URL goes through this first."""
    return isinstance(value, str) and ID_PATTERN.match(value) is not None
