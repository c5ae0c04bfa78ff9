"""Stop, at every moment of a run and in both dialects, against a provider that sees who hangs up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.run import Run
from agents.runtime import Runtime
from core.events import Event
from tests.agents.stopping import (
    BEDROCK,
    DIALECTS,
    LONG,
    NEVER,
    OPENAI,
    a,
    ended,
    row_of,
    saved,
    settings,
    start,
    until,
)
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

QUICK_S = 0.5


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-secret-secret")


@pytest.fixture
def runtime(data_dir: Path, provider: ProviderServer, dialect: str) -> Iterator[Runtime]:
    """Answers with one dialect, and goes on with the other."""
    models = (DIALECTS[dialect], *(m for m in (OPENAI, BEDROCK) if m != DIALECTS[dialect]))
    made = Runtime(settings(data_dir, provider, answer_models=models))
    yield made
    made.close(2.0)


def stopped(runtime: Runtime, run: Run, by: Any = "user") -> list[Event]:
    """Stops a run and gives its log, once it ended, which is at once."""
    at = time.monotonic()
    runtime.runs.cancel(run.id, by)
    events = ended(run)
    assert time.monotonic() - at < QUICK_S
    assert events[-1].type == "cancelled"
    assert saved(runtime, run)[1].status == "cancelled"
    row = row_of(runtime, run)
    assert (row.status, row.tokens_after_stop is not None) == ("cancelled", True)
    assert row.stop_us is not None
    return events


def hung_up(provider: ProviderServer, since: float) -> float:
    gone = provider.wait_for_disconnect(1).closed_by_client_at
    assert gone is not None
    return gone - since


def test_before_the_first_token(runtime: Runtime, provider: ProviderServer) -> None:
    provider.default = NEVER
    run = start(runtime)
    provider.wait_for_request()
    at = time.monotonic()
    stopped(runtime, run)
    assert hung_up(provider, at) < QUICK_S
    text, summary = saved(runtime, run)
    assert (text, summary.usage_estimated, summary.tokens_after_stop) == ("", True, 0)
    assert summary.input_tokens
    assert summary.output_tokens == 0


def test_in_mid_answer(runtime: Runtime, provider: ProviderServer) -> None:
    provider.default = LONG
    run = start(runtime)
    until(run, a("token"))
    at = time.monotonic()
    events = stopped(runtime, run)
    assert hung_up(provider, at) < QUICK_S
    text, summary = saved(runtime, run)
    assert text.startswith("word0")
    assert text == "".join(e.text for e in events if e.type == "token")
    assert summary.usage_estimated
    assert summary.still_running == []
    outcomes = [(e.purpose, e.outcome) for e in events if e.type == "attempt"]
    assert outcomes == [("answer", "started"), ("answer", "cancelled")]


def test_the_count_of_tokens_does_not_jump_when_it_stops(
    runtime: Runtime, provider: ProviderServer
) -> None:
    """The page counted pieces of text while they came, and characters once the run was stopped."""
    from core.transcript import Transcript

    provider.default = Reply(text="extraordinarily long words " * 200, per_token_ms=5)
    run = start(runtime)
    until(run, lambda event: event.type == "token" and event.seq > 20)
    events = stopped(runtime, run)
    live, model = Transcript(), str(saved(runtime, run)[1].model)
    live.add_all(e for e in events if e.type not in ("usage", "cancelled"))
    counted = live.output_so_far(runtime.models.chars_per_token(model))
    assert counted == saved(runtime, run)[1].output_tokens


def test_twice_from_two_tabs_and_after_the_end(runtime: Runtime, provider: ProviderServer) -> None:
    provider.default = LONG
    run = start(runtime)
    until(run, a("token"))
    tabs = [threading.Thread(target=runtime.runs.cancel, args=(run.id,)) for _ in range(4)]
    for tab in tabs:
        tab.start()
    stopped(runtime, run, by="api")
    for tab in tabs:
        tab.join()
    count = len(run.events)
    runtime.runs.cancel(run.id)
    assert len(run.events) == count


def test_a_finished_run_stays_what_it_is(runtime: Runtime, provider: ProviderServer) -> None:
    run = start(runtime)
    ended(run)
    runtime.runs.cancel(run.id)
    assert run.events[-1].type == "completed"
    assert run.stopped_by is None


def test_while_the_router_thinks(data_dir: Path, provider: ProviderServer, dialect: str) -> None:
    provider.default = NEVER
    model = DIALECTS[dialect]
    runtime = Runtime(settings(data_dir, provider, answer_models=(model,), router_models=(model,)))
    try:
        run = start(runtime, "Tell me about the weather on Mars", agent=None)
        provider.wait_for_request()
        at = time.monotonic()
        events = stopped(runtime, run)
        assert hung_up(provider, at) < QUICK_S
        ends = [(e.purpose, e.outcome) for e in events if e.type == "attempt"]
        assert ends == [("route", "started"), ("route", "cancelled")]
        assert len(provider.requests) == 1
    finally:
        runtime.close(2.0)


def test_during_the_pause_before_a_retry(runtime: Runtime, provider: ProviderServer) -> None:
    provider.default = Reply(status=429, headers={"retry-after": "3"})
    run = start(runtime)
    until(run, lambda event: event.type == "attempt" and event.outcome == "error")
    events = stopped(runtime, run)
    time.sleep(0.1)
    assert len(provider.requests) == 1
    assert [e.outcome for e in events if e.type == "attempt"] == ["started", "error"]


def test_during_a_fallback(runtime: Runtime, provider: ProviderServer, dialect: str) -> None:
    refuses = DIALECTS[dialect].partition(":")[2]
    provider.respond = lambda request: Reply(status=401) if request.model == refuses else LONG
    run = start(runtime)
    until(run, a("token"))
    at = time.monotonic()
    events = stopped(runtime, run)
    assert hung_up(provider, at) < QUICK_S
    outcomes = [e.outcome for e in events if e.type == "attempt"]
    assert outcomes == ["started", "error", "started", "cancelled"]
    summary = saved(runtime, run)[1]
    assert summary.model != DIALECTS[dialect]
    assert [f["model"] for f in summary.fallbacks] == [DIALECTS[dialect]]


def test_while_it_waits_for_a_place(data_dir: Path, provider: ProviderServer) -> None:
    provider.default = LONG
    runtime = Runtime(settings(data_dir, provider, max_concurrent_runs=1))
    try:
        first = start(runtime)
        until(first, a("token"))
        second = start(runtime)
        events = stopped(runtime, second)
        assert [e.type for e in events][-2:] == ["run_started", "cancelled"]
        assert len(provider.requests) == 1
        assert saved(runtime, second)[1].calls == 0
        stopped(runtime, first)
    finally:
        runtime.close(2.0)


def test_a_stopped_answer_is_known_to_the_next_turn(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.default = LONG
    run = start(runtime)
    until(run, a("token"))
    stopped(runtime, run)
    text = saved(runtime, run)[0]
    provider.default = Reply(text="Going on.")
    ended(start(runtime, "And then?", thread_id=run.thread_id))
    assert text.split()[0] in str(provider.requests[-1].body)


@pytest.mark.parametrize("way", ["edits", "answers", "continues", "temporary"])
def test_an_edited_repeated_continued_or_temporary_run(
    runtime: Runtime, provider: ProviderServer, way: str
) -> None:
    temporary = way == "temporary"
    provider.default = LONG
    first = start(runtime, temporary=temporary)
    until(first, a("token"))
    runtime.runs.cancel(first.id)
    ended(first)
    question, answer = runtime.threads.messages(first.thread_id, "local")
    target = {"edits": question.id, "answers": question.id, "continues": answer.id}
    more = {} if temporary else {way: target[way]}
    text = "What is it, really?" if way in ("edits", "temporary") else ""
    run = start(runtime, text, thread_id=first.thread_id, **more)
    until(run, a("token"))
    at = time.monotonic()
    stopped(runtime, run)
    assert provider.wait_for_disconnect(1, count=2).closed_by_client_at - at < QUICK_S  # type: ignore[operator]
    text, summary = saved(runtime, run)
    assert text.startswith(answer.text if way == "continues" else "word0")
    assert summary.usage_estimated


def test_every_column_of_a_comparison_can_be_stopped(
    runtime: Runtime, provider: ProviderServer
) -> None:
    from core.comparison import Configuration

    provider.default = LONG
    columns = [Configuration(agent="general", model=m) for m in (OPENAI, BEDROCK)]
    comparison, problems = runtime.comparisons.ask("What is it?", columns, owner="local")
    assert problems == []
    runs = [runtime.runs.get(str(answer.run_id)) for answer in comparison.turns[0].answers]
    for run in filter(None, runs):
        until(run, a("token"))
        stopped(runtime, run)
    provider.wait_for_disconnect(1, count=2)


def test_a_stop_by_the_shutdown_is_marked_as_one(data_dir: Path, provider: ProviderServer) -> None:
    provider.default = LONG
    runtime = Runtime(settings(data_dir, provider))
    run = start(runtime)
    until(run, a("token"))
    runtime.close(0.2)
    end = run.events[-1]
    assert end.type == "cancelled"
    assert end.by == "shutdown"
    provider.wait_for_disconnect(1)
