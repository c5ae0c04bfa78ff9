"""Drawn runs (bench/bulk_model.py) as the columns of the tables, in the order they are inserted.

The rules are those of analytics/rows.py and analytics/call_rows.py, for arrays instead of one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from analytics.slo import Slo
from bench.bulk_calls import Calls
from bench.bulk_model import (
    AGENTS,
    CANCELLED,
    ENTRY_POINTS,
    FALLBACK,
    INTERRUPTED,
    MODES,
    OK,
    REGION,
    RETRY,
    SPEAKERS,
    STATUSES,
    VERSIONS,
    Ints,
    Mask,
    Prices,
    Runs,
    spread,
)

Columns = Mapping[str, Any]
"""By column: an array, a list, or a `repeat`."""
_MODELS = tuple(s.id for s in SPEAKERS)
_PROVIDERS = tuple(s.provider for s in SPEAKERS)
_TURNS = 6
_ERRORS = ("ModelRateLimited", "ModelUnavailable", "ModelTimeout")
_HTTP = (429, 503, None)


class Tables:
    """Runs as columns. Keeps how many turns each user had, so that threads go on."""

    def __init__(self, prices: Prices, users: int) -> None:
        self._prices = prices
        self._turns = np.zeros(users, dtype=np.int64)
        self._why = [_why(prices, k) for k in range(len(SPEAKERS))]

    def of(self, runs: Runs, rng: np.random.Generator) -> dict[str, Columns]:
        """The columns of each table."""
        calls = Calls(runs, rng, self._prices)
        ids = _ids(runs.at, rng)
        threads = self._threads(runs)
        return {
            "run": self._run(runs, calls, ids, threads),
            "step": _steps(runs, ids, rng),
            "llm_call": self._calls(runs, calls, ids, rng),
            "feedback": _feedback(runs, ids, threads, rng),
        }

    def _threads(self, runs: Runs) -> list[str]:
        """A user's turns, six to a thread."""
        order = np.argsort(runs.user, kind="stable")
        users, starts, counts = np.unique(runs.user[order], return_index=True, return_counts=True)
        turn = np.empty(runs.n, dtype=np.int64)
        turn[order] = np.arange(runs.n) - np.repeat(starts, counts)
        turn += self._turns[runs.user]
        self._turns[users] += counts
        number = (runs.user << 40) + turn // _TURNS
        return [f"{a:016x}{b:016x}" for a, b in zip(*_mixed(number), strict=True)]

    def _run(self, runs: Runs, calls: Calls, ids: list[str], threads: list[str]) -> Columns:
        answers = runs.answers
        first = np.where(answers, runs.answer_from + runs.first, -1)
        due, known = calls.count(calls.due), calls.count(calls.known)
        some = (known > 0) | (due == 0)
        priced = calls.count(calls.priced)
        failed = np.isin(runs.status, (2, 3))
        asked = runs.status != INTERRUPTED
        agents = _named(AGENTS, runs.agent)
        stopped = runs.status == CANCELLED
        return {
            "run_id": ids,
            "conversation_id": threads,
            "user_id": [f"user-{k:03d}" for k in runs.user.tolist()],
            "workflow_name": repeat("supervisor"),
            "entry_point": _named(ENTRY_POINTS, runs.entry),
            "app_version": _named(VERSIONS, runs.version),
            "request_stream": repeat(1),
            "started_at_us": runs.at,
            "ended_at_us": runs.at + runs.duration,
            "duration_us": runs.duration,
            "queue_us": runs.queue,
            "first_event_us": runs.queue,
            "first_token_us": _or_none(first, answers),
            "supervisor_us": runs.route,
            "retrieval_us": runs.retrieval,
            "tool_us": runs.tool,
            "model_us": runs.failed + runs.answer,
            "other_us": runs.queue + runs.tail,
            "agent_name": agents,
            "answer_model": _named(_MODELS, np.where(asked, runs.model, -1)),
            "answer_provider": _named(_PROVIDERS, np.where(asked, runs.model, -1)),
            "route_first": agents,
            "route_path": _named([f'["{name}"]' for name in AGENTS], runs.agent),
            "status": _named(STATUSES, runs.status),
            "error_type": _named(
                ("model_unavailable", "model_timeout"), np.where(failed, runs.status - 2, -1)
            ),
            "error_stage": _named(("model",), np.where(failed, 0, -1)),
            "llm_calls": runs.routed + asked.astype(np.int64),
            "llm_attempts": calls.count(np.ones(calls.n, dtype=bool)),
            "tool_calls": runs.uses_tool.astype(np.int64),
            "tool_errors": runs.tool_fails.astype(np.int64),
            "retrievals": runs.retrieves.astype(np.int64),
            "fallbacks": (runs.hop == FALLBACK).astype(np.int64),
            "retries": (runs.hop == RETRY).astype(np.int64),
            "usage_input_tokens": _or_none(calls.sums(calls.context, calls.known), some),
            "usage_output_tokens": _or_none(calls.sums(calls.made, calls.known), some),
            "usage_cache_read_input_tokens": _or_none(calls.sums(calls.read, calls.known), some),
            "usage_cache_write_input_tokens": _or_none(
                calls.sums(calls.written, calls.known), some
            ),
            "usage_reasoning_output_tokens": _or_none(
                calls.sums(calls.reasoning, calls.known), some
            ),
            "usage_complete": (calls.count(calls.reported) == due).astype(np.int64),
            "cost_pusd": _or_none(calls.sums(calls.cost, calls.priced), (priced > 0) | (due == 0)),
            "cost_complete": (priced == due).astype(np.int64),
            "failed_attempts": runs.fails.astype(np.int64),
            "failed_attempt_us": runs.failed,
            "slo_met": _slo(runs, first),
            "slo_profile": repeat(Slo().name),
            "stop_us": _or_none(runs.tail, stopped),
            "tokens_after_stop": _or_none(np.zeros(runs.n, dtype=np.int64), stopped),
            "content_mode": repeat("off"),
        }

    def _calls(self, runs: Runs, calls: Calls, ids: list[str], rng: Any) -> Columns:
        c, at = calls, runs.at[calls.run] + calls.start
        own = _ids(at, rng)
        # An operation is named by its first attempt, which is the row before a second one.
        logical = [
            own[k - 1] if attempt > 1 else own[k] for k, attempt in enumerate(c.attempt.tolist())
        ]
        gap = (c.last - c.first - c.stalled) // np.maximum(c.made - 1, 1)
        sound, times = c.known, ~c.failed
        error = _named(_ERRORS, c.error)
        came_from = np.where(c.moved_from >= 0, np.roll(c.error, 1), -1)
        exact = ~c.estimated & ((c.written == 0) | (self._prices.written > 0)[c.model])
        free = np.array([p == "local" for p in _PROVIDERS])[c.model]
        price_ids = tuple(row.price_id if row else None for row in self._prices.rows)
        quality = np.where(free, 2, np.where(exact, 0, 1))
        priced = np.where(c.priced, c.model, -1)
        return {
            "run_id": np.array(ids, dtype=object)[c.run],
            "call_id": own,
            "step_id": _named(("supervisor", "answer"), np.where(c.route, 0, 1)),
            "agent_name": _named(AGENTS, np.where(c.route, -1, runs.agent[c.run])),
            "purpose": _named(("answer", "route"), c.route.astype(np.int64)),
            "logical_call_id": logical,
            "attempt": c.attempt,
            "is_final": c.final.astype(np.int64),
            "fallback_from_model": _named(_MODELS, c.moved_from),
            "fallback_from_provider": _named(_PROVIDERS, c.moved_from),
            "fallback_reason": _named(_ERRORS, came_from),
            "operation_name": repeat("chat"),
            "provider_name": _named(_PROVIDERS, c.model),
            "request_model": _named(_MODELS, c.model),
            "region": _named(
                [REGION if s.provider == "aws.bedrock" else None for s in SPEAKERS], c.model
            ),
            "usage_input_tokens": _or_none(c.context, sound),
            "usage_cache_read_input_tokens": _or_none(c.read, sound),
            "usage_cache_write_input_tokens": _or_none(c.written, sound),
            "usage_output_tokens": _or_none(c.made, sound),
            "usage_reasoning_output_tokens": _or_none(c.reasoning, sound),
            "usage_source": _named(
                ("none", "provider", "estimate"), np.where(c.known, 1 + c.estimated, 0)
            ),
            "usage_due": c.due.astype(np.int64),
            "usage_problems": _named(('["cached tokens exceed input"]',), c.doubtful - 1),
            "started_at_us": at,
            "queue_us": repeat(0),
            "first_chunk_us": _or_none(c.first - c.first // 20, times),
            "first_token_us": _or_none(c.first, times),
            "first_answer_us": _or_none(c.first, times),
            "last_token_us": _or_none(c.last, times),
            "duration_us": c.duration,
            "chunk_count": _or_none(c.made, times),
            "gap_p50_us": _or_none(gap, times),
            "gap_p95_us": _or_none(gap * 3, times),
            "gap_max_us": _or_none(np.where(c.stalls > 0, c.stalled, gap * 8), times),
            "stall_count": _or_none(c.stalls, times),
            "stall_us": _or_none(c.stalled, times),
            "response_finish_reasons": _named(('["stop"]',), -c.failed.astype(np.int64)),
            "status": _named(("ok", "error", "cancelled"), c.failed + 2 * c.cancelled),
            "error_type": error,
            "http_status": _named(_HTTP, c.error),
            "price_id": _named(price_ids, priced),
            "cost_input_pusd": _or_none(c.cost_input, c.priced),
            "cost_cache_read_pusd": _or_none(c.cost_read, c.priced),
            "cost_cache_write_pusd": _or_none(c.cost_written, c.priced),
            "cost_output_pusd": _or_none(c.cost_output, c.priced),
            "cost_reasoning_pusd": _or_none(c.cost_reasoning, c.priced),
            "cost_other_pusd": _or_none(np.zeros(c.n, dtype=np.int64), c.priced),
            "cost_pusd": _or_none(c.cost, c.priced),
            "cost_quality": _named(
                ("exact", "approximate", "zero_local"), np.where(c.priced, quality, -1)
            ),
            "cost_why": self._reasons(c),
        }

    def _reasons(self, c: Calls) -> list[str | None]:
        """As long as the real ones; the arithmetic in a sentence."""
        columns = (
            np.where(c.due, c.model, -1),
            c.context - c.read - c.written,
            c.read,
            c.made,
            c.cost / 1e12,
        )
        texts = self._why
        return [
            None if model < 0 else texts[model] % (plain, read, made, usd)
            for model, plain, read, made, usd in zip(*(x.tolist() for x in columns), strict=True)
        ]


def _why(prices: Prices, k: int) -> str:
    row = prices.rows[k]
    if row is None:
        return f"Not priced: the catalogue does not know {_MODELS[k]}.%.0s%.0s%.0s%.0s"
    if not row.input_pusd:
        return "$0: answered inside this process, no provider was called.%.0s%.0s%.0s%.0s"
    return (
        f"%d input x ${row.input_pusd / 1e6:g}/M + %d cache read x ${prices.read[k] / 1e6:g}/M + "
        f"%d output x ${row.output_pusd / 1e6:g}/M = $%.2g "
        f"({prices.names[k]}, {row.regions[0]}, standard, since {row.valid_from})"
    )


def _steps(runs: Runs, ids: list[str], rng: np.random.Generator) -> Columns:
    run = np.flatnonzero(runs.retrieves | runs.uses_tool)
    n, tool = len(run), runs.uses_tool[run]
    hits = np.where(rng.random(n) < 0.02, 0, np.where(rng.random(n) < 0.3, 4, 6))
    score = np.round(np.clip(rng.normal(0.62, 0.14, n), 0.02, 0.99), 4)
    lasted = runs.retrieval[run] + runs.tool[run]
    fails = runs.tool_fails[run]
    return {
        "run_id": np.array(ids, dtype=object)[run],
        "step_id": _named(("retrieval:5", "tool:5"), tool.astype(np.int64)),
        "parent_step_id": repeat("answer"),
        "operation_name": _named(("retrieval", "execute_tool"), tool.astype(np.int64)),
        "agent_name": _named(AGENTS, runs.agent[run]),
        "tool_name": _named(("query_metrics",), tool - 1),
        "tool_call_id": _named(("t",), tool - 1),
        "retrieval_mode": _named(MODES, np.where(tool, -1, runs.mode[run])),
        "retrieval_hits": _or_none(hits, ~tool),
        "retrieval_top_score": _or_none(score, ~tool & (hits > 0)),
        "started_at_us": runs.at[run] + runs.work_from[run],
        "duration_us": lasted,
        "self_us": lasted,
        "status": _named(("ok", "error"), fails.astype(np.int64)),
        "error_type": _named(("ToolError",), fails - 1),
        "input_bytes": _named((2,), tool - 1),
        "output_bytes": np.where(tool, 800, hits * 900),
    }


def _feedback(runs: Runs, ids: list[str], threads: list[str], rng: np.random.Generator) -> Columns:
    """Thumbs for one successful run in fifty."""
    run = np.flatnonzero((runs.status == OK) & (rng.random(runs.n) < 0.02))
    up = (rng.random(len(run)) < 0.78).astype(np.int64)
    at = runs.at[run] + runs.duration[run] + spread(rng, 20_000_000, len(run), 1.0)
    return {
        "feedback_id": _ids(at, rng),
        "run_id": np.array(ids, dtype=object)[run],
        "conversation_id": np.array(threads, dtype=object)[run],
        "user_id": [f"user-{k:03d}" for k in runs.user[run].tolist()],
        "source": repeat("user"),
        "evaluation_name": repeat("thumbs"),
        "evaluation_score_value": up.astype(np.float64),
        "evaluation_score_label": _named(("down", "up"), up),
        "created_at_us": at,
        "updated_at_us": at,
    }


def _slo(runs: Runs, first: Ints) -> Any:
    """`Slo.met` of every run."""
    slo = Slo()
    waited = np.where(first < 0, runs.duration, first)
    broken = (waited > slo.first_token_us) | (runs.duration > slo.duration_us)
    undecided = ((runs.status == CANCELLED) | (runs.status == INTERRUPTED)) & ~broken
    met = (runs.status == OK) & ~broken
    return _or_none(met.astype(np.int64), ~undecided)


def rows_of(columns: Columns) -> Iterator[tuple[Any, ...]]:
    """Rows, as a driver wants them."""
    values = (v.tolist() if isinstance(v, np.ndarray) else v for v in columns.values())
    return zip(*values, strict=False)


def _or_none(values: Any, known: Mask) -> Any:
    return np.where(known, values, None)


def _named(names: Sequence[Any], codes: Ints) -> Any:
    """-1 is NULL."""
    return np.array([*names, None], dtype=object)[codes]


def _ids(at_us: Ints, rng: np.random.Generator) -> list[str]:
    """Of the form of core/ids.py."""
    drawn = rng.integers(0, 1 << 40, (2, len(at_us))).tolist()
    return [
        f"{ms:012x}{a:010x}{b:010x}"
        for ms, a, b in zip((at_us // 1000).tolist(), *drawn, strict=True)
    ]


def _mixed(number: Ints) -> list[list[int]]:
    """128 bits from one number, always the same (splitmix64)."""
    found = []
    for salt in (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03):
        x = number.astype(np.uint64) * np.uint64(2) + np.uint64(salt)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found.append((x ^ (x >> np.uint64(31))).tolist())
    return found
