"""Runs as the API shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from agents.run_reader import RunState, RunView
from agents.waiting import Question
from api.errors import Problem
from api.schemas import (
    AskedInterrupt,
    CitedSource,
    RunDetail,
    RunOut,
    RunStateOut,
    RunStatus,
)
from api.wire import figures
from core.errors import ShuttingDown, http_status_of
from core.transcript import AnswerSummary

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def run_fields(view: RunView, asked: Sequence[Question] = ()) -> dict[str, Any]:
    """The fields of a `RunOut`. `asked`: what became of its questions, when that is known."""
    summary = view.summary
    sources = [CitedSource.model_validate(one) for one in summary.sources]
    return {
        "run_id": view.id,
        "thread_id": view.thread_id,
        "message_id": view.answer_id,
        "status": cast(RunStatus, view.status),
        "text": view.text,
        "agent": summary.agent,
        "model": summary.model,
        **figures(summary),
        "sources": sources,
        "interrupts": interrupts_of(summary, asked),
        "notice": summary.notice,
        "error": problem_of(view),
    }


def run_out(view: RunView) -> RunOut:
    return RunOut(**run_fields(view))


def problem_of(view: RunView) -> Problem | None:
    """Why the run ended, when it did not end well."""
    return problem_of_summary(view.summary)


def problem_of_summary(summary: AnswerSummary) -> Problem | None:
    error = summary.error
    if summary.status == "cancelled" and summary.stopped_by == "shutdown":
        ended = ShuttingDown("Switchboard was shut down while it answered.")
        error = {"code": ended.code, "message": ended.message, "what_to_do": ended.what_to_do,
                 "retryable": ended.retryable}  # fmt: skip
    if not error:
        return None
    return Problem(
        code=error["code"],
        message=error["message"],
        what_to_do=error["what_to_do"],
        retryable=bool(error.get("retryable", False)),
    )


def status_of(view: RunView) -> int:
    """The HTTP status of an answer that was waited for."""
    problem = problem_of(view)
    return 200 if problem is None else http_status_of(problem["code"])


def interrupts_of(summary: AnswerSummary, asked: Sequence[Question] = ()) -> list[AskedInterrupt]:
    done = {one.interrupt_id for one in asked if not one.waits}
    return [
        AskedInterrupt(
            id=one["id"],
            value=_parsed(one["value"]),
            response_schema=_parsed(one.get("response_schema")),
            answered=one["id"] in done,
        )
        for one in summary.interrupts
    ]


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return text


def run_detail(view: RunView, asked: Sequence[Question]) -> RunDetail:
    return RunDetail(
        **run_fields(view, asked),
        graph=view.graph,
        entry_point=view.entry_point,
        question_id=view.question_id,
        started_at=moment(view.started_at_us),
        ended_at=None if view.ended_at_us is None else moment(view.ended_at_us),
        queue_position=view.queue_position,
        resumes=view.resumes,
        metadata=dict(view.metadata),
    )


def run_state(state: RunState) -> RunStateOut:
    return RunStateOut(
        run_id=state.id,
        thread_id=state.thread_id,
        status=cast(RunStatus, state.status),
        finished=state.finished,
        queue_position=state.queue_position,
    )


def moment(at_us: int) -> datetime:
    """Of microseconds since the epoch, in UTC."""
    return EPOCH + timedelta(microseconds=at_us)
