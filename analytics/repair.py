"""Records runs again whose figures were lost with the file: from the logs the chat keeps of them.

It begins a little after each start and after each lost file, and only when there is a file that
nobody looked at yet; a file that was simply the first one costs one query. What only the old file
had (imported calls, opinions, rules, budgets, runs of deleted threads) cannot be made again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from analytics.blocks.stale import rows_since
from analytics.facts import RunMeta
from analytics.incidents import count_missing, finish
from analytics.recorder import Recorder
from analytics.rows import RunFacts
from analytics.run_from_log import ended_facts, lost_facts
from analytics.slo import Slo
from analytics.store import stored_of
from core.errors import StorageError
from core.events import Event

log = logging.getLogger(__name__)

NEWEST = 100_000
CHUNK_RUNS = 20
PAUSE_S = 0.05
FIRST_S = 3.0
EVERY_S = 2.0
AFTER_A_FAULT_S = 3_600.0
FLUSH_S = 5.0


class EndedRun(Protocol):
    """See agents/run_store.py."""

    @property
    def id(self) -> str: ...
    @property
    def thread_id(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def graph(self) -> str: ...
    @property
    def entry_point(self) -> str: ...
    @property
    def stream(self) -> bool: ...
    @property
    def status(self) -> str: ...
    @property
    def started_at_us(self) -> int: ...
    @property
    def events(self) -> Sequence[Event]: ...


class Logs(Protocol):
    """What the chat keeps of its runs. Raises StorageError."""

    def ended_ids(self, since_us: int, limit: int) -> list[str]: ...
    def ended(self, run_id: str) -> EndedRun | None: ...


@dataclass(kw_only=True)
class Repair:
    """`start` looks every two seconds, in memory; `run_once` is one look, on the caller's thread."""

    recorder: Recorder
    logs: Logs
    since_us: Callable[[], int]
    """Older runs would be deleted at once."""
    slo: Slo = field(default_factory=Slo)
    environment: str | None = None
    pause_s: float = PAUSE_S
    first_s: float = FIRST_S
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Once."""
        self._thread = threading.Thread(target=self._loop, name="analytics-repair", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Ends after the chunk it is in; the next start goes on. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run_once(self) -> int:
        """How many runs were recorded again. Raises StorageError; what is written stays."""
        lost = self.recorder.incidents_to_repair()
        if not lost or not self.recorder.flush(FLUSH_S):
            return 0
        newest = lost[0].incident_id
        missing = self._missing()
        self.recorder.change_incidents(lambda c: count_missing(c, newest, len(missing)))
        restored = 0
        for first in range(0, len(missing), CHUNK_RUNS):
            if self._stop.is_set():
                return restored
            restored += self._restore(missing[first : first + CHUNK_RUNS], newest)
            self._stop.wait(self.pause_s)
        self.recorder.change_incidents(lambda c: finish(c, [one.incident_id for one in lost]))
        if missing:
            log.info("%d of %d missing runs were recorded again", restored, len(missing))
        return restored

    def _missing(self) -> list[str]:
        """Oldest first, as they were recorded."""
        since_us = max(self.since_us(), self.recorder.write(rows_since))
        ids = self.logs.ended_ids(since_us, NEWEST)
        there = self.recorder.write(lambda c: stored_of(c, ids)) if ids else set()
        return [run_id for run_id in reversed(ids) if run_id not in there]

    def _restore(self, run_ids: Sequence[str], incident_id: str) -> int:
        lost: list[RunFacts] = []
        ended: list[RunFacts] = []
        for run_id in run_ids:
            found = self.logs.ended(run_id)
            if found is None:
                continue
            if found.status == "lost":
                lost.append(lost_facts(self._meta(found), found.events))
            elif facts := ended_facts(self._meta(found), found.events):
                ended.append(facts)
        if not lost and not ended:
            return 0
        return self.recorder.record_again(lost, ended, incident_id)

    def _meta(self, found: EndedRun) -> RunMeta:
        return RunMeta(
            run_id=found.id,
            thread_id=found.thread_id,
            started_at_us=found.started_at_us,
            user_id=found.owner,
            entry_point=found.entry_point,
            environment=self.environment,
            graph=found.graph,
            stream=found.stream,
            slo=self.slo,
        )

    def _loop(self) -> None:
        wait, failing = self.first_s, False
        while not self._stop.wait(wait):
            wait = EVERY_S
            try:
                self.run_once()
                failing = False
            except StorageError as exc:
                if not failing:  # once per fault
                    log.warning("missing runs cannot be recorded again yet: %s", exc.message)
                failing = True
            except Exception:
                log.exception("missing runs could not be recorded again")
                wait = AFTER_A_FAULT_S
