"""The recorder: what is on disk when, what it costs the run, what it says about itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analytics.pace import ENOUGH_S, Pace
from analytics.recorder import Recorder
from core.events import Cancelled, Heartbeat, Token
from tests.analytics.scripts import START_US, meta, script, simple_run, started


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def recorder(path: Path) -> Iterator[Recorder]:
    found = Recorder(path, interval_s=0.01)
    yield found
    found.close()


def rows(path: Path, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def play(recorder: Recorder, run_id: str, *, events: int | None = None) -> None:
    of, script_ = simple_run(meta(run_id))
    for event in script_[:events]:
        recorder.observe(of, event)


def test_a_finished_run_is_on_disk_with_its_calls(recorder: Recorder, path: Path) -> None:
    play(recorder, "r1")
    assert recorder.flush()
    assert rows(path, "SELECT status, duration_us, usage_input_tokens FROM run") == [
        ("ok", 100_000, 100)
    ]
    assert rows(path, "SELECT run_id, call_id FROM llm_call") == [("r1", "r1-c")]


def test_a_run_is_visible_as_running_from_its_first_event(recorder: Recorder, path: Path) -> None:
    recorder.observe(meta(), script((0, Heartbeat(state="queued")))[0])
    assert recorder.flush()
    assert rows(path, "SELECT status, agent_name FROM run") == [("running", None)]


def test_a_running_row_knows_the_agent_once_it_is_routed(recorder: Recorder, path: Path) -> None:
    play(recorder, "r1", events=2)
    assert recorder.flush()
    assert rows(path, "SELECT status, agent_name FROM run") == [("running", "billing")]


def test_a_run_left_running_by_a_dead_process_is_lost_at_the_next_start(path: Path) -> None:
    first = Recorder(path, interval_s=0.01)
    play(first, "r1", events=1)
    first.close()
    second = Recorder(path, interval_s=0.01)
    second.flush()
    second.close()
    assert rows(path, "SELECT status, error_type, duration_us FROM run") == [
        ("lost", "process_lost", None)
    ]


def test_runs_of_this_process_are_not_lost_when_the_file_is_opened_again(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    now = recorder._store._since_us + 5
    recorder.observe(replace(meta(), started_at_us=now), script((0, started()))[0])
    assert recorder.flush()
    recorder._writer._ask(recorder._store.close, 5)  # on the thread that uses it
    play(recorder, "r2")
    assert recorder.flush()
    recorder.close()
    assert rows(path, "SELECT status FROM run ORDER BY run_id") == [("running",), ("ok",)]


def test_a_run_observed_twice_is_one_run(recorder: Recorder, path: Path) -> None:
    for _ in range(2):
        play(recorder, "r1")
        assert recorder.flush()
    assert rows(path, "SELECT count(*), sum(cost_pusd) FROM llm_call") == [(1, 21_600_000)]


def test_the_data_version_grows_with_every_commit_and_after_a_new_file(
    recorder: Recorder, path: Path
) -> None:
    seen = [recorder.data_version()]
    for run_id in ("r1", "r2"):
        play(recorder, run_id)
        assert recorder.flush()
        seen.append(recorder.data_version())
    path.unlink()
    play(recorder, "r3")
    assert recorder.flush()
    seen.append(recorder.data_version())
    assert seen == sorted(set(seen))


def test_values_that_cannot_be_stored_cost_only_their_own_run(
    recorder: Recorder, path: Path
) -> None:
    recorder.flush()
    for run_id, tokens in (("good", 1), ("huge", 2**70), ("fine", 3)):
        of, events = simple_run(meta(run_id), input_tokens=tokens)
        for event in events:
            recorder.observe(of, event)
    assert recorder.flush()
    assert rows(path, "SELECT run_id FROM run WHERE status = 'ok' ORDER BY run_id") == [
        ("fine",),
        ("good",),
    ]
    assert recorder.health().dropped == 1
    assert "huge" in (recorder.health().last_error or "")


def test_a_run_that_cannot_be_stored_is_lost_and_not_running_for_ever(
    recorder: Recorder, path: Path
) -> None:
    of, events = simple_run(meta("huge"), input_tokens=2**70)
    recorder.observe(of, events[0])
    assert recorder.flush()
    for event in events[1:]:
        recorder.observe(of, event)
    assert recorder.flush()
    assert rows(path, "SELECT status, error_type FROM run") == [("lost", "not_stored")]


def test_a_fault_between_single_writes_counts_and_tells_each_run_once(path: Path) -> None:
    told: list[object] = []
    recorder = Recorder(
        path, interval_s=0.01, on_stored=lambda facts: told.append(facts.run["run_id"])
    )
    play(recorder, "first")
    assert recorder.flush()
    with sqlite3.connect(path) as other:
        other.execute(
            "CREATE TRIGGER fault BEFORE INSERT ON run WHEN new.run_id = 'fine' "
            "AND new.status = 'ok' BEGIN SELECT abs(-9223372036854775807 - 1); END"
        )
    for run_id, tokens in (("good", 1), ("huge", 2**70), ("fine", 3)):
        of, events = simple_run(meta(run_id), input_tokens=tokens)
        for event in events:
            recorder.observe(of, event)
    assert not recorder.flush(0.3)
    assert recorder.health().failing
    other.execute("DROP TRIGGER fault")
    other.close()
    assert recorder.flush()
    recorder.close()
    assert told == ["first", "good", "fine"]
    assert (recorder.health().dropped, recorder.health().runs_written) == (1, 3)


def test_an_event_that_breaks_the_fold_is_counted_and_not_raised(recorder: Recorder) -> None:
    broken: Any = object()
    recorder.observe(meta(), broken)
    assert recorder.health().observer_errors == 1


def test_a_full_queue_drops_and_counts_and_keeps_places_for_finished_runs(path: Path) -> None:
    path.parent.joinpath("analytics.db").mkdir()  # cannot be opened, so nothing leaves the queue
    recorder = Recorder(path, interval_s=0.01, max_waiting=4)
    for k in range(6):
        play(recorder, f"r{k}")
    health = recorder.health()
    assert (health.waiting, health.dropped) == (4, 4)
    recorder.close(timeout=5)
    assert recorder.health().dropped == 6


def test_health_counts_what_was_written(recorder: Recorder) -> None:
    assert recorder.flush()
    before = recorder.health().rows_written
    play(recorder, "r1")
    recorder.observe(meta("r2"), script((0, started()), run_id="r2")[0])
    assert recorder.flush()
    health = recorder.health()
    assert (health.runs_written, health.open_runs, health.waiting, health.lag_us) == (1, 1, 0, 0)
    assert health.rows_written - before >= 3
    assert not health.failing
    assert (health.file_bytes or 0) > 0


def test_closing_twice_is_harmless_and_late_events_are_counted(path: Path) -> None:
    recorder = Recorder(path)
    play(recorder, "r1")
    recorder.close()
    recorder.close()
    play(recorder, "r2")
    assert rows(path, "SELECT run_id FROM run") == [("r1",)]
    assert recorder.health().dropped == 1


def test_closing_writes_what_waits_without_waiting_for_the_interval(path: Path) -> None:
    recorder = Recorder(path, interval_s=60)
    recorder.flush()
    play(recorder, "r1")
    recorder.close(timeout=5)
    assert rows(path, "SELECT status FROM run") == [("ok",)]


def test_interleaved_runs_keep_their_own_events(recorder: Recorder, path: Path) -> None:
    runs = [simple_run(meta(name), input_tokens=ord(name)) for name in "abc"]
    for events in zip(*(script_ for _, script_ in runs), strict=True):
        for (of, _), event in zip(runs, events, strict=True):
            recorder.observe(of, event)
    assert recorder.flush()
    found = rows(path, "SELECT run_id, usage_input_tokens FROM run ORDER BY run_id")
    assert found == [("a", 97), ("b", 98), ("c", 99)]


def test_a_stopped_run_keeps_its_partial_numbers(recorder: Recorder, path: Path) -> None:
    of, events = simple_run(meta("r1"), end=Cancelled(by="user"))
    for event in events:
        recorder.observe(of, event)
    recorder.observe(meta("r2"), script((5, Token(text="x")), run_id="r2")[0])
    assert recorder.flush()
    found = rows(path, "SELECT status, first_token_us, cost_pusd FROM run WHERE run_id = 'r1'")
    assert found == [("cancelled", 40_000, 21_600_000)]


class Clock:
    """A clock that stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_rows_of_the_last_minute_are_counted_and_older_ones_are_not() -> None:
    clock = Clock()
    pace = Pace(clock)
    for after_s, written in ((0, 600), (20, 30), (0.5, 30), (20, 60)):
        clock.now += after_s
        pace.note(written, lambda: None)
    assert pace.rows_per_s() == 12
    clock.now += 30
    assert pace.rows_per_s() == 2
    clock.now += 60
    assert pace.rows_per_s() == 0


def test_a_minute_of_commits_in_every_second_is_kept_whole() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(200):
        clock.now += 1
        pace.note(5, lambda: None)
    assert pace.rows_per_s() == 5


def test_growth_is_said_after_some_hours_and_is_by_day() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.note(1, lambda: 1_000)
    clock.now += ENOUGH_S - 1
    assert pace.growth(9_000) is None
    clock.now += 1
    growth = pace.growth(9_000)
    assert growth is not None
    assert (growth.bytes_per_day, growth.hours) == (32_000, 6)
    assert pace.growth(None) is None


def test_growth_forgets_what_is_older_than_a_day() -> None:
    clock = Clock()
    pace = Pace(clock)
    for hour in range(72):
        for _ in range(6):
            pace.note(1, lambda hour=hour: 0 if hour < 24 else 1_000_000)
            clock.now += 600
    growth = pace.growth(1_000_000)
    assert growth is not None
    assert (growth.bytes_per_day, round(growth.hours)) == (0, 24)


def test_health_says_how_fast_rows_are_written(recorder: Recorder) -> None:
    play(recorder, "r1")
    assert recorder.flush()
    health = recorder.health()
    assert health.rows_per_s == pytest.approx(health.rows_written / 60)
    assert health.growth is None


def releases(path: Path) -> list[Any]:
    return rows(path, "SELECT label, at_us, kind FROM annotation ORDER BY at_us")


def play_version(
    recorder: Recorder, run_id: str, version: str, at_us: int, *, events: int | None = None
) -> None:
    of, script_ = simple_run(replace(meta(run_id), app_version=version, started_at_us=at_us))
    for event in script_[:events]:
        recorder.observe(of, event)
    assert recorder.flush()


def test_the_first_run_of_a_version_is_marked_once_even_over_a_restart(path: Path) -> None:
    for start in range(2):
        recorder = Recorder(path, interval_s=0.01)
        for k, version in enumerate(("1.0", "1.0", "1.1", "1.0")):
            play_version(recorder, f"{start}-{k}", version, START_US + 10 * start + k)
        recorder.close()
    assert releases(path) == [("1.0", START_US, "release"), ("1.1", START_US + 2, "release")]


def test_the_earliest_of_several_runs_written_at_once_is_the_mark(path: Path) -> None:
    recorder = Recorder(path, interval_s=60)
    recorder.flush()
    for name, at_us in (("a", START_US + 9), ("b", START_US + 3)):
        of, events = simple_run(replace(meta(name), app_version="2.0", started_at_us=at_us))
        for event in events:
            recorder.observe(of, event)
    recorder.close()
    assert releases(path) == [("2.0", START_US + 3, "release")]


def test_a_running_run_is_no_release_and_a_deleted_mark_stays_deleted(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    play_version(recorder, "r1", "1.0", START_US, events=2)
    assert releases(path) == []
    play_version(recorder, "r2", "1.0", START_US + 1)
    assert len(releases(path)) == 1
    recorder.write(lambda connection: connection.exec_driver_sql("DELETE FROM annotation").rowcount)
    recorder.close()
    recorder = Recorder(path, interval_s=0.01)
    play_version(recorder, "r3", "1.0", START_US + 2)
    recorder.close()
    assert releases(path) == []


def test_a_mark_is_not_kept_when_its_run_is_not(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    of, events = simple_run(replace(meta("huge"), app_version="1.0"), input_tokens=2**70)
    for event in events:
        recorder.observe(of, event)
    assert recorder.flush()
    assert releases(path) == []
    play_version(recorder, "r2", "1.0", START_US + 1)
    recorder.close()
    assert releases(path) == [("1.0", START_US + 1, "release")]


def test_a_version_that_recorded_into_a_lost_file_is_no_release_in_the_new_one(
    recorder: Recorder, path: Path
) -> None:
    play_version(recorder, "r1", "1.0", START_US)
    path.unlink()
    play_version(recorder, "r2", "1.0", START_US + 1)
    assert releases(path) == []
    play_version(recorder, "r3", "2.0", START_US + 2)
    assert releases(path) == [("2.0", START_US + 2, "release")]
