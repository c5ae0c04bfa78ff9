"""A server that answers like Switchboard's API, or fails the way networks and proxies do.

Each request takes the next answer of the script. Standard library only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from core.events import Completed, Event, RunStarted, Token
from core.events_codec import to_dict

RUN, THREAD, QUESTION, ANSWER = "0" * 31 + "1", "0" * 31 + "2", "0" * 31 + "3", "0" * 31 + "4"
STARTED = RunStarted(thread_id=THREAD, message_id=QUESTION, graph="supervisor")
DONE = Completed(message_id=ANSWER)
SSE = "text/event-stream; charset=utf-8"


@dataclass(kw_only=True)
class Reply:
    """A whole answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(kw_only=True)
class Events:
    """An event stream. `end`: closed in order, in the middle of what comes next, or kept open in
    silence until the client leaves."""

    events: Sequence[Event | str]
    """A text is sent as it is."""
    end: Literal["whole", "cut", "silent"] = "whole"
    torn: str = ""
    """The first half of a further event."""
    hold: int | None = None
    """After so many events it waits for a request whose path ends with `until`."""
    until: str = "/cancel"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


def answer_log(*pieces: str, run_id: str = RUN) -> list[Event]:
    """The log of a run that says these pieces."""
    return numbered(STARTED, *(Token(text=piece) for piece in pieces), DONE, run_id=run_id)


def numbered(*drafts: Event, run_id: str = RUN) -> list[Event]:
    """The drafts as one log."""
    return [
        replace(draft, run_id=run_id, seq=seq, elapsed_us=seq * 100_000)
        for seq, draft in enumerate(drafts)
    ]


def message(event: Event | str, **more: Any) -> str:
    """One event as it is sent."""
    if isinstance(event, str):
        return event
    data = json.dumps(to_dict(event) | {"thread_id": THREAD} | more)
    return f"id: {event.seq}\nevent: {event.type}\ndata: {data}\n\n"


class ScriptedApi:
    """Use as a context manager."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.me = Reply(body={"owner": "local", "name": "You", "role": "admin", "via": "local"})
        """What /api/me says; it takes nothing of the script."""
        self._script: list[Reply | Events] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, *answers: Reply | Events) -> Self:
        self._script.extend(answers)
        return self

    def paths(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.seen]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def ask(self, path: str) -> None:
        """A request of the test itself, for what waits `until` it."""
        with self._changed:
            self.seen.append(Seen(method="GET", path=path, headers={}, body=None))
            self._changed.notify_all()

    def wait_for(self, ending: str, timeout: float = 20.0) -> None:
        """Until a request whose path ends so was seen."""

        def came() -> bool:
            return any(one.path.endswith(ending) for one in self.seen)

        with self._changed:
            if not self._changed.wait_for(came, timeout):
                raise TimeoutError(self.paths())

    def _answer(self, http: BaseHTTPRequestHandler) -> None:
        size = int(http.headers.get("content-length") or 0)
        raw = http.rfile.read(size)
        body = json.loads(raw) if raw and http.headers.get_content_type().endswith("json") else raw
        headers = {name.lower(): value for name, value in http.headers.items()}
        with self._changed:
            self.seen.append(Seen(method=http.command, path=http.path, headers=headers, body=body))
            self._changed.notify_all()
        match self._next(http.path):
            case Reply() as reply:
                _send(http, reply)
            case Events() as stream:
                self._send_events(http, stream)

    def _next(self, path: str) -> Reply | Events:
        if path == "/api/me":
            return self.me
        return self._script.pop(0) if self._script else Reply(status=599, body="script is over")

    def _send_events(self, http: BaseHTTPRequestHandler, stream: Events) -> None:
        http.send_response(200)
        http.send_header("Content-Type", SSE)
        http.send_header("Transfer-Encoding", "chunked")
        for name, value in stream.headers.items():
            http.send_header(name, value)
        http.end_headers()
        for n, event in enumerate(stream.events):
            if n == stream.hold:
                self.wait_for(stream.until)
            _chunk(http, message(event))
        if stream.torn:
            _chunk(http, stream.torn)
        if stream.end == "silent":
            self._closing.wait(20)
        if stream.end == "whole":
            _chunk(http, "")
        http.close_connection = True


def _send(http: BaseHTTPRequestHandler, reply: Reply) -> None:
    text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    content = b"" if reply.status == 204 else text.encode()
    http.send_response(reply.status)
    if reply.status != 204:
        http.send_header("Content-Type", reply.content_type)
    http.send_header("Content-Length", str(len(content)))
    for name, value in reply.headers.items():
        http.send_header(name, value)
    http.end_headers()
    http.wfile.write(content)


def _chunk(http: BaseHTTPRequestHandler, text: str) -> None:
    content = text.encode()
    http.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
    http.wfile.flush()
