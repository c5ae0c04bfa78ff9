"""Thumbs with their coverage, reasons, and the runs to look at, against rows written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.blocks import fold_all
from analytics.facts import RunFold
from analytics.feedback import add_ratings
from analytics.metrics import Rate
from analytics.queries import Filter, Queries
from analytics.queries.quality import evaluations, quality, ratings, worst_runs
from analytics.rows import run_facts
from analytics.store import AnalyticsStore
from bench.make_traffic import Traffic, feedback_rows, write_traffic
from core.database import database_url
from core.events import Failed
from tests.analytics.scripts import START_US, meta, simple_run

MINUTE_US = 60_000_000
NOW_US = START_US + 60 * MINUTE_US
FAILED = Failed(code="model_unavailable", message="m", what_to_do="w", retryable=True)


class Base:
    def __init__(self, path: Path) -> None:
        self._store = AnalyticsStore(database_url(path))
        self.queries = Queries(path, now_us=lambda: NOW_US)

    def run(self, minute: int, *, end: Any = None, version: str = "1", **more: Any) -> str:
        """A run of minute k is called rk."""
        of = meta(f"r{minute}", started_at_us=START_US + minute * MINUTE_US, app_version=version)
        fold = RunFold(meta=of)
        for event in simple_run(of, end=end, **more)[1]:
            fold.add(event)
        self._store.write([], [run_facts(fold)])
        return of.run_id

    def rate(self, run_id: str, up: bool | None, after_s: float = 1, **more: Any) -> None:
        at_us = START_US + int(run_id[1:]) * MINUTE_US + int(after_s * 1e6)
        row = {
            "feedback_id": f"{run_id}-{after_s}-{len(more)}",
            "run_id": run_id,
            "user_id": f"u{after_s}",
            "source": "user",
            "evaluation_name": "thumbs",
            "evaluation_score_value": None if up is None else float(up),
            "created_at_us": at_us,
            "updated_at_us": at_us,
        } | more
        self._store.run(lambda connection: add_ratings(connection, [row]))

    def close(self) -> None:
        self._store.close()
        self.queries.close()


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Base]:
    made = Base(tmp_path / "analytics.db")
    yield made
    made.close()


def test_the_share_of_thumbs_up_comes_with_its_coverage(base: Base) -> None:
    for minute in range(8):
        base.run(minute)
    for minute, up in ((0, True), (1, True), (2, False), (3, None)):
        base.rate(f"r{minute}", up)
    overall = base.queries.ask(quality, Filter(range="1h")).overall
    assert overall.up == Rate(k=2, n=3)  # a thumb without a value is none
    assert overall.coverage == Rate(k=3, n=8)


def test_a_run_counts_once_with_its_newest_thumb(base: Base) -> None:
    base.run(0)
    base.rate("r0", False, after_s=1)
    base.rate("r0", True, after_s=2)
    assert base.queries.ask(quality, Filter()).overall.up == Rate(k=1, n=1)


def test_every_split_adds_up_to_the_whole(base: Base) -> None:
    for minute in range(12):
        base.run(
            minute,
            agent=("billing", "technical", "policy")[minute % 3],
            model=("openai:gpt-4o-mini", "ollama:llama3.2")[minute % 2],
            version=str(minute // 6),
        )
        if minute % 2 or minute < 4:
            base.rate(f"r{minute}", minute % 4 != 1)
    found = base.queries.ask(quality, Filter(range="1h"))
    whole = found.overall
    for rows in found.by.values():
        assert sum(row.up.k for row in rows) == whole.up.k
        assert sum(row.up.n for row in rows) == whole.up.n == 8
        assert sum(row.coverage.n for row in rows) == whole.coverage.n == 12
    series = found.over_time
    assert (sum(series.up), sum(series.rated), sum(series.runs)) == (whole.up.k, 8, 12)
    assert {row.name: row.coverage.n for row in found.by["version"]} == {"0": 6, "1": 6}


def test_filters_are_those_of_the_run(base: Base) -> None:
    base.rate(base.run(0, agent="billing"), up=True)
    base.rate(base.run(1, agent="policy"), up=False)
    found = base.queries.ask(quality, Filter(agent=("policy",)))
    assert found.overall.up == Rate(k=0, n=1)
    assert base.queries.ask(quality, Filter(range="15m")).overall.up == Rate(k=0, n=0)


def test_reasons_are_of_thumbs_down_only(base: Base) -> None:
    given = [(False, "wrong"), (False, "wrong"), (False, None), (True, "wrong")]
    for minute, (up, reason) in enumerate(given):
        base.rate(base.run(minute), up, evaluation_score_label=reason)
    assert base.queries.ask(quality, Filter()).reasons == (("wrong", 2), (None, 1))


def test_with_more_ratings_than_fit_only_the_reasons_are_of_the_newest(base: Base) -> None:
    for minute in range(6):
        base.rate(base.run(minute), up=minute >= 4, evaluation_score_label="wrong")
    base.run(7)
    found = base.queries.ask(lambda ask: quality(ask, most=3), Filter(range="24h"))
    # The ratings of minutes 3, 4 and 5 were read.
    assert not found.whole
    assert found.reasons == (("wrong", 1),)
    assert found.overall.up == Rate(k=2, n=6)
    assert found.overall.coverage == Rate(k=6, n=7)
    assert base.queries.ask(ratings, Filter(range="24h")).whole


def test_a_rating_counts_at_once_and_after_figures_were_made_ready(
    base: Base, tmp_path: Path
) -> None:
    path = tmp_path / "analytics.db"
    names = [base.run(minute) for minute in range(3)]
    for later, up in enumerate((True, False)):
        fold_all(path, now_us=NOW_US)
        base.rate(names[0], up, after_s=1 + later)
        assert base.queries.ask(quality, Filter(range="1h")).overall.up == Rate(k=int(up), n=1)
    fold_all(path, now_us=NOW_US)
    found = base.queries.ask(quality, Filter(range="1h"))
    assert (found.overall.up, found.overall.coverage) == (Rate(k=0, n=1), Rate(k=1, n=3))


def test_scores_of_judges_and_code_are_no_thumbs(base: Base) -> None:
    base.run(0)
    for k, (value, label) in enumerate([(0.5, "ok"), (1.0, "good"), (None, "good")]):
        base.rate(
            "r0", None, after_s=k + 1, source="llm_judge", evaluation_name="faithfulness",
            judge_model="judge", evaluation_score_value=value, evaluation_score_label=label,
        )  # fmt: skip
    base.rate("r0", None, source="code", evaluation_name="thumbs", evaluation_score_value=1.0)
    assert base.queries.ask(quality, Filter()).overall.up.n == 0
    first, second = base.queries.ask(evaluations, Filter())
    assert (first.name, first.source, first.judge, first.n) == (
        "faithfulness", "llm_judge", "judge", 3
    )  # fmt: skip
    assert (first.mean, first.low, first.high) == (0.75, 0.5, 1.0)
    assert first.labels == (("good", 2), ("ok", 1))
    assert (second.name, second.source, second.n) == ("thumbs", "code", 1)


def test_worst_runs_are_the_newest_failed_or_rated_down(base: Base) -> None:
    base.rate(base.run(0), up=False, evaluation_explanation="It is <b>wrong</b>")
    base.run(1, end=FAILED)
    base.rate(base.run(2, end=FAILED), up=False)
    base.rate(base.run(3), up=True)
    base.run(4)
    found = base.queries.ask(worst_runs, Filter())
    assert [(one.run.run_id, one.down, one.failed) for one in found] == [
        ("r2", True, True),
        ("r1", False, True),
        ("r0", True, False),
    ]
    assert found[2].words == "It is <b>wrong</b>"
    newest = base.queries.ask(lambda ask: worst_runs(ask, limit=1), Filter())
    assert [one.run.run_id for one in newest] == ["r2"]


def test_no_database_has_no_ratings(base: Base, tmp_path: Path) -> None:
    queries = Queries(tmp_path / "none.db")
    assert queries.ask(quality, Filter()).overall.up == Rate(k=0, n=0)
    assert queries.ask(worst_runs, Filter()) == ()
    assert queries.ask(evaluations, Filter()) == ()
    queries.close()


@pytest.mark.slow
def test_synthetic_traffic_is_rated(tmp_path: Path) -> None:
    path = tmp_path / "traffic.db"
    made = list(Traffic(seed=3, until_us=NOW_US).facts(600))
    write_traffic(path, 600, Traffic(seed=3, until_us=NOW_US))
    queries = Queries(path, now_us=lambda: NOW_US)
    found = queries.ask(quality, Filter(range="90d")).overall
    queries.close()
    rows = feedback_rows(made)
    assert found.up == Rate(k=sum(row["evaluation_score_value"] == 1 for row in rows), n=len(rows))
    assert 0.03 < (found.coverage.share or 0) < 0.09
    assert 0.6 < (found.up.share or 0) < 0.99
