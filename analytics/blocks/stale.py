"""Which quarters of an hour have to be folded again."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select, update

from analytics.schema import block, schema_meta, stale
from analytics.timeaxis import HOUR_US, QUARTER_US

QUARTER, HOUR, DAY = "quarter", "hour", "day"
# A day has up to 25 hours.
_LONGEST_US = {HOUR: HOUR_US, DAY: 25 * HOUR_US}


ROWS_SINCE = "rows_since_us"
"""In schema_meta: older rows were deleted, so the figures before it can never be made again."""
_ROWS_SINCE = select(schema_meta.c.value).where(schema_meta.c.name == ROWS_SINCE)


def keep_figures_before(connection: Connection, cut_us: int) -> None:
    """Says that rows from before a moment are about to be deleted, and their figures are not."""
    known = connection.execute(_ROWS_SINCE).scalar_one_or_none()
    if known is None:
        connection.execute(insert(schema_meta).values(name=ROWS_SINCE, value=cut_us))
    elif known < cut_us:
        same = schema_meta.c.name == ROWS_SINCE
        connection.execute(update(schema_meta).where(same).values(value=cut_us))


def touch(connection: Connection, started_at_us: Iterable[int]) -> None:
    """Rows that began at these moments were written, changed or deleted in this transaction.

    Figures whose rows are already gone (`keep_figures_before`) stay as they are.
    """
    quarters = sorted({at - at % QUARTER_US for at in started_at_us})
    if not quarters:
        return
    known = set(
        connection.execute(
            select(stale.c.start_us).where(
                stale.c.level == QUARTER, stale.c.start_us.between(quarters[0], quarters[-1])
            )
        ).scalars()
    )
    since = connection.execute(_ROWS_SINCE).scalar_one_or_none() or 0
    fresh = [quarter for quarter in quarters if quarter not in known and quarter >= since]
    for quarter in fresh:
        _take_away(connection, quarter)
    if fresh:
        rows = [{"level": QUARTER, "start_us": quarter} for quarter in fresh]
        connection.execute(insert(stale), rows)


def _take_away(connection: Connection, quarter_us: int) -> None:
    """Every block the quarter is in. A stale quarter is in none, so this happens once."""
    connection.execute(
        delete(block).where(block.c.level == QUARTER, block.c.start_us == quarter_us)
    )
    for level, longest_us in _LONGEST_US.items():
        start = connection.execute(
            select(func.max(block.c.start_us)).where(
                block.c.level == level,
                block.c.start_us <= quarter_us,
                block.c.start_us > quarter_us - longest_us,
            )
        ).scalar_one_or_none()
        if start is not None:
            connection.execute(
                delete(block).where(block.c.level == level, block.c.start_us == start)
            )
