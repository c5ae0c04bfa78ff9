"""What the three kinds of facts are made of: their columns, their dimensions, and what is summed.

A row is turned into whole numbers once; every figure is then a sum of them by some dimensions, or a
distribution of one of them. Sums of sums are sums, so hours and days can be added up beforehand.
In words: `DEFINITIONS` in analytics/metrics.py. -1 stands for NULL (`NONE`): no column of ours is negative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, case, func

from analytics.metrics import FAILED, NONE, Ints, Mask
from analytics.ratings import VERDICT
from analytics.schema import llm_call, run, step

Fact = Literal["run", "call", "step"]

IsIn = Callable[..., Mask]
"""`is_in("status", "ok")`: the rows whose label of that name is one of the values."""
Made = dict[str, Callable[[], Ints]]
"""Measures of rows, made when they are asked for: a question needs a few of sixty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FactSpec:
    """One kind of fact."""

    ints: Mapping[str, ColumnElement[Any]]
    """Whole numbers of a row, by the names used everywhere; also started_at_us."""
    labels: Mapping[str, ColumnElement[Any]]
    """Dimensions: what a row can be filtered and grouped by."""
    make: Callable[[Mapping[str, Ints], IsIn], Made]
    """The measures of rows: what is summed."""
    spreads: Mapping[str, Callable[[Mapping[str, Ints], IsIn], Ints]]
    """Values whose distribution is asked for; -1 where a row does not count."""


def _given(values: Ints) -> Ints:
    """NULL adds nothing."""
    return np.where(values == NONE, 0, values)


def _of(row: Mapping[str, Ints], name: str) -> Ints:
    return _given(row[name])


def _where(mask: Mask, row: Mapping[str, Ints], name: str) -> Ints:
    return np.where(mask, _given(row[name]), 0)


def _flag(mask: Mask) -> Ints:
    return mask.astype(np.int64)


_SHARES = ("supervisor_us", "retrieval_us", "tool_us", "model_us", "other_us")
_RUN_COUNTS = (
    "llm_calls",
    "llm_attempts",
    "tool_calls",
    "tool_errors",
    "retrievals",
    "fallbacks",
    "retries",
    "failed_attempts",
    "failed_attempt_us",
    "queue_us",
    "stop_us",
    "tokens_after_stop",
    "cost_pusd",
)
_TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")


def _run_measures(row: Mapping[str, Ints], is_in: IsIn) -> Made:
    ok = is_in("status", "ok")
    troubled = row["failed_attempts"] > 0
    return {
        "n": lambda: np.ones(len(ok), dtype=np.int64),
        "ok": lambda: _flag(ok),
        "failed": lambda: _flag(is_in("status", *FAILED)),
        "cancelled": lambda: _flag(is_in("status", "cancelled")),
        "interrupted": lambda: _flag(is_in("status", "interrupted")),
        "running": lambda: _flag(is_in("status", "running")),
        "lost": lambda: _flag(is_in("status", "lost")),
        # Shares are of successful runs, so that they add up to `duration_us`.
        "duration_us": lambda: np.where(ok, _given(row["duration_us"]), 0),
        **{name: partial(_where, ok, row, name) for name in _SHARES},
        **{name: partial(_of, row, name) for name in _RUN_COUNTS},
        **{f"{name}_tokens": partial(_of, row, f"{name}_tokens") for name in _TOKENS},
        "usage_complete": lambda: _flag(row["usage_complete"] == 1),
        "cost_complete": lambda: _flag(row["cost_complete"] == 1),
        "queued": lambda: _flag(row["queue_us"] > 0),
        "troubled": lambda: _flag(troubled),
        "rescued": lambda: _flag(troubled & ok),
        "fallback_runs": lambda: _flag(row["fallbacks"] > 0),
        "slo_of": lambda: _flag(row["slo_met"] != NONE),
        "slo_met": lambda: _flag(row["slo_met"] == 1),
        "stopped": lambda: _flag(row["stop_us"] != NONE),
        "rated": lambda: _flag(row["verdict"] != NONE),
        "thumbs_up": lambda: _flag(row["verdict"] == 1),
        "writing_us": lambda: np.where(ok, _writing(row), 0),
    }


def _writing(row: Mapping[str, Ints]) -> Ints:
    """The part of model_us after the first token was shown; 0 when none was.

    Model time before it is waiting: for the first token, and for calls that only chose tools.
    """
    shown = row["first_token_us"] != NONE
    after = np.maximum(row["duration_us"] - row["first_token_us"], 0)
    return np.where(shown, np.minimum(_given(row["model_us"]), after), 0)


def _call_measures(row: Mapping[str, Ints], is_in: IsIn) -> Made:
    ok = is_in("call_status", "ok")
    due = row["usage_due"] == 1
    no_input, no_output = row["input_tokens"] == NONE, row["output_tokens"] == NONE
    no_cost = row["cost_pusd"] == NONE
    used = (row["input_tokens"] > 0) | (row["output_tokens"] > 0)
    first, last = row["first_token_us"], row["last_token_us"]
    shown = _shown_tokens(row)
    decodes = (shown >= 2) & (first != NONE) & (last > first)
    streamed = ok & (first != NONE)
    stalled = row["stall_count"] > 0
    fresh = _given(row["input_tokens"]) - _given(row["cache_read_tokens"])
    prefills = streamed & ~no_input
    return {
        "n": lambda: np.ones(len(ok), dtype=np.int64),
        "ok": lambda: _flag(ok),
        "error": lambda: _flag(is_in("call_status", "error")),
        "cancelled": lambda: _flag(is_in("call_status", "cancelled")),
        "due": lambda: _flag(due),
        **{f"{name}_tokens": partial(_of, row, f"{name}_tokens") for name in _TOKENS},
        # `x_of`: calls that owe x; `x_known`: those of which it is known.
        "input_of": lambda: _flag(due | ~no_input),
        "input_known": lambda: _flag(~no_input),
        "output_of": lambda: _flag(due | ~no_output),
        "output_known": lambda: _flag(~no_output),
        "tokens_of": lambda: _flag(due | ~(no_input | no_output)),
        "tokens_known": lambda: _flag(~(no_input | no_output)),
        "cost_of": lambda: _flag(due | ~no_cost),
        "cost_known": lambda: _flag(~no_cost),
        **{name: partial(_of, row, name) for name in _COSTS},
        "saved_by_cache_pusd": lambda: _saved_by_cache(row, fresh),
        "extra_for_writes_pusd": lambda: _extra_for_writes(row, fresh),
        **_priced(row),
        "decode_tokens": lambda: np.where(decodes, shown - 1, 0),
        "decode_us": lambda: np.where(decodes, last - first, 0),
        "decode_n": lambda: _flag(decodes),
        "prefill_tokens": lambda: np.where(prefills, fresh, 0),
        "prefill_us": lambda: np.where(prefills, first, 0),
        "streamed": lambda: _flag(streamed),
        "stalled": lambda: _flag(streamed & stalled),
        # Of imported calls nobody knows whether they stalled.
        "stall_of": lambda: _flag(streamed & (row["stall_count"] != NONE)),
        "stall_us": lambda: np.where(streamed, _given(row["stall_us"]), 0),
        "stream_us": lambda: np.where(streamed & (last > first), last - first, 0),
        "reported": lambda: _flag(due & (row["reported"] == 1)),
        "contradictory": lambda: _flag(row["contradictory"] == 1),
        "free_but_used": lambda: _flag(
            used & ~is_in("provider", "local") & (row["cost_pusd"] == 0)
        ),
        "retried": lambda: _flag(row["attempt"] > 1),
        "final": lambda: _flag(row["is_final"] == 1),
        "moved": lambda: _flag((row["is_final"] == 1) & (row["moved"] == 1)),
        # Of operations, by how they ended; only an operation that had trouble has a second attempt.
        "gone_on": lambda: _flag(is_in("call_status", "error") & (row["is_final"] == 0)),
        "rescued": lambda: _flag(ok & (row["is_final"] == 1) & (row["attempt"] > 1)),
        "rescued_elsewhere": lambda: _flag(
            ok & (row["is_final"] == 1) & (row["attempt"] > 1) & (row["moved"] == 1)
        ),
        "defeated": lambda: _flag(is_in("call_status", "error") & (row["is_final"] == 1)),
        "left": lambda: _flag(
            is_in("call_status", "cancelled") & (row["is_final"] == 1) & (row["attempt"] > 1)
        ),
        "queue_us": lambda: _given(row["queue_us"]),
    }


def _shown_tokens(row: Mapping[str, Ints]) -> Ints:
    """Output tokens that came from the first token on; -1 or less when that is unknown.

    Reasoning that a provider counts but does not stream was made before the first token, which is
    then also the first of the answer.
    """
    hidden = (row["reasoning_tokens"] > 0) & (row["first_token_us"] == row["first_answer_us"])
    return row["output_tokens"] - np.where(hidden, row["reasoning_tokens"], 0)


_COSTS = (
    "cost_input_pusd",
    "cost_cache_read_pusd",
    "cost_cache_write_pusd",
    "cost_output_pusd",
    "cost_reasoning_pusd",
    "cost_other_pusd",
    "cost_pusd",
)


def _saved_by_cache(row: Mapping[str, Ints], fresh: Ints) -> Ints:
    """What cached input saved: Σ CR·(p_in − p_cr) − Σ CW·(p_cw − p_in); writes can make it negative.

    p_in is what this call paid per input token that was neither read from nor written to the cache;
    a call without such tokens counts 0.
    """
    read, written = _given(row["cache_read_tokens"]), _given(row["cache_write_tokens"])
    known, price = _input_price(row, fresh)
    paid = _given(row["cost_cache_read_pusd"]) + _given(row["cost_cache_write_pusd"])
    return np.where(known, price * (read + written) - paid, 0)


def _extra_for_writes(row: Mapping[str, Ints], fresh: Ints) -> Ints:
    """Σ CW·(p_cw − p_in): what writing to the cache cost more than sending the same tokens."""
    known, price = _input_price(row, fresh)
    paid = _given(row["cost_cache_write_pusd"])
    return np.where(known, paid - price * _given(row["cache_write_tokens"]), 0)


def _input_price(row: Mapping[str, Ints], fresh: Ints) -> tuple[Mask, Ints]:
    """Whether p_in of a call is known, and p_in; 0 where it is not."""
    plain = fresh - _given(row["cache_write_tokens"])
    known = (row["cost_input_pusd"] != NONE) & (plain > 0)
    return known, np.where(known, _given(row["cost_input_pusd"]) // np.maximum(plain, 1), 0)


def _priced(row: Mapping[str, Ints]) -> Made:
    """Tokens of the calls whose cost and tokens are all known: what can be priced otherwise."""
    known = row["cost_pusd"] != NONE
    known &= (row["input_tokens"] != NONE) & (row["output_tokens"] != NONE)
    names = (*_TOKENS, "cache_write_1h")
    return {
        "priced": lambda: _flag(known),
        "priced_pusd": lambda: np.where(
            known, row["cost_pusd"] - _given(row["cost_other_pusd"]), 0
        ),
        **{
            f"priced_{name}_tokens": partial(_where, known, row, f"{name}_tokens") for name in names
        },
    }


def _step_measures(row: Mapping[str, Ints], is_in: IsIn) -> Made:
    retrieval = is_in("operation", "retrieval")
    return {
        "n": lambda: np.ones(len(retrieval), dtype=np.int64),
        "ok": lambda: _flag(is_in("step_status", "ok")),
        "error": lambda: _flag(is_in("step_status", "error")),
        "cancelled": lambda: _flag(is_in("step_status", "cancelled")),
        "duration_us": lambda: _given(row["duration_us"]),
        "hits": lambda: _given(row["hits"]),
        "empty": lambda: _flag(retrieval & (row["hits"] == 0)),
    }


def _of_ok(column: str, status: str) -> Callable[[Mapping[str, Ints], IsIn], Ints]:
    return lambda row, is_in: np.where(is_in(status, "ok"), row[column], NONE)


def _tpot(row: Mapping[str, Ints], is_in: IsIn) -> Ints:
    """(t_N - t_1) / (N - 1) of successful calls, N >= 2; microseconds per token."""
    made, took = _shown_tokens(row), row["last_token_us"] - row["first_token_us"]
    counts = is_in("call_status", "ok") & (made >= 2) & (row["first_token_us"] != NONE) & (took > 0)
    return np.where(counts, took // np.maximum(made - 1, 1), NONE)


_OF_RUN: dict[str, ColumnElement[Any]] = {
    "agent": run.c.agent_name,
    "status": run.c.status,
    "entry_point": run.c.entry_point,
    "version": run.c.app_version,
    "user": run.c.user_id,
}
_TOKEN_COLUMNS = {
    "input_tokens": "usage_input_tokens",
    "output_tokens": "usage_output_tokens",
    "cache_read_tokens": "usage_cache_read_input_tokens",
    "cache_write_tokens": "usage_cache_write_input_tokens",
    "reasoning_tokens": "usage_reasoning_output_tokens",
}


def _same(table: Any, *names: str) -> dict[str, ColumnElement[Any]]:
    return {name: table.c[name] for name in names}


RUN = FactSpec(
    ints={
        **_same(run, "started_at_us", "duration_us", "first_event_us", "first_token_us"),
        **_same(run, *_SHARES, *_RUN_COUNTS),
        **{name: run.c[column] for name, column in _TOKEN_COLUMNS.items()},
        **_same(run, "usage_complete", "cost_complete", "slo_met"),
        "verdict": VERDICT,
    },
    labels={
        **_OF_RUN,
        "model": run.c.answer_model,
        "provider": run.c.answer_provider,
        "route": run.c.route_first,
        "error_type": run.c.error_type,
    },
    make=_run_measures,
    spreads={
        **{
            name: _of_ok(name, "status")
            for name in ("first_token_us", "duration_us", "first_event_us", "queue_us")
        },
        "failed_attempt_us": lambda row, _: np.where(
            row["failed_attempts"] > 0, row["failed_attempt_us"], NONE
        ),
        "stop_us": lambda row, _: row["stop_us"],
    },
)
CALL = FactSpec(
    ints={
        **_same(llm_call, "started_at_us", "queue_us", "first_token_us", "last_token_us"),
        **_same(llm_call, "first_answer_us", "duration_us", "attempt", "is_final", "usage_due"),
        **{name: llm_call.c[column] for name, column in _TOKEN_COLUMNS.items()},
        "cache_write_1h_tokens": llm_call.c.usage_cache_write_1h_tokens,
        **_same(llm_call, *_COSTS, "stall_count", "stall_us"),
        "reported": case((llm_call.c.usage_source == "provider", 1), else_=0),
        "contradictory": case((llm_call.c.usage_problems.is_not(None), 1), else_=0),
        "moved": case((llm_call.c.fallback_from_model.is_not(None), 1), else_=0),
    },
    labels={
        **_OF_RUN,
        "model": llm_call.c.request_model,
        "provider": llm_call.c.provider_name,
        "call_status": llm_call.c.status,
        "purpose": llm_call.c.purpose,
        "error_type": llm_call.c.error_type,
        # A fallback is counted against the model that was asked first, not the one that stepped in.
        "asked_model": func.coalesce(llm_call.c.fallback_from_model, llm_call.c.request_model),
        "asked_provider": func.coalesce(
            llm_call.c.fallback_from_provider, llm_call.c.provider_name
        ),
    },
    make=_call_measures,
    spreads={
        "first_token_us": _of_ok("first_token_us", "call_status"),
        "duration_us": _of_ok("duration_us", "call_status"),
        "tpot_us": _tpot,
    },
)
STEP = FactSpec(
    ints={
        **_same(step, "started_at_us", "duration_us"),
        "hits": step.c.retrieval_hits,
        # Similarities can be negative: then nothing similar was found. -1 would say unknown.
        "score_ppm": case(
            (step.c.retrieval_top_score < 0, 0),
            else_=func.round(step.c.retrieval_top_score * 1_000_000),
        ),
    },
    labels={
        **_OF_RUN,
        "model": run.c.answer_model,
        "provider": run.c.answer_provider,
        "operation": step.c.operation_name,
        "tool": step.c.tool_name,
        "mode": step.c.retrieval_mode,
        "step_status": step.c.status,
        "error_type": step.c.error_type,
    },
    make=_step_measures,
    spreads={
        "duration_us": _of_ok("duration_us", "step_status"),
        "score_ppm": lambda row, _: row["score_ppm"],
    },
)
FACTS: Mapping[Fact, FactSpec] = {"run": RUN, "call": CALL, "step": STEP}
"""Steps are tool calls and retrievals only."""
