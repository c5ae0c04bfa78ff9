"""A test case from an answer that was given: its question, and what a next answer should meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.evaluation.check import Check, read_check
from agents.evaluation.question_set import Case
from core.errors import InvalidInput
from core.transcript import AnswerSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What a person wants of the next answers. Empty or None: it is not checked."""

    facts: Sequence[str] = ()
    """Words that must be in it."""
    documents: Sequence[str] = ()
    """That must be cited."""
    agent: str | None = None
    max_seconds: float | None = None
    max_usd: float | None = None
    rubric: str = ""
    """A requirement in words, for a judge model."""


def cited(text: str, summary: AnswerSummary) -> list[str]:
    """The documents an answer cites: what is proposed."""
    from core.text_features import traits_of

    numbers = set(traits_of(text).citations)
    found = [str(source["document"]) for source in summary.sources if source["n"] in numbers]
    return list(dict.fromkeys(found))


def case_of(question: str, answer: str, expected: Expected) -> Case:
    """Raises InvalidInput for what cannot be checked."""
    if not question.strip():
        raise InvalidInput("The question of this run is gone.", what_to_do="Write a case by hand.")
    facts = [fact.strip() for fact in expected.facts if fact.strip()]
    given: list[tuple[str, object]] = [
        ("contains", facts),
        ("cites", list(expected.documents)),
        ("route", expected.agent),
        ("max_seconds", expected.max_seconds),
        ("max_usd", expected.max_usd),
        ("judge", expected.rubric.strip()),
    ]
    checks: tuple[Check, ...] = tuple(read_check(kind, value) for kind, value in given if value)
    document = expected.documents[0] if expected.documents else ""
    return Case(
        id="saved", question=question, checks=checks, document=document, reference=answer or None
    )
