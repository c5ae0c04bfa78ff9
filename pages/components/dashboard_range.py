"""The range of the dashboard: one of the usual lengths that end now, or two moments in the URL."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from analytics.timeaxis import local, to_us
from core.metrics_query import RANGES, RangeName
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries import Filter

RANGE_NAMES: dict[RangeName, str] = {
    "15m": "15 min",
    "1h": "1 hour",
    "6h": "6 hours",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "all": "All",
}
HOUR_US = 3_600_000_000
_YEARS = range(1971, 2100)
_STEP = timedelta(minutes=5)
_SHOWN = "_own_range"


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """A range of one's own. `until_us` None: until now."""

    since_us: int
    until_us: int | None


def range_in_url() -> RangeName | None:
    asked = st.query_params.get("range")
    return asked if asked in RANGES else None


def usual_range(since_us: int) -> RangeName:
    """A day; in the first hours an hour or six, so that a first run is more than a thin line."""
    age_us = _now_us() - since_us
    return "1h" if age_us < HOUR_US else "6h" if age_us < 6 * HOUR_US else "24h"


def moments_in_url(zone: ZoneInfo) -> Moments | str | None:
    """The range of one's own; a sentence when it cannot be one; None when none is asked for.

    `from=2026-11-20T10:00&to=2026-11-21T10:00`, as the clocks of the reporting zone show it.
    """
    given, end = st.query_params.get("from"), st.query_params.get("to")
    if given is None and end is None:
        return None
    since = _parsed(given, zone)
    until = _parsed(end, zone) if end else None
    if since is None or (end and until is None):
        return "The address names a moment that does not exist. Write 2026-11-20T10:00."
    if since >= (until or _now_us()):
        return "The range in the address ends before it begins."
    return Moments(since_us=since, until_us=until)


def show_range(keep: Filter, zone: ZoneInfo) -> None:
    """Draws the usual lengths and the popover for others."""
    own = keep.since_us is not None
    st.session_state["range"] = None if own else keep.range
    st.segmented_control(
        "Range", RANGES, key="range", required=not own, wrap=False, on_change=_choose,
        format_func=RANGE_NAMES.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    label = range_name(keep, zone) if own else "From – to"
    with st.popover(
        label, icon=":material/date_range:", key="own_range", type="primary" if own else "secondary"
    ):
        st.caption(f"Times in {escape(zone.key)}")
        start, end, number = _fields(keep, zone)
        for name, given, value in (("From", "from", start), ("To", "to", end)):
            st.datetime_input(
                name, value, key=f"own_{given}_{number}", step=_STEP, on_change="ignore"
            )
        st.button(
            "Show this range", key="own_apply", type="primary", on_click=_apply, args=(number,)
        )


def range_name(keep: Filter, zone: ZoneInfo) -> str:
    """The range in words."""
    if keep.since_us is None:
        return RANGE_NAMES[keep.range]
    start = local(keep.since_us, zone)
    end = f"{local(keep.until_us, zone):%d %b %H:%M}" if keep.until_us is not None else "now"
    return f"{start:%d %b %H:%M} – {end}"


def forget_moments() -> None:
    for name in ("from", "to"):
        st.query_params.pop(name, None)


def _choose() -> None:
    """A callback: a usual length takes the place of moments."""
    chosen = st.session_state["range"]
    if chosen:
        st.query_params["range"] = chosen
        forget_moments()


def _fields(keep: Filter, zone: ZoneInfo) -> tuple[datetime, datetime, int]:
    """What the two fields begin with, and a number that changes with it.

    Kept while the range is the same: a field whose default moved would forget what was typed.
    """
    shown = (keep.since_us, keep.until_us)
    held = st.session_state.get(_SHOWN)
    if held is None or held[0] != shown:
        now = datetime.now(zone)
        start = local(keep.since_us, zone) if keep.since_us is not None else now - timedelta(days=1)
        end = local(keep.until_us, zone) if keep.until_us is not None else now
        naive = [moment.replace(tzinfo=None, second=0, microsecond=0) for moment in (start, end)]
        held = (shown, naive[0], naive[1], held[3] + 1 if held else 0)
        st.session_state[_SHOWN] = held
    return held[1], held[2], held[3]


def _apply(number: int) -> None:
    """A callback: what the two fields say goes into the URL, which is checked like any other."""
    for name in ("from", "to"):
        value = st.session_state.get(f"own_{name}_{number}")
        if isinstance(value, datetime):
            st.query_params[name] = value.isoformat(timespec="minutes")


def _parsed(text: str | None, zone: ZoneInfo) -> int | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _now_us() -> int:
    return time.time_ns() // 1000
