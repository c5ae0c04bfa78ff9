"""Rows of `llm_call` from a run's attempts, and the sums over them that the run carries.

Tokens and money come from the attempts alone; nothing else carries them, so nothing can be counted
twice. An attempt is the row, an operation (retries and fallbacks together) is `logical_call_id`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from analytics.facts import CallFact, RunMeta
from core.events import Attempt, TerminalEvent, UsageReported

Row = dict[str, int | float | str | None]

# Column of both tables -> field of `UsageReported`.
SUMMED_TOKENS = {
    "usage_input_tokens": "input_tokens",
    "usage_output_tokens": "output_tokens",
    "usage_cache_read_input_tokens": "cache_read_tokens",
    "usage_cache_write_input_tokens": "cache_write_tokens",
    "usage_reasoning_output_tokens": "reasoning_tokens",
}
_COSTS = tuple(
    f"cost_{part}pusd"
    for part in ("input_", "cache_read_", "cache_write_", "output_", "reasoning_", "other_", "")
)
_TIMES = (
    "queue_us",
    "first_chunk_us",
    "first_token_us",
    "first_answer_us",
    "last_token_us",
    "chunk_count",
    "gap_p50_us",
    "gap_p95_us",
    "gap_max_us",
    "stall_count",
    "stall_us",
)
FAILED_ATTEMPT = ("error", "broke_midstream")


def answer_attempt(calls: Sequence[CallFact]) -> Attempt | None:
    """The attempt that wrote the answer: the last that did not fail, else the last of all."""
    answers = [c.attempt for c in calls if c.attempt.purpose == "answer"]
    alive = [a for a in answers if a.outcome not in FAILED_ATTEMPT]
    chosen = alive or answers
    return chosen[-1] if chosen else None


def with_previous(calls: Sequence[CallFact]) -> Iterator[tuple[CallFact, Attempt | None]]:
    """Each attempt with the one before it in the same operation."""
    last: dict[str, Attempt] = {}
    for call in calls:
        yield call, last.get(call.attempt.logical_call_id)
        last[call.attempt.logical_call_id] = call.attempt


def totals(calls: Sequence[CallFact]) -> Row:
    """Sums over the leaves. No attempt at all is a known 0; none known among some is NULL."""
    due = [c for c in calls if _owes_usage(c)]
    sums: Row = {
        column: _sum(getattr(c.usage, name) if c.usage else None for c in due)
        for column, name in SUMMED_TOKENS.items()
    }
    sums["usage_complete"] = int(all(c.usage and c.usage.source == "provider" for c in due))
    sums["cost_pusd"] = _sum(c.usage.cost_pusd if c.usage else None for c in due)
    sums["cost_complete"] = int(all(c.usage and c.usage.cost_pusd is not None for c in due))
    return sums


def call_rows(meta: RunMeta, calls: Sequence[CallFact], end: TerminalEvent) -> Iterator[Row]:
    """One row per attempt, in the order they were made."""
    final = {c.attempt.logical_call_id: c.attempt.call_id for c in calls}
    first = {c.attempt.logical_call_id: c.attempt for c in reversed(calls)}
    for call in calls:
        attempt, asked = call.attempt, first[call.attempt.logical_call_id]
        moved = asked.model != attempt.model
        yield {
            **_identity(meta, call),
            "is_final": int(final[attempt.logical_call_id] == attempt.call_id),
            "fallback_from_model": asked.model if moved else None,
            "fallback_from_provider": asked.provider if moved else None,
            "fallback_reason": asked.error_type if moved else None,
            **_result(call, end),
            "usage_due": int(_owes_usage(call)),
            **_usage(call.usage),
        }


def _owes_usage(call: CallFact) -> bool:
    """Whether a provider owes numbers for this attempt.

    A request that failed before the first chunk used nothing that could be reported; counting it as
    unknown would mark every run with a retry as incomplete.
    """
    attempt = call.attempt
    silent = attempt.first_chunk_us is None and attempt.first_token_us is None
    return call.usage is not None or not (attempt.outcome == "error" and silent)


def _sum(values: Iterable[int | None]) -> int | None:
    given = list(values)
    known = [value for value in given if value is not None]
    return sum(known) if known or not given else None


def _identity(meta: RunMeta, call: CallFact) -> Row:
    attempt = call.attempt
    return {
        "run_id": meta.run_id,
        "call_id": attempt.call_id,
        "step_id": call.step_id,
        "agent_name": attempt.agent,
        "purpose": attempt.purpose,
        "logical_call_id": attempt.logical_call_id,
        "attempt": attempt.attempt,
        "operation_name": "chat",
        "provider_name": attempt.provider,
        "request_model": attempt.model,
        "response_model": attempt.response_model,
        "response_id": attempt.response_id,
        "started_at_us": meta.started_at_us + call.start_us,
    }


def _result(call: CallFact, end: TerminalEvent) -> Row:
    attempt, finish = call.attempt, call.attempt.finish_reason
    row: Row = {name: getattr(attempt, name) for name in _TIMES}
    row["duration_us"] = attempt.duration_us
    if attempt.duration_us is None and attempt.outcome != "ok":
        # Nobody timed a call that was torn down: it lasted from its first to its last event.
        start, stop = call.span(end.elapsed_us)
        row["duration_us"] = stop - start
    status, error_type = attempt.outcome, attempt.error_type
    if status == "broke_midstream":
        status, error_type = "error", error_type or "broke_midstream"
    elif status == "started":
        # The run ended first. A stop explains it; anything else is an end that was never reported.
        status = "cancelled" if end.type == "cancelled" else "error"
        error_type = None if status == "cancelled" else "no_end"
    return row | {
        "status": status,
        "error_type": error_type,
        "http_status": attempt.http_status,
        "response_finish_reasons": json.dumps([finish]) if finish else None,
    }


def _usage(usage: UsageReported | None) -> Row:
    row: Row = {
        column: getattr(usage, name) if usage else None for column, name in SUMMED_TOKENS.items()
    }
    row |= {name: getattr(usage, name) if usage else None for name in _COSTS}
    return row | {
        "usage_cache_write_5m_tokens": usage.cache_write_5m_tokens if usage else None,
        "usage_cache_write_1h_tokens": usage.cache_write_1h_tokens if usage else None,
        "usage_source": usage.source if usage else "none",
        "usage_problems": json.dumps(usage.problems) if usage and usage.problems else None,
        "usage_raw": usage.raw if usage else None,
        "region": usage.region if usage else None,
        "service_tier": usage.service_tier if usage else None,
        "price_id": usage.price_id if usage else None,
        "cost_quality": usage.cost_quality if usage else None,
        "cost_why": usage.cost_why if usage else None,
    }
