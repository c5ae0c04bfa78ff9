"""The typed question about Switchboard's own traffic: what the data agent's tool and the dashboard ask.

A value, not SQL: `analytics` turns it into a query, nobody else can.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

Measure = Literal[
    "runs",
    "users",
    "tokens",
    "input_tokens",
    "output_tokens",
    "cost",
    "ttft_p50",
    "ttft_p95",
    "latency_p50",
    "latency_p95",
    "failure_rate",
    "fallback_rate",
    "tokens_per_second",
]
Split = Literal["none", "model", "agent", "provider", "status", "entry_point", "hour", "day"]
RangeName = Literal["15m", "1h", "6h", "24h", "7d", "30d", "90d", "all"]
FilterName = Literal["model", "provider", "agent", "status", "entry_point", "version"]

MEASURES: tuple[Measure, ...] = get_args(Measure)
SPLITS: tuple[Split, ...] = get_args(Split)
RANGES: tuple[RangeName, ...] = get_args(RangeName)
FILTERS: tuple[FilterName, ...] = get_args(FilterName)


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsQuestion:
    measure: Measure = "runs"
    split: Split = "none"
    range: RangeName = "24h"
    filters: dict[FilterName, str] = field(default_factory=dict)
    limit: int = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsRow:
    label: str
    value: float | None
    """None = unknown (no price, no first token), never 0."""
    n: int
    """How many runs or calls the value rests on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsAnswer:
    question: MetricsQuestion
    unit: Literal["runs", "users", "tokens", "usd", "seconds", "share", "tokens/s"]
    rows: tuple[MetricsRow, ...]
    total: MetricsRow
    since: str
    until: str
    """ISO 8601 with offset, in the reporting zone."""
    note: str = ""
    """Such as "2 of 14 calls have no known price"."""
