"""The figures of the dashboard against runs whose answers one can work out by head."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from analytics.columns import ColumnQuery
from analytics.metrics import Known, Rate
from analytics.queries import Filter, Queries
from analytics.queries.reading import Reader
from analytics.schema import run
from bench.make_traffic import Traffic, write_traffic
from core.errors import InvalidInput, StorageError
from core.events import Cancelled, Event, Failed
from tests.analytics.scripts import START_US, at, attempt, script, simple_run, started, write

HOUR_US = 3_600_000_000
NOW_US = START_US + HOUR_US
FAILED = Failed(code="model_unavailable", message="m", what_to_do="w", retryable=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def queries(path: Path) -> Iterator[Queries]:
    found = Queries(path, now_us=lambda: NOW_US)
    yield found
    found.close()


# -- key figures


def test_cancelled_runs_are_neither_successes_nor_failures(path: Path, queries: Queries) -> None:
    ends: list[Event | None] = [None, None, None, FAILED, Cancelled(by="user")]
    write(path, *(simple_run(at(k, k), end=end) for k, end in enumerate(ends)))
    found = queries.kpis(Filter()).current
    assert (found.runs, found.ok, found.cancelled) == (5, 3, 1)
    assert found.failure == Rate(k=1, n=4)
    assert found.failure.share == 0.25


def test_percentiles_are_numpys_and_leave_out_what_did_not_succeed(
    path: Path, queries: Queries
) -> None:
    lengths = [100, 220, 310, 480, 505, 660, 1000]
    runs = [simple_run(at(k, k), end_ms=ms) for k, ms in enumerate(lengths)]
    write(path, *runs, simple_run(at(90, 1), end_ms=99_999, end=Cancelled(by="user")))
    found = queries.kpis(Filter()).current
    assert found.latency_p95.value == pytest.approx(np.quantile(lengths, 0.95) * 1000)
    assert (found.latency_p50.value, found.latency_p50.n) == (480_000, 7)
    assert (found.latency_p50.enough, found.latency_p95.enough) == (True, False)
    assert found.latency_p95.maximum == 1_000_000


def test_unknown_costs_are_counted_and_not_added(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0)), simple_run(at(1, 1), cost_pusd=None))
    found = queries.kpis(Filter()).current
    assert found.cost == Known(value=21_600_000, known=1, of=2)
    assert found.cost.missing == 1


def test_a_sum_of_only_unknown_costs_is_unknown(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0), cost_pusd=None))
    assert queries.kpis(Filter()).current.cost == Known(value=None, known=0, of=1)


def test_decode_speed_is_a_ratio_of_sums(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0), output_tokens=11), simple_run(at(1, 1), output_tokens=31))
    speed = queries.kpis(Filter()).current.speed
    assert (speed.tokens, speed.us, speed.n) == (40, 20_000, 2)
    assert speed.per_second == 2000


def test_the_period_before_is_as_long_and_ends_where_this_one_begins(
    path: Path, queries: Queries
) -> None:
    write(path, simple_run(at(0, 0)), simple_run(at(1, -30)), simple_run(at(2, -119)))
    report = queries.kpis(Filter(range="1h"))
    assert report.previous is not None
    assert (report.current.runs, report.previous.runs) == (1, 1)
    everything = queries.kpis(Filter(range="all"))
    assert (everything.current.runs, everything.previous) == (3, None)


def test_users_are_people_and_not_runs(path: Path, queries: Queries) -> None:
    people = ["ann", "bob", "ann", None]
    write(path, *(simple_run(at(k, k, user_id=who)) for k, who in enumerate(people)))
    assert queries.kpis(Filter()).current.users == 2


@pytest.mark.parametrize("name", ["agent", "model", "status", "entry_point"])
def test_filtering_by_a_value_gives_the_figures_of_that_values_row(
    path: Path, queries: Queries, name: str
) -> None:
    write(
        path,
        simple_run(at(0, 0), agent="billing"),
        simple_run(at(1, 1), agent="policy", model="local:extractive"),
        simple_run(at(2, 2, entry_point="api"), agent="policy", end=FAILED),
    )
    for value in getattr(queries.facets(Filter()), name):
        keep = Filter(**{name: (value,)})
        runs = queries.recent_runs(keep)
        column = {"agent": "agent_name", "model": "answer_model"}.get(name, name)
        assert {getattr(row, column) for row in runs} == {value}
        assert queries.kpis(keep).current.runs == len(runs)
        assert queries.kpis(keep).current.cost.of == len(runs)


# -- over time


def test_a_bucket_without_runs_is_a_gap_for_percentiles_and_zero_for_counts(
    path: Path, queries: Queries
) -> None:
    write(path, simple_run(at(0, 1)), simple_run(at(1, 58), end=FAILED))
    keep = Filter(range="1h")
    series = queries.percentiles_over_time(keep, "duration_us", (0.5,))
    counts = queries.runs_by_status(keep)
    place = next(k for k, n in enumerate(series.n) if n)
    assert [v for v in series.values[0.5] if v is not None] == [100_000]
    assert (series.values[0.5][place], sum(series.left_out)) == (100_000, 1)
    assert (sum(counts.values["ok"]), sum(counts.values["error"])) == (1, 1)
    assert len(counts.buckets) == len(series.n) == len(counts.values["ok"])


def test_cost_over_time_adds_what_is_known_and_counts_the_rest(
    path: Path, queries: Queries
) -> None:
    write(
        path,
        simple_run(at(0, 1)),
        simple_run(at(1, 1), model="ollama:x", cost_pusd=None),
        simple_run(at(2, 30)),
    )
    series = queries.cost_over_time(Filter(range="1h"))
    assert {m: sum(v) for m, v in series.values.items()} == {
        "openai:gpt-4o-mini": 43_200_000,
        "ollama:x": 0,
    }
    assert (sum(series.missing), sum(series.calls)) == (1, 3)


def test_tokens_over_time_can_be_asked_by_direction(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 1)))
    sums = [
        sum(queries.tokens_over_time(Filter(), kind).values["openai:gpt-4o-mini"])
        for kind in ("all", "input", "output")
    ]
    assert sums == [111, 100, 11]


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Europe/Berlin", "UTC"])
def test_the_sum_of_the_buckets_is_the_total_of_the_range(path: Path, zone: str) -> None:
    """Traps 24: three weeks around the day clocks go back in Berlin."""
    end = 1_793_145_600_000_000  # 2026-10-28T00:00Z
    write_traffic(path, 300, Traffic(seed=3, days=21, until_us=end))
    queries = Queries(path, zone, now_us=lambda: end)
    keep = Filter(since_us=end - 21 * 24 * HOUR_US, until_us=end)
    total, counts = queries.kpis(keep).current, queries.runs_by_status(keep)
    costs, tokens = queries.cost_over_time(keep), queries.tokens_over_time(keep)
    queries.close()
    assert sum(map(sum, counts.values.values())) == total.runs == 300
    assert sum(map(sum, costs.values.values())) == total.cost.value
    assert sum(costs.missing) == total.cost.missing
    known = (total.input_tokens.value or 0) + (total.output_tokens.value or 0)
    assert sum(map(sum, tokens.values.values())) == known


# -- groups


def test_groups_add_up_to_the_total(path: Path) -> None:
    write_traffic(path, 400, Traffic(seed=5, days=6, until_us=NOW_US))
    queries = Queries(path, now_us=lambda: NOW_US + HOUR_US)
    keep = queries.pin(Filter(range="30d"))
    total = queries.kpis(keep).current
    agents, models = queries.by_agent(keep), queries.by_model(keep)
    shares = queries.time_shares(keep).everything
    queries.close()
    assert sum(row.runs for row in agents) == total.runs == 400
    assert sum(row.cost.value or 0 for row in agents) == total.cost.value
    assert sum(row.cost.value or 0 for row in models) == total.cost.value
    assert sum(row.failure.k for row in agents) == total.failure.k
    assert shares.n == total.ok
    parts = (shares.supervisor_us, shares.retrieval_us, shares.tool_us, shares.model_us)
    assert sum(parts) + shares.other_us == shares.duration_us


def test_models_are_told_apart_by_what_was_asked(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0)), simple_run(at(1, 1), model="local:extractive"))
    rows = queries.by_model(Filter())
    assert [(r.model, r.attempts, r.ttft_p50.value) for r in rows] == [
        ("local:extractive", 1, 20_000),
        ("openai:gpt-4o-mini", 1, 20_000),
    ]


def test_the_shares_of_the_slow_runs_are_those_of_the_slow_runs(
    path: Path, queries: Queries
) -> None:
    write(path, *(simple_run(at(k, k / 10), end_ms=100 + k) for k in range(100)))
    found = queries.time_shares(Filter())
    assert (found.everything.n, found.median.n, found.p95.n) == (100, 5, 5)
    assert found.median.duration_us == sum(range(147, 152)) * 1000
    assert found.p95.duration_us == sum(range(192, 197)) * 1000


# -- single runs


def test_recent_runs_page_backwards_without_repeats(path: Path, queries: Queries) -> None:
    write(path, *(simple_run(at(k, k // 2)) for k in range(5)))
    first = queries.recent_runs(Filter(), limit=2)
    last = first[-1]
    rest = queries.recent_runs(Filter(), limit=9, before=(last.started_at_us, last.run_id))
    assert [row.run_id for row in [*first, *rest]] == [f"r{k:03d}" for k in (4, 3, 2, 1, 0)]


def test_slowest_runs_come_with_their_rank(path: Path, queries: Queries) -> None:
    write(path, *(simple_run(at(k, k), end_ms=100 * (k + 1)) for k in range(4)))
    found = queries.slowest_runs(Filter(), limit=2)
    assert [(row.run.run_id, row.rank) for row in found] == [("r003", 1.0), ("r002", 0.75)]


def test_the_detail_of_a_run_has_offsets_from_its_start(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(7, 3)))
    found = queries.run_detail("r007")
    assert found is not None
    assert [(c.offset_us, c.duration_us, c.usage_source) for c in found.calls] == [
        (20_000, 70_000, "provider")
    ]
    assert queries.run_detail("nobody") is None


def test_data_quality_names_what_is_missing(path: Path, queries: Queries) -> None:
    write(
        path,
        simple_run(at(0, 0)),
        simple_run(at(1, 1), source="estimate", cost_pusd=None),
        simple_run(at(2, 2), cost_pusd=0, problems=("input below cache read",)),
    )
    found = queries.data_quality(Filter())
    assert (found.provider_usage, found.priced) == (Rate(k=2, n=3), Rate(k=2, n=3))
    assert (found.contradictory, found.free_but_used) == (1, 1)


# -- the database itself


def every_answer(queries: Queries) -> dict[str, Any]:
    keep = Filter(range="all")
    return {
        "kpis": queries.kpis(keep).current.runs,
        "runs_by_status": queries.runs_by_status(keep).values,
        "percentiles": set(queries.percentiles_over_time(keep).n),
        "tokens": queries.tokens_over_time(keep).values,
        "cost": queries.cost_over_time(keep).values,
        "shares": queries.time_shares(keep).everything.n,
        "by_agent": queries.by_agent(keep),
        "by_model": queries.by_model(keep),
        "recent": queries.recent_runs(keep),
        "slowest": queries.slowest_runs(keep),
        "detail": queries.run_detail("r"),
        "quality": queries.data_quality(keep).priced.n,
        "facets": queries.facets(keep).model,
        "version": queries.data_version(),
    }


@pytest.mark.parametrize("state", ["missing", "no bytes", "no tables", "no runs"])
def test_a_database_without_runs_gives_empty_answers(
    path: Path, queries: Queries, state: str
) -> None:
    if state == "no bytes":
        path.touch()
    elif state == "no tables":
        sqlite3.connect(path).execute("PRAGMA journal_mode=WAL").connection.close()
    elif state == "no runs":
        write(path)
    found = every_answer(queries)
    found.pop("version")
    assert set(map(str, found.values())) == {"0", "{}", "{0}", "[]", "()", "None"}


def test_a_broken_database_raises_a_sentence(path: Path, queries: Queries) -> None:
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(StorageError, match="damaged or is not a database"):
        queries.kpis(Filter())


def test_a_question_that_takes_too_long_is_given_up(path: Path) -> None:
    write_traffic(path, 300, Traffic(seed=1, days=1, until_us=NOW_US))
    reader = Reader(path, time_limit_s=0.0)
    other = run.alias()
    pairs = select(func.count()).join_from(run, other, run.c.run_id != other.c.run_id)
    with pytest.raises(StorageError, match="could not be read within"):
        reader.rows(pairs)
    reader.close()


def test_readers_cannot_write(path: Path) -> None:
    write(path, simple_run(at(0, 0)))
    reader = Reader(path)
    with (
        reader._place.everybody.connect() as connection,
        pytest.raises(Exception, match="readonly database"),
    ):
        connection.exec_driver_sql("DELETE FROM run")
    reader.close()


def test_a_file_that_was_replaced_is_read_again(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0)))
    assert queries.kpis(Filter()).current.runs == 1
    for part in path.parent.iterdir():
        part.unlink()
    assert queries.kpis(Filter()).current.runs == 0
    write(path, simple_run(at(0, 0)), simple_run(at(1, 0)))
    assert queries.kpis(Filter()).current.runs == 2


def test_new_rows_are_seen_although_the_page_pinned_its_range(path: Path, queries: Queries) -> None:
    write(path, simple_run(at(0, 0)))
    keep = queries.pin(Filter())
    before = queries.data_version()
    assert queries.kpis(keep).current.runs == 1
    write(path, simple_run(at(1, 1)))
    assert queries.kpis(keep).current.runs == 2
    assert queries.data_version() > before


@pytest.mark.parametrize(
    "keep", [Filter(since_us=5, until_us=5), Filter(since_us=-1), Filter(until_us=10**17)]
)
def test_an_impossible_range_is_refused(queries: Queries, keep: Filter) -> None:
    with pytest.raises(InvalidInput):
        queries.kpis(keep)


def test_columns_are_the_rows_in_the_same_order(path: Path) -> None:
    """The arrays come from joined strings; they must stay aligned with each other."""
    write_traffic(path, 200, Traffic(seed=9, days=2, until_us=NOW_US))
    reader = Reader(path)
    ints = {n: run.c[n] for n in ("started_at_us", "first_token_us", "cost_pusd")}
    texts = {n: run.c[n] for n in ("run_id", "agent_name")}
    query = ColumnQuery.of(select(run.c.run_id), ints, texts)
    found = reader.snapshot(query.read, None)
    assert found is not None
    plain = {row["run_id"]: row for row in reader.rows(select(run))}
    reader.close()
    ids, agents = found.texts["run_id"], found.texts["agent_name"]
    for k in range(found.n):
        row = plain[ids.names[ids.codes[k]] or ""]
        assert agents.names[agents.codes[k]] == row["agent_name"]
        for name in ints:
            assert found.ints[name][k] == (-1 if row[name] is None else row[name])


def test_a_name_with_the_separator_in_it_does_not_shift_the_rows(
    path: Path, queries: Queries
) -> None:
    write(path, simple_run(at(0, 0, user_id="a\x1fb")), simple_run(at(1, 1, user_id="c")))
    found = queries.kpis(Filter()).current
    assert (found.runs, found.ok, found.users) == (2, 2, 2)


def test_a_call_refused_before_its_first_chunk_owes_no_usage(path: Path, queries: Queries) -> None:
    refused = script(
        (0, started()), (1, attempt("error", error_type="ModelRateLimited")), (2, FAILED)
    )
    write(path, simple_run(at(0, 0)), (at(1, 1), refused))
    found = queries.kpis(Filter()).current
    assert found.cost == Known(value=21_600_000, known=1, of=1)
    assert sum(queries.cost_over_time(Filter()).missing) == 0
    assert queries.by_model(Filter())[0].error == Rate(k=1, n=2)
