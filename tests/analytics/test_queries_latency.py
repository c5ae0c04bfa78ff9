"""Distributions and heatmaps of latency against numpy over the plain rows."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from analytics.queries import Filter, Queries
from analytics.queries.groups import time_shares
from analytics.queries.latency import (
    BOX,
    SCATTER_POINTS,
    duration_heatmap,
    first_token_points,
    first_tokens_by_model,
    hours_of_week,
    speed_by_model,
    stalls_by_model,
)
from analytics.queries.service_level import attainment, within
from analytics.timeaxis import local
from tests.traffic import copy_traffic

RUNS = 700
UNTIL_US = 1_793_000_000_000_000
KATHMANDU = "Asia/Kathmandu"
ALL = Filter(range="all", until_us=UNTIL_US + 1)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("latency") / "analytics.db"
    copy_traffic(found, RUNS, seed=11, days=20, until_us=UNTIL_US)
    with sqlite3.connect(found) as connection:
        connection.execute(
            "UPDATE llm_call SET stall_count = rowid % 5 = 0, stall_us = rowid WHERE rowid % 3 > 0"
        )
    return found


@pytest.fixture(scope="module")
def queries(path: Path) -> Queries:
    return Queries(path, KATHMANDU, now_us=lambda: UNTIL_US)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(sql).fetchall()


def by_model(path: Path, value: str) -> dict[str, list[float]]:
    found = defaultdict(list)
    sql = f"SELECT request_model, {value} FROM llm_call WHERE status = 'ok' AND {value} IS NOT NULL"
    for model, number in rows(path, sql):
        found[str(model)].append(float(str(number)))
    return found


def test_a_curve_says_how_many_calls_were_within_each_limit(path: Path, queries: Queries) -> None:
    found = queries.ask(first_tokens_by_model, ALL)
    expected = by_model(path, "first_token_us")
    assert found.n == {model: len(values) for model, values in expected.items()}
    for model, shares in found.shares.items():
        values = np.array(expected[model])
        assert list(shares) == pytest.approx([(values <= us).mean() for us in found.limits_us])
        assert shares[-1] == 1.0


def test_no_calls_give_no_curve(queries: Queries) -> None:
    nobody = Filter(range="all", until_us=UNTIL_US, user=("nobody",))
    assert queries.ask(first_tokens_by_model, nobody).limits_us == ()
    assert queries.ask(duration_heatmap, nobody).n == 0
    assert queries.ask(first_token_points, nobody).points == ()
    assert queries.ask(hours_of_week, nobody).n == 0


def test_boxes_are_quantiles_of_the_time_per_token(path: Path, queries: Queries) -> None:
    found = {box.model: box for box in queries.ask(speed_by_model, ALL)}
    sql = """SELECT request_model, (last_token_us - first_token_us) / (usage_output_tokens - 1)
        FROM llm_call WHERE status = 'ok' AND usage_output_tokens >= 2
        AND last_token_us > first_token_us"""
    values = defaultdict(list)
    for model, us in rows(path, sql):
        values[str(model)].append(us)
    assert found.keys() == values.keys()
    for model, box in found.items():
        assert box.n == len(values[model])
        assert box.tpot_us == pytest.approx([np.quantile(values[model], q) for q in BOX])


def test_every_successful_run_is_in_one_cell_of_the_heatmap(path: Path, queries: Queries) -> None:
    found = queries.ask(duration_heatmap, ALL)
    took = [us for (us,) in rows(path, "SELECT duration_us FROM run WHERE status = 'ok'")]
    assert found.n == len(took) == sum(map(sum, found.counts))
    assert len(found.counts) == len(found.buckets)
    by_row = [sum(column[k] for column in found.counts) for k in range(len(found.edges_us) - 1)]
    inside = [
        sum(low <= us < high for us in took)
        for low, high in zip(found.edges_us, found.edges_us[1:], strict=False)
    ]
    assert by_row == inside


def test_points_are_single_calls_and_never_too_many(path: Path, queries: Queries) -> None:
    found = queries.ask(first_token_points, ALL)
    first = "SELECT 1 FROM llm_call WHERE status = 'ok' AND first_token_us IS NOT NULL"
    assert found.of == len(rows(path, first))
    known = len(rows(path, f"{first} AND usage_input_tokens > 0"))
    assert len(found.points) == min(known, SCATTER_POINTS)
    assert all(point.cached_tokens <= point.input_tokens for point in found.points)


def test_stalls_are_counted_over_streams(path: Path, queries: Queries) -> None:
    found = {row.model: row for row in queries.ask(stalls_by_model, ALL)}
    expected = {
        str(model): (stalled, n)
        for model, stalled, n in rows(path, """SELECT request_model, sum(stall_count > 0), count(*)
            FROM llm_call WHERE status = 'ok' AND first_token_us IS NOT NULL
            AND stall_count IS NOT NULL GROUP BY 1""")
    }  # fmt: skip
    assert {m: (row.stalled.k, row.stalled.n) for m, row in found.items()} == expected


def test_hours_of_the_week_are_those_of_the_reporting_zone(path: Path, queries: Queries) -> None:
    found = queries.ask(lambda ask: hours_of_week(ask, 0.5), ALL)
    zone, took = ZoneInfo(KATHMANDU), defaultdict(list)
    for at_us, us in rows(path, "SELECT started_at_us, duration_us FROM run WHERE status = 'ok'"):
        start = local(int(str(at_us)), zone)
        took[start.weekday(), start.hour].append(us)
    counted = {
        (day, hour): one.n
        for day, hours in enumerate(found.cells)
        for hour, one in enumerate(hours)
        if one.n
    }
    assert counted == {place: len(values) for place, values in took.items()}
    # A rank between two far order statistics has no value of its own: the lower one is taken.
    for (day, hour), values in took.items():
        exact = np.quantile(values, 0.5, method="lower")
        assert found.cells[day][hour].value == pytest.approx(exact, rel=0.012)


def test_only_the_last_weeks_of_a_long_range_are_counted_by_hour(path: Path) -> None:
    later = Queries(path, now_us=lambda: UNTIL_US + 90 * 86_400_000_000)
    found = later.ask(hours_of_week, Filter(range="all"))
    assert found.shortened
    assert found.n < RUNS


def test_the_budget_falls_with_every_miss_and_ends_where_the_total_says(queries: Queries) -> None:
    found = queries.ask(lambda ask: attainment(ask, 0.95), ALL)
    left = [value for value in found.left() if value is not None]
    assert left == sorted(left, reverse=True)
    misses = found.total.n - found.total.k
    assert left[-1] == pytest.approx(1 - misses / (found.total.n * 0.05))


def test_nothing_is_left_to_say_when_no_run_counts(queries: Queries) -> None:
    nobody = Filter(range="24h", user=("nobody",))
    found = queries.ask(lambda ask: attainment(ask, 0.95), nobody)
    assert set(found.left()) == {None}


def test_other_limits_count_failed_runs_as_misses(path: Path, queries: Queries) -> None:
    found = queries.ask(lambda ask: within(ask, 800_000, 4_000_000), ALL)
    [(ok, failed)] = rows(path, """SELECT sum(status = 'ok'),
        sum(status IN ('error', 'timeout', 'lost')) FROM run""")  # fmt: skip
    [(fast, first, quick)] = rows(path, """SELECT sum(first_token_us <= 800000),
        count(first_token_us), sum(duration_us <= 4000000) FROM run WHERE status = 'ok'""")  # fmt: skip
    assert (found.first_token.k, found.first_token.n) == (fast, first + failed)
    assert (found.duration.k, found.duration.n) == (quick, ok + failed)


def test_writing_is_the_part_of_model_time_after_the_first_token(
    path: Path, queries: Queries
) -> None:
    shares = queries.ask(time_shares, ALL)
    [(writing, model)] = rows(path, """SELECT
        sum(min(model_us, max(duration_us - first_token_us, 0))), sum(model_us)
        FROM run WHERE status = 'ok' AND first_token_us IS NOT NULL""")  # fmt: skip
    assert shares.everything.writing_us == writing
    assert shares.everything.model_us >= model
    assert 0 < shares.p95.writing_us <= shares.p95.model_us
