"""What shows under an answer, and when it was written: as the person prefers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

import streamlit as st

from agents.preferences import FACTS, Fact

if TYPE_CHECKING:
    from agents.preferences import Preferences


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """The default shows everything."""

    facts: tuple[Fact, ...] = FACTS
    sources: bool = True
    steps: bool = True
    run_link: bool = True
    zone: tzinfo = UTC


EVERYTHING = Shown()


def shown_to(preferences: Preferences) -> Shown:
    """What this person wants to see, in this browser's zone unless they chose one."""
    return Shown(
        facts=preferences.facts,
        sources=preferences.sources,
        steps=preferences.steps,
        run_link=preferences.run_link,
        zone=person_zone(preferences),
    )


def person_zone(preferences: Preferences) -> tzinfo:
    """The chosen zone, else the browser's, else UTC."""
    from zoneinfo import ZoneInfo

    for name in (preferences.timezone, st.context.timezone):
        try:
            if name:
                return ZoneInfo(name)
        except (ValueError, KeyError, OSError):  # what a browser says is not ours to trust
            continue
    return UTC


def moment(at_us: int, zone: tzinfo, *, now: datetime | None = None) -> str:
    """ "14:05" today, "3 Nov, 14:05" this year, else "3 Nov 2024, 14:05"."""
    at = datetime.fromtimestamp(at_us / 1e6, zone)
    today = (now or datetime.now(UTC)).astimezone(zone)
    if at.date() == today.date():
        return f"{at:%H:%M}"
    year = "" if at.year == today.year else f" {at.year}"
    return f"{at.day} {at:%b}{year}, {at:%H:%M}"
