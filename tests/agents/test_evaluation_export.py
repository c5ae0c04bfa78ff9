"""Evaluations as files: every answer a row, and everything needed to repeat it."""

from __future__ import annotations

import csv
import io
import json

from agents.comparing.values import Facts
from agents.evaluation.check import Check
from agents.evaluation.checks import CheckResult
from agents.evaluation.export import CSV_HEADER, results_as_csv, results_as_json
from agents.evaluation.question_set import Case
from agents.evaluation.results import Results
from agents.evaluation.values import Cell, Evaluation, Judgement, Plan, Progress
from core.comparison import Configuration
from core.version import VERSION

FACTS = Facts(status="completed", model="openai:gpt-4o", duration_us=2_000, cost_pusd=7)
CELL = Cell(
    place=0, case_number=0, repeat=0, configuration=0, status="done", run_id="r1", tries=1,
    facts=FACTS, checks=(CheckResult(type="contains", wanted="contains “x”", passed=False, found="no"),),
    passed=False, error="",
)  # fmt: skip
PENDING = Cell(
    place=1, case_number=0, repeat=0, configuration=1, status="pending", run_id=None, tries=0,
    facts=None, checks=(), passed=None, error="",
)  # fmt: skip
JUDGED = Judgement(
    place=0, case_number=0, repeat=0, first=1, second=0, status="done", run_id="j1", tries=1,
    verdict="second", reason="Better.", cost_pusd=3, error="",
)  # fmt: skip
CASE = Case(id="c", question="=1+1", checks=(Check(type="contains", value=("x",)),), tags=("a",))
EVALUATION = Evaluation(
    id="e1", owner="local", set_id="s1", set_name="Handbook", set_version=2, set_digest="d" * 64,
    plan=Plan(
        name="First",
        configurations=(Configuration(model="openai:gpt-4o"), Configuration(graph="react")),
        repeats=1,
        judge_model="openai:gpt-4.1-mini",
    ),
    status="done", why="", created_at_us=0, ended_at_us=1_000_000,
    progress=Progress(
        total=2, done=1, failed=0, running=0, judged=1, to_judge=1, spent_pusd=10, unpriced=0
    ),
)  # fmt: skip
RESULTS = Results(evaluation=EVALUATION, cases=(CASE,), cells=(CELL, PENDING), judgements=(JUDGED,))


def rows() -> list[dict[str, str]]:
    text = results_as_csv(RESULTS).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_every_answer_is_a_row_with_what_was_asked_of_whom() -> None:
    first, second = rows()
    assert tuple(first) == CSV_HEADER
    named = ("set_digest", "case", "asked_model", "passed", "failed_checks", "answer_cost_pusd")
    assert [first[name] for name in named] == [
        "d" * 64, "c", "openai:gpt-4o", "no", "contains “x”", "7",
    ]  # fmt: skip
    assert [second[name] for name in named] == ["d" * 64, "c", "", "", "", ""]


def test_a_question_that_looks_like_a_formula_is_text() -> None:
    assert rows()[0]["question"] == "'=1+1"


def test_the_json_has_everything_to_repeat_it() -> None:
    document = json.loads(results_as_json(RESULTS, texts={"r1": "No."}, versions={"prices": "3"}))
    assert (document["switchboard"], document["versions"]) == (VERSION, {"prices": "3"})
    assert document["evaluation"] == {
        "id": "e1",
        "name": "First",
        "status": "done",
        "created_at": "1970-01-01T00:00:00+00:00",
        "ended_at": "1970-01-01T00:00:01+00:00",
        "set": {"name": "Handbook", "version": 2, "digest": "d" * 64},
        "repeats": 1,
        "concurrency": 4,
        "budget_pusd": None,
        "judge_model": "openai:gpt-4.1-mini",
        "pairwise": False,
        "spent_pusd": 10,
    }
    assert document["cases"] == [CASE.to_dict()]
    assert [Configuration.from_dict({k: v for k, v in one.items() if k != "key"})
            for one in document["configurations"]] == list(EVALUATION.plan.configurations)  # fmt: skip


def test_the_json_has_answers_with_their_text_and_judgements_in_the_order_shown() -> None:
    document = json.loads(results_as_json(RESULTS, texts={"r1": "No."}))
    first, second = document["answers"]
    assert (first["text"], first["facts"]["cost_pusd"]) == ("No.", 7)
    assert "text" not in second
    (judged,) = document["judgements"]
    assert [judged[name] for name in ("shown_first", "shown_second", "verdict")] == [1, 0, "second"]
