"""Runs whose figures were lost are recorded again from what the chat keeps of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from analytics.budgets.recorded import Recorded, read
from analytics.budgets.store import save
from analytics.incidents import Incident, count_missing
from analytics.repair import Repair
from analytics.rows import RunFacts
from core.settings import Settings, load_settings
from tests.analytics.scripts import meta, simple_run
from tests.analytics.test_incidents import until

pytestmark = pytest.mark.slow

NOT_IN_LOGS = {"app_version", "content_mode"}
TABLES = {"run": "run_id", "step": "run_id, step_id", "llm_call": "run_id, call_id"}


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return load_settings(env_file=None)


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    built = opened(settings)
    yield built
    built.close(2.0)


def opened(settings: Settings) -> Runtime:
    """With the repair in the test's hand."""
    runtime = Runtime(settings)
    runtime.repair.close()
    runtime.recorder.write(lambda connection: None)  # the file is open
    old = runtime.repair
    runtime.repair = Repair(
        recorder=old.recorder, logs=old.logs, since_us=old.since_us, slo=old.slo,
        environment=old.environment, pause_s=0.0,
    )  # fmt: skip
    return runtime


def ask(runtime: Runtime, text: str = "What is Switchboard?", **request: Any) -> Run:
    run = runtime.start(TurnRequest(text=text, **request))
    for _ in run.follow():
        pass
    assert until(lambda: not runtime.runs.active())  # its log is saved
    assert runtime.recorder.flush()
    return run


def stored(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    found = {}
    with closing(sqlite3.connect(settings.path("analytics.db"))) as db:
        db.row_factory = sqlite3.Row
        for table, keys in TABLES.items():
            rows = db.execute(f"SELECT * FROM {table} ORDER BY {keys}").fetchall()
            found[table] = [
                {k: v for k, v in dict(r).items() if k not in NOT_IN_LOGS} for r in rows
            ]
    return found


def delete(settings: Settings) -> None:
    for part in settings.data_dir.glob("analytics.db*"):
        part.unlink()


def lose(runtime: Runtime) -> Incident:
    """The file is deleted, and the writer notices."""
    delete(runtime.settings)
    runtime.recorder.write(lambda connection: None)
    return runtime.recorder.incidents()[0]


def test_runs_come_back_as_they_were_recorded(runtime: Runtime, settings: Settings) -> None:
    for text in ("What is Switchboard?", "How much does it cost?"):
        ask(runtime, text)
    ask(runtime, entry_point="api", stream=False)
    runtime.repair.run_once()
    before = stored(settings)
    assert [len(rows) > 0 for rows in before.values()] == [True, True, True]
    lose(runtime)
    assert stored(settings)["run"] == []
    assert runtime.repair.run_once() == 3
    assert stored(settings) == before
    [lost] = runtime.recorder.incidents()
    assert (lost.kind, lost.missing, lost.restored, lost.done) == ("deleted", 3, 3, True)


def test_what_is_there_is_not_recorded_again(runtime: Runtime, settings: Settings) -> None:
    ask(runtime)
    runtime.repair.run_once()
    lose(runtime)
    ask(runtime)
    assert [runtime.repair.run_once() for _ in range(2)] == [1, 0]
    found = stored(settings)
    assert len(found["run"]) == 2
    assert len(found["llm_call"]) == len({(c["run_id"], c["call_id"]) for c in found["llm_call"]})


def test_nobody_is_told_of_them_again_and_no_release_is_marked(
    runtime: Runtime, settings: Settings
) -> None:
    told: list[RunFacts] = []
    runtime.recorder._writer._batch._on_stored = told.append
    ask(runtime)
    lose(runtime)
    runtime.repair.run_once()
    ask(runtime)
    assert len(stored(settings)["run"]) == 2
    assert len(told) == 2
    with closing(sqlite3.connect(settings.path("analytics.db"))) as db:
        assert db.execute("SELECT * FROM annotation").fetchall() == []


def test_their_documents_and_sums_count_once(runtime: Runtime, settings: Settings) -> None:
    ask(runtime)
    with closing(sqlite3.connect(settings.path("analytics.db"))) as db:
        found = db.execute("SELECT * FROM document_day ORDER BY 1, 2").fetchall()
    lose(runtime)
    runtime.repair.run_once()
    with closing(sqlite3.connect(settings.path("analytics.db"))) as db:
        assert db.execute("SELECT * FROM document_day ORDER BY 1, 2").fetchall() == found
        assert db.execute("SELECT count(*) FROM stale WHERE level = 'quarter'").fetchone() == (1,)


def test_budgets_count_what_came_back(runtime: Runtime) -> None:
    run = ask(runtime)
    _, events = simple_run(meta(run.id), cost_pusd=700)
    runtime.store.save_log(run.id, events)
    lose(runtime)
    now = time.time_ns() // 1000
    assert spent_of(read(runtime.queries, [run.id], now)) == (frozenset(), None)
    save(runtime.recorder, "all", {"scope": "app", "limit_usd": "1"})
    runtime.repair.run_once()
    assert spent_of(read(runtime.queries, [run.id], now)) == (frozenset({run.id}), 700)


def spent_of(found: Recorded) -> tuple[frozenset[str], int | None]:
    by_target = found.spent.get(("app", "month"), {})
    return found.landed, by_target[""].pusd if by_target else None


def test_a_file_that_was_deleted_before_the_start_is_told_and_repaired(settings: Settings) -> None:
    first = opened(settings)
    ask(first)
    first.close(2.0)
    before = stored(settings)
    delete(settings)
    second = opened(settings)
    try:
        assert second.repair.run_once() == 1
        assert [one.kind for one in second.recorder.incidents()] == ["missing"]
        assert stored(settings) == before
    finally:
        second.close(2.0)


def test_the_first_start_tells_nothing(runtime: Runtime) -> None:
    assert runtime.repair.run_once() == 0
    assert runtime.recorder.incidents() == ()
    assert runtime.recorder.incidents_to_repair() == ()


def test_a_repair_that_was_cut_off_goes_on_at_the_next_start(settings: Settings) -> None:
    first = opened(settings)
    ask(first)
    ask(first)
    first.repair.run_once()
    lose(first)
    half = first.repair._missing()[:1]
    incident = first.recorder.incidents()[0].incident_id
    first.recorder.change_incidents(lambda c: count_missing(c, incident, 2))
    assert first.repair._restore(half, incident) == 1
    first.close(2.0)
    second = opened(settings)
    try:
        assert second.repair.run_once() == 1
        [lost] = second.recorder.incidents()
        assert (lost.missing, lost.restored, lost.done) == (2, 2, True)
    finally:
        second.close(2.0)


def test_old_runs_deleted_threads_and_unreadable_logs_stay_away(
    runtime: Runtime, settings: Settings
) -> None:
    deleted, damaged, whole = ask(runtime), ask(runtime), ask(runtime)
    runtime.repair.run_once()
    runtime.delete_thread(deleted.thread_id, "local")
    with closing(sqlite3.connect(settings.path("app.db"))) as db:
        db.execute("UPDATE run_log SET payload = x'00' WHERE run_id = ?", (damaged.id,))
        db.commit()
    lose(runtime)
    assert runtime.repair.run_once() == 1
    assert [row["run_id"] for row in stored(settings)["run"]] == [whole.id]
    [lost] = runtime.recorder.incidents()
    assert (lost.missing, lost.restored, lost.done) == (2, 1, True)
    runtime.repair.since_us = lambda: time.time_ns() // 1000
    lose(runtime)
    assert runtime.repair.run_once() == 0


def test_a_lost_run_comes_back_as_lost(runtime: Runtime, settings: Settings) -> None:
    run = ask(runtime)
    with closing(sqlite3.connect(settings.path("app.db"))) as db:
        db.execute("UPDATE run SET status = 'lost' WHERE id = ?", (run.id,))
        db.commit()
    lose(runtime)
    assert runtime.repair.run_once() == 1
    [row] = stored(settings)["run"]
    assert (row["status"], row["error_type"], row["slo_met"]) == ("lost", "process_lost", 0)


def test_a_person_who_was_just_erased_does_not_come_back(
    runtime: Runtime, settings: Settings
) -> None:
    run = ask(runtime, owner="ann")
    lose(runtime)
    runtime.recorder.erase("ann")  # the threads are deleted a moment later
    assert runtime.repair.run_once() == 1
    [row] = stored(settings)["run"]
    assert row["user_id"] is None
    assert row["conversation_id"] != run.thread_id


def test_it_repairs_by_itself(settings: Settings) -> None:
    runtime = Runtime(settings)
    runtime.repair.close()
    runtime.repair = Repair(
        recorder=runtime.recorder, logs=runtime.store, since_us=lambda: 0, first_s=0.01
    )
    try:
        ask(runtime)
        lose(runtime)
        runtime.repair.start()
        end = time.monotonic() + 10
        while not (lost := runtime.recorder.incidents()[0]).done and time.monotonic() < end:
            time.sleep(0.01)
        assert (lost.missing, lost.restored, lost.done) == (1, 1, True)
    finally:
        runtime.close(2.0)
