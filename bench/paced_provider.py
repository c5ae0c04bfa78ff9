"""An OpenAI-compatible provider that keeps time: n tokens of Markdown at r tokens/s after t ms.

    python -m bench.paced_provider          # prints its port, serves until it is ended

`GET /arm/<id>?n=4000&r=1000&t=200` says what the requests that follow get, so that the question itself
stays a person's (words of ours in it would change how it is routed). A routing call (forced tool, JSON
schema) gets the smallest valid value after 50 ms. Every request is recorded with monotonic times, the
clock of Chromium on Linux too; `GET /record/<id>?until=done` waits for it.

tests/provider is the provider of the tests: it can do every fault. This one can do one thing fast
(about 10 us of CPU per token), so that it does not take the CPU of what is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl

from bench.paced_reply import Reply, forced_value
from bench.paced_text import answer_tokens

ROUTING_S = 0.05
TICK_S = 0.002
RECORD_WAIT_S = 60.0
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True, kw_only=True)
class Armed:
    """What the next answer is."""

    answer_id: str = "none"
    tokens: int = 20
    rate: int = 0
    """Tokens per second; 0: all at once."""
    wait_s: float = 0.0


@dataclass(kw_only=True)
class Record:
    """One request. Times are CLOCK_MONOTONIC seconds."""

    kind: str
    request_at: float
    """The last byte of the request was read."""
    model: str
    prompt_bytes: int
    tokens: int = 0
    sent: int = 0
    first_at: float | None = None
    last_at: float | None = None
    done_at: float | None = None
    gone_at: float | None = None
    """The client closed the connection before the answer was whole."""

    @property
    def ended(self) -> bool:
        return self.done_at is not None or self.gone_at is not None


class Provider:
    """What is to be answered, and the records by the id it was armed with."""

    def __init__(self) -> None:
        self.armed = Armed()
        self.records: dict[str, list[Record]] = {}
        self.news = asyncio.Condition()

    def arm(self, answer_id: str, query: str) -> None:
        n, rate, wait_ms = (int(value) for _, value in parse_qsl(query))
        self.armed = Armed(answer_id=answer_id, tokens=n, rate=rate, wait_s=wait_ms / 1000)

    async def tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def wait(self, answer_id: str, until: str) -> list[dict[str, Any]]:
        """All requests of an answer once the answering one has come (`until=done`: ended)."""

        def there() -> bool:
            answers = [r for r in self.records.get(answer_id, ()) if r.kind == "answer"]
            return bool(answers) and (until != "done" or all(r.ended for r in answers))

        async with self.news:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait_for(there), RECORD_WAIT_S)
        return [asdict(r) for r in self.records.get(answer_id, ())]


class Connection(asyncio.Protocol):
    """One client: HTTP/1.1, keep-alive, one request at a time."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._buffer = bytearray()
        self._record: Record | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        now = time.monotonic()
        if self._record is not None and not self._record.ended:
            self._record.gone_at = now
        if self._task is not None:
            self._task.cancel()
        self._spawn(self._provider.tell())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self._buffer[:head_end]).decode("latin-1")
        length = re.search(r"(?i)content-length: *(\d+)", head)
        size = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < size:
            return
        body = bytes(self._buffer[head_end + 4 : size])
        del self._buffer[:size]
        self._task = self._spawn(self._answer(head.split(" ", 2)[1], body, time.monotonic()))

    def _spawn(self, coroutine: Any) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine)

    async def _answer(self, path: str, body: bytes, now: float) -> None:
        verb, _, query = path.partition("?")
        if verb.startswith("/record/"):
            until = query.removeprefix("until=")
            self._json(await self._provider.wait(verb.removeprefix("/record/"), until))
        elif verb.startswith("/arm/"):
            self._provider.arm(verb.removeprefix("/arm/"), query)
            self._json({})
        elif path.endswith("/chat/completions"):
            await self._complete(json.loads(body), len(body), now)
        else:
            self._json({"object": "list", "data": []})

    async def _complete(self, request: dict[str, Any], size: int, now: float) -> None:
        armed = self._provider.armed
        routing = forced_value(request)
        kind = "answer" if routing is None else "route"
        tokens = answer_tokens(armed.tokens, armed.answer_id) if routing is None else [routing[1]]
        record = Record(
            kind=kind, request_at=now, model=request["model"], prompt_bytes=size, tokens=len(tokens)
        )
        self._record = record
        self._provider.records.setdefault(armed.answer_id, []).append(record)
        await self._provider.tell()
        due = now + (armed.wait_s if routing is None else ROUTING_S)
        await asyncio.sleep(due - time.monotonic())
        reply = Reply(request, routing, len(tokens))
        if request.get("stream"):
            await self._stream(record, reply, [reply.delta(token) for token in tokens], armed.rate)
        else:
            record.first_at = time.monotonic()
            self._json(reply.whole("".join(tokens)))
            record.last_at = time.monotonic()
        record.done_at = time.monotonic()
        await self._provider.tell()

    async def _stream(self, record: Record, reply: Reply, events: list[bytes], rate: int) -> None:
        write = self._transport.write
        start = record.first_at = time.monotonic()
        write(STREAM_HEAD + chunk(events[0]))
        record.sent = 1
        while record.sent < len(events):
            now = time.monotonic()
            due = int((now - start) * rate) + 1 if rate else len(events)
            if due <= record.sent:
                await asyncio.sleep(max(TICK_S, start + record.sent / rate - now))
                continue
            write(chunk(b"".join(events[record.sent : due])))
            record.sent = min(due, len(events))
        record.last_at = time.monotonic()
        write(chunk(reply.tail()) + b"0\r\n\r\n")

    def _json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
        self._transport.write(f"{head}{len(data)}\r\n\r\n".encode() + data)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def serve() -> None:
    provider = Provider()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(provider), "127.0.0.1", 0)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve())
