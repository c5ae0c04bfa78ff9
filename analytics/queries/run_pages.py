"""Lists of single runs, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.queries import runs
from analytics.queries.ask import Ask
from analytics.queries.runs import RunRow, SlowRun

PAGE = 50
SLOWEST = 20
Place = tuple[int, str]
"""started_at_us and id of a run: where a page begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsPage:
    """Newest first. `older`: where the next page begins; None on the last one."""

    rows: tuple[RunRow, ...]
    older: Place | None


def runs_page(ask: Ask, before: Place | None = None) -> RunsPage:
    """The newest runs, or those after the place a page ended at."""
    found = runs.recent_runs(ask.reader, ask.scope, PAGE + 1, before)
    rows = tuple(found[:PAGE])
    last = (rows[-1].started_at_us, rows[-1].run_id) if len(found) > PAGE else None
    return RunsPage(rows=rows, older=last)


def slowest_runs(ask: Ask) -> tuple[SlowRun, ...]:
    """The slowest successful runs with their rank."""
    return tuple(runs.slowest_runs(ask, SLOWEST))
