"""Reports that make themselves: shortly after a day, week or month of the reporting zone has ended.

What was made is noted in the database, so a restart makes up for what was slept over and makes
nothing twice. A report that fails is logged and tried again an hour later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from analytics.queries import Filter, Queries
from analytics.reports.document import ReportKind
from analytics.reports.periods import Period, last_ended, previous
from analytics.reports.shelf import Shelf
from analytics.timeaxis import HOUR_US, MINUTE_US

log = logging.getLogger(__name__)
GRACE_US = 5 * MINUTE_US
"""Runs that were going on when the period ended should be in it, as they ended."""
RETRY_US = HOUR_US
LOOK_S = 30.0
CATCH_UP: dict[ReportKind, int] = {"daily": 7, "weekly": 4, "monthly": 3}
"""How many periods back a missing report is made."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Schedule:
    """One per process; its thread exists only when there is something to make."""

    def __init__(
        self,
        shelf: Shelf,
        queries: Queries,
        kinds: Sequence[str],
        *,
        now_us: Callable[[], int] = _now_us,
        look_s: float = LOOK_S,
    ) -> None:
        self._shelf, self._queries = shelf, queries
        self._kinds: tuple[ReportKind, ...] = tuple(kind for kind in CATCH_UP if kind in kinds)
        self._now_us, self._look_s = now_us, look_s
        self._not_before: dict[tuple[ReportKind, int], int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to look at the clock. Once; without any kind it does nothing."""
        if self._kinds and self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="reports", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the thread; a report that is being made is waited for. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def look(self) -> int:
        """Makes what is due now, oldest first; how many were made. Never raises."""
        made = 0
        for kind in self._kinds:
            try:
                due = self._due(kind)
            except Exception:
                log.warning("it cannot be told which reports are due", exc_info=True)
                continue
            made += sum(self._make(period) for period in due)
        return made

    def _loop(self) -> None:
        while not self._stop.wait(self._look_s):
            self.look()

    def _due(self, kind: ReportKind) -> list[Period]:
        now, zone = self._now_us(), self._queries.zone
        newest = last_ended(kind, now - GRACE_US, zone)
        done = self._shelf.scheduled(kind)
        first_run = self._queries.window(Filter(range="all", until_us=now)).since_us
        missing = [p for p in _back(newest, CATCH_UP[kind], zone) if p.since_us not in done]
        # What was before the schedule was switched on is nobody's loss.
        missing = [p for p in missing if p.since_us > min(done)] if done else missing[:1]
        return [
            p
            for p in reversed(missing)
            if p.until_us > first_run and self._not_before.get((kind, p.since_us), 0) <= now
        ]

    def _make(self, period: Period) -> bool:
        key = (period.kind, period.since_us)
        try:
            self._shelf.make(period, now_us=self._now_us(), trigger="schedule")
        except Exception:  # the app goes on without its report
            self._not_before[key] = self._now_us() + RETRY_US
            log.warning("the %s report of %s failed; tried again in an hour", period.kind,
                        period.code, exc_info=True)  # fmt: skip
            return False
        self._not_before.pop(key, None)
        log.info("made the %s report of %s", period.kind, period.code)
        return True


def _back(newest: Period, count: int, zone: ZoneInfo) -> list[Period]:
    """A period and those before it, newest first."""
    found = [newest]
    while len(found) < count:
        found.append(previous(found[-1], zone))
    return found
