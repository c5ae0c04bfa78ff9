"""What a program sees of the limits of a person, and of the answer cache."""

from __future__ import annotations

from pathlib import Path

from agents.run import TurnRequest
from tests.api.serving import MODEL, ask_stream, serving
from tests.provider import ProviderServer, Reply

SLOW = Reply(text="one two three four five six seven eight", per_token_ms=200)


def test_stopping_is_not_refused_by_the_rate_limit(
    tmp_path: Path, module_server: ProviderServer
) -> None:
    """Whoever asked too often could not stop what they had asked."""
    module_server.reset().script(SLOW, SLOW)
    with serving(tmp_path, module_server, rate_limit="2/hour") as (runtime, client):
        runs = [runtime.start(TurnRequest(text="Slow?", model=MODEL, entry_point="api"))]
        with client.websocket_connect("/ws/chat") as socket:
            socket.send_json({"type": "send", "message": "Slow?", "model": MODEL, "ref": "a"})
            asked = socket.receive_json()["run_id"]
            assert client.get("/threads").status_code == 429
            stopped = client.post(f"/runs/{runs[0].id}/cancel")
            socket.send_json({"type": "stop", "run_id": asked})
            last = ""
            while last not in ("cancelled", "problem"):
                last = socket.receive_json()["type"]
        for _ in runs[0].follow():
            pass
        ended = runs[0].last_event()
    assert stopped.status_code == 200
    assert last == "cancelled"
    assert ended is not None
    assert ended.type == "cancelled"


def test_me_says_what_was_used_of_the_quota(tmp_path: Path, module_server: ProviderServer) -> None:
    module_server.reset().default = Reply(text="Set the port [1].")
    with serving(tmp_path, module_server, quota_tokens_per_day=50_000) as (runtime, client):
        before = client.get("/me").json()["usage"]
        client.post("/chat", json={"message": "How do I set the port?", "model": MODEL})
        runtime.recorder.flush()
        after = client.get("/me").json()["usage"]
    assert (before["tokens"], before["tokens_limit"], before["cost_limit_usd"]) == (0, 50_000, None)
    assert after["tokens"] > 0
    assert after["known"] is True
    assert after["starts_again_at"].endswith("Z")


def test_me_without_a_quota_has_no_usage(tmp_path: Path, module_server: ProviderServer) -> None:
    with serving(tmp_path, module_server) as (_, client):
        assert client.get("/me").json()["usage"] is None


def test_an_answer_that_is_given_again_is_called_cached_everywhere(
    tmp_path: Path, module_server: ProviderServer
) -> None:
    module_server.reset().default = Reply(text="Set the port in the settings [1].")
    with serving(tmp_path, module_server, answer_cache="exact") as (runtime, client):
        runtime.warm_up.start()
        runtime.warm_up.ready.wait(60)
        asked = {"message": "How do I set the port?", "model": MODEL}
        first, second = (client.post("/chat", json=asked).json() for _ in range(2))
        streamed = ask_stream(client, **asked)[-1]
        history = client.get(f"/threads/{second['thread_id']}/history").json()["messages"]
        messages = [{"role": "user", "content": asked["message"]}]
        whole = client.post(
            "/v1/chat/completions", json={"model": MODEL, "messages": messages, "store": True}
        )
    assert (first["cached"], second["cached"]) == (None, "exact")
    assert (second["tokens"], second["cost_usd"]) == ({"input": 0, "output": 0}, 0)
    assert (streamed["type"], streamed["cached"]) == ("completed", "exact")
    assert history[-1]["cached"] == "exact"
    assert whole.json()["switchboard"]["cached"] == "exact"
