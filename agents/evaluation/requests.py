"""The turns of an evaluation: of an answer, and of a judgement."""

from __future__ import annotations

from agents.configured import turn_request
from agents.evaluation.values import Evaluation
from agents.run import TurnRequest
from core.comparison import Configuration

JUDGE = "judge"


def answer_request(
    evaluation: Evaluation, one: Configuration, question: str, run_id: str | None = None
) -> TurnRequest:
    """A question to one of its configurations, under the id a cell was claimed by."""
    return turn_request(
        one,
        question,
        owner=evaluation.owner,
        entry_point="eval",
        thread_kind="eval",
        group_id=evaluation.id,
        run_id=run_id,
    )


def judge_request(evaluation: Evaluation, asked: str, run_id: str | None = None) -> TurnRequest:
    """A question to its judge model."""
    return TurnRequest(
        text=asked,
        owner=evaluation.owner,
        graph=JUDGE,
        model=evaluation.plan.judge_model,
        fallback=False,
        temperature=0.0,
        entry_point="eval",
        thread_kind="eval",
        group_id=evaluation.id,
        run_id=run_id,
    )
