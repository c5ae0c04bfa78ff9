"""What an answer is checked for: each check decided rightly, and said so that a person can act."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from agents.evaluation.check import read_check
from agents.evaluation.checks import Answer, CheckResult, run_checks, verdict
from agents.evaluation.question_set import Case
from core.transcript import AnswerSummary


def source(n: int, document: str, title: str) -> dict[str, Any]:
    return {"n": n, "document": document, "title": title, "heading": "", "area": "", "text": ""}


SUMMARY = AnswerSummary(
    agent="billing",
    ttft_us=420_000,
    duration_us=3_214_000,
    output_tokens=300,
    cost_pusd=480_000_000,
    sources=[
        source(1, "billing/prices.md", "Model prices"),
        source(2, "billing/plans.md", "Plans and fees"),
        source(3, "billing/save-money.md", "Save money"),
    ],
    tools=[
        {"name": "search_docs", "output": "found", "error": None},
        {"name": "query_metrics", "output": None, "error": "No such measure."},
        {"name": "slow", "output": None, "error": None},
    ],
)
TEXT = (
    "It costs **$0.15** per\nmillion [1]. You don’t need a plan [2]. See `core/catalog.toml` [7]."
)


def result(kind: str, value: object, text: str = TEXT, summary: AnswerSummary = SUMMARY) -> Any:
    case = Case(id="a", question="A?", checks=(read_check(kind, value),))
    (only,) = run_checks(case, Answer(text=text, summary=summary))
    return only.passed, only.found


TABLE: list[tuple[str, Any, bool | None, str]] = [
    ("contains", "COSTS $0.15 per million", True, "The answer contains “COSTS $0.15 per million”."),
    ("contains", ["don't", "core/catalog.toml"], True, "The answer contains “don't” and “core/catalog.toml”."),
    ("contains", ["plan", "free", "cheap"], False, "The answer does not contain “free” or “cheap”."),
    ("contains", "\uff04\uff10.15", True, "The answer contains “\uff04\uff10.15”."),
    ("not_contains", ["free", "PLAN"], False, "The answer contains “PLAN”."),
    ("not_contains", "free", True, "The answer does not contain “free”."),
    ("any_of", ["free", "plan"], True, "The answer contains “plan”."),
    ("any_of", ["free", "gratis"], False, "The answer contains none of “free” and “gratis”."),
    ("regex", r"\$0\.1\d", True, "Found “$0.15”."),
    ("regex", ["(?i)IT", "plans"], False, "Nothing in the answer matches “plans”."),
    ("not_regex", r"\d+ %", True, "Nothing in the answer matches “\\d+ %”."),
    ("not_regex", r"\[\d\]", False, "“[1]” in the answer matches “\\[\\d\\]”."),
    ("equals", "No.", False, "The answer is “It costs **$0.15** per million [1]. You don’t need a plan [2]. See `core/catalo…”, not “No.”."),
    ("cites", "prices.md", True, "The answer cites prices.md as [1]."),
    ("cites", ["docs/billing/prices.md", "plans and fees"], True, "The answer cites docs/billing/prices.md as [1] and plans and fees as [2]."),
    ("cites", "save-money.md", False, "The answer cites prices.md and plans.md, not save-money.md."),
    ("cites", "money", False, "The answer cites prices.md and plans.md, not money."),
    ("cites_any", 2, True, "The answer cites 2 of its sources and 1 number that is none."),
    ("cites_any", 3, False, "The answer cites 2 of its sources and 1 number that is none."),
    ("route", "Billing", True, "The agent billing answered."),
    ("route", ["policy", "general"], False, "The agent billing answered, not policy or general."),
    ("tool", "search_docs", True, "The answer used search_docs."),
    ("tool", "query_metrics", False, "The tool query_metrics failed: No such measure."),
    ("tool", "slow", False, "The tool slow was begun and did not end."),
    ("tool", "other", False, "The answer did not use the tool other; it used search_docs, query_metrics and slow."),
    ("max_seconds", 3.5, True, "The answer took 3.214 s; at most 3.5 s is allowed."),
    ("max_seconds", 3, False, "The answer took 3.214 s; at most 3 s is allowed."),
    ("max_first_token_seconds", 0.42, True, "The first token came after 0.42 s; at most 0.42 s is allowed."),
    ("max_usd", 0.00048, True, "The answer cost $0.00048; at most $0.00048 is allowed."),
    ("max_usd", 0.0001, False, "The answer cost $0.00048; at most $0.0001 is allowed."),
    ("max_output_tokens", 300, True, "300 output tokens; at most 300 are allowed."),
    ("max_output_tokens", 299, False, "300 output tokens; at most 299 are allowed."),
    ("judge", "Is it kind?", None, "A judge model has to decide this."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "passed", "found"), TABLE)
def test_an_answer_is_checked(kind: str, value: Any, passed: bool | None, found: str) -> None:
    assert result(kind, value) == (passed, found)


UNKNOWN = AnswerSummary()
PARTLY = replace(SUMMARY, cost_complete=False)
UNDECIDED = [
    ("max_seconds", 1, UNKNOWN, "The time is not known."),
    ("max_first_token_seconds", 1, UNKNOWN, "The time is not known."),
    ("max_usd", 1, UNKNOWN, "The cost is not known."),
    ("max_usd", 1, PARTLY, "The answer cost at least $0.00048: the price of some calls is not known."),
    ("max_output_tokens", 1, UNKNOWN, "The number of output tokens is not known."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "summary", "found"), UNDECIDED)
def test_what_is_not_known_is_not_decided(
    kind: str, value: object, summary: AnswerSummary, found: str
) -> None:
    assert result(kind, value, summary=summary) == (None, found)


def test_a_cost_that_is_partly_known_fails_once_the_known_part_is_too_much() -> None:
    assert result("max_usd", 0.0001, summary=PARTLY) == (
        False,
        "The answer cost at least $0.00048; at most $0.0001 is allowed.",
    )


def test_sources_that_are_not_cited_do_not_count() -> None:
    assert result("cites", "prices.md", "It costs $0.15.") == (
        False,
        "The answer cites no source; it was given prices.md, plans.md and save-money.md.",
    )
    assert result("cites", "prices.md", summary=UNKNOWN) == (
        False,
        "The answer had no sources, so it cannot cite prices.md.",
    )


FAILURES = [
    (replace(SUMMARY, status="error", error={"message": "The key was refused."}), TEXT,
     "The run failed: The key was refused."),
    (replace(SUMMARY, status="cancelled"), TEXT, "The run was stopped before it ended."),
    (replace(SUMMARY, status="lost"), TEXT, "The run was lost when Switchboard ended."),
    (SUMMARY, " \n", "The answer is empty."),
]  # fmt: skip


@pytest.mark.parametrize(("summary", "text", "found"), FAILURES)
def test_an_answer_that_is_none_fails_every_check(
    summary: AnswerSummary, text: str, found: str
) -> None:
    checks = (read_check("not_contains", "free"), read_check("judge", "Is it kind?"))
    case = Case(id="a", question="A?", checks=checks)
    results = run_checks(case, Answer(text=text, summary=summary))
    assert [(one.passed, one.found) for one in results] == [(False, found)] * 2


def test_a_case_without_checks_passes_with_an_answer() -> None:
    case = Case(id="a", question="A?")
    assert run_checks(case, Answer(text="Yes.", summary=SUMMARY)) == (
        CheckResult(
            type="completed",
            wanted="an answer",
            passed=True,
            found="The run ended, and the answer is not empty; nothing else is checked.",
        ),
    )
    assert [one.passed for one in run_checks(case, Answer(text="", summary=SUMMARY))] == [False]


@pytest.mark.parametrize(
    ("passed", "whole"),
    [((True, True), True), ((True, None), None), ((None, False), False), ((), True)],
)
def test_one_failure_fails_a_case_and_one_unknown_leaves_it_open(
    passed: tuple[bool | None, ...], whole: bool | None
) -> None:
    results = [CheckResult(type="judge", wanted="", passed=one, found="") for one in passed]
    assert verdict(results) is whole


def test_a_catastrophic_pattern_is_given_up_with_a_sentence() -> None:
    assert result("regex", "(a|a)+$", "a" * 60 + "!") == (
        False,
        "The pattern “(a|a)+$” was given up after 0.5 s: make it simpler, without repeats inside "
        "repeats.",
    )


SCHEMA = {
    "type": "object",
    "properties": {
        "plan": {"type": "object", "properties": {"prices": {"items": {"$ref": "#/$defs/price"}}}},
        "code": {"pattern": "^(a|a)+$"},
    },
    "required": ["plan"],
    "$defs": {"price": {"type": "number"}},
}
DOUBLING = {
    "$defs": {
        **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)},
        "d40": {},
    },
    "$ref": "#/$defs/d0",
}
JSON: list[Any] = [
    (SCHEMA, '{"plan": {"prices": [1, 2.5]}}', None),
    (SCHEMA, 'Here it is:\n\n```json\n{"plan": {}}\n```\nDone.', None),
    (SCHEMA, "Text only.", "The answer holds no JSON: it is neither JSON itself nor has a block marked as json."),
    (SCHEMA, '{"plan": ', "The JSON of the answer is broken: Expecting value: line 1 column 9 (char 8)."),
    (SCHEMA, "```json\n{]\n```", "The JSON of the answer is broken: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."),
    (SCHEMA, "[" * 100_000, "The JSON of the answer is nested too deeply."),
    (SCHEMA, "{}", "The JSON of the answer does not fit: 'plan' is a required property."),
    (SCHEMA, '{"plan": {"prices": [1, "free"]}}', "The JSON of the answer does not fit: at plan.prices[1]: 'free' is not of type 'number'."),
    (SCHEMA, '{"plan": {}, "code": "' + "a" * 60 + '!"}', "The JSON of the answer could not be judged: checking it against the schema took longer than 1 s."),
    pytest.param(DOUBLING, "{}", "The JSON of the answer could not be judged: checking it against the schema took longer than 1 s.", marks=pytest.mark.slow),
    ({"$ref": "#"}, "{}", "The JSON of the answer could not be judged: the schema refers to itself without end."),
    ({"$ref": "#/$defs/none"}, "{}", "The JSON of the answer could not be judged: PointerToNowhere: '/$defs/none' does not exist within {'$ref': '#/$defs/none'}."),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "text", "problem"), JSON, ids=range(len(JSON)))
def test_json_is_checked_against_a_schema(schema: Any, text: str, problem: str | None) -> None:
    wanted = (False, problem) if problem else (True, "The JSON of the answer fits the schema.")
    assert result("json_schema", schema, text) == wanted


def test_importing_the_checks_loads_no_heavy_package() -> None:
    code = (
        "import sys, agents.evaluation.checks, agents.evaluation.reading, agents.evaluation.leaks;"
        "print([name for name in ('jsonschema', 'regex', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_an_answer_of_a_graph_without_agents_comes_from_none() -> None:
    assert result("route", "billing", summary=UNKNOWN) == (
        False,
        "It came from a graph without agents, not from billing.",
    )
