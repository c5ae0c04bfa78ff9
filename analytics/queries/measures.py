"""How each measure of core/metrics_query.py is computed from sums or a distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from analytics.grouped import Spread, Sums
from analytics.measures import Fact
from analytics.queries.ask import Owed, known_names
from core.metrics_query import Measure

Value = tuple[float | None, int]
"""A figure and how many runs or calls it rests on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Where a measure comes from: from sums (`names`, `value`) or from a quantile of `spread`."""

    of: Fact
    unit: Literal["runs", "users", "tokens", "usd", "seconds", "share", "tokens/s"]
    names: tuple[str, ...] = ("n",)
    value: Callable[[Sums, int, int], Value] | None = None
    spread: str | None = None
    quantile: float = 0.5


def at(sums: Sums, name: str, group: int, bucket: int) -> int:
    return int(sums.values[name][group, bucket])


def quantile_at(recipe: Recipe, spread: Spread, group: int, bucket: int) -> Value:
    found = spread.percentile(recipe.quantile, group, bucket)
    return None if found.value is None else found.value / 1e6, found.n


def _count(sums: Sums, group: int, bucket: int) -> Value:
    n = at(sums, "n", group, bucket)
    return float(n), n


def _known(of: Owed, scale: float = 1.0) -> Callable[[Sums, int, int], Value]:
    names = [name for name in known_names(of) if not name.endswith(("_known", "_of"))]

    def value(sums: Sums, group: int, bucket: int) -> Value:
        n = at(sums, f"{of}_known", group, bucket)
        total = sum(at(sums, name, group, bucket) for name in names)
        return total / scale if n or total else None, n

    return value


def _ratio(k: str, *n: str) -> Callable[[Sums, int, int], Value]:
    def value(sums: Sums, group: int, bucket: int) -> Value:
        of = sum(at(sums, name, group, bucket) for name in n)
        return at(sums, k, group, bucket) / of if of else None, of

    return value


def _speed(sums: Sums, group: int, bucket: int) -> Value:
    us = at(sums, "decode_us", group, bucket)
    tokens = at(sums, "decode_tokens", group, bucket)
    return tokens / (us / 1e6) if us else None, at(sums, "decode_n", group, bucket)


def _sum_of(unit: Literal["tokens", "usd"], of: Owed, scale: float = 1.0) -> Recipe:
    return Recipe(of="call", unit=unit, names=tuple(known_names(of)), value=_known(of, scale))


def _time(spread: str, q: float) -> Recipe:
    return Recipe(of="run", unit="seconds", spread=spread, quantile=q)


RECIPES: dict[Measure, Recipe] = {
    "runs": Recipe(of="run", unit="runs", value=_count),
    # Different people cannot be added up: answers.py counts the groups.
    "users": Recipe(of="run", unit="users"),
    "tokens": _sum_of("tokens", "tokens"),
    "input_tokens": _sum_of("tokens", "input"),
    "output_tokens": _sum_of("tokens", "output"),
    "cost": _sum_of("usd", "cost", 1e12),
    "ttft_p50": _time("first_token_us", 0.5),
    "ttft_p95": _time("first_token_us", 0.95),
    "latency_p50": _time("duration_us", 0.5),
    "latency_p95": _time("duration_us", 0.95),
    "failure_rate": Recipe(
        of="run", unit="share", names=("failed", "ok"), value=_ratio("failed", "failed", "ok")
    ),
    "fallback_rate": Recipe(
        of="call", unit="share", names=("moved", "final"), value=_ratio("moved", "final")
    ),
    "tokens_per_second": Recipe(
        of="call",
        unit="tokens/s",
        names=("decode_tokens", "decode_us", "decode_n"),
        value=_speed,
    ),
}
