"""The writer thread: a bounded queue in front, one transaction per quarter of a second behind.

When the storage fails, what waits is kept and tried again with growing pauses; when the queue is
full, what comes next is refused, and whoever offered it counts the loss.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from analytics.content import ContentKeeper
from analytics.pace import Pace
from analytics.rows import RunFacts
from analytics.store import AnalyticsStore
from analytics.write_batch import BatchWriter, Item, WriterStats
from core.errors import StorageError

log = logging.getLogger(__name__)

ROWS_PER_COMMIT = 200
MAX_RETRY_S = 5.0
FOLD_EVERY_S = 5.0
# How many waiting items end the pause between two commits early: about ROWS_PER_COMMIT rows.
_ENOUGH_ITEMS = 30

Result = TypeVar("Result")


class Writer:
    """`offer` belongs to one thread (the run loop), the rest to any."""

    def __init__(
        self,
        store: AnalyticsStore,
        *,
        interval_s: float,
        max_waiting: int,
        clock: Callable[[], float],
        on_stored: Callable[[RunFacts], None] | None = None,
        keeper: ContentKeeper | None = None,
    ) -> None:
        self.stats = WriterStats()
        self.pace = Pace(clock)
        self._batch = BatchWriter(store, self.stats, self.pace, on_stored, keeper)
        self._store = store
        self._interval_s = interval_s
        self._max_waiting = max_waiting
        self._clock = clock
        self._queue: deque[tuple[float, Item]] = deque()
        self._pending: list[tuple[float, Item]] = []
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._told: set[str] = set()
        self._since_us = time.time_ns() // 1000
        self._accepted = self._settled = 0
        self._fold_at, self._more = 0.0, False
        self._closing = False
        self._work, self._hurry = threading.Event(), threading.Event()
        self._work.set()  # opens the file at once: a broken one is known before the first run
        self._done = threading.Condition()
        self._thread = threading.Thread(target=self._loop, name="analytics-writer", daemon=True)
        self._thread.start()

    def offer(self, item: Item) -> bool:
        """Queues an item; False when there is no place. Never blocks.

        Rows of running runs have half the places: they can be missed, finished runs cannot.
        """
        limit = self._max_waiting // 2 if isinstance(item, dict) else self._max_waiting
        if self._closing or self.waiting >= limit:
            return False
        self._accepted += 1
        self._queue.append((self._clock(), item))
        self._work.set()
        if len(self._queue) >= _ENOUGH_ITEMS:
            self._hurry.set()
        return True

    def erase(self, user_id: str, before_us: int) -> None:
        """Runs of a person that began before a moment and end later become runs of nobody."""
        self._batch.erased[user_id] = before_us

    def call(self, work: Callable[[Connection], Result], timeout: float) -> Result:
        """Runs a change on the writer's thread, in a transaction of its own, after what waits.

        Raises StorageError when it cannot be written or the thread is too busy, and whatever
        `work` raises; then nothing of it is kept.
        """
        return self._ask(partial(self._store.run, work), timeout)

    def record_again(
        self,
        lost: Sequence[RunFacts],
        finished: Sequence[RunFacts],
        incident_id: str,
        timeout: float,
    ) -> int:
        """See `Recorder.record_again`."""
        work = partial(self._batch.record_again, lost, finished, incident_id)
        return self._ask(work, timeout)

    def change_incidents(self, work: Callable[[Connection], None], timeout: float) -> None:
        """See `AnalyticsStore.change_incidents`."""
        self._ask(partial(self._store.change_incidents, work), timeout)

    def maintain(self, pages: int | None, timeout: float) -> int:
        """See `AnalyticsStore.maintain`."""
        return self._ask(partial(self._store.maintain, pages), timeout)

    def _ask(self, work: Callable[[], Result], timeout: float) -> Result:
        job: Future[Result] = Future()
        if self._closing:
            raise StorageError("Analytics is closing.", what_to_do="Start Switchboard again.")
        self._jobs.append((job, work))
        self._hurry.set()
        self._work.set()
        try:
            return job.result(timeout)
        except TimeoutError as exc:
            if job.cancel():
                raise StorageError(
                    f"The analytics database was busy for {timeout:.0f} seconds.",
                    what_to_do="Try again in a moment.",
                ) from exc
            return job.result()

    @property
    def waiting(self) -> int:
        return len(self._pending) + len(self._queue)

    def lag_us(self) -> int:
        """Age of the oldest item not written yet; 0 when nothing waits."""
        for items in (self._pending, self._queue):
            try:
                return int((self._clock() - items[0][0]) * 1e6)
            except IndexError:
                continue
        return 0

    def flush(self, timeout: float) -> bool:
        """Waits until everything offered so far is on disk; False when the time ran out."""
        target = self._accepted
        self._hurry.set()
        self._work.set()
        with self._done:
            return self._done.wait_for(lambda: self._settled >= target, timeout)

    def close(self, timeout: float) -> None:
        """Writes what waits, once, and ends the thread. What is left then counts as dropped."""
        self._closing = True
        self._hurry.set()
        self._work.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.warning("the analytics writer did not stop within %.0f s", timeout)

    # -- the thread

    def _loop(self) -> None:
        delay, last_round = 0.0, False
        while not last_round:
            self._work.wait(FOLD_EVERY_S)
            self._hurry.wait(delay)
            last_round = self._closing
            self._work.clear()
            self._hurry.clear()
            written = self._drain()
            self._run_jobs()
            if written and not last_round:
                self._fold()
            if written:
                delay = self._interval_s
            else:
                delay = min(max(delay, self._interval_s) * 2, MAX_RETRY_S)
                self._work.set()
        self._settle_rest()
        self._run_jobs()
        self._store.close()

    def _drain(self) -> bool:
        """Writes everything that waits. False when the storage failed; then the rest stays."""
        try:
            self._store.open()
            self._note_incidents()
            while self._pending or self._take():
                self._batch.write([item for _, item in self._pending], self._done_with)
                written = len(self._pending)
                self._pending.clear()
                self._settle(written)
        except Exception as exc:
            self._fail(exc)
            return False
        self.stats.failing, self.stats.failing_since_us = False, None
        return True

    def _fold(self) -> None:
        """A piece of what waits to be folded, and more while nothing else waits.

        Nothing that goes wrong here may end the thread: pages can read the rows instead.
        """
        if not self._more and time.monotonic() < self._fold_at:
            return
        self._more = False
        try:
            self._more = self._store.fold()
            while self._more and not self._queue and not self._jobs and not self._closing:
                self._more = self._store.fold()
            self._fold_at = time.monotonic() + FOLD_EVERY_S
        except Exception as exc:
            self._fold_at = time.monotonic() + MAX_RETRY_S
            message = exc.message if isinstance(exc, StorageError) else type(exc).__name__
            _warn("figures could not be made ready", exc)
            self.stats.note(f"Figures could not be made ready; pages read the rows: {message}")

    def _run_jobs(self) -> None:
        while self._jobs:
            job, work = self._jobs.popleft()
            if not job.set_running_or_notify_cancel():
                continue
            try:
                job.set_result(work())
            except BaseException as exc:
                job.set_exception(exc)

    def _take(self) -> bool:
        rows = 0
        while self._queue and rows < ROWS_PER_COMMIT:
            at, item = self._queue.popleft()
            self._pending.append((at, item))
            rows += 1 if isinstance(item, dict) else 1 + len(item.steps) + len(item.calls)
        return bool(self._pending)

    def _settle(self, count: int) -> None:
        with self._done:
            self._settled += count
            self._done.notify_all()

    def _settle_rest(self) -> None:
        left = [*self._pending, *self._queue]
        self.stats.dropped += sum(not isinstance(item, dict) for _, item in left)
        if left:
            log.error("%d recorded items could not be written before the end", len(left))
        self._settle(len(left))

    # -- what went wrong

    def _done_with(self, run_id: object) -> None:
        """What waits of a run is written or given up: another try must not do it again."""
        left = [(at, item) for at, item in self._pending if _run_id(item) != run_id]
        gone = len(self._pending) - len(left)
        self._pending = left
        self._settle(gone)

    def _fail(self, exc: Exception) -> None:
        message = exc.message if isinstance(exc, StorageError) else f"{type(exc).__name__}: {exc}"
        if not self.stats.failing:  # once per fault, not once per try
            _warn("analytics cannot be written; runs go on and their figures wait in memory", exc)
            self.stats.failing_since_us = time.time_ns() // 1000
        self.stats.failing = True
        self.stats.note(message)

    def _note_incidents(self) -> None:
        for one in self._store.incidents:
            if one.incident_id not in self._told:
                self._told.add(one.incident_id)
                if one.at_us >= self._since_us and one.is_loss:
                    log.warning("%s", one.sentence())
                    self.stats.note(one.sentence())


def _run_id(item: Item) -> object:
    return item["run_id"] if isinstance(item, dict) else item.meta.run_id


def _warn(what: str, exc: Exception) -> None:
    """One line for a fault of the storage, which has a cause outside; where it was, for others."""
    if isinstance(exc, StorageError):
        log.warning("%s: %s %s", what, exc.message, exc.what_to_do)
        log.debug("%s", what, exc_info=exc)
    else:
        log.warning("%s", what, exc_info=exc)
