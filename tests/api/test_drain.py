"""SIGTERM with readers: a real server process."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.api.command_house import MINI, variables
from tests.api.serving import messages
from tests.api.test_streams import stuck_reader
from tests.browser.conftest import Server
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow
QUESTION = {"message": "How do I set the port?", "model": MINI}


class StreamReader(threading.Thread):
    """Reads a streamed answer to its end."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.run_id = ""
        self.begun = threading.Event()
        self.text = ""
        self.start()

    def run(self) -> None:
        with contextlib.suppress(httpx2.HTTPError):  # what came so far is looked at
            self._read()

    def _read(self) -> None:
        with (
            httpx2.Client(timeout=30) as client,
            client.stream("POST", f"{self.url}/api/chat/stream", json=QUESTION) as answer,
        ):
            self.run_id = answer.headers["x-run-id"]
            for piece in answer.iter_text():
                self.text += piece
                if "event: token" in self.text:
                    self.begun.set()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [one["data"] for one in messages(self.text)]

    @property
    def answer(self) -> str:
        return "".join(one["content"] for one in self.events if one["type"] == "token")


def kept(data: Path) -> dict[str, tuple[str, str]]:
    """Run id to its status and the saved text."""
    with sqlite3.connect(data / "app.db") as database:
        rows = database.execute(
            "SELECT run.id, run.status, message.text FROM run JOIN message ON message.id = answer_id"
        ).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def test_every_reader_gets_the_end_and_no_answer_is_lost(
    tmp_path: Path, provider: ProviderServer
) -> None:
    provider.default = Reply(text=" ".join(f"word{n}" for n in range(400)), per_token_ms=50)
    provider.script(Reply(chunks=("x" * 50_000,) * 400, per_token_ms=5))
    server = Server(
        tmp_path / "data",
        **variables(tmp_path, provider) | {"SWITCHBOARD_MAX_ANSWER_CHARS": "40000000"},
    )
    address = f"ws://127.0.0.1:{server.port}/api/ws/chat"
    with contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        server.start()
        idle = stack.enter_context(connect(address))
        stack.enter_context(never_reads(server))
        provider.wait_for_request(1, 20)
        readers = [StreamReader(server.url) for _ in range(3)]
        socket = stack.enter_context(connect(address))
        socket.send(json.dumps({"type": "send", **QUESTION}))
        seen = [json.loads(socket.recv(20))]
        while seen[-1]["type"] != "token":
            seen.append(json.loads(socket.recv(20)))
        assert all(one.begun.wait(20) for one in readers)

        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        refused = httpx2.post(f"{server.url}/api/chat", json=QUESTION, timeout=10)
        server.process.send_signal(signal.SIGTERM)  # changes nothing
        code = server.process.wait(10)
        took_s = time.monotonic() - began
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                seen.append(json.loads(socket.recv(5)))
        with pytest.raises(ConnectionClosed) as idle_closed:
            idle.recv(5)
        for reader in readers:
            reader.join(5)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
    assert code in (0, -signal.SIGTERM)
    assert took_s < 10
    for one in readers:
        ends = [event for event in one.events if event["type"] in ("cancelled", "error")]
        assert ends == one.events[-1:]
        assert (ends[0]["type"], ends[0]["by"]) == ("cancelled", "shutdown")
        assert kept(server.data)[one.run_id] == ("cancelled", one.answer)
    assert (seen[-1]["type"], seen[-1]["by"]) == ("cancelled", "shutdown")
    for one_socket in (closed, idle_closed):
        assert one_socket.value.rcvd is not None
        assert one_socket.value.rcvd.code == 1012
    assert len(kept(server.data)) == 5
    assert "Traceback" not in server.log()


def never_reads(server: Server) -> Any:
    """A socket that asks for a long answer and reads nothing of it."""
    body = json.dumps(QUESTION)
    return stuck_reader(
        "127.0.0.1",
        server.port,
        f"POST /api/chat/stream HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}",
    )


def test_a_run_that_was_killed_ends_for_whoever_comes_back(
    tmp_path: Path, provider: ProviderServer
) -> None:
    provider.default = Reply(text=" ".join(f"word{n}" for n in range(400)), per_token_ms=50)
    server = Server(tmp_path / "data", **variables(tmp_path, provider))
    server.start()
    try:
        reader = StreamReader(server.url)
        assert reader.begun.wait(20)
        time.sleep(1)  # the journal is written four times a second
        run_id = reader.run_id
        server.kill()
        server.start()
        url = f"{server.url}/api/runs/{run_id}"
        text = httpx2.get(f"{url}/events", headers={"Accept": "text/event-stream"}, timeout=30).text
        found = httpx2.get(url, timeout=30).json()
    finally:
        server.stop()
    events = [one["data"] for one in messages(text)]
    assert [one["seq"] for one in events] == list(range(len(events)))
    assert (events[-1]["type"], events[-1]["code"]) == ("error", "lost")
    written = "".join(one["content"] for one in events if one["type"] == "token")
    assert written.startswith("word0 word1")
    assert (found["status"], found["text"]) == ("lost", written)
    assert found["error"]["code"] == "lost"
