"""The data agent's question: the same numbers as the dashboard, in words a model can use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.queries import Filter, Queries
from bench.make_traffic import Traffic, write_traffic
from core.errors import InvalidInput
from core.events import Cancelled
from core.metrics_query import MEASURES, SPLITS, MetricsQuestion, MetricsRow
from tests.analytics.scripts import at, attempt, script, simple_run, started, usage, write
from tests.analytics.test_queries import FAILED, HOUR_US, NOW_US


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def queries(path: Path) -> Iterator[Queries]:
    found = Queries(path, "Europe/Berlin", now_us=lambda: NOW_US)
    yield found
    found.close()


def test_a_split_ranks_its_rows_and_the_total_is_of_all(path: Path, queries: Queries) -> None:
    agents = ["billing", "policy", "policy", "data"]
    write(path, *(simple_run(at(k, k), agent=a) for k, a in enumerate(agents)))
    found = queries.answer(MetricsQuestion(split="agent", limit=2))
    assert found.rows == (
        MetricsRow(label="policy", value=2, n=2),
        MetricsRow(label="billing", value=1, n=1),
    )
    assert (found.total, found.unit) == (MetricsRow(label="total", value=4, n=4), "runs")
    assert found.note == "The 2 largest of 3 rows are shown."


def test_cost_says_how_many_calls_have_no_price(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0)), simple_run(at(1, 1), model="ollama:x", cost_pusd=None))
    found = queries.answer(MetricsQuestion(measure="cost", split="model"))
    assert found.rows == (
        MetricsRow(label="openai:gpt-4o-mini", value=0.0000216, n=1),
        MetricsRow(label="ollama:x", value=None, n=0),
    )
    assert found.note == "1 of 2 calls have no known price."


def test_the_failure_rate_leaves_out_what_was_stopped(path: Path, queries: Queries) -> None:
    ends = [None, FAILED, Cancelled(by="user")]
    write(path, *(simple_run(at(k, k), end=end) for k, end in enumerate(ends)))
    found = queries.answer(MetricsQuestion(measure="failure_rate"))
    assert found.total == MetricsRow(label="total", value=0.5, n=2)


def test_a_percentile_of_few_runs_says_so(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0), first_ms=40))
    found = queries.answer(MetricsQuestion(measure="ttft_p95"))
    assert found.total == MetricsRow(label="total", value=0.04, n=1)
    assert "below 72" in found.note


def test_a_fallback_is_counted_against_the_model_asked_first(path: Path, queries: Queries) -> None:
    other = {"call_id": "b", "attempt": 2, "model": "local:extractive", "provider": "local"}
    _, plain = simple_run(at(1, 1))
    moved = script(
        (0, started()),
        (1, attempt("error", "a", error_type="ModelRateLimited")),
        (2, attempt("ok", **other)),
        (3, usage("b")),
        (9, plain[-1].__class__(message_id="a")),  # type: ignore[call-arg]
    )
    write(path, (at(0, 0), moved), simple_run(at(1, 1)))
    found = queries.answer(MetricsQuestion(measure="fallback_rate", split="model"))
    assert found.rows == (MetricsRow(label="openai:gpt-4o-mini", value=0.5, n=2),)
    assert found.total.value == 0.5


def test_hours_and_days_are_those_of_the_reporting_zone(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0)))  # 2023-11-14 22:13 UTC
    hours = queries.answer(MetricsQuestion(split="hour", range="1h"))
    assert [row.label for row in hours.rows] == ["2023-11-14 23:00+01:00", "2023-11-15 00:00+01:00"]
    days = queries.answer(MetricsQuestion(split="day", range="1h"))
    assert [(row.label, row.value) for row in days.rows] == [("2023-11-14", 1), ("2023-11-15", 0)]
    assert hours.until == "2023-11-15T00:13:20+01:00"


def test_an_hour_without_runs_has_no_percentile(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0)))
    found = queries.answer(MetricsQuestion(measure="latency_p50", split="hour", range="1h"))
    assert [row.value for row in found.rows] == [0.1, None]


@pytest.mark.parametrize(
    "question",
    [
        MetricsQuestion(measure="profit"),  # type: ignore[arg-type]
        MetricsQuestion(split="user; DROP TABLE run"),  # type: ignore[arg-type]
        MetricsQuestion(range="1y"),  # type: ignore[arg-type]
        MetricsQuestion(filters={"user": "ann"}),  # type: ignore[dict-item]
    ],
)
def test_words_that_do_not_exist_are_refused_with_the_choices(
    queries: Queries, question: MetricsQuestion
) -> None:
    with pytest.raises(InvalidInput) as caught:
        queries.answer(question)
    assert caught.value.what_to_do.startswith("Use one of: ")


def test_an_empty_installation_answers_every_question(queries: Queries) -> None:
    for measure in MEASURES:
        for split in SPLITS:
            found = queries.answer(MetricsQuestion(measure=measure, split=split, range="all"))
            assert found.total.n == 0
            assert not any(row.n for row in found.rows)


def test_answers_agree_with_the_key_figures(path: Path) -> None:
    write_traffic(path, 300, Traffic(seed=2, days=1, until_us=NOW_US))
    queries = Queries(path, now_us=lambda: NOW_US + HOUR_US)
    total = queries.kpis(Filter(range="7d")).current
    expected: dict[Any, Any] = {
        "runs": total.runs,
        "users": total.users,
        "cost": (total.cost.value or 0) / 1e12,
        "input_tokens": total.input_tokens.value,
        "output_tokens": total.output_tokens.value,
        "ttft_p50": (total.ttft_p50.value or 0) / 1e6,
        "latency_p95": (total.latency_p95.value or 0) / 1e6,
        "failure_rate": total.failure.share,
        "tokens_per_second": total.speed.per_second,
    }
    found = {
        m: queries.answer(MetricsQuestion(measure=m, range="7d")).total.value for m in expected
    }
    additive = [
        queries.answer(MetricsQuestion(measure="cost", split=split, range="7d", limit=200))
        for split in ("model", "provider", "agent", "status", "entry_point", "day")
    ]
    queries.close()
    assert found == pytest.approx(expected)
    for answer in additive:
        assert sum(row.value or 0 for row in answer.rows) == pytest.approx(answer.total.value)
