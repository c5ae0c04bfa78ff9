"""How each measure of core/metrics_query.py is computed from the rows of a group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from analytics.metrics import FAILED, OK, decode_speed, known_sum, percentile
from analytics.queries.reading import Columns
from analytics.schema import llm_call, run
from core.metrics_query import Measure

Value = tuple[float | None, int]
"""A figure and how many runs or calls it rests on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a measure is computed from the rows of a group."""

    of: Literal["runs", "calls"]
    unit: Literal["runs", "users", "tokens", "usd", "seconds", "share", "tokens/s"]
    value: Callable[[Columns], Value]
    quantile: float | None = None


def _percentile(column: str, q: float) -> Callable[[Columns], Value]:
    def value(rows: Columns) -> Value:
        found = percentile(rows.take(rows.texts["status"].is_in(OK))[column], q)
        return None if found.value is None else found.value / 1e6, found.n

    return value


def _tokens(*columns: str) -> Callable[[Columns], Value]:
    def value(rows: Columns) -> Value:
        parts = [known_sum(rows[column]) for column in columns]
        given = [part.value for part in parts if part.value is not None]
        return float(sum(given)) if given else None, min(part.known for part in parts)

    return value


def _users(rows: Columns) -> Value:
    names = rows.texts["user_id"]
    return float(sum(name is not None for name, _ in names.groups())), rows.n


def _cost(rows: Columns) -> Value:
    cost = known_sum(rows["cost_pusd"])
    return None if cost.value is None else cost.value / 1e12, cost.known


def _failure_rate(rows: Columns) -> Value:
    status = rows.texts["status"]
    failed, ok = int(status.is_in(*FAILED).sum()), int(status.is_in(OK).sum())
    return failed / (failed + ok) if failed + ok else None, failed + ok


def _fallback_rate(rows: Columns) -> Value:
    """Operations that ended on another model / operations; the last attempt stands for each.

    Split or filtered by model: the model the operation asked first."""
    final = rows.take(rows["is_final"] == 1)
    moved = sum(int(m.sum()) for n, m in final.texts["fallback_from_model"].groups() if n)
    return moved / final.n if final.n else None, final.n


def _speed(rows: Columns) -> Value:
    speed = decode_speed(rows["usage_output_tokens"], rows["first_token_us"], rows["last_token_us"])
    return speed.per_second, speed.n


RECIPES: dict[Measure, Recipe] = {
    "runs": Recipe("runs", "runs", lambda rows: (float(rows.n), rows.n)),
    "users": Recipe("runs", "users", _users),
    "tokens": Recipe("calls", "tokens", _tokens("usage_input_tokens", "usage_output_tokens")),
    "input_tokens": Recipe("calls", "tokens", _tokens("usage_input_tokens")),
    "output_tokens": Recipe("calls", "tokens", _tokens("usage_output_tokens")),
    "cost": Recipe("calls", "usd", _cost),
    "ttft_p50": Recipe("runs", "seconds", _percentile("first_token_us", 0.5), 0.5),
    "ttft_p95": Recipe("runs", "seconds", _percentile("first_token_us", 0.95), 0.95),
    "latency_p50": Recipe("runs", "seconds", _percentile("duration_us", 0.5), 0.5),
    "latency_p95": Recipe("runs", "seconds", _percentile("duration_us", 0.95), 0.95),
    "failure_rate": Recipe("runs", "share", _failure_rate),
    "fallback_rate": Recipe("calls", "share", _fallback_rate),
    "tokens_per_second": Recipe("calls", "tokens/s", _speed),
}
RUN_INTS = (run.c.started_at_us, run.c.first_token_us, run.c.duration_us)
CALL_INTS = (
    llm_call.c.started_at_us,
    llm_call.c.usage_input_tokens,
    llm_call.c.usage_output_tokens,
    llm_call.c.cost_pusd,
    llm_call.c.first_token_us,
    llm_call.c.last_token_us,
    llm_call.c.is_final,
    llm_call.c.usage_due,
)
RUN_TEXTS = (run.c.status, run.c.user_id)
CALL_TEXTS = (llm_call.c.status, llm_call.c.fallback_from_model)
