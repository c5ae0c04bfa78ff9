"""The heading under which something of a certain time stands in a list: "Yesterday", "March"."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

PINNED = "Pinned"
_US_PER_S = 1_000_000


def date_group(at_us: int, now_us: int, zone: tzinfo) -> str:
    """By the calendar of `zone`: a day begins at its midnight. The future is today."""
    day, today = local(at_us, zone).date(), local(now_us, zone).date()
    age = (today - day).days
    if age <= 0:
        return "Today"
    if age == 1:
        return "Yesterday"
    if age <= 7:
        return "Previous 7 days"
    if age <= 30:
        return "Previous 30 days"
    return f"{day:%B}" if day.year == today.year else f"{day:%B %Y}"


def local(at_us: int, zone: tzinfo) -> datetime:
    """A time as a person there would write it. One beyond the calendar is the nearest it has."""
    try:
        return datetime.fromtimestamp(at_us / _US_PER_S, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return datetime(1970 if at_us < 0 else 9998, 1, 1, tzinfo=zone)
