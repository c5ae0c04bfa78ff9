"""What a judge model is asked, and how its answer is read. It asks nobody itself."""

from __future__ import annotations

import json
import re

from agents import prompts
from agents.evaluation.question_set import Case

_OBJECT = re.compile(r"\{[^{}]*\}")
_PAIR = {"a": "first", "b": "second", "tie": "tie"}
_ALONE = {"pass": "pass", "fail": "fail"}
MAX_REASON = 500


def ask_about_two(case: Case, first: str, second: str) -> str:
    """Which of two answers is better, in the order in which the judge is to see them."""
    return _text(
        "judge_pair",
        ("question", case.question),
        ("reference", case.reference or ""),
        ("answer A", first),
        ("answer B", second),
    )


def ask_about_one(case: Case, rubric: str, answer: str) -> str:
    """Whether an answer meets a requirement in words."""
    return _text(
        "judge_rubric",
        ("requirement", rubric),
        ("question", case.question),
        ("reference", case.reference or ""),
        ("answer", answer),
    )


def read_verdict(said: str, *, pair: bool) -> tuple[str, str] | None:
    """(verdict, reason) of the last JSON object that has one; None when there is none.

    Verdicts: `first`, `second`, `tie` of a pair; `pass`, `fail` of one answer.
    """
    known = _PAIR if pair else _ALONE
    for found in reversed(_OBJECT.findall(said)):
        try:
            data = json.loads(found)
        except ValueError:
            continue
        verdict = known.get(str(data.get("verdict", "")).strip().lower())
        if verdict is not None:
            return verdict, str(data.get("reason", ""))[:MAX_REASON]
    return None


def _text(instructions: str, *parts: tuple[str, str]) -> str:
    blocks = [f"--- {name} begins ---\n{text}\n--- {name} ends ---" for name, text in parts if text]
    return "\n\n".join([prompts.load(instructions), *blocks])
