"""Lifetimes: what goes, what stays, and that runs are recorded meanwhile."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select

from analytics.blocks import fold_all
from analytics.content import Said
from analytics.feedback import Thumb, put_thumb
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.retention import Janitor, Lifetimes, shrink
from analytics.schema import (
    content,
    cost_history,
    document_day,
    feedback,
    label,
    run,
    stale,
)
from analytics.store import AnalyticsStore
from analytics.timeaxis import DAY_US, QUARTER_US
from tests.analytics.scripts import meta, simple_run

pytestmark = pytest.mark.slow

NOW = 20_000 * DAY_US + 5 * 3_600_000_000
"""Five o'clock in the morning, UTC."""
UTC_ZONE = ZoneInfo("UTC")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def recorder(path: Path) -> Iterator[Recorder]:
    made = Recorder(path, interval_s=0.01, content_key=path.with_name("content.key"))
    yield made
    made.close()


def play(recorder: Recorder, run_id: str, at_us: int, text: str = "Q?") -> None:
    of, events = simple_run(
        replace(meta(run_id), started_at_us=at_us, content_mode="full", user_id="ann")
    )
    for event in events[:-1]:
        recorder.observe(of, event)
    recorder.observe(of, events[-1], [Said("question", "", lambda: text)])


def rows(path: Path, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def janitor(recorder: Recorder, content: int = 30, kept: int = 100, figures: int = 200, **more: Any) -> Janitor:  # fmt: skip
    lifetimes = Lifetimes(content_days=content, rows_days=kept, figures_days=figures)
    given = {"zone": UTC_ZONE, "now_us": lambda: NOW, "pause_s": 0.0} | more
    return Janitor(recorder=recorder, lifetimes=lifetimes, **given)


def fold(path: Path, recorder: Recorder, timezone: str = "UTC") -> None:
    """Makes all figures ready, with the recorder closed: one writer at a time."""
    recorder.flush()
    recorder.close()
    fold_all(path, timezone, now_us=NOW)


@pytest.fixture
def folded(path: Path) -> Iterator[Recorder]:
    """Runs 40, 150 and 250 days old, with their figures made."""
    recorder = Recorder(path, interval_s=0.01, content_key=path.with_name("content.key"))
    for days in (1, 40, 150, 250):
        for k in range(3):
            play(recorder, f"r{days}-{k}", NOW - days * DAY_US + k * QUARTER_US // 2)
    fold(path, recorder)
    again = Recorder(path, interval_s=0.01)
    yield again
    again.close()


def levels(path: Path) -> dict[str, int]:
    return dict(rows(path, "SELECT level, count(DISTINCT start_us) FROM block GROUP BY level"))


# -- three lifetimes


def test_each_kind_of_data_goes_at_its_own_time(path: Path, folded: Recorder) -> None:
    before = levels(path)
    done = janitor(folded).run_once()
    assert done.error is None
    assert rows(path, "SELECT run_id FROM content ORDER BY 1") == [("r1-0",), ("r1-1",), ("r1-2",)]
    kept_runs = "SELECT DISTINCT substr(run_id, 1, instr(run_id, '-') - 1) FROM {} ORDER BY 1"
    for table in ("run", "llm_call", "step"):
        found = [name for (name,) in rows(path, kept_runs.format(table))]
        assert found in (["r1", "r40"], []), table
    assert len(rows(path, "SELECT 1 FROM run")) == 6
    after = levels(path)
    assert after["quarter"] == before["quarter"] // 2
    assert (after["hour"], after["day"]) == (before["hour"] - 1, before["day"] - 1)
    assert (done.content, done.rows > 0, done.figures > 0) == (9, True, True)


def test_figures_of_deleted_runs_stay_right(path: Path, folded: Recorder) -> None:
    def figures() -> Any:
        queries = Queries(path, now_us=lambda: NOW)
        try:
            keep = Filter(range="all", since_us=NOW - 180 * DAY_US, until_us=NOW - 90 * DAY_US)
            report = queries.kpis(keep).current
            return report.runs, report.cost
        finally:
            queries.close()

    before = figures()
    assert before[0] == 3
    janitor(folded).run_once()
    assert rows(path, "SELECT count(*) FROM run WHERE run_id LIKE 'r150%'") == [(0,)]
    assert figures() == before
    assert not rows(path, "SELECT 1 FROM stale WHERE level <> 'quarter'")


def test_a_second_round_finds_nothing(folded: Recorder) -> None:
    keeper = janitor(folded)
    keeper.run_once()
    again = keeper.run_once()
    assert (again.content, again.rows, again.figures, again.error) == (0, 0, 0, None)


def test_what_belongs_to_a_run_goes_with_it(path: Path, recorder: Recorder) -> None:
    old, young = NOW - 150 * DAY_US, NOW - 2 * DAY_US
    for name, at in (("old", old), ("young", young)):
        play(recorder, name, at)
        recorder.write(
            lambda c, name=name, at=at: (
                c.execute(insert(cost_history).values(run_id=name, call_id=f"{name}-c", repricing_id="p")),
                # Its own call is gone already, and words that were kept late.
                c.execute(insert(cost_history).values(run_id=name, call_id="gone", repricing_id="p")),
                c.execute(insert(content).values(
                    run_id=name, kind="prompt", item="late", mode="full", text="p", at_us=NOW,
                )),
                c.execute(insert(feedback).values(
                    feedback_id=name, run_id=name, source="user", evaluation_name="thumb",
                    created_at_us=at, updated_at_us=at,
                )),
            )
        )  # fmt: skip
    recorder.write(lambda c: c.execute(insert(document_day), [
        {"day_us": NOW // DAY_US * DAY_US - days * DAY_US, "document": "d", "retrievals": 1}
        for days in (10, 150, 250)
    ]))  # fmt: skip
    janitor(recorder).run_once()
    for table in ("run", "cost_history", "feedback", "content"):
        assert rows(path, f"SELECT DISTINCT run_id FROM {table}") == [("young",)], table
    assert len(rows(path, "SELECT 1 FROM document_day")) == 2


def test_no_words_outlive_their_run(path: Path, folded: Recorder) -> None:
    """Nobody could find them any more: a person and a thread are found by the run."""
    done = janitor(folded, content=300, kept=100).run_once()
    assert done.error is None
    runs = rows(path, "SELECT DISTINCT run_id FROM run ORDER BY 1")
    assert rows(path, "SELECT DISTINCT run_id FROM content ORDER BY 1") == runs
    assert len(runs) == 6


def test_comments_go_with_the_words_and_their_thumbs_stay(path: Path, recorder: Recorder) -> None:
    for run_id, days in (("old", 31), ("new", 29)):
        play(recorder, run_id, NOW - days * DAY_US)
        said = Thumb(up=False, reasons=["slow"], comment="Too slow.", at_us=NOW - days * DAY_US)
        recorder.flush()
        recorder.write(partial(put_thumb, run_id=run_id, user_id="ann", thumb=said, mode="full"))
    done = janitor(recorder).run_once()
    assert done.error is None
    columns = "run_id, evaluation_score_label, evaluation_explanation"
    assert rows(path, f"SELECT {columns} FROM feedback ORDER BY 1 DESC") == [
        ("old", "slow", None),
        ("new", "slow", "Too slow."),
    ]


def test_words_without_a_run_go_when_runs_of_that_age_go(path: Path, recorder: Recorder) -> None:
    """Left by a round of an older version, or an interrupted one."""
    recorder.write(lambda c: c.execute(insert(content), [
        {"run_id": f"gone-{days}", "kind": "question", "item": "", "mode": "full", "text": "Q?",
         "at_us": NOW - days * DAY_US} for days in (50, 150)
    ]))  # fmt: skip
    janitor(recorder, content=300, kept=100).run_once()
    assert rows(path, "SELECT run_id FROM content") == [("gone-50",)]


def test_figures_live_at_least_as_long_as_rows(recorder: Recorder) -> None:
    rows_cut, figures_cut = janitor(recorder, kept=100, figures=10).cuts(NOW)
    assert rows_cut == figures_cut == (NOW - 100 * DAY_US) // DAY_US * DAY_US


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "UTC"])
def test_rows_are_cut_at_midnight_of_the_reporting_zone(recorder: Recorder, zone: str) -> None:
    from analytics.timeaxis import local

    cut, _ = janitor(recorder, zone=ZoneInfo(zone)).cuts(NOW)
    assert local(cut, ZoneInfo(zone)).time().isoformat() == "00:00:00"
    assert cut % QUARTER_US == 0
    assert 0 <= NOW - 100 * DAY_US - cut < DAY_US


def test_rows_wait_for_their_figures_but_not_for_ever(
    path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a day whose sums are not made yet would be missing from them for ever."""
    monkeypatch.setattr(AnalyticsStore, "fold", lambda store: False)  # they are not made
    cut = (NOW - 100 * DAY_US) // DAY_US * DAY_US
    for name, at in (("late", cut - DAY_US), ("later", cut - 3 * DAY_US), ("latest", cut - 1)):
        play(recorder, name, at)
    recorder.flush()
    recorder.write(lambda c: c.execute(insert(stale).prefix_with("OR IGNORE"), [
        {"level": "quarter", "start_us": at - at % QUARTER_US} for at in (cut - DAY_US, cut - 3 * DAY_US)
    ]))  # fmt: skip
    janitor(recorder).run_once()
    assert rows(path, "SELECT run_id FROM run ORDER BY 1") == [("late",), ("latest",)]


# -- in chunks, beside recording


def test_a_quarter_shows_whole_until_its_last_row_is_gone(path: Path, recorder: Recorder) -> None:
    at = NOW - 150 * DAY_US
    for k in range(40):
        play(recorder, f"r{k:02}", at + k)
    fold(path, recorder)
    again = Recorder(path, interval_s=0.01)
    seen = []

    class Watching(Janitor):
        def _pause(self) -> bool:
            left = rows(path, "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM block WHERE level = 'quarter')")  # fmt: skip
            seen.append(left[0])
            return False

    given = janitor(again, chunk=10)
    Watching(
        recorder=again, lifetimes=given.lifetimes, zone=UTC_ZONE, now_us=lambda: NOW, chunk=10
    ).run_once()
    again.close()
    assert len(seen) > 8
    assert all(blocks == 3 for runs, blocks in seen[1:] if runs), seen
    assert levels(path) == {"hour": 1, "day": 1}


def test_deleting_while_a_thousand_runs_are_recorded_loses_none(
    path: Path, recorder: Recorder
) -> None:
    for k in range(600):
        play(recorder, f"old{k}", NOW - 150 * DAY_US + k * 1_000_000)
    recorder.flush()
    keeper = janitor(recorder, chunk=50)
    cleaning = threading.Thread(target=keeper.run_once)
    cleaning.start()
    for k in range(1_000):
        play(recorder, f"new{k}", NOW - DAY_US + k)
        if k % 100 == 0:
            assert recorder.flush(20)
    assert recorder.flush(20)
    cleaning.join(30)
    assert not cleaning.is_alive()
    assert keeper.last is not None
    assert keeper.last.error is None
    assert rows(path, "SELECT count(*) FROM run") == [(1_000,)]
    assert rows(path, "SELECT count(*) FROM llm_call") == [(1_000,)]
    assert rows(path, "SELECT count(*) FROM content") == [(1_000,)]
    assert recorder.health().dropped == 0


def test_the_file_gets_smaller_and_the_log_is_emptied(path: Path, recorder: Recorder) -> None:
    for k in range(200):
        play(recorder, f"r{k}", NOW - 50 * DAY_US, "x" * 20_000)
    recorder.flush()
    recorder.write(lambda c: c.execute(select(run.c.run_id).limit(1)).all())
    recorder.maintain(1)
    before = path.stat().st_size
    done = janitor(recorder).run_once()
    assert (done.content, done.pages_left) == (200, 0)
    assert path.stat().st_size < before / 4
    assert path.with_name("analytics.db-wal").stat().st_size == 0


def test_shrinking_ends_when_it_is_told_to(recorder: Recorder) -> None:
    for k in range(200):
        play(recorder, f"r{k}", NOW - 50 * DAY_US, "x" * 60_000)
    recorder.flush()
    recorder.write(lambda c: c.exec_driver_sql("DELETE FROM content"))
    assert shrink(recorder, lambda: True) > 1_000
    assert shrink(recorder, lambda: False) == 0


# -- the thread


def test_the_first_round_comes_by_itself_and_closing_does_not_wait(recorder: Recorder) -> None:
    came = threading.Event()

    def now() -> int:
        came.set()
        return NOW

    keeper = janitor(recorder, now_us=now, first_s=0.01)
    keeper.start()
    assert came.wait(5)
    keeper.close()
    assert "analytics-janitor" not in [thread.name for thread in threading.enumerate()]


def test_a_locked_file_ends_the_round_and_the_next_one_goes_on(
    path: Path, recorder: Recorder
) -> None:
    play(recorder, "old", NOW - 150 * DAY_US)
    recorder.flush()
    keeper = janitor(recorder)
    recorder.write(lambda c: c.exec_driver_sql("ALTER TABLE feedback RENAME TO elsewhere"))
    failed = keeper.run_once()
    assert failed.error is not None
    play(recorder, "old2", NOW - 150 * DAY_US)
    recorder.flush()
    assert keeper.run_once().error is None
    assert keeper.last is not None


def test_names_in_figures_stay_as_long_as_the_figures(path: Path, folded: Recorder) -> None:
    janitor(folded).run_once()
    found = folded.write(lambda c: c.execute(select(label.c.name).where(label.c.kind == "user")))
    assert found is not None
    assert rows(path, "SELECT name FROM label WHERE kind = 'user'") == [("ann",)]
    assert rows(path, f"SELECT count(*) FROM block WHERE start_us < {NOW - 200 * DAY_US}") == [(0,)]
