"""Records every run without ever being in its way: folds in memory, hands over to the writer.

A run is on disk as "running" from its first event on, so a live page sees it, and a process that
was killed leaves it to be marked "lost" by the next one. What cannot be written is counted and
shown by `health()`; the run itself never notices.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from analytics.content import ContentKeeper, Said
from analytics.facts import RunFold, RunMeta
from analytics.incidents import Incident
from analytics.pace import Growth
from analytics.rows import RunFacts, running_row
from analytics.store import AnalyticsStore
from analytics.writer import Writer
from core.database import database_url
from core.events import Event
from core.events_codec import is_terminal

__all__ = ["Recorder", "RecorderHealth", "RunMeta"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")
INTERVAL_S = 0.25
# With so many items in the queue (about 700 runs) words are let go: logs and prompts are large.
_WORDS_WAITING = 2_000
# Events after which the row of a running run is written again: it knows more then.
_SNAPSHOTS = frozenset({"run_started", "route"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RecorderHealth:
    """What the health page shows. Counts are since the process started."""

    rows_written: int
    runs_written: int
    dropped: int
    """Finished runs that are missing: no place in the queue, refused values, or the process ended."""
    waiting: int
    open_runs: int
    observer_errors: int
    lag_us: int
    """Age of the oldest thing not written yet; 0 when nothing waits."""
    failing: bool
    """True while the last attempt to write failed."""
    last_error: str | None
    last_error_at_us: int | None
    last_commit_at_us: int | None
    file_bytes: int | None
    failing_since_us: int | None = None
    rows_per_s: float = 0.0
    """Over the last minute."""
    growth: Growth | None = None
    """Of the file since some hours; None while it was not watched long enough."""
    content_lost: int = 0
    """Runs whose words were to be kept and were not; their figures were."""


class Recorder:
    """One per process. `observe` belongs to the run loop, everything else to any thread."""

    def __init__(
        self,
        path_or_url: str | Path,
        *,
        timezone: str = "UTC",
        interval_s: float = INTERVAL_S,
        max_waiting: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
        on_stored: Callable[[RunFacts], None] | None = None,
        content_key: Path | None = None,
        own_place: bool = False,
    ) -> None:
        """`on_stored` gets every finished run on the writer's thread; it must not block.

        `content_key`: file of the key for hashed words, made when it is needed. None: words are
        never kept. `own_place`: see AnalyticsStore.
        """
        self._store = AnalyticsStore(database_url(path_or_url), timezone, own_place=own_place)
        self._writer = Writer(
            self._store,
            interval_s=interval_s,
            max_waiting=max_waiting,
            clock=clock,
            on_stored=on_stored,
            keeper=ContentKeeper(content_key) if content_key is not None else None,
        )
        self._folds: dict[str, RunFold] = {}
        self._dropped = self._observer_errors = self._words_lost = 0

    def observe(self, meta: RunMeta, event: Event, said: Sequence[Said] = ()) -> None:
        """Folds one event of a run. Microseconds; never blocks, never raises.

        `said`: with the last event, what is to be kept of the run's words; references only.
        """
        try:
            fold = self._folds.get(meta.run_id)
            fresh = fold is None
            if fold is None:
                fold = self._folds[meta.run_id] = RunFold(meta=meta)
            fold.add(event)
            if event.type == "token":
                return
            if is_terminal(event):
                del self._folds[meta.run_id]
                fold.said = self._allowed(said)
                if not self._writer.offer(fold):
                    self._dropped += 1
            elif fresh or event.type in _SNAPSHOTS:
                self._writer.offer(running_row(fold))
        except Exception:  # the run goes on whatever happens to its numbers
            self._observer_errors += 1
            log.exception("an event of a run was not recorded")

    def _allowed(self, said: Sequence[Said]) -> tuple[Said, ...]:
        if said and self._writer.waiting >= _WORDS_WAITING:
            self._words_lost += 1
            return ()
        return tuple(said)

    def data_version(self) -> int:
        """Grows with every commit and never repeats. 0 before the file is open."""
        return self._store.data_version

    def health(self) -> RecorderHealth:
        """A snapshot; cheap enough for every refresh of a page."""
        stats, pace = self._writer.stats, self._writer.pace
        file_bytes = self._store.size_bytes()
        return RecorderHealth(
            rows_written=stats.rows,
            runs_written=stats.runs,
            dropped=stats.dropped + self._dropped,
            waiting=self._writer.waiting,
            open_runs=len(self._folds),
            observer_errors=self._observer_errors,
            lag_us=self._writer.lag_us(),
            failing=stats.failing,
            failing_since_us=stats.failing_since_us,
            last_error=stats.last_error,
            last_error_at_us=stats.last_error_at_us,
            last_commit_at_us=stats.last_commit_at_us,
            file_bytes=file_bytes,
            rows_per_s=pace.rows_per_s(),
            growth=pace.growth(file_bytes),
            content_lost=stats.content_lost + self._words_lost,
        )

    def write(self, work: Callable[[Connection], Result], timeout: float = 30.0) -> Result:
        """Any other change of the database: rules, imports, deletions. One transaction.

        It waits for its turn behind recorded runs. Raises StorageError, and what `work` raises.
        """
        return self._writer.call(work, timeout)

    def incidents(self) -> tuple[Incident, ...]:
        """Files of figures that were lost, newest first. From memory; any thread."""
        return tuple(one for one in self._store.incidents if one.is_loss)

    def incidents_to_repair(self) -> tuple[Incident, ...]:
        """Those after which runs of the chat may be missing; also a file that is simply new."""
        return tuple(one for one in self._store.incidents if not one.done)

    def change_incidents(self, work: Callable[[Connection], None], timeout: float = 30.0) -> None:
        """Changes them with the functions of analytics/incidents.py. Raises StorageError."""
        self._writer.change_incidents(work, timeout)

    def record_again(
        self,
        lost: Sequence[RunFacts],
        finished: Sequence[RunFacts],
        incident_id: str,
        timeout: float = 30.0,
    ) -> int:
        """Writes runs that are missing and counts them; returns how many were. One transaction.

        `lost`: of runs whose process ended before them, only `run`. Nobody is told of them
        (`on_stored`), and those of erased people become runs of nobody. Raises StorageError.
        """
        return self._writer.record_again(lost, finished, incident_id, timeout)

    def erase(self, user_id: str) -> None:
        """Runs of a person that go on now will be recorded as runs of nobody."""
        self._writer.erase(user_id, time.time_ns() // 1000)

    def maintain(self, pages: int | None = None, timeout: float = 30.0) -> int:
        """Makes the file smaller, see `AnalyticsStore.maintain`. Raises StorageError."""
        return self._writer.maintain(pages, timeout)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until everything observed so far is on disk; False when the time ran out."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Writes what waits and ends the writer thread. Idempotent; later events are dropped."""
        self._writer.close(timeout)
