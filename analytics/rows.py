"""A folded run as rows of `run` and `step`; rows of `llm_call` and their sums: call_rows.py."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analytics.call_rows import (
    FAILED_ATTEMPT,
    Row,
    answer_attempt,
    call_rows,
    totals,
    with_previous,
)
from analytics.facts import CallFact, RunFold, StepFact
from analytics.spans import exclusive_us, self_us
from core.events import Attempt, TerminalEvent


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """One run, ready to be written."""

    run: Row
    steps: tuple[Row, ...] = ()
    calls: tuple[Row, ...] = ()
    documents: Mapping[str, int] = field(default_factory=dict)
    """In how many retrievals of this run each document was found."""
    content: tuple[Row, ...] = ()


def running_row(fold: RunFold) -> Row:
    """The `run` row while the run goes on: what a live page and a crash report can know."""
    meta, started = fold.meta, fold.started
    return {
        "run_id": meta.run_id,
        "conversation_id": meta.thread_id,
        "user_id": meta.user_id,
        "workflow_name": meta.graph or (started.graph if started else None),
        "entry_point": meta.entry_point,
        "environment": meta.environment,
        "app_version": meta.app_version,
        "request_stream": int(started.stream if started else meta.stream),
        "started_at_us": meta.started_at_us,
        "queue_us": started.queue_us if started else None,
        "first_event_us": fold.first_event_us,
        "first_token_us": fold.first_token_us,
        "agent_name": fold.agent,
        "route_first": fold.routes[0].agent if fold.routes else None,
        "status": "running",
        "content_mode": meta.content_mode,
        "import_id": meta.import_id,
    }


def run_facts(fold: RunFold) -> RunFacts:
    """All rows of a run whose terminal event was folded. Raises ValueError when there was none."""
    end = fold.terminal
    if end is None:
        raise ValueError(f"run {fold.meta.run_id} has not ended")
    calls = sorted(fold.calls.values(), key=lambda c: (c.start_us, c.attempt.attempt))
    run = running_row(fold)
    run["ended_at_us"] = fold.meta.started_at_us + end.elapsed_us
    run["duration_us"] = end.elapsed_us
    run.update(_shares(fold, end.elapsed_us))
    run.update(stop_us=None, tokens_after_stop=None)
    run.update(_outcome(fold, end, calls))
    run.update(_counts(fold, calls))
    run.update(totals(calls))
    answer = answer_attempt(calls)
    earlier = next((c.usage.earlier for c in calls if c.usage and c.usage.earlier), None)
    run["answer_cache"] = earlier.kind if earlier else None
    run["saved_pusd"] = earlier.cost_pusd if earlier else None
    run["answer_model"] = answer.model if answer else None
    run["answer_provider"] = answer.provider if answer else None
    slo = fold.meta.slo
    run["slo_profile"] = slo.name
    run["slo_met"] = slo.met(str(run["status"]), fold.first_token_us, end.elapsed_us)
    run["route_path"] = json.dumps([r.agent for r in fold.routes]) if fold.routes else None
    return RunFacts(
        run=run,
        steps=tuple(_step_row(fold, s, end.elapsed_us) for s in fold.steps.values()),
        calls=tuple(call_rows(fold.meta, calls, end)),
        documents=Counter(d for s in fold.steps.values() for d in s.documents),
    )


def _shares(fold: RunFold, duration_us: int) -> Row:
    """Exclusive shares; the innermost activity wins where several overlap (a tool that retrieves
    counts as retrieval). A model asked for a route is the supervisor's time, not model time."""
    calls = fold.calls.values()
    steps = fold.steps.values()
    asked = [c.span(duration_us) for c in calls if c.attempt.purpose == "route"]
    layers = [
        [c.span(duration_us) for c in calls if c.attempt.purpose != "route"],
        [s.span(duration_us) for s in steps if s.operation == "retrieval"],
        [s.span(duration_us) for s in steps if s.operation == "execute_tool"],
        [*asked, *fold.route_spans],
    ]
    names = ("model_us", "retrieval_us", "tool_us", "supervisor_us", "other_us")
    return dict(zip(names, exclusive_us(layers, duration_us), strict=True))


def _outcome(fold: RunFold, end: TerminalEvent, calls: Sequence[CallFact]) -> Row:
    match end.type:
        case "completed":
            return {"status": "ok", "error_type": None, "error_stage": None}
        case "cancelled":
            stopped = {"stop_us": end.stop_us, "tokens_after_stop": end.tokens_after_stop}
            return {"status": end.type, "error_type": None, "error_stage": None, **stopped}
        case "interrupted":
            return {"status": end.type, "error_type": None, "error_stage": None}
    if end.code in ("budget", "quota"):
        # Nothing broke: it was not allowed to begin. No failure, and no miss of the service level.
        return {"status": "refused_budget", "error_type": end.code, "error_stage": None}
    last = calls[-1].attempt if calls else None
    reasons = f"{end.code} {last.error_type if last and last.error_type else ''}".lower()
    return {
        "status": "timeout" if "timeout" in reasons else "error",
        "error_type": end.code,
        "error_stage": _stage(fold, end.code, last),
    }


def _stage(fold: RunFold, code: str, last: Attempt | None) -> str | None:
    """Where a run failed: store, route, model, tool, or None when the events do not tell."""
    if code == "storage":
        return "store"
    if last is not None and last.outcome != "ok":
        return "route" if last.purpose == "route" else "model"
    if fold.failed_in == "execute_tool":
        return "tool"
    if not fold.routes and fold.failed_in is not None and fold.agent is None:
        return "route"
    return None


def _counts(fold: RunFold, calls: Sequence[CallFact]) -> Row:
    steps = fold.steps.values()
    tools = [s for s in steps if s.operation == "execute_tool"]
    failed = [c for c in calls if c.attempt.outcome in FAILED_ATTEMPT]
    hops = [(before, c.attempt) for c, before in with_previous(calls) if before is not None]
    return {
        "llm_calls": len({c.attempt.logical_call_id for c in calls}),
        "llm_attempts": len(calls),
        "tool_calls": len(tools),
        "tool_errors": sum(s.status == "error" for s in tools),
        "retrievals": sum(s.operation == "retrieval" for s in steps),
        "fallbacks": sum(before.model != after.model for before, after in hops),
        "retries": sum(before.model == after.model for before, after in hops),
        "failed_attempts": len(failed),
        "failed_attempt_us": sum(c.attempt.duration_us or 0 for c in failed),
    }


def _step_row(fold: RunFold, step: StepFact, end_us: int) -> Row:
    span = step.span(end_us)
    inside = [s.span(end_us) for s in fold.steps.values() if s.parent_id == step.step_id]
    inside += [c.span(end_us) for c in fold.calls.values() if c.step_id == step.step_id]
    return {
        "run_id": fold.meta.run_id,
        "step_id": step.step_id,
        "parent_step_id": step.parent_id,
        "operation_name": step.operation,
        "agent_name": step.agent,
        "graph_node": step.node,
        "tool_name": step.tool_name,
        "tool_call_id": step.tool_call_id,
        "retrieval_mode": step.retrieval_mode,
        "retrieval_hits": step.retrieval_hits,
        "retrieval_top_score": step.retrieval_top_score,
        "started_at_us": fold.meta.started_at_us + span[0],
        "duration_us": span[1] - span[0],
        "self_us": self_us(span, inside),
        "status": "cancelled" if step.status == "started" else step.status,
        "error_type": step.error_type,
        "input_bytes": step.input_bytes,
        "output_bytes": step.output_bytes,
    }
