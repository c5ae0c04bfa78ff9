"""Questions about figures: how they are read, and how a result is said."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from agents.local.metrics_nl import parse
from agents.local.metrics_say import read_answer, say
from core.metrics_query import MetricsAnswer, MetricsQuestion, MetricsRow

NOVA = "bedrock_converse:amazon.nova-lite-v1:0"
TABLE: list[tuple[str, str, str, str, dict[str, str]]] = [
    ("what did gpt-4o-mini cost this week by agent?", "cost", "agent", "7d", {"model": "openai:gpt-4o-mini"}),
    ("p95 latency by model last 24 hours", "latency_p95", "model", "24h", {}),
    ("how many runs today?", "runs", "none", "24h", {}),
    ("which model is slowest?", "latency_p50", "model", "24h", {}),
    ("error rate by provider last hour", "failure_rate", "provider", "1h", {}),
    ("tokens per day this month", "tokens", "day", "30d", {}),
    ("How much did we spend in the last 30 days?", "cost", "none", "30d", {}),
    ("What is the median time to first token per agent over the last 7 days?", "ttft_p50", "agent", "7d", {}),
    ("p95 ttft for nova lite last 6 hours", "ttft_p95", "none", "6h", {"model": NOVA}),
    ("How many users were active this week?", "users", "none", "7d", {}),
    ("which agent is the most expensive this month", "cost", "agent", "30d", {}),
    ("cost by model all time", "cost", "model", "all", {}),
    ("total cost so far", "cost", "none", "all", {}),
    ("fallback rate yesterday", "fallback_rate", "day", "7d", {}),
    ("How often did we fall back to another model this week?", "fallback_rate", "none", "7d", {}),
    ("tokens per second by model", "tokens_per_second", "model", "24h", {}),
    ("throughput of gpt-4o today", "tokens_per_second", "none", "24h", {"model": "openai:gpt-4o"}),
    ("how many runs failed in the last hour", "runs", "none", "1h", {"status": "error"}),
    ("how many runs were cancelled today?", "runs", "none", "24h", {"status": "cancelled"}),
    ("which provider fails most?", "failure_rate", "provider", "24h", {}),
    ("input tokens by agent last 2 hours", "input_tokens", "agent", "6h", {}),
    ("output tokens per hour today", "output_tokens", "hour", "24h", {}),
    ("how many questions were asked yesterday", "runs", "day", "7d", {}),
    ("show me the cost trend over the last 90 days", "cost", "day", "90d", {}),
    ("hourly runs today", "runs", "hour", "24h", {}),
    ("What did the billing agent cost last week?", "cost", "none", "7d", {"agent": "billing"}),
    ("how long do answers take for the technical specialist?", "latency_p50", "none", "24h", {"agent": "technical"}),
    ("which model is cheapest", "cost", "model", "24h", {}),
    ("What is our failure rate?", "failure_rate", "none", "24h", {}),
    ("runs by status last 7 days", "runs", "status", "7d", {}),
    ("runs by entry point this quarter", "runs", "entry_point", "90d", {}),
    ("how many runs came through the api today", "runs", "none", "24h", {"entry_point": "api"}),
    ("cost of bedrock this month", "cost", "none", "30d", {"provider": "aws.bedrock"}),
    ("compare models by latency", "latency_p50", "model", "24h", {}),
    ("slowest agent in the past 12 hours", "latency_p50", "agent", "24h", {}),
    ("Most used model?", "runs", "model", "24h", {}),
    ("what's the average response time right now", "latency_p50", "none", "15m", {}),
    ("how many tokens did we use in the last 15 minutes", "tokens", "none", "15m", {}),
    ("busiest hour today", "runs", "hour", "24h", {}),
    ("on which day did we spend the most this month?", "cost", "day", "30d", {}),
    ("how much did openai cost us last month", "cost", "none", "30d", {"provider": "openai"}),
    ("Which models were used this week?", "runs", "model", "7d", {}),
    ("how many people used it in the past two weeks", "users", "none", "30d", {}),
    ("how many errors in the last 30 minutes", "failure_rate", "none", "1h", {}),
    ("cost today", "cost", "none", "24h", {}),
    ("Show tokens by model and keep only the policy agent, last 3 days", "tokens", "model", "7d", {"agent": "policy"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "measure", "split", "range_name", "filters"), TABLE)
def test_a_question_about_figures_is_read(
    text: str, measure: str, split: str, range_name: str, filters: dict[str, str]
) -> None:
    found = parse(text)
    assert found is not None
    assert (found.measure, found.split, found.range, dict(found.filters)) == (
        measure,
        split,
        range_name,
        filters,
    )


@pytest.mark.parametrize("text", ["What is Switchboard?", "hello", "", "Where is the data folder?"])
def test_a_question_without_a_measure_is_none(text: str) -> None:
    assert parse(text) is None


def _answer(**changes: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "question": MetricsQuestion(measure="cost", range="7d"),
        "unit": "usd",
        "rows": (),
        "total": MetricsRow(label="all", value=1.2345, n=120),
        "since": "2026-11-03T10:00:00+01:00",
        "until": "2026-11-10T10:00:00+01:00",
    }
    text = json.dumps(asdict(MetricsAnswer(**{**defaults, **changes})))
    read = read_answer(text)
    assert read is not None
    return dict(read)


def test_a_figure_is_said_with_its_period_and_basis() -> None:
    assert say(_answer()) == (
        "The cost in the last 7 days (3 Nov 2026 10:00 to 10 Nov 2026 10:00, UTC+01:00) was "
        "**$1.23** (n = 120)."
    )


def test_a_split_names_the_extreme_that_was_asked_for_and_shows_a_table() -> None:
    rows = (
        MetricsRow(label="openai:gpt-4o", value=4.2, n=10),
        MetricsRow(label=NOVA, value=1.1, n=20),
        MetricsRow(label="other", value=None, n=3),
    )
    text = say(
        _answer(
            question=MetricsQuestion(measure="latency_p50", split="model", range="24h"),
            unit="seconds",
            rows=rows,
            total=MetricsRow(label="all", value=2.0, n=33),
            note="3 of 33 calls have no end",
        ),
        "which model is slowest?",
    )
    assert text.startswith("**openai:gpt-4o** has the highest median latency: 4.20 s (n = 10)")
    assert "| other | unknown | 3 |" in text
    assert text.endswith("3 of 33 calls have no end.")


def test_an_unknown_figure_stays_unknown() -> None:
    text = say(_answer(total=MetricsRow(label="all", value=None, n=4), note="No price is known."))
    assert "is unknown (n = 4)." in text
    assert "$0" not in text


def test_no_traffic_is_said_as_that() -> None:
    text = say(_answer(total=MetricsRow(label="all", value=None, n=0)))
    assert text.startswith("Nothing was recorded in the last 7 days")


@pytest.mark.parametrize("text", ["", "[]", "plain", '{"error": "x"}', '{"question": {}}'])
def test_other_results_are_no_metrics_answer(text: str) -> None:
    assert read_answer(text) is None
