"""What analytics still has to do for itself."""

from __future__ import annotations

from sqlalchemy import func, select

from analytics.blocks.stale import QUARTER
from analytics.queries.ask import Ask
from analytics.schema import stale


def quarters_waiting(ask: Ask) -> int:
    """Quarters of an hour that are read row by row because their sums are not made yet.

    Whatever the range. The one that goes on is always among them once it has a run.
    """
    waiting = select(func.count().label("n")).where(stale.c.level == QUARTER)
    rows = ask.reader.rows(waiting)
    return int(rows[0]["n"]) if rows else 0
