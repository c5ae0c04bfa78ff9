"""The run loop: one asyncio event loop in one daemon thread.

Models, graphs, savers and HTTP clients are made and used here and nowhere else: they are bound to
the loop they were first used on. Blocking work goes to its executor.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from agents.scope import ScopedExecutor

log = logging.getLogger(__name__)
T = TypeVar("T")
EXECUTOR_THREADS = 64


class LoopThread:
    """Starts on construction. `close` stops the loop and joins the thread."""

    def __init__(self, name: str = "run-loop") -> None:
        self.loop = asyncio.new_event_loop()
        self._closing = False
        self._executor = ScopedExecutor(EXECUTOR_THREADS, thread_name_prefix=f"{name}-worker")
        self.loop.set_default_executor(self._executor)
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Schedules a coroutine from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Waits for a coroutine from another thread. Refuses to wait on its own loop."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("the run loop cannot wait for itself")
        return self.submit(coroutine).result(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Cancels what is left, stops the loop, joins the thread. Idempotent."""
        if self.loop.is_closed():
            return
        self._closing = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._executor.shutdown(wait=False, cancel_futures=True)
            self.loop.close()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._closing:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # of a graph's tool; asyncio lets it through
                log.exception("a task tried to end the process; only its run ends")
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
