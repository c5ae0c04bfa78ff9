"""POST /api/chat and /api/chat/stream."""

from __future__ import annotations

from pathlib import Path

from tests.api.serving import MODEL, messages, serving
from tests.provider import ProviderServer, Reply

QUESTION = "How do I set the port?"


def test_an_answer_comes_with_its_ids_and_what_it_took(
    tmp_path: Path, provider: ProviderServer
) -> None:
    provider.script(Reply(text="Set server.port [1]."))
    with serving(tmp_path, provider) as (_, client):
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


def test_a_stream_has_every_event_once_and_one_end(
    tmp_path: Path, provider: ProviderServer
) -> None:
    provider.script(Reply(text="Set server.port [1]."))
    with serving(tmp_path, provider) as (_, client):
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
