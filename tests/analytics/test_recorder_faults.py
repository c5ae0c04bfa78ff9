"""Whatever happens to the file, the run goes on, the loss is counted, and recording resumes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analytics.recorder import Recorder
from tests.analytics.test_recorder import play, rows

ROOT = Path(__file__).resolve().parents[2]


def until_failing(recorder: Recorder, *, failing: bool = True, seconds: float = 8.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if recorder.health().failing == failing:
            return True
        time.sleep(0.005)
    return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


def test_a_file_that_is_not_a_database_is_kept_and_replaced(path: Path) -> None:
    path.write_bytes(b"not a database, but something a person may want back" * 50)
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    recorder.close()
    kept = list(path.parent.glob("analytics.db.broken-*"))
    assert [p.read_bytes()[:14] for p in kept] == [b"not a database"]
    assert rows(path, "SELECT run_id FROM run") == [("r1",)]
    assert "is kept as" in (recorder.health().last_error or "")


def test_a_file_that_breaks_while_it_is_open_is_replaced(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE llm_call")
    other.close()
    play(recorder, "r2")
    assert recorder.flush(10)
    recorder.close()
    assert rows(path, "SELECT run_id FROM run") == [("r2",)]
    assert len(list(path.parent.glob("analytics.db.broken-*"))) >= 1


def test_a_file_with_damaged_pages_is_kept_and_replaced(path: Path) -> None:
    first = Recorder(path, interval_s=0.01)
    play(first, "r1")
    first.close()
    page = 4096
    path.write_bytes(path.read_bytes()[:page] + b"\xff" * (path.stat().st_size - page))
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r2")
    assert recorder.flush(10)
    recorder.close()
    assert rows(path, "SELECT run_id FROM run") == [("r2",)]
    assert len(list(path.parent.glob("analytics.db.broken-*"))) == 1


def test_a_healthy_database_of_another_program_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    before = path.read_bytes()
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert until_failing(recorder)
    recorder.close()
    assert "tables of another program" in (recorder.health().last_error or "")
    assert recorder.health().dropped == 1
    assert rows(path, "SELECT name FROM sqlite_master") == [("precious",)]
    assert path.read_bytes() == before
    assert recorder.incidents() == ()


def test_a_deleted_file_is_noticed_and_made_again(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    play(recorder, "r1")
    assert recorder.flush()
    path.unlink()
    play(recorder, "r2")
    assert recorder.flush()
    recorder.close()
    assert rows(path, "SELECT run_id FROM run") == [("r2",)]
    assert "was deleted" in (recorder.health().last_error or "")


def test_a_folder_that_cannot_be_made_is_reported_and_tried_again(tmp_path: Path) -> None:
    """A file in the folder's place; rights do not stop a test that runs as root."""
    (tmp_path / "data").write_text("in the way")
    recorder = Recorder(tmp_path / "data" / "analytics.db", interval_s=0.01)
    play(recorder, "r1")
    assert until_failing(recorder)
    assert "cannot be made" in (recorder.health().last_error or "")
    (tmp_path / "data").unlink()
    assert recorder.flush(10)
    recorder.close()
    assert recorder.health().dropped == 0
    assert rows(tmp_path / "data" / "analytics.db", "SELECT run_id FROM run") == [("r1",)]


@pytest.mark.slow
def test_a_locked_file_delays_rows_and_loses_none(path: Path) -> None:
    recorder = Recorder(path, interval_s=0.01)
    assert recorder.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    play(recorder, "r1")
    assert until_failing(recorder)
    assert "locked by another program" in (recorder.health().last_error or "")
    assert recorder.health().lag_us > 0
    other.execute("ROLLBACK")
    other.close()
    assert recorder.flush(10)
    recorder.close()
    assert rows(path, "SELECT run_id, status FROM run") == [("r1", "ok")]
    assert recorder.health().dropped == 0


FULL_DISK = """
import json, resource, sys, time
from analytics.recorder import Recorder
from tests.analytics.scripts import meta, simple_run

def play(n, first):
    for k in range(first, first + n):
        of, events = simple_run(meta(f"r{k:05d}"), raw="x" * 500)
        for event in events:
            recorder.observe(of, event)

recorder = Recorder(sys.argv[1], interval_s=0.01)
assert recorder.flush()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
play(1500, 0)
end = time.monotonic() + 20
while not recorder.health().failing and time.monotonic() < end:
    time.sleep(0.01)
full = recorder.health()
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
resumed = recorder.flush(20)
after = recorder.health()
recorder.close()
print(json.dumps([full.failing, full.last_error, resumed, after.failing, after.dropped]))
"""


@pytest.mark.slow
def test_a_full_disk_delays_rows_and_recording_resumes_with_space(path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stderr
    failing, error, resumed, still_failing, dropped = json.loads(found.stdout)
    assert (failing, resumed, still_failing, dropped) == (True, True, False, 0)
    assert "disk is full" in error
    assert rows(path, "SELECT count(*) FROM run WHERE status = 'ok'") == [(1500,)]


KILLED = """
import sys, time
from analytics.recorder import Recorder
from tests.analytics.scripts import meta, simple_run

recorder = Recorder(sys.argv[1])
recorder.flush()
k = 0
while True:
    of, events = simple_run(meta(f"r{k:06d}"))
    for event in events:
        recorder.observe(of, event)
    print(k, time.monotonic(), flush=True)
    k += 1
    time.sleep(0.002)
"""


@pytest.mark.slow
def test_kill_9_loses_at_most_the_last_interval(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    seen = []
    for line in child.stdout:
        k, at = line.split()
        seen.append((int(k), float(at)))
        if len(seen) >= 400:
            break
    child.kill()
    for line in child.stdout:
        k, at = line.split()
        seen.append((int(k), float(at)))
    child.stdout.close()
    child.wait()
    kept = rows(path, "SELECT count(*), max(run_id) FROM run WHERE status = 'ok'")[0]
    assert kept[1] == f"r{kept[0] - 1:06d}"  # no hole: what is missing is the end
    lost_s = seen[-1][1] - dict(seen)[kept[0] - 1]
    assert lost_s < 1.0  # an interval of 0.25 s and a commit, on a busy machine
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
