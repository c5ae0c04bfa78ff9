"""Stop inside what cannot be interrupted: tools and nodes in threads, and clients that block."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import graphs
from agents.run import Run
from agents.runtime import Runtime
from core.events import Cancelled, Event
from tests.agents.stopping import (
    GRAPHS,
    LONG,
    NEVER,
    NOTED,
    a,
    calling,
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


@pytest.fixture
def runtime(
    data_dir: Path, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runtime]:
    monkeypatch.setattr(graphs, "GRAPHS", (*graphs.GRAPHS, *GRAPHS))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTESTTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-secret-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", provider.bedrock_url)
    made = Runtime(settings(data_dir, provider))
    yield made
    made.close(2.0)


def stopped(runtime: Runtime, run: Run, within_s: float = QUICK_S) -> tuple[list[Event], Cancelled]:
    at = time.monotonic()
    runtime.runs.cancel(run.id)
    events = ended(run)
    assert time.monotonic() - at < within_s
    end = events[-1]
    assert end.type == "cancelled"
    assert row_of(runtime, run).tokens_after_stop == end.tokens_after_stop
    return events, end


def attempts(events: list[Event]) -> list[str]:
    return [event.outcome for event in events if event.type == "attempt"]


def test_an_async_tool_is_interrupted(runtime: Runtime, provider: ProviderServer) -> None:
    provider.default = calling("doze", seconds=30)
    run = start(runtime, graph="tools")
    until(run, a("tool_start"))
    events, end = stopped(runtime, run)
    assert end.still_running == ()
    assert [e.error for e in events if e.type == "tool_end"] == ["stopped"]
    assert len(provider.requests) == 1


def test_a_tool_in_a_thread_does_not_hold_the_run_up_and_is_named(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.default = calling("nap", seconds=1)
    run = start(runtime, graph="tools")
    until(run, a("tool_start"))
    events, end = stopped(runtime, run)
    assert end.still_running == ("nap",)
    assert saved(runtime, run)[1].still_running == ["nap"]
    assert end.stop_us < 100_000
    assert [e.error for e in events if e.type == "tool_end"] == ["stopped"]
    time.sleep(1.1)
    assert len(provider.requests) == 1, "the answer went on when the tool was done"


def test_a_tool_that_swallows_the_cancel_is_named(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.default = calling("stubborn", seconds=1)
    run = start(runtime, graph="tools")
    until(run, a("tool_start"))
    _, end = stopped(runtime, run)
    assert end.still_running == ("stubborn",)
    provider.default = Reply(text="Here again.")
    ended(start(runtime, "Are you there?", graph="tools", thread_id=run.thread_id))


@pytest.mark.parametrize(("reply", "early"), [(NEVER, True), (LONG, False)])
def test_the_model_of_a_blocking_node_is_cut_off(
    runtime: Runtime, provider: ProviderServer, reply: Reply, early: bool
) -> None:
    """The node's thread went on to read the answer to its end, unseen and paid for."""
    provider.default = reply
    run = start(runtime, graph="sync")
    until(run, a("attempt" if early else "token"))
    provider.wait_for_request()
    at = time.monotonic()
    events, end = stopped(runtime, run)
    gone = provider.wait_for_disconnect(1).closed_by_client_at
    assert gone is not None
    assert gone - at < QUICK_S
    assert attempts(events) == ["started", "cancelled"]
    assert end.still_running == ()
    assert saved(runtime, run)[1].usage_estimated


@pytest.mark.parametrize("graph", ["foreign", "foreign_whole"])
def test_a_client_that_blocks_does_not_hold_the_run_up_and_is_named(
    runtime: Runtime, provider: ProviderServer, graph: str
) -> None:
    """Such a call was recorded as an error of the provider's, or for ever as begun, and as free."""
    provider.default = Reply(first_ms=1500)
    run = start(runtime, graph=graph)
    provider.wait_for_request()
    events, end = stopped(runtime, run)
    assert attempts(events) == ["started", "cancelled"]
    assert end.still_running == ("us.amazon.nova-lite-v1:0",)
    summary = saved(runtime, run)[1]
    assert summary.usage_estimated
    assert summary.input_tokens


def test_what_is_quick_in_a_thread_is_not_named(runtime: Runtime, provider: ProviderServer) -> None:
    provider.default = calling("nap", seconds=0.02)
    run = start(runtime, graph="tools")
    until(run, a("tool_start"))
    assert stopped(runtime, run)[1].still_running == ()


@pytest.mark.parametrize("graph", ["asking", "deep"])
def test_a_resumed_run_is_stopped_and_can_be_resumed_again(
    runtime: Runtime, provider: ProviderServer, graph: str
) -> None:
    """The second time it asked once more, and did again what had been done before it asked."""
    NOTED.clear()
    provider.default = LONG
    asked = start(runtime, graph=graph)
    end = ended(asked)[-1]
    assert end.type == "interrupted"
    decisions = {item.id: "yes" for item in end.interrupts}
    again = {"thread_id": asked.thread_id, "resumes": asked.id, "decisions": decisions}
    resumed = start(runtime, "", graph=graph, **again)
    until(resumed, a("token"))
    stopped(runtime, resumed)
    provider.wait_for_disconnect(1)
    assert saved(runtime, resumed)[0].startswith("word0")
    provider.default = Reply(text="All of it.")
    ended(start(runtime, "", graph=graph, **again))
    assert runtime.threads.messages(asked.thread_id, "local")[-1].text == "All of it."
    assert len(NOTED) <= 1
