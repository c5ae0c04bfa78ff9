"""Which quarters of an hour have to be folded again."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select, update

from analytics.schema import block, label, schema_meta, stale
from analytics.timeaxis import HOUR_US, QUARTER_US, local, midnight_us

QUARTER, HOUR, DAY = "quarter", "hour", "day"
ZONE_LABEL = "zone"
"""Kind of the label that says for which format and zone blocks were made: `<format> <zone>`."""
_ZONE = select(label.c.name).where(label.c.kind == ZONE_LABEL, label.c.code == 0)
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
    since = rows_since(connection)
    fresh = [quarter for quarter in quarters if quarter not in known and quarter >= since]
    for quarter in fresh:
        _take_away(connection, quarter)
    if fresh:
        rows = [{"level": QUARTER, "start_us": quarter} for quarter in fresh]
        connection.execute(insert(stale), rows)


def _take_away(connection: Connection, quarter_us: int) -> None:
    """Every block the quarter is in. A stale quarter is in none, so this happens once."""
    format_and_zone = connection.execute(_ZONE).scalar_one_or_none()
    if format_and_zone is None:
        return
    zone = ZoneInfo(format_and_zone.partition(" ")[2])
    for level, start in (
        (QUARTER, quarter_us),
        (HOUR, hour_of(quarter_us, zone)),
        (DAY, day_of(quarter_us, zone)),
    ):
        connection.execute(delete(block).where(block.c.level == level, block.c.start_us == start))


def hour_of(at_us: int, zone: ZoneInfo) -> int:
    """Where the hour of a moment begins; hours are counted from midnight."""
    midnight = day_of(at_us, zone)
    return midnight + (at_us - midnight) // HOUR_US * HOUR_US


def day_of(at_us: int, zone: ZoneInfo) -> int:
    """Where the day of a moment begins."""
    return midnight_us(local(at_us, zone).date(), zone)


def end_of(level: str, start_us: int, zone: ZoneInfo) -> int:
    """Where a block ends. A day may have 23 or 25 hours, its last hour may be half of one."""
    if level == QUARTER:
        return start_us + QUARTER_US
    following = day_of(day_of(start_us, zone) + 26 * HOUR_US, zone)
    return following if level == DAY else min(start_us + HOUR_US, following)


def rows_since(connection: Connection) -> int:
    """Rows from before this moment were deleted; 0 when none were."""
    return int(connection.execute(_ROWS_SINCE).scalar_one_or_none() or 0)
