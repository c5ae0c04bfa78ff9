"""What a run has under way beside its own task: model calls of blocking code, and threads.

A task that is cancelled ends at once, a thread cannot be ended from outside. So the model calls that
blocking code waits for are tasks that end with the run, and threads that go on are counted: a
stopped run says what it could not stop. Set by the run manager, found through a context variable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
CANCEL_S = 1.0
LOOK_S = 0.005


class RunScope:
    """One per run. All but `thread_began` on the run loop only."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Task[Any]] = set()
        self._closed = False
        self.resisted = False
        """Something in the run was cancelled and went on."""
        self._threads = 0
        self._lock = threading.Lock()

    @property
    def goes_on(self) -> bool:
        """Whether something of this run is, or may be, still at work."""
        return self._threads > 0 or self.resisted

    def call_began(self, task: asyncio.Task[Any]) -> None:
        """A task that is to end with the run. Raises CancelledError when the run is over."""
        if self._closed:
            raise asyncio.CancelledError("the run is over")
        self._calls.add(task)

    def call_ended(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)

    def thread_began(self, job: Future[Any]) -> None:
        with self._lock:
            self._threads += 1
        job.add_done_callback(self._thread_ended)

    def _thread_ended(self, job: Future[Any]) -> None:
        with self._lock:
            self._threads -= 1

    async def close(self) -> None:
        """Ends the calls and refuses new ones."""
        self._closed = True
        calls = set(self._calls)
        for task in calls:
            task.cancel()
        if calls:
            await asyncio.wait(calls, timeout=CANCEL_S)

    async def settle(self, grace_s: float) -> None:
        """Gives threads a moment to end by themselves."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace_s
        while self._threads and clock() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)


current_scope: ContextVar[RunScope | None] = ContextVar("current_scope", default=None)


class ScopedExecutor(ThreadPoolExecutor):
    """Counts each job for the run that asked for it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        job = super().submit(fn, *args, **kwargs)
        if (scope := current_scope.get()) is not None:
            scope.thread_began(job)
        return job
