"""What the scripted provider reported, to check our totals against."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.provider.reply import Usage


@dataclass
class Sum:
    """`input` includes cached tokens in either protocol. `calls` counts reported usages only."""

    calls: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass
class Ledger:
    by_model: dict[str, Sum] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __getitem__(self, model: str) -> Sum:
        return self.by_model.get(model, Sum())

    def add(self, model: str, reported: Usage | Mapping[str, Any] | None) -> None:
        """Called when a usage was sent. Raw mappings count only as far as they are integers."""
        if reported is None:
            return
        usage = reported if isinstance(reported, Usage) else _read(reported)
        with self._lock:
            entry = self.by_model.setdefault(model, Sum())
            entry.calls += 1
            entry.input += usage.input
            entry.output += usage.output
            entry.cache_read += usage.cache_read
            entry.cache_write += usage.cache_write
            entry.reasoning += usage.reasoning


def _read(raw: Mapping[str, Any]) -> Usage:
    if "inputTokens" in raw or "outputTokens" in raw:
        read, write = _int(raw, "cacheReadInputTokens"), _int(raw, "cacheWriteInputTokens")
        plain = _int(raw, "inputTokens")
        return Usage(
            input=plain + read + write,
            output=_int(raw, "outputTokens"),
            cache_read=read,
            cache_write=write,
        )
    given = raw.get("prompt_tokens_details") or {}
    produced = raw.get("completion_tokens_details") or {}
    return Usage(
        input=_int(raw, "prompt_tokens"),
        output=_int(raw, "completion_tokens"),
        cache_read=_int(given, "cached_tokens"),
        cache_write=_int(given, "cache_write_tokens"),
        reasoning=_int(produced, "reasoning_tokens"),
    )


def _int(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) else 0
