"""POST /api/chat and /api/chat/stream."""

from __future__ import annotations

import pytest

from agents.run import TurnRequest
from tests.api import failing_graphs
from tests.api.conftest import House
from tests.api.serving import MODEL, messages, owner_of
from tests.provider import ProviderServer, Reply

QUESTION = "How do I set the port?"


def test_an_answer_comes_with_its_ids_and_what_it_took(
    house: House, scripted: ProviderServer
) -> None:
    scripted.script(Reply(text="Set server.port [1]."))
    _, client = house
    answer = client.post("/chat", json={"message": QUESTION, "model": MODEL})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["status"], body["text"], body["model"]) == (
        "completed", "Set server.port [1].", MODEL,
    )  # fmt: skip
    assert body["tokens"]["output"] > 0
    assert body["cost_usd"] > 0
    assert body["sources"]
    assert {len(body[name]) for name in ("run_id", "thread_id", "message_id")} == {32}
    assert body["error"] is None


def test_a_stream_has_every_event_once_and_one_end(house: House, scripted: ProviderServer) -> None:
    scripted.script(Reply(text="Set server.port [1]."))
    _, client = house
    answer = client.post("/chat/stream", json={"input": QUESTION, "model": MODEL})
    found = messages(answer.text)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert [int(one["id"]) for one in found] == list(range(len(found)))
    assert [one["event"] for one in found] == [one["data"]["type"] for one in found]
    text = "".join(one["data"]["content"] for one in found if one["event"] == "token")
    assert text == "Set server.port [1]."
    last = found[-1]["data"]
    assert last["type"] == "completed"
    assert last["tokens"]["output"] > 0
    assert last["cost_usd"] > 0
    assert last["duration_ms"] >= last["first_token_ms"] > 0


def test_a_failed_answer_has_the_status_of_its_error_and_its_ids(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_graphs.register(monkeypatch)
    _, client = house
    answer = client.post("/chat", json={"message": QUESTION, "graph": "failing"})
    body = answer.json()
    assert answer.status_code == 503
    assert body["error"]["code"] == "model_unavailable"
    assert body["error"]["retryable"] is True
    assert (body["status"], body["text"]) == ("error", "Half of it.")
    assert client.get(f"/runs/{body['run_id']}").json()["error"] == body["error"]


def test_a_busy_thread_refuses_a_second_question(house: House, scripted: ProviderServer) -> None:
    scripted.script(Reply(text="one two three four five six", per_token_ms=500))
    runtime, client = house
    run = runtime.start(TurnRequest(text=QUESTION, model=MODEL, owner=owner_of(client)))
    answer = client.post("/chat", json={"message": "And?", "thread_id": run.thread_id})
    runtime.runs.cancel(run.id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "thread_busy")


@pytest.mark.parametrize("name", ["thread_id", "conversation_id", "session_id"])
def test_a_thread_is_gone_on_with_under_each_of_its_names(
    house: House, scripted: ProviderServer, name: str
) -> None:
    _, client = house
    first = client.post("/chat", json={"message": QUESTION}).json()
    second = client.post("/chat", json={"message": "And?", name: first["thread_id"]}).json()
    assert second["thread_id"] == first["thread_id"]
    assert second["run_id"] != first["run_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.message"),
        ({"message": ""}, "body.message"),
        ({"message": 5}, "body.message"),
        ({"message": "a", "input": "b"}, "body.input"),
        ({"message": "a", "tread_id": "b"}, "body.tread_id"),
        ({"message": "a", "metadata": {"deep": {}}}, "body.metadata"),
        ({"message": "a", "metadata": {str(n): n for n in range(17)}}, "body.metadata"),
        ({"message": "a", "metadata": {"a": "x" * 4_096}}, "body.metadata"),
        ({"message": "a", "idempotency_key": ""}, "body.idempotency_key"),
    ],
)
def test_a_request_that_does_not_fit_names_the_field(
    house: House, body: dict[str, object], field: str
) -> None:
    _, client = house
    answer = client.post("/chat", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"][0]["field"].startswith(field)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": "a" * 20_001}, 400),
        ({"message": " \u200b "}, 400),
        ({"message": "a", "agent": "nobody"}, 400),
        ({"message": "a", "graph": "nothing"}, 404),
        ({"message": "a", "thread_id": "0" * 32}, 404),
        ({"message": "a", "thread_id": "../../etc"}, 404),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(
    house: House, scripted: ProviderServer, body: dict[str, object], status: int
) -> None:
    _, client = house
    answers = [client.post(path, json=body) for path in ("/chat", "/chat/stream")]
    assert [one.status_code for one in answers] == [status, status]
    assert scripted.requests == []


@pytest.mark.parametrize("model", ["no:such", "nothing", "bedrock:amazon.nova-lite-v1:0"])
def test_a_model_that_cannot_be_asked_is_refused(house: House, model: str) -> None:
    """Another model answered instead, and nothing said so."""
    _, client = house
    answer = client.post("/chat", json={"message": "Which one?", "model": model})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")
    assert model in answer.json()["error"]["message"]
