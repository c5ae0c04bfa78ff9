"""Server-sent events: what is in a log goes out as it comes, to as many readers as there are.

Not sse-starlette: it replaces uvicorn's signal handler when imported and cancels streams on SIGTERM
before their last event, asks every half second whether the process ends, writes each event by itself,
and leaves a client that reads nothing its socket. Here one task per reader waits for a signal of the
run, takes everything there is, and writes it at once; it never delays the first event.

A reader never holds up the run or another reader: nothing is queued for it, it has a place in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agents.loop_signal import LoopSignal
from agents.run_reader import RunLog
from api.connection import cut_off
from api.drain import drain_of
from api.recheck import Recheck
from api.wire import ended_by, event_json, sse, to_bytes, to_json
from core.errors import ShuttingDown, SwitchboardError
from core.events import Event
from core.events_codec import TERMINAL_TYPES

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
"""A comment when nothing else was sent for so long: proxies give up after a minute or less."""
SEND_S = 60.0
"""A client that takes nothing for so long is dropped."""
MAX_EVENTS, MAX_CHARS = 500, 200_000
"""In one write: a long log is replayed in pieces, between which others are served."""
OPENING = b": switchboard\nretry: 2000\n\n"
HEARTBEAT = b": still here\n\n"
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Type": "text/event-stream; charset=utf-8",
}


class Source(Protocol):
    """Where a stream gets its bytes from. On the server's loop only."""

    @property
    def ended(self) -> bool:
        """Whether everything was taken and nothing more will come."""

    def attach(self, wake: Callable[[], None]) -> None:
        """`wake` is called, from any thread, when there may be more to take."""

    def detach(self, wake: Callable[[], None]) -> None: ...

    def take(self) -> bytes:
        """What there is now; empty when there is nothing. Does not block."""

    def stopped_by(self, error: SwitchboardError) -> bytes:
        """The last words of a stream that ends before its source does."""


def place_in(run: RunLog, after: int) -> int:
    """`after`, unless it is at or behind the end: then the place before the terminal event.

    A process that is killed may have sent events that it had not saved; whoever comes back with the
    place of one of these still learns how the run ended, and no reader waits for what cannot come.
    """
    last = run.last_event()
    ended = last is not None and last.type in TERMINAL_TYPES
    return last.seq - 1 if last is not None and ended and after >= last.seq else after


def read_to_end(run: RunLog, after: int) -> bool:
    """Whether a reader at this place has the terminal event. It is answered 204: an EventSource
    would come back for ever."""
    last = run.last_event()
    return last is not None and last.type in TERMINAL_TYPES and after == last.seq


class RunSource:
    """The events of one run with `seq > after`. `encode` gives the text of one event."""

    def __init__(
        self,
        run: RunLog,
        after: int = -1,
        encode: Callable[[Event, RunLog], str] | None = None,
    ) -> None:
        self._run, self._after = run, after
        self._encode = encode or _as_sse
        self.ended = False
        self.attach, self.detach = run.attach, run.detach

    def take(self) -> bytes:
        parts: list[str] = []
        chars = 0
        for event in self._run.part(place_in(self._run, self._after), MAX_EVENTS):
            parts.append(self._encode(event, self._run))
            chars += len(parts[-1])
            self._after = event.seq
            self.ended = event.type in TERMINAL_TYPES
            if chars > MAX_CHARS:
                break
        return to_bytes("".join(parts))

    def stopped_by(self, error: SwitchboardError) -> bytes:
        return to_bytes(sse(to_json(ended_by(error, self._run.id, self._run.thread_id)), "error"))


def _as_sse(event: Event, run: RunLog) -> str:
    log_ = run.read() if event.type in TERMINAL_TYPES else ()
    return sse(event_json(event, run.thread_id, log_), event.type, event.seq)


class EventStream(Response):
    """Sends a source until it ends, the client leaves, the credential ends, or the process does.

    `check` raises SwitchboardError when the reader may not read on; it may block. `on_leave` is called
    when the client left, or was dropped, before the end.
    """

    media_type = "text/event-stream"
    opening = OPENING

    def __init__(
        self,
        source: Source,
        *,
        check: Callable[[], object] | None = None,
        on_leave: Callable[[], object] | None = None,
        headers: Mapping[str, str] | None = None,
        status_code: int = 200,  # FastAPI looks here for what to document
    ) -> None:
        self.status_code = status_code
        self.background = None
        self.init_headers({**HEADERS, **(headers or {})})
        self._source, self._check, self._on_leave = source, check, on_leave
        self._left = False
        self._out_of_time: SwitchboardError | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._send = scope, send
        self._signal = LoopSignal()
        self._clock = asyncio.get_running_loop().time
        wake = self._signal.set
        self._recheck = Recheck(self._check, wake)
        listening = asyncio.create_task(self._listen(receive))
        self._source.attach(wake)
        try:
            with drain_of(scope).reading(self):
                whole = await self._stream()
        finally:
            self._source.detach(wake)
            listening.cancel()
            self._recheck.close()
            if self._timer is not None:
                self._timer.cancel()
        if not whole and self._on_leave is not None:
            await run_in_threadpool(self._on_leave)

    # -- what the process says

    def on_drain(self) -> None:
        """The run's own end comes in a moment."""

    def on_deadline(self) -> None:
        self._out_of_time = ShuttingDown("Switchboard is shutting down.")
        self._signal.set()
        asyncio.get_running_loop().call_later(0.2, cut_off, self._scope)

    # -- the one task

    async def _stream(self) -> bool:
        """Whether the client got all of it."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        if not (await self._sent(start) and await self._write(self.opening)):
            return False
        while not self._left:
            self._signal.clear()
            data = self._source.take()
            if data and not await self._write(data):
                return False
            if self._source.ended:
                return await self._write(b"", more=False)
            if (stop := self._recheck.failed or self._out_of_time) is not None:
                await self._write(self._source.stopped_by(stop), more=False)
                return False
            if not data:
                if not await self._keep_alive():
                    return False
                await self._signal.wait()
        return False

    async def _keep_alive(self) -> bool:
        """Sends a heartbeat when it is due, and sets the alarm for the next."""
        if self._clock() >= self._beat_at and not await self._write(HEARTBEAT):
            return False
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._beat_at, self._alarm)
        return True

    def _alarm(self) -> None:
        self._timer = None
        self._signal.set()

    async def _write(self, body: bytes, *, more: bool = True) -> bool:
        self._beat_at = self._clock() + HEARTBEAT_S
        message = {"type": "http.response.body", "body": body, "more_body": more}
        return await self._sent(message)

    async def _sent(self, message: dict[str, object]) -> bool:
        """False when the client is gone, or took nothing for so long that it is."""
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(message)
        except TimeoutError:
            log.info("a client that read nothing for %.0f s was dropped", SEND_S)
            cut_off(self._scope)
            return False
        except OSError:
            return False
        return not self._left

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left = True
        self._signal.set()
