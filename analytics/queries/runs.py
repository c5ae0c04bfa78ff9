"""Single runs: the newest, the slowest, and one with everything that happened in it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import Select, Table, and_, select, tuple_

from analytics.metrics import OK
from analytics.queries.ask import Ask
from analytics.queries.reading import Reader
from analytics.queries.scope import Scope
from analytics.schema import cost_history, llm_call, repricing, run, step
from analytics.timeaxis import HOUR_US

MAX_ROWS = 500
_SHORT_US = 26 * HOUR_US
_TOGETHER_US = 2_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """The columns of `run`; None = unknown. Units are in the names."""

    run_id: str
    conversation_id: str
    user_id: str | None
    workflow_name: str | None
    entry_point: str
    app_version: str | None
    started_at_us: int
    duration_us: int | None
    queue_us: int | None
    first_event_us: int | None
    first_token_us: int | None
    supervisor_us: int | None
    retrieval_us: int | None
    tool_us: int | None
    model_us: int | None
    other_us: int | None
    agent_name: str | None
    answer_model: str | None
    answer_provider: str | None
    route_path: str | None
    status: str
    error_type: str | None
    error_stage: str | None
    llm_calls: int | None
    llm_attempts: int | None
    tool_calls: int | None
    tool_errors: int | None
    retrievals: int | None
    fallbacks: int | None
    retries: int | None
    usage_input_tokens: int | None
    usage_output_tokens: int | None
    usage_cache_read_input_tokens: int | None
    usage_complete: int | None
    cost_pusd: int | None
    cost_complete: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeRun(RunRow):
    """A run as its own page shows it."""

    environment: str | None
    request_stream: int | None
    failed_attempts: int | None
    failed_attempt_us: int | None
    slo_met: int | None
    """1 when every limit of `slo_profile` was kept, 0 when not, None when it does not count."""
    slo_profile: str | None
    stop_us: int | None
    tokens_after_stop: int | None
    content_mode: str | None
    import_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SlowRun:
    run: RunRow
    rank: float
    """Share of the successful runs of the range that were not slower."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRow:
    """A bar of the waterfall: a node, tool call or retrieval."""

    offset_us: int
    """From the start of the run."""
    step_id: str
    parent_step_id: str | None
    operation_name: str
    agent_name: str | None
    graph_node: str | None
    tool_name: str | None
    retrieval_mode: str | None
    retrieval_hits: int | None
    retrieval_top_score: float | None
    duration_us: int
    self_us: int
    status: str
    error_type: str | None
    output_bytes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRow:
    """A bar of the waterfall: one attempt at one model. `step_id` is the step it ran in."""

    offset_us: int
    call_id: str
    step_id: str | None
    agent_name: str | None
    purpose: str
    logical_call_id: str
    attempt: int
    is_final: int
    fallback_from_model: str | None
    fallback_reason: str | None
    provider_name: str
    request_model: str
    response_model: str | None
    region: str | None
    service_tier: str | None
    queue_us: int | None
    first_token_us: int | None
    first_answer_us: int | None
    last_token_us: int | None
    duration_us: int | None
    chunk_count: int | None
    gap_p50_us: int | None
    gap_p95_us: int | None
    gap_max_us: int | None
    stall_count: int | None
    stall_us: int | None
    usage_input_tokens: int | None
    usage_cache_read_input_tokens: int | None
    usage_cache_write_input_tokens: int | None
    usage_output_tokens: int | None
    usage_reasoning_output_tokens: int | None
    usage_source: str
    usage_due: int
    """1 when a provider owes numbers; a request that failed at once used nothing."""
    usage_problems: str | None
    price_id: str | None
    cost_input_pusd: int | None
    cost_cache_read_pusd: int | None
    cost_cache_write_pusd: int | None
    cost_output_pusd: int | None
    cost_reasoning_pusd: int | None
    cost_other_pusd: int | None
    cost_pusd: int | None
    cost_quality: str | None
    cost_why: str | None
    status: str
    error_type: str | None
    http_status: int | None
    response_finish_reasons: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OldCost:
    """What a call was said to cost until a re-pricing at `at_us` changed it."""

    call_id: str
    at_us: int
    price_id: str | None
    cost_pusd: int | None
    cost_quality: str | None
    cost_why: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDetail:
    run: WholeRun
    steps: tuple[StepRow, ...]
    calls: tuple[CallRow, ...]
    old_costs: tuple[OldCost, ...] = ()
    """Oldest first."""


def recent_runs(
    reader: Reader, scope: Scope, limit: int, before: tuple[int, str] | None
) -> list[RunRow]:
    """Newest first. `before`: (started_at_us, run_id) of the last row of the page above."""
    statement = _runs(scope)
    if before is not None:
        statement = statement.where(tuple_(run.c.started_at_us, run.c.run_id) < tuple_(*before))
    newest = statement.order_by(run.c.started_at_us.desc(), run.c.run_id.desc())
    return [RunRow(**row) for row in reader.rows(newest.limit(_bound(limit)))]


def slowest_runs(ask: Ask, limit: int) -> list[SlowRun]:
    """Successful runs, slowest first.

    In a long window the database walks down the index of durations, from a duration that the
    distribution says enough runs reach.
    """
    spread = ask.facts.spread("run", ask.scope, "duration_us")
    n, limit = int(spread.n.sum()), _bound(limit)
    if not n:
        return []
    # The sum keeps the database from walking through the index of times where another is better.
    began, window = run.c.started_at_us + 0, ask.scope.window
    slow = select(*_columns(RunRow, run)).where(run.c.status == OK, *ask.scope.conditions("run"))
    if window.until_us - window.since_us <= _SHORT_US:
        slow = slow.where(run.c.started_at_us.in_(_moments_of_slowest(ask, limit)))
    else:
        slow = slow.where(began >= window.since_us, began < window.until_us)
        if not ask.scope.keep.user:  # the runs of a person have an index of their own
            # A fiftieth below: a distribution may be off by a hundredth.
            least = float(spread.quantiles(max(0.0, 1 - (limit + 1) / n))[0, 0]) * 0.98
            slow = slow.where(run.c.duration_us >= int(least))
    slow = slow.order_by(run.c.duration_us.desc(), run.c.run_id).limit(limit)
    return [
        SlowRun(run=RunRow(**row), rank=1 - place / n)
        for place, row in enumerate(ask.reader.rows(slow))
    ]


def _moments_of_slowest(ask: Ask, limit: int) -> list[int]:
    """When the slowest runs began, from the columns that the charts of a short window read too."""
    rows = ask.facts.rows("run", ask.scope)
    rows = rows.take(rows.is_in("status", OK))
    order = np.argsort(-rows.ints["duration_us"], kind="stable")[:limit]
    found: list[int] = rows.ints["started_at_us"][order].tolist()
    return found


def run_detail(reader: Reader, run_id: str) -> RunDetail | None:
    """One run with its steps and calls in the order they began; None when there is no such run."""
    found = reader.rows(select(*_columns(WholeRun, run)).where(run.c.run_id == run_id))
    if not found:
        return None
    whole = WholeRun(**found[0])
    return RunDetail(
        run=whole,
        steps=tuple(StepRow(**row) for row in _children(reader, whole, StepRow, step)),
        calls=tuple(CallRow(**row) for row in _children(reader, whole, CallRow, llm_call)),
        old_costs=tuple(OldCost(**row) for row in _old_costs(reader, run_id)),
    )


def related_runs(reader: Reader, to: RunRow, limit: int = 40) -> list[RunRow]:
    """Runs to compare one with: those of its thread, and those of the same comparison.

    Of the same person, newest first. Columns of a comparison are threads of their own; they start
    together.
    """
    together = run.c.started_at_us.between(
        to.started_at_us - _TOGETHER_US, to.started_at_us + _TOGETHER_US
    )
    same = [run.c.conversation_id == to.conversation_id]
    if to.entry_point == "compare":
        same.append(and_(run.c.entry_point == "compare", together))
    owner = run.c.user_id.is_(None) if to.user_id is None else run.c.user_id == to.user_id
    found: dict[str, RunRow] = {}
    for one in same:
        newest = select(*_columns(RunRow, run)).where(one, owner, run.c.run_id != to.run_id)
        newest = newest.order_by(run.c.started_at_us.desc(), run.c.run_id).limit(_bound(limit))
        found |= {row["run_id"]: RunRow(**row) for row in reader.rows(newest)}
    return sorted(found.values(), key=lambda row: -row.started_at_us)


def _old_costs(reader: Reader, run_id: str) -> list[dict[str, Any]]:
    kept = [
        cost_history.c[name]
        for name in ("call_id", "price_id", "cost_pusd", "cost_quality", "cost_why")
    ]
    return reader.rows(
        select(*kept, repricing.c.at_us)
        .join(repricing, repricing.c.repricing_id == cost_history.c.repricing_id)
        .where(cost_history.c.run_id == run_id, repricing.c.undone_at_us.is_(None))
        .order_by(repricing.c.at_us)
    )


def _children(reader: Reader, whole: RunRow, kind: type[Any], table: Table) -> list[dict[str, Any]]:
    offset = (table.c.started_at_us - whole.started_at_us).label("offset_us")
    return reader.rows(
        select(offset, *_columns(kind, table))
        .where(table.c.run_id == whole.run_id)
        .order_by(table.c.started_at_us)
    )


def _runs(scope: Scope) -> Select[Any]:
    return scope.of("run").with_only_columns(*_columns(RunRow, run))


def _columns(kind: type[Any], table: Table) -> list[Any]:
    """The columns a row type names; `offset_us` is computed."""
    return [table.c[f.name] for f in fields(kind) if f.name != "offset_us"]


def _bound(limit: int) -> int:
    return max(1, min(limit, MAX_ROWS))
