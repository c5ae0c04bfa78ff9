"""Deadlines for reading a stream: one timer per attempt, a few nanoseconds per token.

`asyncio.wait_for` around each chunk would cost a task per token, and on Python 3.11 it loses a
cancel that arrives together with a chunk. Here the token path only writes down the time; a timer
looks at it when the deadline may have passed, and then cancels the reading task as
`asyncio.timeout` does. A cancel from outside is told apart by its count and always wins.
"""

from __future__ import annotations

import asyncio
from typing import Literal

Strike = Literal["first_token", "idle", "total", "grace"]
RECHECK_S = 0.05


class Watchdog:
    """Guards one attempt. Between `start` and `stop`, whoever reads keeps `beat` and `away` true.

    `beat`: when the last content came (loop time). `away`: the reader handed a chunk on and does
    other things; no deadline may strike then, the cancel would hit somebody else's code.
    """

    __slots__ = (
        "_baseline",
        "_claimed",
        "_handle",
        "_kind",
        "_limit",
        "_loop",
        "_task",
        "_total_at",
        "away",
        "beat",
        "struck",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, total_at: float) -> None:
        """`total_at`: the loop time at which the whole operation has to be over."""
        self._loop = loop
        self._total_at = total_at
        self._kind: Strike = "first_token"
        self._limit = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._baseline = 0
        self._claimed = False
        self.away = False
        self.beat = loop.time()
        self.struck: Strike | None = None
        """The deadline that passed."""

    def start(self, kind: Strike, limit_s: float) -> None:
        """Begins a phase: from now on `limit_s` may pass between two beats."""
        self.stop()
        self._kind, self._limit = kind, limit_s
        self.beat = self._loop.time()
        self.guard(asyncio.current_task())
        self._look_at(min(self.beat + limit_s, self._total_at))

    def guard(self, task: asyncio.Task[object] | None) -> None:
        """Names the task that reads; a generator may be read by one task after another."""
        if task is not self._task:
            self._task = task
            self._baseline = task.cancelling() if task is not None else 0

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def claims_cancel(self) -> bool:
        """Whether what just arrived is the watchdog's cancel and nobody else's. Takes it back in
        any case, so that the task is as cancelled as others wanted it to be."""
        self.stop()
        if self.struck is None or self._task is None or self._claimed:
            return False
        self._claimed = True
        return self._task.uncancel() <= self._baseline

    def settle(self) -> None:
        """The end. Takes back a cancel that a provider swallowed."""
        self.claims_cancel()

    def _look_at(self, when: float) -> None:
        self._handle = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        due = min(self.beat + self._limit, self._total_at)
        if now < due:
            self._look_at(due)
        elif self.away:
            self._look_at(now + RECHECK_S)
        elif self._task is not None and self._task.cancelling() <= self._baseline:
            self._handle = None
            self.struck = "total" if now >= self._total_at else self._kind
            self._task.cancel()
