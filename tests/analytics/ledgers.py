"""A recorder, queries and a clock that tests set: runs of a chosen cost at a chosen moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from analytics.budgets.store import save
from analytics.queries import Queries
from analytics.recorder import Recorder
from core.events import Event, Failed
from tests.analytics.scripts import meta, simple_run

USD = 10**12
MINUTE_US = 60_000_000
FAILED = Failed(code="model_unavailable", message="m", what_to_do="w", retryable=True)


def instant(text: str, zone: str = "UTC") -> int:
    """UTC microseconds of a local time such as "2026-11-04 12:00"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1e6)


@dataclass
class Ledger:
    """`now_us` is the clock of everything that is asked."""

    recorder: Recorder
    queries: Queries
    now_us: int
    count: int = field(default=0)

    def clock(self) -> int:
        return self.now_us

    def events(self, at_us: int, **more: Any) -> tuple[Any, list[Event]]:
        self.count += 1
        user = more.pop("user", "ann")
        of = meta(f"r{self.count:05d}", started_at_us=at_us, user_id=user)
        return simple_run(of, **more)

    def run(self, at_us: int | None = None, *, usd: float = 0.0, **more: Any) -> None:
        """One recorded run."""
        at = self.now_us - MINUTE_US if at_us is None else at_us
        of, events = self.events(at, cost_pusd=int(usd * USD), **more)
        for event in events:
            self.recorder.observe(of, event)
        assert self.recorder.flush()

    def runs(self, n: int, **more: Any) -> None:
        for _ in range(n):
            at = self.now_us - MINUTE_US
            of, events = self.events(at, **more)
            for event in events:
                self.recorder.observe(of, event)
        assert self.recorder.flush()

    def budget(self, name: str = "Team", **definition: Any) -> str:
        given = {"scope": "app", "period": "month", "limit_usd": "1", "kind": "hard"}
        return save(self.recorder, name, given | definition)


@contextmanager
def ledger(path: Path, now: str = "2026-11-04 12:00", zone: str = "UTC") -> Iterator[Ledger]:
    """`now`: local time of the zone."""
    recorder = Recorder(path, interval_s=0.01)
    assert recorder.flush()
    made = Ledger(recorder, None, instant(now, zone))  # type: ignore[arg-type]
    made.queries = Queries(path, zone, now_us=made.clock)
    try:
        yield made
    finally:
        made.queries.close()
        recorder.close()
