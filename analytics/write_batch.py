"""One transaction of the writer: what waits becomes rows, with kept words and without erased people."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analytics.call_rows import Row
from analytics.content import ContentKeeper
from analytics.facts import RunFold
from analytics.pace import Pace
from analytics.rows import RunFacts, run_facts
from analytics.store import AnalyticsStore, BadRows
from core.ids import new_id

log = logging.getLogger(__name__)

Item = Row | RunFold
"""A row of a run that goes on, or the fold of one that ended (made into rows on the thread)."""


@dataclass(kw_only=True, slots=True)
class WriterStats:
    """Counts since the process started. Written by the writer thread only."""

    rows: int = 0
    runs: int = 0
    dropped: int = 0
    content_lost: int = 0
    failing: bool = False
    failing_since_us: int | None = None
    last_error: str | None = None
    last_error_at_us: int | None = None
    last_commit_at_us: int | None = None

    def note(self, message: str) -> None:
        """The newest thing that went wrong."""
        self.last_error = message
        self.last_error_at_us = time.time_ns() // 1000


class BatchWriter:
    """On the writer's thread only; `erased` may be set from any."""

    def __init__(
        self,
        store: AnalyticsStore,
        stats: WriterStats,
        pace: Pace,
        on_stored: Callable[[RunFacts], None] | None,
        keeper: ContentKeeper | None,
    ) -> None:
        self.stats = stats
        self.pace = pace
        self.erased: dict[str, int] = {}
        """By person: runs that began before this moment are nobody's."""
        self._store = store
        self._on_stored = on_stored
        self._keeper = keeper

    def write(self, items: Sequence[Item], done_with: Callable[[object], None]) -> None:
        """One transaction; of one run only what came last. Raises StorageError.

        When a value cannot be stored, each run gets a transaction of its own, and `done_with` is
        called for every run that is written or given up: another try must not do it again.
        """
        running: dict[object, Row] = {}
        finished: list[RunFacts] = []
        for item in items:
            if isinstance(item, dict):
                running[item["run_id"]] = self._of_nobody(RunFacts(run=item)).run
                continue
            running.pop(item.meta.run_id, None)
            try:
                finished.append(self._of_nobody(self._with_words(item, run_facts(item))))
            except Exception:
                self._drop(item.meta.run_id, done_with)
        rows = list(running.values())
        try:
            self._commit(rows, finished)
        except BadRows:
            self._write_one_by_one(rows, finished, done_with)

    def _with_words(self, fold: RunFold, facts: RunFacts) -> RunFacts:
        """With what is kept of the run's words. Its figures are kept whatever happens to them."""
        if not fold.said or self._keeper is None:
            return facts
        meta = fold.meta
        try:
            words = self._keeper.rows(meta.run_id, meta.content_mode, meta.started_at_us, fold.said)
        except Exception as exc:
            self.stats.content_lost += 1
            self.stats.note(f"The words of a run could not be kept: {exc}")
            log.exception("the words of run %s could not be kept", meta.run_id)
            return facts
        return replace(facts, content=tuple(words))

    def _of_nobody(self, facts: RunFacts) -> RunFacts:
        """Without what tells the person, when the person was erased while the run went on."""
        user_id = facts.run["user_id"]
        if user_id is None or _started_us(facts) >= self.erased.get(str(user_id), 0):
            return facts
        nobody = facts.run | {"user_id": None, "conversation_id": new_id()}
        return replace(facts, run=nobody, content=())

    def record_again(
        self, lost: Sequence[RunFacts], finished: Sequence[RunFacts], incident_id: str
    ) -> int:
        """See `Recorder.record_again`."""
        gone = [self._of_nobody(facts).run for facts in lost]
        ended = [self._of_nobody(facts) for facts in finished]
        try:
            return self._store.write_missing(gone, ended, incident_id)
        except BadRows:
            if len(lost) + len(finished) == 1:
                log.warning("a run cannot be recorded again", exc_info=True)
                return 0
        written = sum(self.record_again([facts], [], incident_id) for facts in lost)
        return written + sum(self.record_again([], [facts], incident_id) for facts in finished)

    def _write_one_by_one(
        self, running: list[Row], finished: list[RunFacts], done_with: Callable[[object], None]
    ) -> None:
        """One run with impossible values must not cost the others of its transaction."""
        for facts in [*(RunFacts(run=row) for row in running), *finished]:
            alive = facts.run["status"] == "running"
            run_id = facts.run["run_id"]
            try:
                self._commit([facts.run] if alive else [], [] if alive else [facts])
            except BadRows:
                self._drop(run_id, done_with)
            else:
                done_with(run_id)

    def _commit(self, running: list[Row], finished: list[RunFacts]) -> None:
        if running or finished:
            written = self._store.write(running, finished)
            self.stats.rows += written
            self.pace.note(written, self._store.size_bytes)
            self.stats.runs += len(finished)
            self.stats.last_commit_at_us = time.time_ns() // 1000
            self._tell(finished)

    def _tell(self, finished: list[RunFacts]) -> None:
        for facts in finished if self._on_stored else ():
            try:
                self._on_stored(facts)  # type: ignore[misc]  # narrowed by the line above
            except Exception:  # what is stored is stored
                log.exception("a stored run was not passed on")

    def _drop(self, run_id: object, done_with: Callable[[object], None]) -> None:
        log.exception("run %s cannot be stored", run_id)
        self._store.give_up_run(str(run_id))
        self.stats.dropped += 1
        self.stats.note(f"Run {run_id} has values that cannot be stored.")
        done_with(run_id)


def _started_us(facts: RunFacts) -> int:
    at_us = facts.run["started_at_us"]
    assert isinstance(at_us, int)
    return at_us
