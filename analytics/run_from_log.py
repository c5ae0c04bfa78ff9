"""A run's rows made from its own log: for one that goes on, or that no row tells of.

The same fold and the same rules as the rows of the database, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from analytics.call_rows import Row
from analytics.facts import RunFold, RunMeta
from analytics.queries.runs import CallRow, RunDetail, StepRow, WholeRun
from analytics.rows import RunFacts, run_facts, running_row
from core.events import Cancelled, Event, RunStarted

Made = TypeVar("Made", WholeRun, StepRow, CallRow)
_UNKNOWN = {"slo_met": None, "slo_profile": None, "content_mode": None}
"""Follows from settings; the log does not carry them."""
_NOT_IN_A_LOG: Row = {"app_version": None, "content_mode": None}
_NOT_YET = dict.fromkeys(
    ("duration_us", "error_type", "error_stage", "other_us", "stop_us", "tokens_after_stop")
)


def detail_of_log(events: Sequence[Event], user_id: str | None) -> RunDetail | None:
    """What the events tell so far; None before the run began. What only analytics knows is None."""
    started = next((event for event in events if event.type == "run_started"), None)
    if started is None or started.type != "run_started":
        return None
    fold = _fold(_meta(started, user_id), events)
    if fold.terminal is not None:
        facts = run_facts(fold)
        return _detail(facts, {**facts.run, **_UNKNOWN}, fold, frozenset())
    # What is open now lasts until now; no rule of the rows knows a run without an end.
    fold.terminal = Cancelled(by="user", elapsed_us=events[-1].elapsed_us)
    facts = run_facts(fold)
    row = {**facts.run, **_UNKNOWN, **_NOT_YET, **running_row(fold)}
    open_ids = {c.attempt.call_id for c in fold.calls.values() if c.end_us is None}
    open_ids |= {s.step_id for s in fold.steps.values() if s.end_us is None}
    return _detail(facts, row, fold, frozenset(open_ids))


def lost_facts(meta: RunMeta, events: Sequence[Event]) -> RunFacts:
    """A run whose process ended before it, as `AnalyticsStore` marks one at the next start."""
    fold = _fold(meta, events)
    lost: Row = {"status": "lost", "error_type": "process_lost", "slo_met": 0}
    return RunFacts(run=running_row(fold) | _NOT_IN_A_LOG | lost)


def ended_facts(meta: RunMeta, events: Sequence[Event]) -> RunFacts | None:
    """A run that ended; None when its end is not in the log. Its words are not kept again.

    Whether it was good is judged by the limits of `meta`, whose name stands beside the verdict.
    """
    fold = _fold(meta, events)
    if fold.terminal is None:
        return None
    facts = run_facts(fold)
    return replace(facts, run=facts.run | _NOT_IN_A_LOG)


def _fold(meta: RunMeta, events: Sequence[Event]) -> RunFold:
    fold = RunFold(meta=meta)
    for event in events:
        fold.add(event)
    return fold


def _meta(started: RunStarted, user_id: str | None) -> RunMeta:
    return RunMeta(
        run_id=started.run_id,
        thread_id=started.thread_id,
        started_at_us=started.at_us - started.elapsed_us,
        user_id=user_id,
        entry_point=started.entry_point,
        graph=started.graph,
        stream=started.stream,
    )


def _detail(
    facts: RunFacts, run: dict[str, Any], fold: RunFold, open_ids: frozenset[str]
) -> RunDetail:
    start_us = fold.meta.started_at_us
    steps = [_made(StepRow, row, start_us, row["step_id"] in open_ids) for row in facts.steps]
    return RunDetail(
        run=_made(WholeRun, run, start_us, False),
        steps=tuple(sorted(steps, key=lambda step: step.offset_us)),
        calls=tuple(
            _made(CallRow, row, start_us, row["call_id"] in open_ids) for row in facts.calls
        ),
    )


def _made(kind: type[Made], row: dict[str, Any], start_us: int, is_open: bool) -> Made:
    values: dict[str, Any] = {f.name: row.get(f.name) for f in fields(kind)}
    if "offset_us" in values:
        values["offset_us"] = row["started_at_us"] - start_us
    if is_open:
        values["status"] = "running"
    return kind(**values)
