"""What the analytics database holds, and since when: for the page that says so."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from analytics.content import KeptShare, kept
from analytics.queries.ask import Ask
from analytics.schema import block, run


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """Moments are UTC microseconds; None: there is nothing of it."""

    content: tuple[KeptShare, ...]
    runs: int
    oldest_run_us: int | None
    oldest_figure_us: int | None
    """When the oldest day begins whose sums are made ready."""

    @property
    def oldest_content_us(self) -> int | None:
        return min((share.oldest_us for share in self.content), default=None)


def stored(ask: Ask) -> Stored:
    """Counts all runs, whatever the filter says."""
    runs = ask.reader.rows(select(func.count().label("n")).select_from(run))
    first = ask.reader.rows(select(func.min(run.c.started_at_us).label("oldest")))
    days = select(func.min(block.c.start_us).label("oldest")).where(block.c.level == "day")
    figures = ask.reader.rows(days)
    return Stored(
        content=kept(ask.reader),
        runs=runs[0]["n"] if runs else 0,
        oldest_run_us=first[0]["oldest"] if first else None,
        oldest_figure_us=figures[0]["oldest"] if figures else None,
    )
