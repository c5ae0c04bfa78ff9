"""One run for a request that comes again."""

from __future__ import annotations

import threading
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import select, update

from agents import once
from agents.tables import asked_once
from tests.api.conftest import House
from tests.api.serving import bearer, messages, owner_of, serving
from tests.provider import ProviderServer

QUESTION = {"message": "How do I set the port?"}


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_the_same_request_leads_to_the_same_run_whatever_way_it_comes(house: House) -> None:
    runtime, client = house
    first = client.post("/chat", json=QUESTION, headers=keyed("a")).json()
    again = client.post("/chat", json=QUESTION | {"idempotency_key": "a"}).json()
    streamed = client.post(
        "/chat/stream", json=QUESTION, headers=keyed("a") | {"Last-Event-ID": "3"}
    )
    whole = client.get(f"/runs/{first['run_id']}/events").json()["events"]
    assert again == first
    assert [one["data"] for one in messages(streamed.text)] == whole[4:]
    assert len(runtime.thread_list.page(owner_of(client)).threads) == 1


def test_a_stream_that_was_read_to_its_end_is_not_opened_again_by_its_key(house: House) -> None:
    """It stayed open for ever, with heartbeats and without an end."""
    _, client = house
    first = messages(client.post("/chat/stream", json=QUESTION, headers=keyed("a")).text)
    place = {"Last-Event-ID": first[-1]["id"]}
    again = client.post("/chat/stream", json=QUESTION, headers=keyed("a") | place)
    assert again.status_code == 204
    assert again.headers["X-Run-Id"] == first[0]["data"]["run_id"]


def test_another_request_with_the_same_key_is_refused(house: House) -> None:
    _, client = house
    client.post("/chat", json=QUESTION, headers=keyed("a"))
    other = client.post("/chat", json={"message": "And now?"}, headers=keyed("a"))
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_key_reused"


def test_two_keys_for_one_request_are_refused(house: House) -> None:
    _, client = house
    both = client.post("/chat", json=QUESTION | {"idempotency_key": "b"}, headers=keyed("a"))
    assert both.status_code == 400


def test_a_key_belongs_to_its_owner(house: House) -> None:
    _, client = house
    client.headers.update(bearer("ann"))
    first = client.post("/chat", json=QUESTION, headers=keyed("shared")).json()
    client.headers.update(bearer("bob"))
    second = client.post("/chat", json=QUESTION, headers=keyed("shared")).json()
    assert first["run_id"] != second["run_id"]


def test_requests_that_come_at_once_make_one_run(house: House) -> None:
    runtime, client = house
    found: list[str] = []

    def ask() -> None:
        found.append(client.post("/chat", json=QUESTION, headers=keyed("a")).json()["run_id"])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert len(runtime.thread_list.page(owner_of(client)).threads) == 1


def test_a_key_holds_over_a_restart_for_a_day(tmp_path: Path, provider: ProviderServer) -> None:
    def ask(client: TestClient) -> str:
        answer = client.post("/chat", json=QUESTION, headers=keyed("a"))
        assert answer.json()["status"] == "completed"
        return str(answer.json()["run_id"])

    with serving(tmp_path, provider) as (_, client):
        first = ask(client)
    with serving(tmp_path, provider) as (runtime, client):
        assert ask(client) == first
        with runtime.database.write() as connection:
            before = asked_once.c.created_at_us - once.KEPT_US
            connection.execute(update(asked_once).values(created_at_us=before))
        second = ask(client)
        with runtime.database.read() as connection:
            kept = list(connection.scalars(select(asked_once.c.run_id)))
    assert second != first
    assert kept == [second]


def test_a_key_goes_with_its_thread(house: House) -> None:
    _, client = house
    first = client.post("/chat", json=QUESTION, headers=keyed("a")).json()
    client.delete(f"/threads/{first['thread_id']}")
    second = client.post("/chat", json=QUESTION, headers=keyed("a")).json()
    assert second["status"] == "completed"
    assert second["run_id"] != first["run_id"]
