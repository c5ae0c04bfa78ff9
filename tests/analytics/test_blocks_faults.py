"""Blocks when something happens in between: midnight, a crash, a damaged block, another zone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from analytics.blocks import Folder, fold_all
from analytics.blocks.stale import keep_figures_before
from analytics.queries import Filter
from analytics.recorder import Recorder
from analytics.schema import block, llm_call, run, stale, step
from analytics.store import AnalyticsStore
from analytics.timeaxis import DAY_US, HOUR_US, MINUTE_US, midnight_us
from bench.make_traffic import Traffic
from core.database import Database
from tests.analytics.test_blocks import NOW_US, figures, queries

ALL = Filter(range="all")


def write(path: Path, zone: str, until_us: int, *, runs: int = 60, days: float = 1) -> None:
    store = AnalyticsStore(f"sqlite:///{path}", zone)
    store.write([], list(Traffic(seed=4, days=days, until_us=until_us).facts(runs)))
    store.close()


def days_kept(path: Path) -> set[int]:
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        starts = connection.execute(select(block.c.start_us).where(block.c.level == "day"))
        found = set(starts.scalars())
    database.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_a_day_stays_ready_when_the_next_one_begins(tmp_path: Path, zone: str) -> None:
    path = tmp_path / "a.db"
    # On 4 October 2026 the day of Lord Howe has 23.5 hours.
    midnight = midnight_us(date(2026, 10, 5), ZoneInfo(zone))
    write(path, zone, midnight - MINUTE_US, days=0.9)
    fold_all(path, zone, now_us=midnight + HOUR_US)
    kept = days_kept(path)
    assert len(kept) == 1
    write(path, zone, midnight + 30 * MINUTE_US, runs=5, days=0.01)  # in the first hour of the next
    assert days_kept(path) == kept
    truth = figures(queries(path, zone), ALL)
    fold_all(path, zone, now_us=midnight + 3 * DAY_US)
    assert figures(queries(path, zone), ALL) == truth
    assert len(days_kept(path)) == 2


def test_a_run_that_was_lost_is_no_longer_running_in_the_figures(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    facts = next(iter(Traffic(seed=4, days=0.1, until_us=NOW_US).facts(1)))
    row = {**facts.run, "status": "running", "slo_met": None, "started_at_us": NOW_US - DAY_US}
    store = AnalyticsStore(f"sqlite:///{path}")
    store.write([row], [])
    store.close()
    fold_all(path, now_us=NOW_US)
    assert queries(path, "UTC").kpis(ALL).current.running == 1
    AnalyticsStore(f"sqlite:///{path}").open()  # the next process
    found = queries(path, "UTC").kpis(ALL).current
    assert (found.running, found.failure.k, found.failure.n) == (0, 1, 1)


def test_a_block_that_cannot_be_folded_does_not_end_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    hour = (NOW_US - 2 * DAY_US) // HOUR_US * HOUR_US
    store = AnalyticsStore(f"sqlite:///{path}")
    store.open()
    store.run(
        lambda c: (
            c.execute(
                block.insert().values(level="quarter", start_us=hour, kind="run", n=1, data=b"?")
            ),
            c.execute(stale.insert().values(level="hour", start_us=hour)),
        )
    )
    store.close()
    recorder = Recorder(path, interval_s=0.01)
    traffic = list(Traffic(seed=4, days=0.1).runs(20))
    for meta, events in traffic[:10]:
        for event in events:
            recorder.observe(meta, event)
    assert recorder.flush(20)
    for meta, events in traffic[10:]:
        for event in events:
            recorder.observe(meta, event)
    assert recorder.flush(20)
    health = recorder.health()
    recorder.close()
    assert (health.runs_written, health.dropped, health.failing) == (20, 0, False)


@pytest.mark.slow
def test_a_failed_change_of_zone_leaves_nothing_mixed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    write(path, "UTC", NOW_US)
    fold_all(path, "UTC", now_us=NOW_US)
    truth = figures(queries(path, "UTC"), ALL)
    database = Database(f"sqlite:///{path}")
    folder = Folder("Asia/Kathmandu")
    with pytest.raises(RuntimeError), database.write() as connection:
        folder.step(connection, NOW_US)
        raise RuntimeError
    folder.failed()
    with database.write() as connection:
        while folder.step(connection, NOW_US):
            pass
    database.close()
    assert figures(queries(path, "UTC"), ALL) == truth
    fold_all(path, "Asia/Kathmandu", now_us=NOW_US)
    assert figures(queries(path, "UTC"), ALL) == truth


@pytest.mark.slow
def test_figures_without_rows_outlive_a_change_of_zone_and_count_in_all_time(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    write(path, "UTC", NOW_US, days=6)
    fold_all(path, "UTC", now_us=NOW_US)
    runs = queries(path, "UTC").kpis(ALL).current.runs
    cut = midnight_us(date(2026, 11, 2), ZoneInfo("UTC"))
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        keep_figures_before(connection, cut)
        for table in (llm_call, step, run):
            connection.execute(delete(table).where(table.c.started_at_us < cut))
        connection.execute(delete(block).where(block.c.level == "quarter", block.c.start_us < cut))
    database.close()
    assert queries(path, "UTC").kpis(ALL).current.runs == runs
    fold_all(path, "Asia/Kathmandu", now_us=NOW_US)
    assert queries(path, "Asia/Kathmandu").kpis(ALL).current.runs == runs


def test_large_sums_of_small_columns_do_not_overflow(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    write(path, "UTC", NOW_US - HOUR_US, runs=3, days=0.005)
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        many = {
            "usage_input_tokens": 39_000,
            "usage_cache_read_input_tokens": 30_000,
            "usage_cache_write_input_tokens": 0,
            "cost_input_pusd": 1_350_000_000,
            "cost_cache_read_pusd": 2_250_000_000,
            "cost_cache_write_pusd": 0,
        }
        calls = connection.execute(update(llm_call).values(**many)).rowcount
    database.close()

    def saved(path: Path) -> int:
        return (
            queries(path, "UTC")
            .ask(
                lambda ask: ask.facts.sums(
                    "call", ask.scope, ["saved_by_cache_pusd"], axis=ask.axis
                ),
                Filter(range="24h"),
            )
            .total("saved_by_cache_pusd")
        )

    expected = calls * (150_000 * 30_000 - 2_250_000_000)
    assert saved(path) == expected
    fold_all(path, now_us=NOW_US)
    assert saved(path) == expected
