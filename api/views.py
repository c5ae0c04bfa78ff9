"""Runs as the API shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from agents.run_reader import RunView
from agents.waiting import Question
from api.errors import Problem
from api.schemas import (
    AskedInterrupt,
    CitedSource,
    RunOut,
    RunStatus,
)
from api.wire import figures
from core.errors import ShuttingDown, http_status_of


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
        "interrupts": _interrupts(view, asked),
        "notice": summary.notice,
        "error": problem_of(view),
    }


def run_out(view: RunView) -> RunOut:
    return RunOut(**run_fields(view))


def problem_of(view: RunView) -> Problem | None:
    """Why the run ended, when it did not end well."""
    error = view.summary.error
    if view.status == "cancelled" and view.summary.stopped_by == "shutdown":
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


def _interrupts(view: RunView, asked: Sequence[Question]) -> list[AskedInterrupt]:
    done = {one.interrupt_id for one in asked if not one.waits}
    return [
        AskedInterrupt(
            id=one["id"],
            value=_parsed(one["value"]),
            response_schema=_parsed(one.get("response_schema")),
            answered=one["id"] in done,
        )
        for one in view.summary.interrupts
    ]


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
