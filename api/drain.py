"""The end of the process, seen from the doors: who still reads, and what happens on SIGTERM.

A signal first turns readiness off, then ends what runs: every reader gets its terminal event from the
run's own log. Only then the server's own handler is called, because that cuts sockets off at once and
waits for streams without a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Protocol

from api.headers import Scope

log = logging.getLogger(__name__)

RUNS_S = 4.0
"""For what runs: half of it to end by itself."""
READERS_S = 1.5
"""For the last bytes to leave after that."""
GRACEFUL_S = 2
"""How long the server then waits for connections that are nobody's stream."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Reader(Protocol):
    """An open stream or socket."""

    def on_drain(self) -> None:
        """The process is ending: close when there is nothing left to tell. May not block."""

    def on_deadline(self) -> None:
        """Time is up. May not block."""


class Drain:
    """One per process, made with the API. On the server's loop only, but for `draining`."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def draining(self) -> bool:
        """Whether a signal has come: not ready any more."""
        return self._draining

    @property
    def readers(self) -> int:
        return len(self._readers)

    @contextlib.contextmanager
    def reading(self, reader: Reader) -> Iterator[None]:
        """While a stream is open."""
        self._readers.add(reader)
        self._empty.clear()
        if self._draining:
            reader.on_drain()
        try:
            yield
        finally:
            self._readers.discard(reader)
            if not self._readers:
                self._empty.set()

    def begin(self) -> None:
        self._draining = True

    async def run(self, end_runs: Callable[[float], None] | None) -> None:
        """Ends the runs, then waits for the readers; those that are still there are cut off."""
        self.begin()
        for reader in list(self._readers):
            reader.on_drain()
        if end_runs is not None:
            try:
                await asyncio.to_thread(end_runs, RUNS_S)
            except Exception:
                log.exception("what runs could not be ended properly")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READERS_S):
                await self._empty.wait()
        if late := list(self._readers):
            log.warning("%d readers did not take their last events in time", len(late))
            for reader in late:
                reader.on_deadline()


def drain_of(scope: Scope) -> Drain:
    """Of the API that a request or a socket came to."""
    drain: Drain = scope["app"].state.drain
    return drain


class SignalDrain:
    """Puts the drain before whatever handles SIGTERM and SIGINT now. Main thread only.

    A second signal while it drains changes nothing; the server's own patience is limited as well.
    """

    def __init__(
        self, drain: Drain, end_runs: Callable[[], Callable[[float], None] | None]
    ) -> None:
        self._drain, self._end_runs = drain, end_runs
        self._before: dict[int, Any] = {}
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None

    def install(self) -> None:
        """Does nothing outside the main thread, where there are no signals."""
        for number in SIGNALS:
            before = signal.getsignal(number)
            if not callable(before):
                continue  # nobody stops the server on this signal, so nothing is drained
            try:
                signal.signal(number, self._on_signal)
            except ValueError:
                return
            self._before[number] = before
            _limit_patience(before)

    def remove(self) -> None:
        """Gives the handlers back, so that a later server in this process has its own."""
        for number, before in self._before.items():
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._drain.draining:
            return
        self._drain.begin()
        self._loop.call_soon_threadsafe(self._start, number)

    def _start(self, number: int) -> None:
        self._task = self._loop.create_task(self._run(number))

    async def _run(self, number: int) -> None:
        try:
            await self._drain.run(self._end_runs())
        finally:
            self._before[number](number, None)


def _limit_patience(handler: Any) -> None:
    """uvicorn, started by Streamlit, waits for open connections for ever; we know who they are."""
    config = getattr(getattr(handler, "__self__", None), "config", None)
    if config is not None and getattr(config, "timeout_graceful_shutdown", 0) is None:
        config.timeout_graceful_shutdown = GRACEFUL_S
