"""Single runs: the newest, the slowest, and one with everything that happened in it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Select, Table, func, select, tuple_

from analytics.metrics import OK
from analytics.queries.reading import Reader
from analytics.queries.scope import Scope
from analytics.schema import llm_call, run, step

MAX_ROWS = 500


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
    queue_us: int | None
    first_token_us: int | None
    first_answer_us: int | None
    last_token_us: int | None
    duration_us: int | None
    chunk_count: int | None
    gap_p95_us: int | None
    gap_max_us: int | None
    stall_count: int | None
    usage_input_tokens: int | None
    usage_cache_read_input_tokens: int | None
    usage_output_tokens: int | None
    usage_reasoning_output_tokens: int | None
    usage_source: str
    usage_problems: str | None
    cost_pusd: int | None
    cost_quality: str | None
    cost_why: str | None
    status: str
    error_type: str | None
    http_status: int | None
    response_finish_reasons: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDetail:
    run: RunRow
    steps: tuple[StepRow, ...]
    calls: tuple[CallRow, ...]


def recent_runs(
    reader: Reader, scope: Scope, limit: int, before: tuple[int, str] | None
) -> list[RunRow]:
    """Newest first. `before`: (started_at_us, run_id) of the last row of the page above."""
    statement = _runs(scope)
    if before is not None:
        statement = statement.where(tuple_(run.c.started_at_us, run.c.run_id) < tuple_(*before))
    newest = statement.order_by(run.c.started_at_us.desc(), run.c.run_id.desc())
    return [RunRow(**row) for row in reader.rows(newest.limit(_bound(limit)))]


def slowest_runs(reader: Reader, scope: Scope, limit: int) -> list[SlowRun]:
    """Successful runs, slowest first."""
    ok = run.c.status == OK
    counted = reader.rows(scope.of("run").where(ok).with_only_columns(func.count().label("n")))
    slow = _runs(scope).where(ok)
    slow = slow.order_by(run.c.duration_us.desc(), run.c.run_id).limit(_bound(limit))
    return [
        SlowRun(run=RunRow(**row), rank=1 - place / counted[0]["n"])
        for place, row in enumerate(reader.rows(slow))
    ]


def run_detail(reader: Reader, run_id: str) -> RunDetail | None:
    """One run with its steps and calls in the order they began; None when there is no such run."""
    found = reader.rows(select(*_columns(RunRow, run)).where(run.c.run_id == run_id))
    if not found:
        return None
    whole = RunRow(**found[0])
    return RunDetail(
        run=whole,
        steps=tuple(StepRow(**row) for row in _children(reader, whole, StepRow, step)),
        calls=tuple(CallRow(**row) for row in _children(reader, whole, CallRow, llm_call)),
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
