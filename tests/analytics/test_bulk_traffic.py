"""The databases that the dashboard is measured on, and the sources its figures are compared with."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.blocks import fold_all
from analytics.queries import Filter
from analytics.slo import Slo
from analytics.store import AnalyticsStore
from analytics.timeaxis import HOUR_US, QUARTER_US, axis_of
from bench.bulk_model import REGION
from bench.bulk_traffic import UNTIL_US, Size, build, forget_folded
from bench.dashboard_answers import Answers, Source, compare, ours, page
from bench.dashboard_frames import load_frames
from bench.dashboard_page import ask, open_queries
from bench.dashboard_sql import sqlite_source
from bench.dashboard_tabs import ASKED, questions
from core.catalog import load_catalog
from core.database import database_url
from core.pricing import price_call
from core.usage import Usage

SIZE = Size(4_000, days=1)
FILTERED = Filter(range="90d", agent=("technical",), status=("ok",), model=("openai:gpt-4o-mini",))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not folded. Made without the traces, wherever they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SWITCHBOARD_TEST_DATA", raising=False)
        return build(tmp_path_factory.mktemp("bulk"), SIZE).path


@pytest.fixture
def rows(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def one(rows: sqlite3.Connection, text: str) -> Any:
    return rows.execute(text).fetchone()[0]


def test_it_has_about_the_calls_asked_for_and_ends_with_the_range(rows: sqlite3.Connection) -> None:
    assert one(rows, "SELECT count(*) FROM llm_call") == pytest.approx(4_000, rel=0.05)
    assert one(rows, "SELECT count(*) FROM run") == SIZE.runs
    assert one(rows, "SELECT min(started_at_us) FROM run") >= SIZE.since_us
    assert one(rows, "SELECT max(started_at_us) FROM run") < UNTIL_US


def test_the_same_seed_gives_the_same_rows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHBOARD_TEST_DATA", raising=False)
    again, other = build(tmp_path, SIZE).path, build(tmp_path, Size(4_000, days=1, seed=2)).path
    assert _dump(again) == _dump(path)
    assert _dump(other) != _dump(path)


def test_a_database_that_is_there_is_used_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHBOARD_TEST_DATA", raising=False)
    built = build(path.parent, SIZE)
    assert (built.path, built.seconds, built.rows) == (path, 0.0, 0)


def test_it_has_the_indexes_of_the_product(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.db"
    store = AnalyticsStore(database_url(real))
    store.open()
    store.close()
    assert _indexes(path) == _indexes(real) != set()


def test_runs_carry_the_sums_of_their_calls(rows: sqlite3.Connection) -> None:
    sums = """SELECT run_id, count(*), sum(cost_pusd), sum(usage_input_tokens), sum(1 - usage_due),
              sum(fallback_from_model IS NOT NULL), sum(duration_us * (status = 'error'))
              FROM llm_call GROUP BY run_id"""
    of_calls = {row[0]: [v or 0 for v in tuple(row)[1:]] for row in rows.execute(sums)}
    for row in rows.execute(
        "SELECT run_id, llm_attempts, cost_pusd, usage_input_tokens, failed_attempts, fallbacks, "
        "failed_attempt_us FROM run"
    ):
        assert [v or 0 for v in tuple(row)[1:]] == of_calls.get(row["run_id"], [0] * 6)


def test_the_shares_of_a_run_add_up_to_it(rows: sqlite3.Connection) -> None:
    shares = "supervisor_us + retrieval_us + tool_us + model_us + other_us"
    assert one(rows, f"SELECT count(*) FROM run WHERE {shares} <> duration_us") == 0


def test_the_service_level_is_judged_as_the_product_does(rows: sqlite3.Connection) -> None:
    found = rows.execute("SELECT slo_met, status, first_token_us, duration_us FROM run").fetchall()
    assert {row["slo_met"] for row in found} == {0, 1, None}
    for met, status, first, duration in found:
        assert met == Slo().met(status, first, duration)


def test_calls_cost_what_the_catalogue_says(rows: sqlite3.Connection) -> None:
    catalog = load_catalog()
    at = datetime.combine(catalog.date, datetime.min.time(), UTC)
    found = rows.execute("SELECT * FROM llm_call WHERE usage_due = 1 LIMIT 1500").fetchall()
    for row in found:
        usage = Usage(
            input_tokens=row["usage_input_tokens"],
            cache_read=row["usage_cache_read_input_tokens"],
            cache_write=row["usage_cache_write_input_tokens"],
            output_tokens=row["usage_output_tokens"],
            reasoning_tokens=row["usage_reasoning_output_tokens"],
            source=row["usage_source"],
        )
        cost = price_call(catalog, row["request_model"], usage, region=REGION, at=at)
        assert (row["cost_pusd"], row["price_id"]) == (cost.total_pusd, cost.price_id)
        assert row["cost_cache_read_pusd"] == cost.cache_read_pusd
    assert {row["cost_quality"] for row in found} == {"exact", "approximate", "zero_local", None}


def test_a_fallback_follows_the_attempt_it_replaces(rows: sqlite3.Connection) -> None:
    found = rows.execute(
        "SELECT a.request_model AS asked, a.error_type AS why, a.started_at_us + a.duration_us AS gone, "
        "b.* FROM llm_call b JOIN llm_call a ON a.call_id = b.logical_call_id AND a.run_id = b.run_id "
        "WHERE b.fallback_from_model IS NOT NULL"
    ).fetchall()
    assert len(found) > 20
    for row in found:
        assert (row["asked"], row["why"]) == (row["fallback_from_model"], row["fallback_reason"])
        assert row["started_at_us"] >= row["gone"]
        assert row["attempt"] == 2


def test_every_quarter_with_rows_is_stale_again_after_forgetting(
    path: Path, rows: sqlite3.Connection, tmp_path: Path
) -> None:
    quarters = {
        start // QUARTER_US * QUARTER_US
        for table in ("run", "llm_call", "step")
        for (start,) in rows.execute(f"SELECT started_at_us FROM {table}")
    }
    assert {row["start_us"] for row in rows.execute("SELECT start_us FROM stale")} == quarters
    copied = Path(shutil.copy(path, tmp_path))
    assert fold_all(copied, now_us=SIZE.since_us + HOUR_US) > 0
    forget_folded(copied)
    with closing(sqlite3.connect(copied)) as connection:
        assert connection.execute("SELECT count(*) FROM block").fetchone() == (0,)
        found = connection.execute("SELECT level, start_us FROM stale").fetchall()
    assert sorted(found) == [("quarter", start) for start in sorted(quarters)]


@pytest.mark.parametrize("keep", [Filter(range="24h"), Filter(range="7d"), FILTERED])
def test_plain_sql_and_pandas_give_the_same_page(path: Path, keep: Filter) -> None:
    found = compare(_of(path, sqlite_source(path), keep), _of(path, load_frames(path), keep))
    assert (found.wrong, found.compared > 0) == ((), True)
    assert found.largest_error < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
def test_the_dashboard_equals_all_rows(path: Path, tmp_path: Path, zone: str) -> None:
    """Read from the rows, and from what was made ready for a zone."""
    copied = Path(shutil.copy(path, tmp_path))
    frames = load_frames(copied)
    for largest_error in (1e-12, 0.01):
        for keep in (Filter(range="24h"), Filter(range="90d"), FILTERED):
            with closing(open_queries(copied, zone)) as queries:
                answers, _ = ask(queries, keep)
            found = compare(ours(answers), _of(copied, frames, keep, zone))
            assert found.wrong == ()
            assert found.largest_error <= largest_error
        assert fold_all(copied, zone, now_us=UNTIL_US) > 0 or largest_error == 0.01


def test_a_wrong_count_and_a_wrong_percentile_are_found(path: Path) -> None:
    exact = _of(path, load_frames(path), Filter(range="7d"))
    key = ("kpis", "current", "ttft", 0.95)
    n, value = exact.quantiles[key]
    got = Answers(
        {**exact.exact, ("kpis", "current", "n"): 1},
        {**exact.quantiles, key: (n, value * 1.02)},
    )
    found = compare(got, exact)
    assert len(found.wrong) == 1
    assert (found.where, round(found.largest_error, 6)) == (key, 0.02)


def test_a_database_used_again_gets_the_indexes_and_tables_of_now(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHBOARD_TEST_DATA", raising=False)
    copied = Path(shutil.copy(path, tmp_path))
    with closing(sqlite3.connect(copied)) as connection:
        connection.execute("DROP INDEX run_by_time")
        connection.execute("CREATE INDEX run_by_time ON run (ended_at_us)")
        connection.execute("DROP TABLE stale")
        connection.execute("ALTER TABLE import_batch ADD COLUMN old TEXT")
        connection.commit()
    assert build(tmp_path, SIZE).seconds == 0.0
    assert _indexes(copied) == _indexes(path)
    assert _tables(copied) == _tables(path)


@pytest.mark.slow
@pytest.mark.parametrize("tab", ASKED)
def test_every_tab_can_be_asked(path: Path, tab: str) -> None:
    asked = questions(tab)
    with closing(open_queries(path, "UTC")) as queries:
        answers, took = ask(queries, Filter(range="90d"), asked)
    assert list(answers) == list(took) == list(asked)


def test_no_question_of_the_dashboard_is_left_out() -> None:
    pages = Path(__file__).parents[2] / "pages"
    found = {
        name.split(".")[-1]
        for file in pages.rglob("dashboard*.py")
        for name in re.findall(r"tab\.answer\(\s*([a-z_.]+)", file.read_text("utf-8"))
    }
    asked = {question.__name__ for tab in ASKED.values() for question, *_ in tab}
    assert found
    assert found - asked == set()


def _of(path: Path, source: Source, keep: Filter, zone: str = "UTC") -> Answers:
    with closing(open_queries(path, zone)) as queries:
        pinned = queries.pin(keep)
        window = queries.window(pinned)
    return page(source, window, axis_of(window, ZoneInfo(zone)), pinned)


def _dump(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return [
            row
            for table in ("run", "step", "llm_call", "feedback", "document_day")
            for row in connection.execute(f"SELECT * FROM {table}")
        ]


def _indexes(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        text = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        return {(name, " ".join(sql.split())) for name, sql in connection.execute(text)}


def _tables(path: Path) -> dict[str, tuple[int, str]]:
    """Rows and columns of each table."""
    with closing(sqlite3.connect(path)) as connection:
        text = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        return {
            name: (connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0], sql)
            for name, sql in connection.execute(text).fetchall()
            if not name.startswith("sqlite_stat")
        }
