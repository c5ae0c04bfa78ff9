"""One run is the same run through every door."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from agents.run import TurnRequest
from api.wire import event_dict, event_json
from core.events import Event, Token
from core.events_codec import TERMINAL_TYPES, from_dict
from tests.api.conftest import House
from tests.api.serving import MODEL, messages, owner_of
from tests.provider import ProviderServer, Reply
from tests.provider.reply import ToolCall

ADDED = ("thread_id", "content", "tokens", "duration_ms", "first_token_ms", "cost_usd")
ALWAYS = {"run_started", "reasoning_step", "sources", "attempt", "usage", "token", "completed"}


def without_additions(event: dict[str, Any]) -> dict[str, Any]:
    kept = ("thread_id",) if event["type"] == "run_started" else ()
    return {name: value for name, value in event.items() if name not in ADDED or name in kept}


SEARCH = Reply(tool_calls=(ToolCall(name="search_docs", args={"query": "port"}),))
ANSWER = Reply(text="Set server.port in the configuration [1].", per_token_ms=5)


@pytest.mark.parametrize(
    ("graph", "script", "also"),
    [("supervisor", [ANSWER], {"route"}), ("react", [SEARCH, ANSWER], {"tool_start", "tool_end"})],
)
def test_a_run_has_the_same_events_through_every_door(
    house: House, scripted: ProviderServer, graph: str, script: list[Reply], also: set[str]
) -> None:
    scripted.script(*script)
    runtime, client = house
    asked = TurnRequest(
        text="How do I set the port?", model=MODEL, graph=graph, owner=owner_of(client)
    )
    run = runtime.start(asked)
    with client.websocket_connect("/ws/chat", headers=dict(client.headers)) as socket:
        socket.send_json({"type": "resume", "run_id": run.id})
        over_socket: list[dict[str, Any]] = []
        while not over_socket or over_socket[-1]["type"] not in TERMINAL_TYPES:
            over_socket.append(socket.receive_json())
    page = [event for batch in run.follow() for event in batch]
    stream = client.get(f"/runs/{run.id}/events", headers={"Accept": "text/event-stream"})
    over_sse = [one["data"] for one in messages(stream.text)]
    as_json = client.get(f"/runs/{run.id}/events").json()["events"]

    async def awaited() -> list[Event]:
        return [event async for event in run.afollow()]

    assert {event.type for event in page} >= ALWAYS | also
    assert asyncio.run(awaited()) == page
    assert over_socket == over_sse == as_json
    assert [from_dict(without_additions(one)) for one in over_sse] == page
    while run in runtime.runs.active():  # its whole log is on disk a moment after its end
        time.sleep(0.01)
    runtime.runs.forget_thread(run.thread_id)
    assert runtime.run_reader.log(run.id, run.request.owner).read() == page
    assert client.get(f"/runs/{run.id}/events").json()["events"] == as_json


def test_the_quick_form_of_a_token_is_the_form_of_every_event() -> None:
    for text in ("plain", 'with "quotes" and \\', "line\nend\r\t\x00\u2028", "ü 🔀", ""):
        for more in ({}, {"message_id": 'm"1'}, {"agent": "technical", "message_id": "m"}):
            token = Token(text=text, run_id="r", seq=3, at_us=5, elapsed_us=2, **more)  # type: ignore[arg-type]
            assert json.loads(event_json(token, "t")) == event_dict(token, "t")
