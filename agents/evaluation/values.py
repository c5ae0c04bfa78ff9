"""An evaluation as everybody reads it: a question set asked of configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agents.comparing.values import Facts
from agents.evaluation.checks import CheckResult
from core.comparison import Configuration

EvaluationStatus = Literal["running", "paused", "done"]
CellStatus = Literal["pending", "running", "done", "failed"]
ALONE = -1
"""In place of a second configuration: the judge looks at one answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to run. `repeats`: how often each question is asked; `budget_pusd` None: no limit."""

    name: str
    configurations: tuple[Configuration, ...]
    repeats: int = 1
    concurrency: int = 4
    budget_pusd: int | None = None
    judge_model: str | None = None
    pairwise: bool = False
    """Whether the judge also compares each configuration with the first, in both orders."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    total: int
    done: int
    """With an answer, passed or not."""
    failed: int
    """Without one: it can be tried again."""
    running: int
    judged: int
    to_judge: int
    spent_pusd: int
    """Of answers and judgements whose cost is known."""
    unpriced: int
    """Answers whose cost is not."""

    @property
    def left(self) -> int:
        return self.total - self.done - self.failed + self.to_judge - self.judged


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    id: str
    owner: str
    set_id: str
    set_name: str
    set_version: int
    set_digest: str
    plan: Plan
    status: EvaluationStatus
    why: str
    """Why it is paused; empty otherwise."""
    created_at_us: int
    ended_at_us: int | None
    progress: Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One answer of an evaluation."""

    place: int
    case_number: int
    repeat: int
    configuration: int
    status: CellStatus
    run_id: str | None
    tries: int
    facts: Facts | None
    checks: tuple[CheckResult, ...]
    passed: bool | None
    error: str

    def why_not(self) -> list[str]:
        """Why this answer did not pass, in sentences; empty when it did."""
        if self.status == "failed":
            return [f"no answer: {self.error}"]
        if self.status != "done":
            return ["no answer yet"]
        return [
            f"{'open' if one.passed is None else 'failed'}: {one.wanted}. {one.found}"
            for one in self.checks
            if one.passed is not True
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    place: int
    case_number: int
    repeat: int
    first: int
    second: int
    status: CellStatus
    run_id: str | None
    tries: int
    verdict: str | None
    """`pass`, `fail` of one answer; `first`, `second`, `tie` of two."""
    reason: str
    cost_pusd: int | None
    error: str


def verdict_of_both_orders(a: Judgement, b: Judgement) -> str | None:
    """What two judgements of the same pair in opposite orders say of the configuration that came
    first in `a`: "win", "loss", or "tie" when they disagree. None while one is missing."""
    if a.verdict is None or b.verdict is None:
        return None
    mirrored = {"first": "second", "second": "first"}.get(b.verdict, b.verdict)
    if a.verdict != mirrored or a.verdict == "tie":
        return "tie"
    return "win" if a.verdict == "first" else "loss"
