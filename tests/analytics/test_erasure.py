"""Erasing a person, a thread, and everything that is kept: no byte stays, no counter goes."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from sqlalchemy import Connection, insert

from analytics.blocks import fold_all
from analytics.content import Said
from analytics.erasure import delete_kept_content, erase_user, forget_thread
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.schema import (
    alert_event,
    alert_rule,
    budget,
    feedback,
    report,
    saved_view,
)
from core.errors import StorageError
from tests.analytics.scripts import START_US, meta, simple_run

ANN = "ann.4711@example.com"
SECRET = "the-words-of-ann"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def recorder(path: Path) -> Iterator[Recorder]:
    made = Recorder(path, interval_s=0.01, content_key=path.with_name("content.key"))
    yield made
    made.close()


def play(recorder: Recorder, run_id: str, user: str, text: str = "Q?", thread: str = "") -> None:
    of = replace(
        meta(run_id),
        user_id=user,
        thread_id=thread or f"thread-of-{user}",
        content_mode="full",
        started_at_us=START_US + crc32(run_id.encode()) % 10**9,
    )
    _, events = simple_run(of)
    for event in events[:-1]:
        recorder.observe(of, event)
    words = [Said("question", "", lambda: text), Said("answer", "", lambda: text * 300)]
    recorder.observe(of, events[-1], words)


def rows(path: Path, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def traces(path: Path, *words: str) -> list[tuple[str, str]]:
    """Where bytes of a word are still found."""
    return [
        (file.name, word)
        for file in path.parent.glob("analytics.db*")
        for word in words
        if word.encode() in file.read_bytes()
    ]


def opinion(connection: Connection, key: str, run_id: str, user: str, text: str) -> None:
    connection.execute(insert(feedback).values(
        feedback_id=key, run_id=run_id, user_id=user, conversation_id=f"thread-of-{user}",
        source="user", evaluation_name="thumb", evaluation_score_value=1.0,
        evaluation_explanation=text, created_at_us=1, updated_at_us=1,
    ))  # fmt: skip


def test_of_an_erased_person_no_byte_is_left_in_the_files(path: Path, recorder: Recorder) -> None:
    """Many people and many runs: pages were split and merged, which leaves copies in their gaps."""
    for k in range(1_200):
        name = ANN if k % 3 == 0 else f"person-{k % 17}"
        play(recorder, f"r{k * 7919 % 1200:04}", name, SECRET if name == ANN else "hello")
        if k % 200 == 0:
            assert recorder.flush(20)
    assert recorder.flush(20)
    recorder.write(lambda c: opinion(c, "f1", "r0000", ANN, SECRET))
    assert traces(path, ANN, SECRET)
    erased = erase_user(recorder, ANN)
    assert traces(path, ANN, SECRET, f"thread-of-{ANN}") == []
    assert (erased.runs, erased.content) == (400, 800)
    assert rows(path, "SELECT count(*), count(user_id), sum(cost_pusd) FROM run") == [
        (1_200, 800, 1_200 * 21_600_000)
    ]
    assert rows(path, "SELECT count(*) FROM content") == [(1_600,)]
    assert rows(path, "SELECT count(*) FROM content WHERE text LIKE '%words-of%'") == [(0,)]


def test_runs_of_one_thread_stay_one_thread_of_nobody(path: Path, recorder: Recorder) -> None:
    for k, thread in enumerate(["a", "a", "b"]):
        play(recorder, f"r{k}", ANN, thread=f"thread-{thread}")
    play(recorder, "other", "bob", thread="thread-c")
    recorder.flush()
    erase_user(recorder, ANN)
    found = rows(path, "SELECT conversation_id, user_id FROM run ORDER BY run_id")
    assert found[0] == ("thread-c", "bob")
    assert found[1] == found[2] != found[3]
    assert not any(thread.startswith("thread-") for thread, _ in found[1:])


def test_opinions_lose_their_words_and_keep_their_score(path: Path, recorder: Recorder) -> None:
    play(recorder, "anns", ANN)
    play(recorder, "bobs", "bob")
    recorder.flush()
    recorder.write(lambda c: opinion(c, "1", "bobs", ANN, SECRET))
    recorder.write(lambda c: opinion(c, "2", "anns", "bob", "bob about ann"))
    recorder.write(lambda c: opinion(c, "3", "bobs", "bob", "bob about bob"))
    assert erase_user(recorder, ANN).feedback == 1
    found = rows(path, "SELECT feedback_id, user_id, evaluation_explanation, evaluation_score_value FROM feedback ORDER BY 1")  # fmt: skip
    assert found == [("1", None, None, 1.0), ("2", None, None, 1.0), ("3", "bob", "bob about bob", 1.0)]  # fmt: skip


def test_figures_stay_and_show_nobodys_name(path: Path, recorder: Recorder) -> None:
    for k in range(4):
        play(recorder, f"r{k}", ANN if k % 2 else "bob")
    recorder.flush()
    recorder.close()
    day = 86_400_000_000
    fold_all(path, now_us=START_US + 3 * day)
    again = Recorder(path, interval_s=0.01)
    erase_user(again, ANN)
    again.close()
    assert traces(path, ANN) == []
    assert rows(path, "SELECT name FROM label WHERE kind = 'user' ORDER BY name") == [(None,), ("bob",)]  # fmt: skip
    queries = Queries(path)
    keep = Filter(range="all", since_us=START_US - day, until_us=START_US + 3 * day)
    assert queries.kpis(keep).current.runs == 4
    queries.close()


def test_what_people_saved_about_the_person_goes_and_the_rest_stays(
    path: Path, recorder: Recorder
) -> None:
    def fill(c: Connection) -> None:
        for k, (owner, query) in enumerate(
            [(ANN, "range=7d"), ("bob", "user=ann.4711%40example.com"), ("bob", "user=bob")]
        ):
            c.execute(insert(saved_view).values(
                view_id=str(k), owner=owner, name=f"v{k}", query=query, created_at_us=1
            ))  # fmt: skip
        for k, of in enumerate([ANN, "bob"]):
            body = json.dumps({"scope": {"user": [of]}})
            row = {"name": f"n{k}", "definition": body, "enabled": 1, "updated_at_us": 1}
            c.execute(insert(alert_rule).values(rule_id=f"rule{k}", **row))
            c.execute(insert(budget).values(budget_id=f"budget{k}", **row))
            c.execute(insert(alert_event).values(
                event_id=str(k), rule_id=f"rule{k}", rule_name=f"n{k}", state="firing",
                began_at_us=1, at_us=1, message=f"{of} spent much",
            ))  # fmt: skip
            c.execute(insert(report).values(
                report_id=str(k), kind="daily", filter=json.dumps({"users": of}), since_us=0,
                until_us=1, created_at_us=1, trigger="hand", files=json.dumps({f"{k}.html": "sha"}),
            ))  # fmt: skip

    recorder.write(fill)
    erased = erase_user(recorder, ANN)
    assert traces(path, ANN) == []
    assert (erased.definitions, erased.files) == (5, ["0.html"])
    kept = {
        table: rows(path, f"SELECT count(*) FROM {table}")[0][0]
        for table in ("saved_view", "alert_rule", "budget", "alert_event", "report")
    }
    assert set(kept.values()) == {1}, kept


@pytest.mark.parametrize("user", ["nobody", "", "'; DROP TABLE run; --", "%", "an_"])
def test_erasing_somebody_unknown_changes_nothing(
    path: Path, recorder: Recorder, user: str
) -> None:
    play(recorder, "r1", ANN)
    recorder.flush()
    assert erase_user(recorder, user).runs == 0
    assert rows(path, "SELECT user_id FROM run") == [(ANN,)]


def test_erasing_twice_is_erasing_once(path: Path, recorder: Recorder) -> None:
    play(recorder, "r1", ANN)
    recorder.flush()
    assert erase_user(recorder, ANN).runs == 1
    thread = rows(path, "SELECT conversation_id FROM run")
    assert erase_user(recorder, ANN).runs == 0
    assert rows(path, "SELECT conversation_id FROM run") == thread


def test_erasing_while_others_are_recorded_loses_none(path: Path, recorder: Recorder) -> None:
    for k in range(300):
        play(recorder, f"ann{k}", ANN)
    recorder.flush()
    erasing = threading.Thread(target=erase_user, args=(recorder, ANN))
    erasing.start()
    for k in range(300):
        play(recorder, f"bob{k}", "bob")
    erasing.join(30)
    assert recorder.flush(20)
    assert rows(path, "SELECT user_id, count(*) FROM run GROUP BY 1 ORDER BY 1") == [
        (None, 300), ("bob", 300),
    ]  # fmt: skip
    assert traces(path, ANN) == []


def test_a_run_that_ends_after_its_person_was_erased_is_nobodys(
    path: Path, recorder: Recorder
) -> None:
    going, later = (replace(meta(name), user_id=ANN, thread_id="t", content_mode="full",
                            started_at_us=at) for name, at in (("going", START_US), ("later", 2**52)))  # fmt: skip
    events = simple_run(going)[1]
    recorder.observe(going, events[0])
    assert recorder.flush()
    assert rows(path, "SELECT user_id FROM run") == [(ANN,)]
    erase_user(recorder, ANN)
    for event in events[1:3]:  # the row of a run that goes on is written again after its route
        recorder.observe(going, event)
    assert any(event.type == "route" for event in events[1:3])
    assert recorder.flush()
    assert rows(path, "SELECT user_id, status FROM run") == [(None, "running")]
    for event in events[3:-1]:
        recorder.observe(going, event)
    recorder.observe(going, events[-1], [Said("question", "", lambda: SECRET)])
    assert recorder.flush()
    assert rows(path, "SELECT user_id, conversation_id = 't', status FROM run") == [(None, 0, "ok")]
    assert traces(path, ANN, SECRET) == []
    for event in simple_run(later)[1]:
        recorder.observe(later, event)
    assert recorder.flush()
    assert rows(path, "SELECT user_id FROM run WHERE run_id = 'later'") == [(ANN,)]


def test_a_deleted_threads_words_are_nowhere_and_others_stay(
    path: Path, recorder: Recorder
) -> None:
    play(recorder, "r1", "bob", SECRET, thread="gone")
    play(recorder, "r2", "bob", "hello", thread="stays")
    recorder.flush()
    recorder.write(lambda c: opinion(c, "1", "r1", "bob", SECRET))
    assert forget_thread(recorder, "gone") == 2
    assert traces(path, SECRET) == []
    assert rows(path, "SELECT DISTINCT run_id FROM content") == [("r2",)]
    assert rows(path, "SELECT count(*) FROM run") == [(2,)]


def test_all_kept_words_go_at_once_and_figures_stay(path: Path, recorder: Recorder) -> None:
    for k in range(20):
        play(recorder, f"r{k}", "bob", SECRET)
    recorder.flush()
    assert delete_kept_content(recorder) == 40
    assert traces(path, SECRET) == []
    assert rows(path, "SELECT count(*), sum(llm_calls) FROM run") == [(20, 20)]


def test_a_fault_is_said_and_the_erasure_can_be_repeated(path: Path, recorder: Recorder) -> None:
    play(recorder, "r1", ANN)
    recorder.flush()
    recorder.write(lambda c: c.exec_driver_sql("CREATE TRIGGER no BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'no'); END"))  # fmt: skip
    with pytest.raises(StorageError):
        erase_user(recorder, ANN)
    assert rows(path, "SELECT user_id FROM run") == [(ANN,)]
    recorder.write(lambda c: c.exec_driver_sql("DROP TRIGGER no"))
    assert erase_user(recorder, ANN).runs == 1
