"""Messages sent while their thread answers: kept, changed, sent in order, held after a stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.queue import Queued
from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.errors import NotFound, Overloaded
from tests.agents.answering_house import MODEL, answering
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

SLOW = Reply(text="one two three four five six seven eight", per_token_ms=50)


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = SLOW
    with answering(tmp_path, provider) as built:
        yield built


def send(runtime: Runtime, text: str, thread_id: str | None = None, **more: Any) -> Any:
    request = TurnRequest(
        text=text, thread_id=thread_id, graph="react", retrieval="none", model=MODEL,
        fallback=False, **more,
    )  # fmt: skip
    return runtime.send(request)


def two_waiting(runtime: Runtime) -> tuple[Run, Queued, Queued]:
    run = send(runtime, "first")
    return run, send(runtime, "second", run.thread_id), send(runtime, "third", run.thread_id)


def questions(runtime: Runtime, thread_id: str) -> list[str]:
    return [m.text for m in runtime.threads.messages(thread_id, "local") if m.role == "user"]


def waiting(runtime: Runtime, thread_id: str) -> list[str]:
    return [one.text for one in runtime.queue.of_thread(thread_id, "local")]


def until_empty(runtime: Runtime, thread_id: str) -> None:
    """Follows the answers of a thread until nothing waits any more."""
    while waiting(runtime, thread_id) or runtime.runs.for_thread(thread_id):
        run = runtime.runs.for_thread(thread_id)
        if run is not None:
            for _ in run.follow():
                pass


def test_messages_sent_while_a_thread_answers_follow_in_their_order(
    runtime: Runtime, provider: ProviderServer
) -> None:
    run, *_ = two_waiting(runtime)
    assert waiting(runtime, run.thread_id) == ["second", "third"]
    provider.default = Reply(text="quick")
    until_empty(runtime, run.thread_id)
    assert questions(runtime, run.thread_id) == ["first", "second", "third"]


def test_a_thread_has_only_so_many_waiting_messages(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.queue.MOST_WAITING", 2)
    run, second, _ = two_waiting(runtime)
    with pytest.raises(Overloaded, match="2 messages are waiting in this chat already"):
        send(runtime, "fourth", run.thread_id)
    runtime.queue.remove(second.id, "local")
    send(runtime, "fourth", run.thread_id)
    assert waiting(runtime, run.thread_id) == ["third", "fourth"]


def test_a_waiting_message_can_be_changed_and_taken_back(
    runtime: Runtime, provider: ProviderServer
) -> None:
    run, second, third = two_waiting(runtime)
    runtime.queue.edit(second.id, "local", "changed")
    runtime.queue.remove(third.id, "local")
    provider.default = Reply(text="quick")
    until_empty(runtime, run.thread_id)
    assert questions(runtime, run.thread_id) == ["first", "changed"]


def test_after_a_stop_the_queue_rests(runtime: Runtime) -> None:
    run, *_ = two_waiting(runtime)
    runtime.runs.cancel(run.id)
    for _ in run.follow():
        pass
    runtime.queue.close()
    assert waiting(runtime, run.thread_id) == ["second", "third"]
    assert questions(runtime, run.thread_id) == ["first"]


def test_send_now_stops_the_answer_and_goes_first(
    runtime: Runtime, provider: ProviderServer
) -> None:
    run, _, third = two_waiting(runtime)
    provider.default = Reply(text="quick")
    now = runtime.queue.send_now(third.id, "local")
    assert run.read()[-1].type == "cancelled"
    for _ in now.follow():
        pass
    until_empty(runtime, run.thread_id)
    assert questions(runtime, run.thread_id) == ["first", "third", "second"]


def test_what_waits_is_there_after_a_restart_and_rests(
    tmp_path: Path, provider: ProviderServer
) -> None:
    provider.default = SLOW
    with answering(tmp_path, provider) as first:
        run, *_ = two_waiting(first)
        first.runs.cancel(run.id)
    with answering(tmp_path, provider) as again:
        second, third = again.queue.of_thread(run.thread_id, "local")
        provider.default = Reply(text="quick")
        for _ in again.queue.send_now(second.id, "local").follow():
            pass
        until_empty(again, run.thread_id)
        assert questions(again, run.thread_id) == ["first", "second", third.text]


def test_a_message_leaves_the_queue_once(runtime: Runtime) -> None:
    run, second, _ = two_waiting(runtime)
    runtime.queue.send_now(second.id, "local")
    with pytest.raises(NotFound):
        runtime.queue.send_now(second.id, "local")
    assert questions(runtime, run.thread_id).count("second") == 1


def test_the_queue_of_others_is_not_found(runtime: Runtime) -> None:
    run, second, _ = two_waiting(runtime)
    assert runtime.queue.of_thread(run.thread_id, "mallory") == []
    for change in (runtime.queue.remove, runtime.queue.send_now):
        with pytest.raises(NotFound):
            change(second.id, "mallory")


def test_what_waits_goes_with_its_thread(runtime: Runtime) -> None:
    run, *_ = two_waiting(runtime)
    runtime.delete_thread(run.thread_id, "local")
    assert waiting(runtime, run.thread_id) == []


def test_a_new_question_brings_an_archived_thread_back(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.default = Reply(text="quick")
    run = send(runtime, "first")
    until_empty(runtime, run.thread_id)
    runtime.thread_list.archive([run.thread_id], "local")
    send(runtime, "second", run.thread_id)
    assert [one.id for one in runtime.thread_list.page("local").threads] == [run.thread_id]


@pytest.fixture
def team(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = SLOW
    with answering(tmp_path, provider, auth="accounts") as built:
        built.identity.accounts.add("nan", role="analyst", password="four horses and a lantern")
        yield built


@pytest.mark.parametrize(("role", "figures"), [("analyst", "all"), ("user", "own")])
def test_a_message_that_waited_reads_no_more_figures_than_its_person_may_by_now(
    team: Runtime, provider: ProviderServer, role: Any, figures: str
) -> None:
    """Somebody demoted while their message waited got an answer about everybody's figures."""
    run = send(team, "first", owner="nan", figures="all")
    queued = send(team, "second", run.thread_id, owner="nan", figures="all")
    team.identity.accounts.set_role("nan", role)
    provider.default = Reply(text="quick")
    assert team.queue.send_now(queued.id, "nan").request.figures == figures


def test_what_somebody_left_waiting_rests_when_they_are_disabled(
    team: Runtime, provider: ProviderServer
) -> None:
    run = send(team, "first", owner="nan")
    send(team, "second", run.thread_id, owner="nan")
    team.identity.accounts.disable("nan")
    for _ in run.follow():
        pass
    for _ in range(200):
        if run.thread_id in team.queue.problems:
            break
        threading.Event().wait(0.02)
    assert "may not log in" in team.queue.problems[run.thread_id].message
    assert [one.text for one in team.queue.of_thread(run.thread_id, "nan")] == ["second"]
