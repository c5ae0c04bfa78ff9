"""The scripted provider as a running server: its thread, its sockets and what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from types import TracebackType

from tests.provider.service import Service
from tests.provider.wire import Recorded, Wire


class ProviderServer(Service):
    """Use as a context manager. Everything public may be used from any thread.

    The waiting methods block: inside a coroutine call them through `asyncio.to_thread`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Recorded] = []
        self.connections = 0
        """Accepted so far; fewer than requests means that connections were kept alive."""
        self.port = 0
        self._changed = threading.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="scripted-provider", daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()

    @property
    def openai_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def bedrock_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for_request(self, count: int = 1, timeout: float = 30.0) -> Recorded:
        """The `count`-th request, as soon as it arrived."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came")
            return self.requests[count - 1]

    def wait_for_disconnect(self, timeout: float = 30.0, count: int = 1) -> Recorded:
        """The `count`-th request whose client hung up before the answer was complete."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._gone()) >= count, timeout):
                raise TimeoutError(f"{len(self._gone())} of {count} clients hung up")
            return self._gone()[count - 1]

    def reset(self) -> ProviderServer:
        """Forgets script, rules, requests and ledger, so that one server can serve many tests."""
        fresh = Service()
        self._script, self.by_model, self.default = fresh._script, fresh.by_model, fresh.default
        self.respond = self.embedding = None
        self.refuse_stream_options, self.ledger = fresh.refuse_stream_options, fresh.ledger
        self.requests = []
        self.connections = 0
        return self

    def __enter__(self) -> ProviderServer:
        self._thread.start()
        if not self._ready.wait(5):
            raise RuntimeError("the scripted provider did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _gone(self) -> list[Recorded]:
        return [r for r in self.requests if r.closed_by_client_at is not None]

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        wire = Wire(self.connections, reader, writer)
        try:
            while wire.open and (request := await wire.request()) is not None:
                await self._answer_or_notice(wire, request)
        except asyncio.CancelledError:
            # The server stops. A stream's own done callback would log a cancelled task as an error.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer_or_notice(self, wire: Wire, request: Recorded) -> None:
        """Answers while watching for the client to hang up; then the rest is not said."""
        self.route(request)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        answer = asyncio.ensure_future(self.answer(wire, request, len(self.requests)))
        watch = asyncio.ensure_future(wire.closed_by_client())
        try:
            await asyncio.wait({answer, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() or isinstance(answer.exception(), ConnectionError):
                wire.open = False
                with self._changed:
                    request.closed_by_client_at = time.monotonic()
                    self._changed.notify_all()
            else:
                answer.result()
        finally:
            for task in (answer, watch):
                task.cancel()
            await asyncio.gather(answer, watch, return_exceptions=True)


def refused_url() -> str:
    """The URL of a port nobody listens on: connections are refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
