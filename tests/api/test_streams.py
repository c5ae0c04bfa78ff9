"""Event streams over a real connection: coming back, leaving, not reading."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpx2
import pytest

from agents.run_reader import EndedLog
from agents.runtime import Runtime
from api import recheck, streams
from core.events import Completed, Token
from core.ids import new_id
from tests.api.conftest import House
from tests.api.serving import MODEL, bearer, listening, messages, owner_of
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow
QUESTION = {"message": "How do I set the port?", "model": MODEL}
WORDS = " ".join(f"word{n}" for n in range(30))


@pytest.fixture(scope="module")
def address(module_house: House) -> Iterator[str]:
    with listening(module_house[0]) as url:
        yield url


@pytest.fixture
def client(address: str, scripted: ProviderServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, headers=bearer(new_id()), timeout=30) as made:
        yield made


def some(lines: Iterator[str], count: int) -> list[dict[str, object]]:
    """The first `count` messages of a stream that goes on."""
    text = ""
    for line in lines:
        text += line + "\n"
        if line == "" and len(found := messages(text)) >= count:
            return found
    raise AssertionError(f"the stream ended: {text}")


def test_a_reader_who_comes_back_misses_nothing_and_sees_nothing_twice(
    client: httpx2.Client, scripted: ProviderServer
) -> None:
    scripted.script(Reply(text=WORDS, per_token_ms=20))
    key = {"Idempotency-Key": "one"}
    found: list[dict[str, object]] = []
    while not found or found[-1]["event"] != "completed":
        place = {"Last-Event-ID": str(found[-1]["id"])} if found else {}
        with client.stream("POST", "/chat/stream", json=QUESTION, headers=key | place) as answer:
            assert answer.status_code == 200
            try:
                found += some(answer.iter_lines(), 7)
            except AssertionError:  # fewer than seven were left
                run_id = answer.headers["x-run-id"]
                path = f"/runs/{run_id}/events?after={found[-1]['id']}"
                rest = client.get(path, headers={"Accept": "text/event-stream"})
                found += messages(rest.text)
    assert [int(str(one["id"])) for one in found] == list(range(len(found)))
    text = "".join(one["data"]["content"] for one in found if one["event"] == "token")  # type: ignore[index]
    assert text == WORDS
    assert len(scripted.requests) == 1


def test_two_readers_see_the_same_at_the_same_time(
    client: httpx2.Client, scripted: ProviderServer
) -> None:
    scripted.script(Reply(text=WORDS, per_token_ms=20))
    with client.stream("POST", "/chat/stream", json=QUESTION) as first:
        path = f"/runs/{first.headers['x-run-id']}/events"
        with client.stream("GET", path, headers={"Accept": "text/event-stream"}) as second:
            again = messages("\n".join(second.iter_lines()))
        assert messages("\n".join(first.iter_lines())) == again
    assert again[-1]["event"] == "completed"


def test_a_silent_run_has_heartbeats(
    client: httpx2.Client, scripted: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
    scripted.script(Reply(text="late", first_ms=700))
    text = client.post("/chat/stream", json=QUESTION).text
    assert text.startswith(": switchboard\nretry: 2000\n\n")
    assert ": still here" in text
    assert messages(text)[-1]["event"] == "completed"


def ended(runtime: Runtime, run_id: str) -> str:
    run = runtime.runs.get(run_id)
    assert run is not None
    return [event.type for batch in run.follow() for event in batch][-1]


@pytest.mark.parametrize(("asked", "end"), [(False, "completed"), (True, "cancelled")])
def test_a_run_goes_on_without_its_reader_unless_that_was_asked_for(
    client: httpx2.Client, house: House, scripted: ProviderServer, asked: bool, end: str
) -> None:
    scripted.script(Reply(text=WORDS, per_token_ms=50))
    body = QUESTION | {"stop_on_disconnect": asked}
    with client.stream("POST", "/chat/stream", json=body) as answer:
        some(answer.iter_lines(), 3)
        run_id = answer.headers["x-run-id"]
    assert ended(house[0], run_id) == end


def test_waiting_for_an_answer_can_be_given_up_too(
    client: httpx2.Client, house: House, scripted: ProviderServer
) -> None:
    scripted.script(Reply(text=WORDS, per_token_ms=100))
    with pytest.raises(httpx2.ReadTimeout):
        client.post("/chat", json=QUESTION | {"stop_on_disconnect": True}, timeout=1.0)
    scripted.wait_for_disconnect()


def test_a_stream_ends_when_its_credential_does_and_the_run_goes_on(
    client: httpx2.Client,
    house: House,
    scripted: ProviderServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recheck, "RECHECK_S", 0.05)
    scripted.script(Reply(text=WORDS, per_token_ms=50))
    with client.stream("POST", "/chat/stream", json=QUESTION) as answer:
        lines = answer.iter_lines()
        some(lines, 3)
        house[0].identity.out.add(owner_of(client))  # type: ignore[attr-defined,arg-type]
        last = messages("\n".join(lines))[-1]
    assert (last["event"], last["data"]["code"]) == ("error", "not_logged_in")
    assert "id" not in last
    assert ended(house[0], answer.headers["x-run-id"]) == "completed"


def test_a_client_that_never_reads_is_dropped_and_harms_nobody(
    client: httpx2.Client,
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than all buffers on the way hold is sent to a socket that nobody reads."""
    monkeypatch.setattr(streams, "SEND_S", 0.5)
    big = long_log()
    reader = house[0].run_reader
    real = reader.log
    monkeypatch.setattr(
        reader, "log", lambda run_id, owner: big if run_id == big.id else real(run_id, owner)
    )
    host, port = str(client.base_url).removeprefix("http://").rstrip("/").split(":")
    head = (
        f"GET /runs/{big.id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
        f"Authorization: {client.headers['authorization']}\r\n\r\n"
    )
    stuck = [stuck_reader(host, int(port), head) for _ in range(5)]
    whole = client.get(f"/runs/{big.id}/events", headers={"Accept": "text/event-stream"})
    assert len(messages(whole.text)) == len(big.events)
    assert client.post("/chat", json=QUESTION).status_code == 200
    for one in stuck:
        assert reset_in_the_end(one)


def long_log() -> EndedLog:
    events = [Token(text="x" * 20_000, message_id="m", seq=n) for n in range(800)]
    return EndedLog(
        id=new_id(), thread_id=new_id(), events=[*events, Completed(message_id="m", seq=800)]
    )


def stuck_reader(host: str, port: int, head: str) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.settimeout(30)
    one.connect((host, port))
    one.sendall(head.encode())
    return one


def reset_in_the_end(one: socket.socket) -> bool:
    """Whether the other side cut the connection off: what is still to come ends in a reset."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        # Sending shows that nobody is there without making room by reading.
        try:
            one.send(b"x")
        except OSError:
            one.close()
            return True
        time.sleep(0.05)
    return False
