"""Does an answer meet what is expected of it: every check decided, and said in a sentence.

Pure: the answer and its summary are all it looks at. It may take a second for patterns and schemas
that take their time, so call it in a thread. What needs a judge model is only marked as such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agents.evaluation import fact_checks, text_checks
from agents.evaluation.check import Check, CheckType
from agents.evaluation.question_set import Case
from agents.evaluation.words import dollars, quoted, seconds, short
from core.transcript import AnswerSummary

_ENDED = {
    "cancelled": "The run was stopped before it ended.",
    "interrupted": "The run waits for a person.",
    "lost": "The run was lost when Switchboard ended.",
    "running": "The run has not ended.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    text: str
    summary: AnswerSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    type: CheckType | Literal["completed"]
    """`completed`: of a case without checks."""
    wanted: str
    """What is expected, in a few words."""
    passed: bool | None
    """None: it could not be decided, or is decided elsewhere; `found` says why."""
    found: str
    """What is so, as a sentence a person can act on."""


def run_checks(case: Case, answer: Answer) -> tuple[CheckResult, ...]:
    """A result for each check, in their order; for a case without checks one of type `completed`.

    An answer that failed, was stopped or is empty fails all of them with that reason.
    """
    failure = _failure(answer)
    if not case.checks:
        found = failure or "The run ended, and the answer is not empty; nothing else is checked."
        wanted = "an answer"
        return (CheckResult(type="completed", wanted=wanted, passed=failure is None, found=found),)
    return tuple(_result(check, answer, failure) for check in case.checks)


def verdict(results: Iterable[CheckResult]) -> bool | None:
    """Of a case: False when a check failed, None when none failed and one is not decided."""
    passed = [result.passed for result in results]
    if False in passed:
        return False
    return None if None in passed else True


def needs_judge(case: Case) -> bool:
    return any(check.type == "judge" for check in case.checks)


def _result(check: Check, answer: Answer, failure: str | None) -> CheckResult:
    passed, found = _decide(check, answer) if failure is None else (False, failure)
    return CheckResult(type=check.type, wanted=wanted(check), passed=passed, found=found)


def _decide(check: Check, answer: Answer) -> text_checks.Decision:
    if check.type == "judge":
        return None, "A judge model has to decide this."
    if check.type in text_checks.KINDS:
        return text_checks.decide(check, answer.text)
    return fact_checks.decide(check, answer.text, answer.summary)


def _failure(answer: Answer) -> str | None:
    summary = answer.summary
    if summary.status == "error":
        message = (summary.error or {}).get("message")
        return f"The run failed: {message}" if message else "The run failed."
    if summary.status != "completed":
        return _ENDED[summary.status]
    return None if answer.text.strip() else "The answer is empty."


def wanted(check: Check) -> str:
    """What a check asks for, in a few words."""
    value = check.value
    texts = value if isinstance(value, tuple) else (str(value),)
    match check.type:
        case "contains":
            return f"contains {quoted(texts)}"
        case "not_contains":
            return f"does not contain {quoted(texts, 'or')}"
        case "any_of":
            return f"contains {quoted(texts, 'or')}"
        case "regex":
            return f"matches {quoted(texts)}"
        case "not_regex":
            return f"does not match {quoted(texts, 'or')}"
        case "equals":
            return f"is {quoted(texts)}"
        case "json_schema":
            return f"is JSON that fits {short(texts[0])}"
        case "cites":
            return f"cites {quoted(texts)}"
        case "cites_any":
            return f"cites at least {value} of its sources"
        case "route":
            return f"comes from the agent {quoted(texts, 'or')}"
        case "tool":
            return f"uses the tool {quoted(texts)}"
        case "max_seconds":
            return f"takes at most {seconds(float(texts[0]) * 1e6)}"
        case "max_first_token_seconds":
            return f"begins within {seconds(float(texts[0]) * 1e6)}"
        case "max_usd":
            return f"costs at most {dollars(float(texts[0]))}"
        case "max_output_tokens":
            return f"has at most {value:,} output tokens"
        case "judge":
            return f"satisfies a judge: {short(texts[0])}"
