"""Rows of a finished run as span descriptions: names, parents, times, attributes. Pure.

Names: OpenTelemetry GenAI semantic conventions (repository semantic-conventions-genai, with
`cache_write` for what was `cache_creation`); `switchboard.*` for what they have no name for. No text
of a message, prompt or document is ever an attribute: rows do not hold any.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from analytics.call_rows import Row
from analytics.rows import RunFacts

Value = str | bool | int | float | tuple[str, ...]
Kind = Literal["internal", "client"]

_ROOT = "run"
_FAILED = ("error", "timeout", "lost")

# Column -> attribute, where the value is taken as it is.
_OF_RUN = {
    "conversation_id": "gen_ai.conversation.id",
    "workflow_name": "gen_ai.workflow.name",
    "agent_name": "gen_ai.agent.name",
    "user_id": "user.id",
    "entry_point": "switchboard.entry_point",
    "status": "switchboard.status",
    "error_stage": "switchboard.error.stage",
    "answer_model": "switchboard.answer.model",
    "route_first": "switchboard.route.first",
    "fallbacks": "switchboard.fallbacks",
    "retries": "switchboard.retries",
    "import_id": "switchboard.import.id",
}
_OF_STEP = {
    "agent_name": "gen_ai.agent.name",
    "tool_name": "gen_ai.tool.name",
    "tool_call_id": "gen_ai.tool.call.id",
    "graph_node": "switchboard.graph.node",
    "retrieval_mode": "switchboard.retrieval.mode",
    "retrieval_hits": "switchboard.retrieval.hits",
    "retrieval_top_score": "switchboard.retrieval.top_score",
    "input_bytes": "switchboard.input.bytes",
    "output_bytes": "switchboard.output.bytes",
}
_OF_CALL = {
    "operation_name": "gen_ai.operation.name",
    "provider_name": "gen_ai.provider.name",
    "request_model": "gen_ai.request.model",
    "response_model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "agent_name": "gen_ai.agent.name",
    "usage_input_tokens": "gen_ai.usage.input_tokens",
    "usage_output_tokens": "gen_ai.usage.output_tokens",
    "usage_cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "usage_cache_write_input_tokens": "gen_ai.usage.cache_write.input_tokens",
    "usage_reasoning_output_tokens": "gen_ai.usage.reasoning.output_tokens",
    "http_status": "http.response.status_code",
    "region": "cloud.region",
    "purpose": "switchboard.purpose",
    "attempt": "switchboard.attempt",
    "logical_call_id": "switchboard.operation.id",
    "usage_source": "switchboard.usage.source",
    "service_tier": "switchboard.service_tier",
    "fallback_from_model": "switchboard.fallback.from_model",
    "price_id": "switchboard.cost.price_id",
    "cost_quality": "switchboard.cost.quality",
    "stall_count": "switchboard.stalls",
}
# Microseconds of our rows -> seconds of the conventions.
_CALL_SECONDS = {
    "first_chunk_us": "gen_ai.response.time_to_first_chunk",
    "first_token_us": "switchboard.time_to_first_token",
    "first_answer_us": "switchboard.time_to_first_answer",
    "queue_us": "switchboard.queue.duration",
}
_RUN_SECONDS = {
    "first_token_us": "switchboard.time_to_first_token",
    "queue_us": "switchboard.queue.duration",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SpanFacts:
    """One span. Times are UTC nanoseconds since the epoch; ids are integers as in the protocol."""

    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    kind: Kind
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value]
    failed: bool


def trace_id(run_id: str) -> int:
    """128 bits that depend on the run alone: a run sent twice is the same trace."""
    return int.from_bytes(blake2b(run_id.encode("utf-8"), digest_size=16).digest())


def span_id(run_id: str, part: str) -> int:
    """64 bits that depend on the run and its part."""
    name = f"{run_id}/{part}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(name, digest_size=8).digest())


def spans(facts: RunFacts) -> Iterator[SpanFacts]:
    """The root first, then steps, then attempts."""
    run_id = str(facts.run["run_id"])
    known = {str(row["step_id"]) for row in facts.steps}
    yield _root(run_id, facts.run)
    for row in facts.steps:
        parent = _parent(run_id, row["parent_step_id"], known)
        yield _step(run_id, parent, row, facts.run)
    for row in facts.calls:
        yield _call(run_id, _parent(run_id, row["step_id"], known), row, facts.run)


def _parent(run_id: str, step_id: object, known: set[str]) -> int:
    """A step that was never recorded has no span; its children belong to the run."""
    return span_id(run_id, f"step/{step_id}" if step_id in known else _ROOT)


def _root(run_id: str, row: Row) -> SpanFacts:
    attributes = {"gen_ai.operation.name": "invoke_workflow", **_plain(row, _OF_RUN)}
    attributes |= _seconds(row, _RUN_SECONDS) | _cost(row) | _error(row)
    if row.get("request_stream") is not None:
        attributes["gen_ai.request.stream"] = bool(row["request_stream"])
    if row.get("slo_met") is not None:
        attributes["switchboard.slo.met"] = bool(row["slo_met"])
    return _span(
        run_id, _ROOT, None, row, attributes,
        name=_named("invoke_workflow", row.get("workflow_name")), kind="internal",
    )  # fmt: skip


def _step(run_id: str, parent: int, row: Row, run: Row) -> SpanFacts:
    operation = str(row["operation_name"])
    attributes = _plain(row, _OF_STEP) | _error(row)
    if run.get("conversation_id") is not None:
        attributes["gen_ai.conversation.id"] = _value(run["conversation_id"])
    if operation == "node":  # a node of the graph that is no agent: the conventions have no name
        name = str(row.get("graph_node") or "node")
    else:
        attributes["gen_ai.operation.name"] = operation
        detail = {"invoke_agent": "agent_name", "execute_tool": "tool_name"}.get(operation)
        name = _named(operation, row.get(detail) if detail else None)
    if operation == "execute_tool":
        attributes["gen_ai.tool.type"] = "function"
    # The conventions make retrieval a call to another system; ours searches inside the process.
    return _span(
        run_id, f"step/{row['step_id']}", parent, row, attributes, name=name, kind="internal"
    )


def _call(run_id: str, parent: int, row: Row, run: Row) -> SpanFacts:
    attributes = _plain(row, _OF_CALL) | _seconds(row, _CALL_SECONDS) | _cost(row) | _error(row)
    if run.get("conversation_id") is not None:
        attributes["gen_ai.conversation.id"] = _value(run["conversation_id"])
    if row.get("first_chunk_us") is not None or row.get("first_token_us") is not None:
        attributes["gen_ai.request.stream"] = True
    if row.get("response_finish_reasons"):
        reasons = json.loads(str(row["response_finish_reasons"]))
        attributes["gen_ai.response.finish_reasons"] = tuple(str(reason) for reason in reasons)
    if row.get("usage_problems"):
        attributes["switchboard.usage.problems"] = tuple(json.loads(str(row["usage_problems"])))
    return _span(
        run_id, f"call/{row['call_id']}", parent, row, attributes,
        name=_named(str(row["operation_name"]), row["request_model"]),
        kind="internal" if row["provider_name"] == "local" else "client",
    )  # fmt: skip


def _span(
    run_id: str,
    part: str,
    parent: int | None,
    row: Row,
    attributes: Mapping[str, Value],
    *,
    name: str,
    kind: Kind,
) -> SpanFacts:
    start = int(row["started_at_us"] or 0)
    return SpanFacts(
        trace_id=trace_id(run_id),
        span_id=span_id(run_id, part),
        parent_id=parent,
        name=name,
        kind=kind,
        start_ns=start * 1000,
        end_ns=(start + int(row.get("duration_us") or 0)) * 1000,
        attributes=attributes,
        failed=row["status"] in _FAILED,
    )


def _plain(row: Row, names: Mapping[str, str]) -> dict[str, Value]:
    return {to: _value(row[column]) for column, to in names.items() if row.get(column) is not None}


def _seconds(row: Row, names: Mapping[str, str]) -> dict[str, Value]:
    given = {to: row.get(column) for column, to in names.items()}
    return {to: int(us) / 1e6 for to, us in given.items() if us is not None}


def _cost(row: Row) -> dict[str, Value]:
    """Both as dollars, which every tool can add up, and as the exact integer."""
    cost = row.get("cost_pusd")
    if cost is None:
        return {}
    return {"switchboard.cost.usd": int(cost) / 1e12, "switchboard.cost.picousd": int(cost)}


def _error(row: Row) -> dict[str, Value]:
    if row["status"] not in _FAILED:
        return {}
    return {"error.type": str(row.get("error_type") or "_OTHER")}


def _named(operation: str, detail: object) -> str:
    return f"{operation} {detail}" if detail else operation


def _value(value: object) -> Value:
    return value if isinstance(value, (bool, int, float)) else str(value)
