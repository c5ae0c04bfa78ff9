"""What changed, who came, who was pleased."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from analytics.feedback import add_ratings
from analytics.queries import Filter, Queries
from analytics.queries.overview import (
    DIMENSIONS,
    Changed,
    key_figures,
    last_first_tokens,
    thumbs,
    users_over_time,
    what_changed,
)
from analytics.queries.run_pages import runs_page
from analytics.recorder import Recorder
from tests.traffic import copy_traffic

RUNS = 400
UNTIL_US = 1_793_000_000_000_000
WEEK = Filter(range="7d")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "analytics.db"
    copy_traffic(found, RUNS, seed=6, days=13.9, until_us=UNTIL_US)
    return found


@pytest.fixture
def queries(path: Path) -> Queries:
    return Queries(path, now_us=lambda: UNTIL_US + 1)


@pytest.mark.parametrize("keep", [WEEK, Filter(range="7d", model=("openai:gpt-4o-mini",))])
@pytest.mark.parametrize("of", ["cost", "runs", "failures"])
def test_the_differences_of_each_dimension_add_up_to_the_whole(
    queries: Queries, of: Changed, keep: Filter
) -> None:
    found = queries.ask(lambda ask: what_changed(ask, of, limit=10_000), keep)
    assert found is not None
    assert found.now
    for dimension in DIMENSIONS:
        parts = [row.difference for row in found.rows if row.dimension == dimension]
        assert sum(parts) == found.now - found.before
    sizes = [abs(row.difference) for row in found.rows]
    assert sizes == sorted(sizes, reverse=True)
    assert all(sizes)


def test_only_the_largest_changes_are_given_and_all_are_counted(queries: Queries) -> None:
    found = queries.ask(lambda ask: what_changed(ask, "runs", limit=3), WEEK)
    assert found is not None
    assert len(found.rows) == 3 < found.counted


def test_all_time_has_nothing_to_compare_with(queries: Queries) -> None:
    assert queries.ask(lambda ask: what_changed(ask, "runs"), Filter(range="all")) is None


def test_people_are_counted_once_in_a_bucket(path: Path, queries: Queries) -> None:
    found = queries.ask(users_over_time, WEEK)
    assert found.users is not None
    with sqlite3.connect(path) as connection:
        for bucket, users in zip(found.buckets, found.users, strict=True):
            [(expected,)] = connection.execute(
                "SELECT count(DISTINCT user_id) FROM run WHERE started_at_us >= ? AND started_at_us < ?",
                (bucket.start_us, bucket.end_us),
            )
            assert users == expected


def test_too_many_people_are_not_counted_by_bucket(
    queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.queries.overview._MANY", 3)
    assert queries.ask(users_over_time, WEEK).users is None


def test_thumbs_count_people_only_and_say_how_many_runs_were_rated(
    path: Path, queries: Queries
) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM feedback")
    runs = queries.recent_runs(WEEK, limit=10)
    rows = [(0, "user", "thumbs", 1.0), (1, "user", "thumbs", 0.0), (2, "user", "thumbs", 1.0),
            (3, "llm_judge", "thumbs", 0.0), (4, "user", "helpful", 0.0)]  # fmt: skip
    recorder = Recorder(path)
    recorder.write(
        lambda connection: add_ratings(
            connection,
            [
                {
                    "feedback_id": f"f{k}", "run_id": runs[k].run_id, "source": source,
                    "evaluation_name": name, "evaluation_score_value": score, "user_id": "u",
                    "created_at_us": UNTIL_US, "updated_at_us": UNTIL_US,
                }
                for k, source, name, score in rows
            ],
        )
    )  # fmt: skip
    recorder.close()
    found = queries.ask(thumbs, WEEK)
    assert (found.up.k, found.up.n) == (2, 3)
    assert found.rated.k == 3
    assert found.rated.n == queries.kpis(WEEK).current.runs


def test_key_figures_are_those_of_the_kpis_with_the_service_level(queries: Queries) -> None:
    found = queries.ask(key_figures, WEEK)
    assert found.kpis == queries.kpis(WEEK)
    assert found.before is not None
    assert 0 < found.now.slo.k <= found.now.slo.n <= found.kpis.current.runs


def test_the_last_first_tokens_are_the_newest_in_order(queries: Queries) -> None:
    found = queries.ask(lambda ask: last_first_tokens(ask, 5), WEEK)
    newest = [run for run in queries.recent_runs(WEEK, limit=50) if run.first_token_us is not None]
    assert [one.first_token_us for one in found] == [r.first_token_us for r in newest[:5]][::-1]


def test_pages_of_runs_follow_each_other_without_a_gap(queries: Queries) -> None:
    ids: list[str] = []
    page = queries.ask(runs_page, Filter(range="all"))
    ids += [row.run_id for row in page.rows]
    while page.older:
        page = queries.ask(lambda ask, place=page.older: runs_page(ask, place), Filter(range="all"))
        ids += [row.run_id for row in page.rows]
    assert len(ids) == len(set(ids)) == RUNS
