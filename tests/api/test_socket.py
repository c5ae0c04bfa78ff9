"""The socket /api/ws/chat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api import recheck, sockets
from tests.agents import asking_graphs
from tests.api.conftest import House
from tests.api.serving import MODEL, ask_stream, bearer, owner_of
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

QUESTION = {"type": "send", "message": "How do I set the port?", "model": MODEL}
SLOW = Reply(text="one two three four five six seven eight", per_token_ms=300)
ENDS = ("completed", "error", "cancelled", "interrupted")


@pytest.fixture
def socket(house: House) -> Iterator[WebSocketTestSession]:
    with house[1].websocket_connect("/ws/chat", headers=dict(house[1].headers)) as made:
        yield made


def until(socket: WebSocketTestSession, wanted: Callable[[dict[str, Any]], bool]) -> list[Any]:
    """What comes, up to the first message that is wanted."""
    found = []
    while True:
        found.append(socket.receive_json())
        if wanted(found[-1]):
            return found


def test_a_question_is_answered_with_the_events_of_its_run(
    house: House, socket: WebSocketTestSession
) -> None:
    socket.send_json(QUESTION | {"ref": "mine"})
    found = until(socket, lambda one: one["type"] in ENDS)
    run_id = found[0]["run_id"]
    assert found[0] == {
        "type": "accepted", "run_id": run_id, "thread_id": found[1]["thread_id"], "ref": "mine",
    }  # fmt: skip
    assert found[1:] == house[1].get(f"/runs/{run_id}/events").json()["events"]


def test_several_runs_share_a_socket(socket: WebSocketTestSession) -> None:
    for ref in ("a", "b", "c"):
        socket.send_json(QUESTION | {"ref": ref})
    by_run: dict[str, list[int]] = {}
    open_runs = 3
    while open_runs:
        one = socket.receive_json()
        if one["type"] != "accepted":
            by_run.setdefault(one["run_id"], []).append(one["seq"])
            open_runs -= one["type"] in ENDS
    assert len(by_run) == 3
    assert all(seqs == list(range(len(seqs))) for seqs in by_run.values())


def test_a_run_is_stopped_from_the_socket(
    socket: WebSocketTestSession, scripted: ProviderServer
) -> None:
    scripted.script(SLOW)
    socket.send_json(QUESTION)
    token = until(socket, lambda one: one["type"] == "token")[-1]
    socket.send_json({"type": "stop", "run_id": token["run_id"]})
    assert until(socket, lambda one: one["type"] in ENDS)[-1]["type"] == "cancelled"


def test_a_socket_follows_a_run_from_a_place(house: House, socket: WebSocketTestSession) -> None:
    events = ask_stream(house[1])
    socket.send_json({"type": "resume", "run_id": events[0]["run_id"], "after": 2})
    assert until(socket, lambda one: one["type"] in ENDS) == events[3:]


@pytest.mark.parametrize("behind", [0, 9999])
def test_a_place_at_or_behind_the_end_of_a_log_gets_the_terminal_event_on_the_socket(
    house: House, socket: WebSocketTestSession, behind: int
) -> None:
    """Nothing ever came, and the socket followed the run for ever."""
    events = ask_stream(house[1])
    after = events[-1]["seq"] + behind
    socket.send_json({"type": "resume", "run_id": events[0]["run_id"], "after": after})
    assert socket.receive_json() == events[-1]


def test_a_question_of_a_graph_is_answered_on_the_socket(
    socket: WebSocketTestSession, scripted: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking_graphs.register(monkeypatch)
    socket.send_json({"type": "send", "message": "Go", "graph": "parallel_seats"})
    waits = until(socket, lambda one: one["type"] in ENDS)[-1]
    ids = [one["id"] for one in waits["interrupts"]]
    bad = {"type": "answer", "run_id": waits["run_id"], "decisions": {ids[0]: "many"}}
    socket.send_json(bad)
    assert socket.receive_json()["error"]["code"] == "invalid_input"
    socket.send_json(bad | {"decisions": {one: {"seats": 2} for one in ids}})
    found = until(socket, lambda one: one["type"] in ENDS)
    assert found[0]["resumes"] == waits["run_id"]
    assert found[-1]["type"] == "completed"


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("{", "invalid_input", "body"),
        ('{"type": "dance"}', "invalid_input", "type"),
        ('{"type": "send"}', "invalid_input", "message"),
        ('{"type": "send", "message": "a", "metadata": {"a": NaN}}', "invalid_input", None),
        ('{"type": "stop", "run_id": "../x"}', "not_found", None),
        ('{"type": "resume", "run_id": "%s"}' % ("0" * 32), "not_found", None),
        ("[" * 50_000, "invalid_input", None),
        ('{"type": "send", "message": "a", "message": "b"}', "invalid_input", "message"),
        ('{"type": "send", "message": "\\ud800"}', "invalid_input", "message"),
        ('{"type": "resume", "run_id": "a", "after": 1e999}', "invalid_input", None),
        ('"just text"', "invalid_input", None),
    ],
)
def test_a_bad_message_is_a_problem_and_not_the_end(
    socket: WebSocketTestSession, text: str, code: str, field: str | None
) -> None:
    socket.send_text(text)
    problem = socket.receive_json()
    assert (problem["type"], problem["error"]["code"]) == ("problem", code)
    if field is not None:
        assert problem["error"]["fields"][0]["field"] == field
    socket.send_json(QUESTION)
    assert until(socket, lambda one: one["type"] in ENDS)[-1]["type"] == "completed"


def test_somebody_elses_run_is_unknown_on_the_socket(
    house: House, socket: WebSocketTestSession
) -> None:
    client = house[1]
    mine = owner_of(client)
    client.headers.update(bearer("ann"))
    run_id = ask_stream(client)[0]["run_id"]
    client.headers.update(bearer(mine))
    for message in (
        {"type": "resume"},
        {"type": "stop"},
        {"type": "answer", "decisions": {"a": 1}},
    ):
        socket.send_json(message | {"run_id": run_id})
        assert socket.receive_json()["error"]["code"] == "not_found"


def test_nobody_gets_in_without_a_credential_or_from_another_page(house: House) -> None:
    client = house[1]
    foreign = {"Origin": "https://evil.example"}
    for headers, status in (({"Authorization": ""}, 401), (foreign, 403)):
        with (
            pytest.raises(WebSocketDenialResponse) as refused,
            client.websocket_connect("/ws/chat", headers=dict(client.headers) | headers),
        ):
            pass
        assert refused.value.status_code == status


def test_a_message_that_is_too_large_ends_the_socket(socket: WebSocketTestSession) -> None:
    socket.send_text(json.dumps({"type": "send", "message": "a" * 1_000_001}))
    with pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json()
    assert closed.value.code == 1009


def test_a_socket_ends_when_its_credential_does_and_its_run_goes_on(
    house: House, scripted: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recheck, "RECHECK_S", 0.05)
    runtime, client = house
    scripted.script(Reply(text="one two three", per_token_ms=100))
    with client.websocket_connect("/ws/chat", headers=dict(client.headers)) as socket:
        socket.send_json(QUESTION)
        run_id = until(socket, lambda one: one["type"] == "token")[-1]["run_id"]
        runtime.identity.out.add(owner_of(client))  # type: ignore[attr-defined]
        last = until(socket, lambda one: one["type"] == "problem")[-1]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert last["error"]["code"] == "not_logged_in"
    assert closed.value.code == 4401
    run = runtime.runs.get(run_id)
    assert run is not None
    assert [event.type for batch in run.follow() for event in batch][-1] == "completed"


def test_one_socket_follows_a_limited_number_of_runs(
    house: House,
    socket: WebSocketTestSession,
    scripted: ProviderServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "MAX_FOLLOWED", 1)
    scripted.script(SLOW)
    socket.send_json(QUESTION)
    run_id = until(socket, lambda one: one["type"] == "run_started")[-1]["run_id"]
    socket.send_json(QUESTION | {"ref": "second"})
    refused = until(socket, lambda one: one["type"] == "problem")[-1]
    house[0].runs.cancel(run_id)
    assert refused["ref"] == "second"
    assert "follows 1 runs" in refused["error"]["message"]


def test_a_run_ends_with_its_socket_only_when_that_was_asked_for(
    house: House, scripted: ProviderServer
) -> None:
    runtime, client = house
    ends = []
    for asked in (True, False):
        scripted.script(Reply(text="one two three four five six", per_token_ms=300))
        with client.websocket_connect("/ws/chat", headers=dict(client.headers)) as socket:
            socket.send_json(QUESTION | {"stop_on_disconnect": asked})
            run_id = until(socket, lambda one: one["type"] == "token")[-1]["run_id"]
        run = runtime.runs.get(run_id)
        assert run is not None
        ends.append([event.type for batch in run.follow() for event in batch][-1])
    assert ends == ["cancelled", "completed"]
