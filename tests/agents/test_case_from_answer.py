"""A test case made from an answer."""

from __future__ import annotations

from typing import Any

import pytest

from agents.evaluation.check import Check
from agents.evaluation.from_answer import Expected, case_of, cited
from core.errors import InvalidInput
from core.transcript import AnswerSummary

QUESTION, ANSWER = "How do I change the port?", "Set it [1], or use the option [3]."


def source(n: int, document: str) -> dict[str, Any]:
    return {"n": n, "document": document, "title": document, "text": ""}


def test_the_documents_an_answer_cites_are_proposed() -> None:
    summary = AnswerSummary(
        sources=[source(1, "settings.md"), source(2, "other.md"), source(3, "settings.md")]
    )
    assert cited(ANSWER, summary) == ["settings.md"]


def test_what_is_expected_becomes_checks() -> None:
    case = case_of(
        QUESTION,
        ANSWER,
        Expected(
            facts=["8501", " ", "option "],
            documents=["settings.md"],
            agent="technical",
            max_seconds=4,
            rubric="Names the option",
        ),
    )
    assert case.checks == (
        Check(type="contains", value=("8501", "option")),
        Check(type="cites", value=("settings.md",)),
        Check(type="route", value=("technical",)),
        Check(type="max_seconds", value=4.0),
        Check(type="judge", value="Names the option"),
    )
    assert (case.document, case.reference) == ("settings.md", ANSWER)


def test_nothing_expected_is_a_question_that_must_be_answered() -> None:
    assert case_of(QUESTION, "", Expected()).checks == ()


def test_a_question_that_is_gone_cannot_be_asked_again() -> None:
    with pytest.raises(InvalidInput, match="is gone"):
        case_of(" ", ANSWER, Expected())
