"""The run manager: logs, followers, stop, queue, errors, persistence."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agents.run import Run, TurnRequest
from agents.threads import Message
from core.errors import (
    ModelUnavailable,
    NotFound,
    Overloaded,
    ShuttingDown,
    StorageError,
    ThreadBusy,
)
from core.events import Attempt, Event, Interrupt, Token, UsageReported
from tests.agents.scripted import Bench, bench, types, words


def test_a_run_is_numbered_without_gaps_and_ends_once(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        run = b.start()
        assert types(run) == ["run_started", "token", "completed"]
        assert [event.seq for event in run.events] == [0, 1, 2]
        b.runs.close(2.0)
        assert [event.seq for event in b.seen] == [0, 1, 2]
        assert {event.run_id for event in run.events} == {run.id}


def test_the_answer_is_saved_before_completed_is_sent(tmp_path: Path) -> None:
    saved: list[int] = []
    with bench(
        tmp_path,
        observers=[
            lambda run, event: (
                saved.append(len(b.threads.messages(run.thread_id, "local")))
                if event.type in ("run_started", "completed")
                else None
            )
        ],
    ) as b:
        types(b.start())
        b.runs.close(2.0)
        assert saved == [1, 2]  # the question before the first event, the answer before the last


def test_a_late_follower_sees_the_same_log_from_any_position(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("q", *words("one two three"))
        run = b.start("q")
        live = [e for batch in run.follow() for e in batch]
        assert [e for batch in run.follow() for e in batch] == live
        assert [e for batch in run.follow(after=2) for e in batch] == live[3:]


def test_async_followers_on_another_loop_see_every_event_live(tmp_path: Path) -> None:
    async def read(run) -> list[str]:  # type: ignore[no-untyped-def]
        return [event.type async for event in run.afollow()]

    with bench(tmp_path) as b:
        b.script("q", 0.05, *words("one two"), 0.05)
        assert asyncio.run(read(b.start("q"))) == ["run_started", "token", "token", "completed"]


@pytest.mark.slow
def test_stop_keeps_the_partial_answer_and_closes_the_stream(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        turn = b.script("q", *words("one two"), 30.0, *words("three"))
        run = b.start("q")
        run.wait(2, 5)
        b.runs.cancel(run.id)
        assert types(run)[-1] == "cancelled"
        assert turn.was_closed
        message = b.threads.messages(run.thread_id, "local")[-1]
        assert (message.text, message.summary and message.summary.status) == (
            "one two ",
            "cancelled",
        )


def test_stop_works_before_the_first_token_and_while_waiting_in_the_queue(tmp_path: Path) -> None:
    with bench(tmp_path, max_concurrent=1) as b:
        b.script("slow", 30.0)
        first, second = b.start("slow"), b.start("slow")
        b.runs.cancel(second.id)
        assert types(second)[-2:] == ["run_started", "cancelled"]
        b.runs.cancel(first.id)
        assert types(first) == ["run_started", "cancelled"]


@pytest.mark.slow
def test_a_run_stopped_in_the_queue_says_what_it_was_and_how_long_it_waited(
    tmp_path: Path,
) -> None:
    with bench(tmp_path, max_concurrent=1) as b:
        b.script("slow", 30.0)
        first, second = b.start("slow"), b.start("slow", model="openai:gpt-4o-mini")
        assert second.wait(0, 5)  # it is told at once, and again after a second of silence
        b.runs.cancel(second.id)
        assert types(second) == ["heartbeat", "heartbeat", "run_started", "cancelled"]
        started = second.events[2]
        assert started.type == "run_started"
        assert (started.thread_id, started.model) == (second.thread_id, "openai:gpt-4o-mini")
        assert started.queue_us > 900_000
        b.runs.cancel(first.id)


@pytest.mark.slow
def test_a_swallowed_cancel_does_not_keep_a_run_alive(tmp_path: Path) -> None:
    """Python 3.11's wait_for can lose a cancel that coincides with a result; it is sent again."""
    with bench(tmp_path) as b:
        turn = b.script("q")

        async def stubborn():  # type: ignore[no-untyped-def]
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()  # type: ignore[union-attr]
            await asyncio.sleep(30)
            yield Token(text="never")

        turn.events = stubborn  # type: ignore[method-assign]
        run = b.start("q")
        run.wait(0, 5)
        b.runs.cancel(run.id)
        assert types(run)[-1] == "cancelled"


@pytest.mark.slow
def test_a_turn_that_resists_being_cancelled_is_left_behind(tmp_path: Path) -> None:
    """Its run was held up for as long as it liked."""
    with bench(tmp_path) as b:
        turn, freed = b.script("q"), threading.Event()

        async def stubborn():  # type: ignore[no-untyped-def]
            while not freed.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            yield Token(text="too late")

        turn.events = stubborn  # type: ignore[method-assign]
        run = b.start("q")
        run.wait(0, 5)
        b.runs.cancel(run.id)
        count = len(types(run))
        assert run.events[-1].type == "cancelled"
        assert b.threads.messages(run.thread_id, "local")[-1].text == ""
        freed.set()
        time.sleep(0.05)
        assert len(run.events) == count


@pytest.mark.slow
def test_a_waiting_run_shows_its_place_in_the_queue(tmp_path: Path) -> None:
    with bench(tmp_path, max_concurrent=1) as b:
        gate = asyncio.Event()
        b.script("first", gate)
        first, second = b.start("first"), b.start("second")
        assert second.wait(-1, 5)
        beat = second.events[0]
        assert (beat.type, beat.state, beat.queue_position) == ("heartbeat", "queued", 1)  # type: ignore[union-attr]
        b.loop.loop.call_soon_threadsafe(gate.set)
        assert types(first)[-1] == types(second)[-1] == "completed"


def test_one_person_s_runs_wait_and_those_of_others_do_not(tmp_path: Path) -> None:
    with bench(tmp_path, max_concurrent=3, max_per_person=1) as b:
        gate = asyncio.Event()
        b.script("slow", gate)
        first, second = b.start("slow", owner="ann"), b.start("quick", owner="ann")
        assert types(b.start("quick", owner="bob"))[-1] == "completed"
        assert second.state == "queued"
        b.loop.loop.call_soon_threadsafe(gate.set)
        assert types(first)[-1] == types(second)[-1] == "completed"


def test_one_person_does_not_fill_the_queue_of_all(tmp_path: Path) -> None:
    with bench(tmp_path, max_concurrent=2, max_queued=6, max_per_person=1) as b:
        b.script("slow", 30.0)
        first = b.start("slow", owner="ann")
        until_running(first)
        mine = [first, *(b.start("slow", owner="ann") for _ in range(3))]
        with pytest.raises(Overloaded, match="3 of your questions are waiting"):
            b.start("slow", owner="ann")
        assert types(b.start("hi", owner="bob"))[-1] == "completed"
        for run in mine:
            b.runs.cancel(run.id)


def until_running(run: Run) -> None:
    after = -1
    while run.state == "queued":
        assert run.wait(after, 5)
        after += 1


def test_a_second_turn_on_a_busy_thread_is_refused(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("q", 30.0)
        run = b.start("q")
        with pytest.raises(ThreadBusy):
            b.start("again", thread_id=run.thread_id)
        assert len(b.threads.messages(run.thread_id, "local")) == 1
        b.runs.cancel(run.id)
        types(run)
        assert types(b.start("again", thread_id=run.thread_id))[-1] == "completed"


def test_five_turns_at_once_on_one_thread_leave_one(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        thread_id = b.start("first").thread_id
        types(b.runs.for_thread(thread_id) or b.start("x"))
        b.script("q", 0.3)
        outcomes: list[str] = []

        def send() -> None:
            try:
                b.start("q", thread_id=thread_id)
                outcomes.append("started")
            except ThreadBusy:
                outcomes.append("busy")

        senders = [threading.Thread(target=send) for _ in range(5)]
        [s.start() for s in senders]
        [s.join() for s in senders]
        assert sorted(outcomes) == ["busy"] * 4 + ["started"]


def test_a_foreign_thread_answers_like_an_unknown_one(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        run = b.start()
        types(run)
        for thread_id in (run.thread_id, "0" * 32):
            with pytest.raises(NotFound, match="no such thread"):
                b.start("mine?", thread_id=thread_id, owner="eve")


def test_a_named_error_reaches_the_reader_and_the_partial_text_stays(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("q", *words("half"), ModelUnavailable("No provider answered."))
        run = b.start("q")
        types(run)
        last = run.events[-1]
        assert (last.type, last.code, last.retryable) == ("error", "model_unavailable", True)  # type: ignore[union-attr]
        assert b.threads.messages(run.thread_id, "local")[-1].text == "half "


def test_an_unexpected_error_names_the_run_and_not_the_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with bench(tmp_path) as b:
        b.script("q", ZeroDivisionError("secret detail"))
        run = b.start("q")
        types(run)
        last = run.events[-1]
        assert last.code == "internal"  # type: ignore[union-attr]
        assert "ZeroDivisionError" in last.message  # type: ignore[union-attr]
        assert "secret" not in last.message + last.what_to_do  # type: ignore[union-attr]
        assert run.id in last.what_to_do  # type: ignore[union-attr]


def test_an_interrupt_ends_the_run_waiting_for_a_person(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        turn = b.script("q", *words("so far"))
        turn.interrupts = [Interrupt(id="i1", value='"ok?"')]
        run = b.start("q")
        assert types(run)[-1] == "interrupted"
        summary = b.threads.messages(run.thread_id, "local")[-1].summary
        assert summary is not None
        assert summary.interrupts == [{"id": "i1", "value": '"ok?"', "response_schema": None}]


def test_a_failing_observer_is_counted_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(run: object, event: object) -> None:
        raise RuntimeError("no")

    with bench(tmp_path, observers=[broken]) as b:
        assert types(b.start())[-1] == "completed"
        b.runs.close(2.0)
        assert b.runs.observer_errors == 3


def test_the_saved_log_replays_equal_to_the_live_one(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("q", *words("one two three"))
        run = b.start("q")
        live = [e for batch in run.follow() for e in batch]
        b.runs.close(2.0)  # writes everything
        assert b.store.log(run.id, "local") == live
        with pytest.raises(NotFound):
            b.store.log(run.id, "eve")


def test_more_runs_than_the_queue_holds_are_refused(tmp_path: Path) -> None:
    with bench(tmp_path, max_concurrent=1, max_queued=1) as b:
        b.script("q", 30.0)
        started = [b.start("q"), b.start("q")]
        with pytest.raises(Overloaded):
            b.start("q")
        for run in started:
            b.runs.cancel(run.id)


@pytest.mark.slow
def test_shutdown_gives_every_run_its_terminal_event_and_refuses_new_ones(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("q", *words("partial"), 30.0)
        runs = [b.start("q") for _ in range(3)]
        runs[-1].wait(1, 5)
        b.runs.close(0.4)
        assert [run.events[-1].type for run in runs] == ["cancelled"] * 3
        with pytest.raises(ShuttingDown):
            b.start("late")


def test_an_answer_that_could_not_be_saved_is_kept_and_saved_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agents.run_saving.SAVE_RETRY_S", 0.05)
    with bench(tmp_path) as b:
        original, full = b.store.finish, True

        def finish(*args: object, **kwargs: object) -> None:
            if full:
                raise StorageError("The disk is full.", what_to_do="Free some space.")
            original(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(b.store, "finish", finish)
        run = b.start("q")
        types(run)
        last = run.events[-1]
        assert (last.type, last.code) == ("error", "storage")  # type: ignore[union-attr]
        assert b.runs.for_thread(run.thread_id) is run  # still shown from memory
        full = False
        for _ in range(100):
            if len(b.threads.messages(run.thread_id, "local")) == 2:
                break
            threading.Event().wait(0.02)
        assert b.threads.messages(run.thread_id, "local")[-1].text == "hello "


def test_a_question_is_refused_and_an_answer_kept_while_the_database_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Both went into the deleted file, and were gone after the next start."""
    monkeypatch.setattr("agents.run_saving.SAVE_RETRY_S", 0.05)
    path, away = tmp_path / "app.db", tmp_path / "away.db"
    with bench(tmp_path) as b:
        b.script("q", lambda: path.rename(away), *words("hello"))
        run = b.start("q")
        assert types(run)[-1] == "error"
        last = run.events[-1]
        assert "could not be saved yet" in last.message  # type: ignore[union-attr]
        with pytest.raises(StorageError, match="not the file any more") as caught:
            b.start("another")
        assert "restart" in caught.value.what_to_do
        away.rename(path)
        for _ in range(200):
            if not run.unsaved:
                break
            threading.Event().wait(0.02)
        assert b.threads.messages(run.thread_id, "local")[-1].text == "hello "


def test_an_answer_that_is_lost_at_the_end_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "app.db"
    with bench(tmp_path) as b:
        b.script("q", lambda: path.unlink(), *words("hello"))
        run = b.start("q")
        types(run)
        b.runs.close(1.0)
    assert f"the answer of run {run.id} is lost" in caplog.text


def test_a_continued_comparison_is_listed_as_a_chat(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        run = b.start("q", thread_kind="compare")
        types(run)
        assert b.threads.recent("local") == []
        with pytest.raises(NotFound):
            b.threads.promote(run.thread_id, "eve")
        b.threads.promote(run.thread_id, "local")
        promoted = b.threads.get(run.thread_id, "local")
        b.threads.promote(run.thread_id, "local")  # a chat stays as it is
        assert b.threads.recent("local") == [promoted]


def test_deleting_a_thread_leaves_nothing_of_it(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        run = b.start()
        types(run)
        b.runs.close(2.0)
        assert b.threads.delete(run.thread_id, "local") == [run.id]
        assert b.threads.counts() == {"thread": 0, "message": 0, "run": 0}
        with pytest.raises(NotFound):
            b.store.log(run.id, "local")


def test_cancelling_an_unknown_run_says_so(tmp_path: Path) -> None:
    with bench(tmp_path) as b, pytest.raises(NotFound):
        b.runs.cancel("0" * 32)


def test_start_does_not_wait_for_the_run(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("q", 30.0)
        run = b.runs.start(TurnRequest(text="q"))
        assert not run.finished
        b.runs.cancel(run.id)


def test_a_fault_while_ending_a_run_still_ends_it_and_frees_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agents.run_saving.SAVE_RETRY_S", 0.05)
    with bench(tmp_path) as b:
        original, broken = b.store.finish, True

        def finish(*args: object, **kwargs: object) -> None:
            if broken:
                raise ZeroDivisionError("a bug of ours")
            original(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(b.store, "finish", finish)
        run = b.start("q")
        assert types(run)[-1] == "error"
        broken = False
        for _ in range(200):
            if not run.unsaved:
                break
            threading.Event().wait(0.02)
        assert types(b.start("again", thread_id=run.thread_id))[-1] == "completed"


def test_a_turn_that_cannot_be_made_is_an_error_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with bench(tmp_path) as b:
        b.runs._make_turn = lambda run: 1 / 0  # type: ignore[assignment,return-value]
        run = b.start("q")
        assert types(run)[-1] == "error"
        assert run.events[-1].code == "internal"  # type: ignore[union-attr]


def test_a_tool_that_tries_to_exit_ends_its_run_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with bench(tmp_path) as b:
        b.script("q", *words("half"), SystemExit(2))
        assert types(b.start("q"))[-1] == "error"
        assert types(b.start("next"))[-1] == "completed"


@pytest.mark.slow
def test_a_journal_write_that_fails_is_repeated_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with bench(tmp_path) as b:
        original, failures = b.store.append, [1, 2]

        def append(parts: dict[str, list[Event]]) -> None:
            if failures:
                failures.pop()
                raise StorageError("full")
            original(parts)

        monkeypatch.setattr(b.store, "append", append)
        b.script("q", *words("one two"), 0.7, *words("three"), 30.0)
        run = b.start("q")
        run.wait(3, 5)
        threading.Event().wait(0.6)
        assert [e.seq for e in b.store.log(run.id, "local")][:4] == [0, 1, 2, 3]
        b.runs.cancel(run.id)
        types(run)
    said = [one for one in caplog.messages if "journal could not be written" in one]
    assert (len(said), failures) == (1, []), "said once, not four times a second"


def test_a_fault_in_closing_steps_ends_the_run_on_disk_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with bench(tmp_path) as b:
        turn = b.script("q", *words("text"))
        turn.close_open = lambda status: 1 / 0  # type: ignore[assignment,return-value,method-assign]
        run = b.start("q")
        assert types(run)[-1] == "error"
        assert types(b.start("again", thread_id=run.thread_id))[-1] == "completed"
        assert b.threads.messages(run.thread_id, "local")[1].text == "text "


@pytest.mark.slow
def test_a_damaged_part_of_a_journal_costs_only_what_follows_it(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("q", *words("one two"), 0.4, *words("three"), 30.0)
        run = b.start("q")
        run.wait(3, 5)
        threading.Event().wait(0.4)
        with b.database.write() as connection:
            connection.exec_driver_sql("UPDATE run_log SET payload = x'00' WHERE first_seq > 0")
        assert b.store.recover() == [run.id]
        answer = b.threads.messages(run.thread_id, "local")[-1]
        assert answer.summary is not None
        assert (answer.text, answer.summary.status) == ("one two ", "lost")
        b.runs.cancel(run.id)
        types(run)


def test_a_deleted_conversation_is_in_no_file_any_more(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.script("my secret marker", *words("another secret marker"))
        run = b.start("my secret marker")
        types(run)
        b.runs.close(2.0)
        b.threads.delete(run.thread_id, "local")
        for file in tmp_path.glob("app.db*"):
            assert b"secret marker" not in file.read_bytes(), file.name


def paid_call(**attempt: Any) -> list[Event]:
    """The end of an answer's call: its attempt, then its usage."""
    ended = Attempt(
        call_id="c", logical_call_id="c", attempt=1, purpose="answer", model="openai:m",
        provider="openai", **({"outcome": "ok", "finish_reason": "stop"} | attempt),
    )  # fmt: skip
    usage = UsageReported(
        call_id="c", model="openai:m", provider="openai", purpose="answer", output_tokens=2
    )
    return [ended, usage]


def kept_after_a_kill(b: Bench, run: Run) -> Message:
    """What the next start makes of a run that hangs after its last step."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and len(b.store.log(run.id, "local")) < len(run.events):
        threading.Event().wait(0.005)
    assert b.store.recover() == [run.id]
    return b.threads.messages(run.thread_id, "local")[-1]


@pytest.mark.slow
def test_an_answer_that_was_whole_when_the_process_was_killed_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.runs.TICK_S", 60.0)  # the journal is not waited for
    with bench(tmp_path) as b:
        b.script("q", *words("one two"), *paid_call(), 30.0)
        run = b.start("q")
        run.wait(4, 5)
        answer = kept_after_a_kill(b, run)
        assert answer.summary is not None
        assert (answer.text, answer.summary.status) == ("one two ", "completed")
        log = b.store.log(run.id, "local")
        assert (log[-1].type, [event.seq for event in log]) == ("completed", list(range(len(log))))
        b.runs.cancel(run.id)
        types(run)


@pytest.mark.slow
@pytest.mark.parametrize(
    "attempt",
    [{"finish_reason": "tool_calls"}, {"finish_reason": "length"}, {"outcome": "broke_midstream"}],
)
def test_an_answer_that_was_not_whole_is_lost(tmp_path: Path, attempt: dict[str, Any]) -> None:
    with bench(tmp_path) as b:
        b.script("q", *words("one two"), *paid_call(**attempt), 30.0)
        run = b.start("q")
        run.wait(4, 5)
        answer = kept_after_a_kill(b, run)
        assert answer.summary is not None
        assert (answer.text, answer.summary.status) == ("one two ", "lost")
        b.runs.cancel(run.id)
        types(run)
