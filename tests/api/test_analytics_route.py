"""Figures over HTTP: the same numbers as the dashboard's, as rows."""

from __future__ import annotations

import pytest

from analytics.queries.named import QUESTIONS
from analytics.queries.scope import Filter
from tests.api.door import Door

BODY = {"model": "technical", "messages": [{"role": "user", "content": "How do I set the port?"}]}


@pytest.fixture
def asked(door: Door) -> Door:
    for _ in range(2):
        assert door.post("/v1/chat/completions", BODY).status_code == 200
    door.runtime.recorder.flush(5)
    return door


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_answers_with_rows_of_one_form(asked: Door, question: str) -> None:
    answer = asked.get(f"/analytics/query?question={question}&range=1h").json()["answer"]
    assert answer["question"] == question
    assert answer["since"] < answer["until"]
    assert answer["rows"]
    fields = {"measure", "label", "value", "unit", "n", "at", "until", "partial"}
    assert all(set(row) == fields for row in answer["rows"])


def test_the_figures_are_those_of_the_query_layer(asked: Door) -> None:
    rows = asked.get("/analytics/query?question=kpis&range=1h").json()["answer"]["rows"]
    got = {row["measure"]: row for row in rows if row["label"] == "current"}
    kpis = asked.runtime.queries.kpis(Filter(range="1h")).current
    assert got["runs"]["value"] == kpis.runs >= 2
    assert kpis.cost.value is not None
    assert got["cost"]["value"] == pytest.approx(kpis.cost.value * 1e-12)
    assert got["cost"]["n"] == kpis.cost.known
    assert got["latency_p95"]["unit"] == "seconds"


def test_buckets_of_time_add_up_to_the_total(asked: Door) -> None:
    rows = asked.get("/analytics/query?question=runs_over_time&range=1h").json()["answer"]["rows"]
    total = asked.get("/analytics/query?measure=runs&range=1h").json()["answer"]["rows"][-1]
    assert sum(row["value"] for row in rows) == total["value"]
    assert rows[0]["at"] is not None


def test_filters_may_be_repeated_and_narrow(asked: Door) -> None:
    path = "/analytics/query?measure=runs&split=model&range=1h"
    none = asked.get(f"{path}&model=openai:gpt-4o&model=no-such").json()["answer"]["rows"]
    some = asked.get(f"{path}&model=openai:gpt-4o-mini&model=no-such").json()["answer"]["rows"]
    assert none[-1]["value"] == 0
    assert some[-1]["value"] >= 2


def test_moments_replace_the_ends_of_a_range(asked: Door) -> None:
    answer = asked.get(
        "/analytics/query", params={"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T01:00:00+01:00"}
    ).json()["answer"]  # fmt: skip
    assert answer["since"].startswith("2020-01-01T00:00:00")
    assert answer["rows"][-1]["value"] == 0


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("question=nope", 422, "cost_over_time"),
        ("measure=nope", 422, "ttft_p95"),
        ("split=user", 422, "provider"),
        ("range=3d", 422, "90d"),
        ("limit=0", 422, "query.limit"),
        ("since=2020-01-01T00:00:00", 422, "query.since"),
        ("since=0.5", 422, "query.since"),
        ("user=somebody", 422, "query.user"),
        ("since=2020-01-01T00:00:00Z&until=2019-01-01T00:00:00Z", 400, "before it begins"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(
    door: Door, query: str, status: int, words: str
) -> None:
    answer = door.get(f"/analytics/query?{query}")
    assert answer.status_code == status
    assert words in answer.text
