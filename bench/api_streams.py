"""What the API adds to a run: per token and reader, over the runtime itself.

    python -m bench.api_streams [readers] [tokens]

One scripted run at full speed and at 50 tokens/s, read by none, and by N event streams over loopback.
Prints the added latency from the publishing of a token to its arrival at a reader, and the CPU time of
the process per token and reader. Readers are in another process.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from agents.loop import LoopThread
from agents.run import Run, TurnRequest
from api.drain import Drain
from api.streams import EventStream, RunSource
from core.events import Completed, Token

READER = """
import json, socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
import selectors
late, selector = [], selectors.DefaultSelector()
for _ in range(count):
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    selector.register(one, selectors.EVENT_READ)
open_, first = count, True
print("ready", flush=True)
while open_:
    for key, _ in selector.select():
        data = key.fileobj.recv(1 << 20)
        now = time.time_ns() // 1000
        for line in data.split(b"\\n"):
            if line.startswith(b"data: ") and b'"type":"token"' in line:
                try:
                    late.append(now - json.loads(line[6:])["at_us"])
                except ValueError:
                    pass
        if b"event: completed" in data:
            selector.unregister(key.fileobj)
            open_ -= 1
print(json.dumps(late))
"""


def main() -> None:
    readers = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    tokens = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    for pause_s in (0.02, 0.0):
        alone = _measured(0, tokens, pause_s)
        read = _measured(readers, tokens, pause_s)
        added = (read["cpu_s"] - alone["cpu_s"]) / tokens / readers * 1e6
        row = {
            "pause_ms": pause_s * 1000,
            "readers": readers,
            "tokens": tokens,
            "cpu_us_per_token_and_reader": round(added, 1),
            "latency_ms_p50": read.get("p50"),
            "latency_ms_p95": read.get("p95"),
            "received": read["received"],
        }
        print(json.dumps(row))


def _measured(readers: int, tokens: int, pause_s: float) -> dict[str, Any]:
    run = Run(request=TurnRequest(text="x"), thread_id="t" * 32)

    async def stream(_request: Request) -> EventStream:
        return EventStream(RunSource(run))

    app = Starlette(routes=[Route("/", stream)])
    app.state.drain = Drain()
    loop = LoopThread()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = str(listener.getsockname()[1])
        process = subprocess.Popen(
            [sys.executable, "-c", READER, port, str(readers)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        cpu = time.process_time()
        loop.run(_publish(run, tokens, pause_s))
        late = sorted(json.loads(process.stdout.readline() or "[]"))
        cpu = time.process_time() - cpu
        process.wait()
        server.should_exit = True
        thread.join()
    loop.close()
    found: dict[str, Any] = {"cpu_s": cpu, "received": len(late)}
    if late:
        found["p50"] = round(statistics.median(late) / 1000, 2)
        found["p95"] = round(late[int(len(late) * 0.95)] / 1000, 2)
    return found


async def _publish(run: Run, tokens: int, pause_s: float) -> None:
    for word in _words(tokens):
        run.publish(Token(text=word, message_id="m", agent="technical"))
        if pause_s:
            await asyncio.sleep(pause_s)
    run.publish(Completed(message_id="m"))


def _words(count: int) -> Iterator[str]:
    for n in range(count):
        yield f" word{n}"


if __name__ == "__main__":
    main()
