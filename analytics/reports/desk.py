"""What a report is made with: the query layer, a filter, a period, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar
from zoneinfo import ZoneInfo

from analytics.queries import Ask, Filter, Kpis, Queries
from analytics.queries.summary import kpis
from analytics.reports import periods
from analytics.reports.periods import Period
from analytics.timeaxis import Bucket, BucketSize, local
from core.catalog import Catalog
from core.settings import Settings

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """One report's questions. Every answer raises StorageError when the figures cannot be read."""

    queries: Queries
    settings: Settings
    catalog: Catalog
    period: Period
    keep: Filter
    """Its range is the period."""
    now_us: int

    @property
    def zone(self) -> ZoneInfo:
        return self.queries.zone

    @property
    def over(self) -> bool:
        """Whether the period has ended."""
        return self.now_us >= self.period.until_us

    def ask(self, question: Callable[[Ask], Answer]) -> Answer:
        return self.queries.ask(question, self.keep)

    def before(self) -> Desk | None:
        """The period before with the same filter, unless it was not recorded from its beginning.

        While the period runs, the part of the one before that is as long as what has passed.
        """
        earlier = periods.previous(self.period, self.zone)
        if earlier.since_us < self.first_run_us() or earlier.since_us >= earlier.until_us:
            return None
        until = earlier.until_us
        if not self.over:
            passed = max(self.now_us - self.period.since_us, 1)
            until = min(until, earlier.since_us + passed)
        keep = replace(self.keep, since_us=earlier.since_us, until_us=until)
        return replace(self, period=replace(earlier, until_us=until), keep=keep)

    def first_run_us(self) -> int:
        """When the first run started; now, when there is none."""
        return self.queries.window(Filter(range="all", until_us=self.now_us)).since_us

    def kpis(self) -> Kpis:
        """The key figures: what `Queries.kpis` gives the pages for this range."""
        return self.ask(lambda ask: kpis(ask.facts, ask.scope))


def labels(buckets: tuple[Bucket, ...], size: BucketSize, zone: ZoneInfo) -> tuple[str, ...]:
    """The beginnings of buckets on the zone's clocks; an hour shown twice is told apart."""
    long = size in ("day", "week", "month")
    several_days = bool(buckets) and buckets[-1].end_us - buckets[0].start_us > 26 * 3_600_000_000
    form = "%d %b" if long else "%d %b %H:%M" if several_days else "%H:%M"
    names: list[str] = []
    for bucket in buckets:
        at = local(bucket.start_us, zone)
        name = f"{at:{form}}"
        names.append(f"{name} {at:%Z}" if name in names else name)
    return tuple(names)
