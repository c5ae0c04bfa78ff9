"""A file of figures that is lost is remembered, whatever happened to it and however often."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from analytics.incidents import count_missing, finish, see
from analytics.recorder import Recorder
from tests.analytics.test_recorder import play, rows
from tests.analytics.test_recorder_faults import until_failing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


def until(condition: Callable[[], bool], seconds: float = 8.0) -> bool:
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return found


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (x)")
        other.execute("INSERT INTO bookmarks VALUES ('precious')")
        other.commit()


def between_two_writes(recorder: Recorder, work: Callable[[], object]) -> None:
    """Does something on the writer's thread, so that it does not look in the middle of it."""
    recorder._writer._ask(work, 5)


def remove_logs(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()


def overwrite(path: Path, other: Path) -> None:
    """In place: the same inode."""
    shutil.copyfile(other, path)
    remove_logs(path)


def kinds(path: Path) -> list[tuple[str, str | None, int]]:
    return rows(path, "SELECT kind, kept, seen FROM incident ORDER BY at_us")


def test_the_first_file_is_no_loss(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    assert recorder.flush()
    assert until(lambda: len(recorder.incidents_to_repair()) == 1)
    assert recorder.incidents() == ()
    new = recorder.incidents_to_repair()[0].incident_id

    def counted(connection: object) -> None:
        count_missing(connection, new, 3)  # type: ignore[arg-type]

    recorder.change_incidents(counted)
    recorder.close()
    assert [one.missing for one in recorder.incidents()] == [3]
    assert kinds(path) == [("missing", None, 0)]


def test_a_damaged_file_is_remembered_until_seen_also_by_the_next_process(path: Path) -> None:
    path.write_text("not a database" * 100)
    first = Recorder(path, interval_s=0.01)
    assert until(lambda: bool(first.incidents()))
    first.close()
    [kept] = path.parent.glob("analytics.db.broken-*")
    second = Recorder(path, interval_s=0.01)
    assert until(lambda: bool(second.incidents()))
    [one] = second.incidents()
    assert (one.kind, one.kept, one.seen, one.done) == ("damaged", kept.name, False, False)
    second.change_incidents(lambda connection: see(connection, [one.incident_id]))
    second.change_incidents(lambda connection: finish(connection, [one.incident_id]))
    second.close()
    assert [(i.seen, i.done) for i in second.incidents()] == [(True, True)]
    assert second.incidents_to_repair() == ()
    assert kinds(path) == [("damaged", kept.name, 1)]


def test_a_second_loss_does_not_forget_the_first(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    for run_id in ("r1", "r2"):
        play(recorder, run_id)
        assert recorder.flush()
        path.unlink()
    play(recorder, "r3")
    assert recorder.flush()
    recorder.close()
    assert [kind for kind, *_ in kinds(path)] == ["missing", "deleted", "deleted"]
    assert len(recorder.incidents()) == 2


@pytest.mark.parametrize("left", [0, 8192])
def test_a_file_cut_short_while_it_is_open_is_a_loss(path: Path, left: int) -> None:
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    between_two_writes(recorder, lambda: recorder._store._database.empty_log())  # type: ignore[union-attr]
    between_two_writes(recorder, lambda: os.truncate(path, left))
    play(recorder, "r2")
    assert recorder.flush(10)
    recorder.close()
    assert [one.kind for one in recorder.incidents()] == ["damaged"]
    assert rows(path, "SELECT run_id FROM run") == [("r2",)]


# -- databases of other programs


def test_a_database_of_another_program_is_moved_out_of_our_own_place(path: Path) -> None:
    foreign(path)
    before = path.read_bytes()
    recorder = Recorder(path, interval_s=0.01, own_place=True)
    play(recorder, "r1")
    assert recorder.flush()
    recorder.close()
    [kept] = path.parent.glob("analytics.db.foreign-*")
    assert kept.read_bytes() == before
    assert [(one.kind, one.kept) for one in recorder.incidents()] == [("foreign", kept.name)]
    assert rows(path, "SELECT run_id FROM run") == [("r1",)]


def test_one_that_is_in_use_is_not_moved_before_it_is_free(path: Path) -> None:
    foreign(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorder = Recorder(path, interval_s=0.01, own_place=True)
        assert until_failing(recorder)
        assert not list(path.parent.glob("analytics.db.*-*"))
        other.execute("ROLLBACK")
    assert until_failing(recorder, failing=False)
    recorder.close()
    assert len(list(path.parent.glob("analytics.db.foreign-*"))) == 1


def test_one_of_a_newer_switchboard_is_never_moved(path: Path) -> None:
    Recorder(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE schema_meta SET value = 99 WHERE name = 'version'")
        other.commit()
    recorder = Recorder(path, interval_s=0.01, own_place=True)
    assert until_failing(recorder)
    recorder.close()
    assert "newer Switchboard" in (recorder.health().last_error or "")
    assert rows(path, "SELECT value FROM schema_meta WHERE name = 'version'") == [(99,)]


# -- files exchanged while they are open


def test_another_file_copied_over_it_without_its_logs_is_noticed_and_kept(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    foreign(other := path.with_name("other.db"))
    between_two_writes(recorder, lambda: overwrite(path, other))
    play(recorder, "r2")
    assert recorder.flush(10)
    recorder.close()
    [kept] = path.parent.glob("analytics.db.replaced-*")
    assert rows(kept, "SELECT x FROM bookmarks") == [("precious",)]
    assert kept.read_bytes() == other.read_bytes()
    assert [one.kind for one in recorder.incidents()] == ["replaced"]
    assert rows(path, "SELECT run_id FROM run") == [("r2",)]


@pytest.mark.parametrize("ours", [True, False])
def test_so_is_an_older_file_of_ours_and_a_text(path: Path, ours: bool) -> None:
    other = path.with_name("other.db")
    if ours:
        Recorder(other).close()
        time.sleep(0.002)  # files are told apart by when they were made
    else:
        other.write_text("a text" * 1000)
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    between_two_writes(recorder, lambda: overwrite(path, other))
    play(recorder, "r2")
    assert recorder.flush(10)
    recorder.close()
    assert [one.kind for one in recorder.incidents()] == ["replaced"]
    assert rows(path, "SELECT run_id FROM run") == [("r2",)]


@pytest.mark.parametrize("logs_stay", [True, False])
def test_a_file_put_in_its_place_is_used_and_the_exchange_is_told(
    path: Path, logs_stay: bool
) -> None:
    Recorder(other := path.with_name("other.db")).close()
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    between_two_writes(recorder, lambda: (other.rename(path), logs_stay or remove_logs(path)))
    play(recorder, "r2")
    assert recorder.flush(10)
    recorder.close()
    assert [one.kind for one in recorder.incidents()] == ["replaced"]
    assert rows(path, "SELECT run_id FROM run") == [("r2",)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_logs_that_are_deleted_alone_cost_nothing(path: Path) -> None:
    """The open connection still has them and puts what they hold into the file."""
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    between_two_writes(recorder, lambda: remove_logs(path))
    play(recorder, "r2")
    assert recorder.flush()
    recorder.close()
    assert recorder.incidents() == ()
    assert rows(path, "SELECT run_id FROM run ORDER BY 1") == [("r1",), ("r2",)]


# -- what the log of the server says


def test_an_expected_fault_is_one_line_that_says_what_to_do(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    foreign(path)
    with caplog.at_level(logging.INFO):
        recorder = Recorder(path, interval_s=0.01)
        assert until_failing(recorder)
        recorder.close()
    [said] = [r for r in caplog.records if "cannot be written" in r.getMessage()]
    assert said.exc_info is None
    assert "a file of its own" in said.getMessage()
