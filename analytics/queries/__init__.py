"""All figures of the dashboard, the reports and the data agent, from one place.

`Queries` is the only door to the analytics database for readers. Its answers are plain frozen
values; a missing or empty database gives empty ones, a broken one raises StorageError.
`Queries.of` is the same door for one person: every answer is about that person's rows only, and no
filter, range or question widens it.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select

from analytics.blocks.stale import DAY
from analytics.metrics import RunMeasure
from analytics.queries import answers, groups, over_time, runs, summary
from analytics.queries.ask import Ask
from analytics.queries.facts import Facts
from analytics.queries.groups import AgentRow, ModelRow, Shares, TimeShares
from analytics.queries.over_time import CountSeries, PercentileSeries, SumSeries, TokenKind
from analytics.queries.reading import Reader
from analytics.queries.runs import CallRow, RunDetail, RunRow, SlowRun, StepRow
from analytics.queries.scope import Filter, Scope
from analytics.queries.summary import DataQuality, Facets, KpiReport, Kpis
from analytics.schema import block, run, schema_meta
from analytics.timeaxis import DAY_US, RANGES_US, Window, axis_of
from core.errors import InvalidInput
from core.metrics_query import MetricsAnswer, MetricsQuestion

__all__ = [
    "AgentRow",
    "Ask",
    "CallRow",
    "CountSeries",
    "DataQuality",
    "Facets",
    "Filter",
    "KpiReport",
    "Kpis",
    "ModelRow",
    "PercentileSeries",
    "Queries",
    "RunDetail",
    "RunRow",
    "Shares",
    "SlowRun",
    "StepRow",
    "SumSeries",
    "TimeShares",
]

Answer = TypeVar("Answer")
LAST_MOMENT_US = 4_102_444_800_000_000  # 2100-01-01


def _now_us() -> int:
    return time.time_ns() // 1000


class Queries:
    """Safe from any thread; each call blocks for milliseconds, at most for the time limit."""

    def __init__(
        self,
        path_or_url: str | Path,
        timezone: str = "UTC",
        *,
        time_limit_s: float = 10.0,
        now_us: Callable[[], int] = _now_us,
    ) -> None:
        self.zone = ZoneInfo(timezone)
        self._reader = Reader(path_or_url, time_limit_s=time_limit_s)
        self._facts = Facts(self._reader, self.zone)
        self._now_us = now_us

    def of(self, owner: str) -> Queries:
        """The same questions about one person's rows. Cheap; shares connections and what was read."""
        narrow = copy.copy(self)
        narrow._reader = self._reader.of(owner)
        narrow._facts = self._facts.of(owner)
        return narrow

    @property
    def owner(self) -> str | None:
        """Whose rows the answers are about; None: everybody's. Part of the key of whatever keeps one."""
        return self._reader.owner

    def window(self, keep: Filter) -> Window:
        """The moments a filter's range covers now. Raises InvalidInput for impossible ones."""
        length = RANGES_US[keep.range]
        until = self._now_us() if keep.until_us is None else keep.until_us
        since = keep.since_us
        if since is None:
            since = self._first_run_us(until) if length is None else until - length
        if not 0 <= since < until <= LAST_MOMENT_US:
            raise InvalidInput(
                "The range ends before it begins.", what_to_do="Choose an end after the start."
            )
        return Window(since_us=since, until_us=until)

    def pin(self, keep: Filter) -> Filter:
        """The filter with its range fixed to moments: for all questions of one page.

        They are then about the same rows, and the rows are read once.
        """
        window = self.window(keep)
        return replace(keep, since_us=window.since_us, until_us=window.until_us)

    def ask(self, question: Callable[[Ask], Answer], keep: Filter) -> Answer:
        """Any question of `analytics.queries` about a filter's range."""
        return question(Ask(facts=self._facts, scope=self._scope(keep), zone=self.zone))

    def kpis(self, keep: Filter) -> KpiReport:
        """The key figures, and those of the period of equal length before."""
        scope = self._scope(keep)
        before = scope.before()
        return KpiReport(
            current=summary.kpis(self._facts, scope),
            previous=summary.kpis(self._facts, before) if before else None,
        )

    def runs_by_status(self, keep: Filter) -> CountSeries:
        """Runs over time by status."""
        return self.ask(over_time.runs_by_status, keep)

    def percentiles_over_time(
        self,
        keep: Filter,
        measure: RunMeasure = "first_token_us",
        quantiles: Sequence[float] = (0.5, 0.95),
    ) -> PercentileSeries:
        """Percentiles of successful runs over time; a bucket without runs is a gap."""
        return self.ask(lambda ask: over_time.percentiles_over_time(ask, measure, quantiles), keep)

    def tokens_over_time(self, keep: Filter, kind: TokenKind = "all") -> SumSeries:
        """Tokens over time by model."""
        return self.ask(lambda ask: over_time.tokens_over_time(ask, kind), keep)

    def cost_over_time(self, keep: Filter) -> SumSeries:
        """Known cost over time by model in pico-USD, and how many calls have no price."""
        return self.ask(over_time.cost_over_time, keep)

    def time_shares(self, keep: Filter) -> TimeShares:
        """Where the time of successful runs goes."""
        return self.ask(groups.time_shares, keep)

    def by_agent(self, keep: Filter) -> list[AgentRow]:
        """One row per agent that answered, most runs first."""
        return self.ask(groups.by_agent, keep)

    def by_model(self, keep: Filter) -> list[ModelRow]:
        """One row per model that was asked, most attempts first."""
        return self.ask(groups.by_model, keep)

    def recent_runs(
        self, keep: Filter, limit: int = 50, before: tuple[int, str] | None = None
    ) -> list[RunRow]:
        """Newest first; `before` = (started_at_us, run_id) of the last row already shown."""
        return runs.recent_runs(self._reader, self._scope(keep), limit, before)

    def slowest_runs(self, keep: Filter, limit: int = 20) -> list[SlowRun]:
        """Successful runs, slowest first, with their rank among all of the range."""
        return self.ask(lambda ask: runs.slowest_runs(ask, limit), keep)

    def run_detail(self, run_id: str) -> RunDetail | None:
        """One run with steps, calls and their offsets; None when it was not recorded."""
        return runs.run_detail(self._reader, run_id)

    def data_quality(self, keep: Filter) -> DataQuality:
        """How complete the figures of a range are. Dropped rows: `Recorder.health()`."""
        return self.ask(summary.data_quality, keep)

    def facets(self, keep: Filter) -> Facets:
        """The values that occur in the filter's range, for the filter widgets."""
        whole = keep.range == "all" and keep.since_us is None and keep.until_us is None
        if whole and self.owner is None:
            return summary.all_facets(self._facts, self._now_us())
        unfiltered = Filter(range=keep.range, since_us=keep.since_us, until_us=keep.until_us)
        return summary.facets(self._facts, self._scope(unfiltered))

    def answer(self, question: MetricsQuestion) -> MetricsAnswer:
        """The data agent's tool. Raises InvalidInput for a measure or filter that does not exist."""
        keep = answers.checked_filter(question)
        return answers.answer(self._facts, self._scope(keep), question, self.zone)

    def measured(self, question: MetricsQuestion, keep: Filter) -> MetricsAnswer:
        """The same of any filter, which stands in for the question's range and filters."""
        answers.checked_filter(question)
        return answers.answer(self._facts, self._scope(keep), question, self.zone)

    def data_version(self) -> int:
        """Grows with every commit of the recorder, also one in another process. 0 = nothing yet."""
        version = select(schema_meta.c.value).where(schema_meta.c.name == "data_version")
        rows = self._reader.rows(version)
        return int(rows[0]["value"]) if rows else 0

    def close(self) -> None:
        """Idempotent; for everybody's and single people's alike."""
        self._reader.close()

    def _scope(self, keep: Filter) -> Scope:
        return Scope(window=self.window(keep), keep=keep)

    def _first_run_us(self, until_us: int) -> int:
        """The first run, or the first figure of runs whose rows are already deleted."""
        first = self._least(select(func.min(run.c.started_at_us).label("least")))
        first = until_us - 1 if first is None else min(first, until_us - 1)
        day = self._least(
            select(func.min(block.c.start_us).label("least")).where(block.c.level == DAY)
        )
        if day is None or day > first - DAY_US:
            return first
        return day if self.owner is None else self._first_day(day, first)

    def _first_day(self, day_us: int, first_us: int) -> int:
        """When the first of a person's figures begins that lie before the first row."""
        window = Window(since_us=day_us, until_us=first_us)
        axis = axis_of(window, self.zone)
        runs = self._facts.sums("run", Scope(window=window, keep=Filter()), ["n"], axis=axis)
        found = (at for at, n in zip(axis.buckets, runs.by_bucket("n"), strict=True) if n)
        begun = next(found, None)
        return first_us if begun is None else max(day_us, begun.start_us)

    def _least(self, statement: Select[Any]) -> int | None:
        rows = self._reader.rows(statement)
        return rows[0]["least"] if rows else None
