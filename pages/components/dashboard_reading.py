"""When the dashboard looks at the database: one moment per filter, kept while nothing changes.

A reading fixes a filter's range to moments; every question of a tab is then about the same rows, and
sessions with the same filter that see the same people share the answers. There is a new reading when the recorder committed
something, when a hundredth of the range has passed (runs leave it at its beginning), and not more
often than drawing allows: what takes a second is repeated after eight at the earliest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard

import streamlit as st

from analytics.queries import Facets, Filter
from analytics.timeaxis import RANGES_US
from pages.components import session

if TYPE_CHECKING:
    from analytics.queries import Queries

MIN_STEP_S, MAX_STEP_S = 10.0, 600.0
RETRY_S = 10.0
REST = 8.0
"""Times the length of drawing that must pass before the next reading."""
_HELD = "_reading"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One look. Shared between sessions: nobody may change it."""

    keep: Filter
    """With its range fixed to moments."""
    version: int
    records_since_us: int
    """The first run ever recorded."""
    read_at_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a session was shown last, and until when it is not worth looking for newer."""

    keep: Filter
    version: int
    slot: int
    until_s: float = 0.0
    drawn: bool = False
    failed: bool = False


def current(keep: Filter) -> Reading:
    """The newest reading worth making. Raises StorageError."""
    held = _held(keep)
    version, slot = (held.version, held.slot) if _resting(held) else _newest(keep)
    if held is None or held.failed or (held.version, held.slot) != (version, slot):
        st.session_state[_HELD] = Held(keep=keep, version=version, slot=slot)
    return _read_once(session.figures(), session.figures_key(), keep, version, slot)


def note_drawn(keep: Filter, took_s: float) -> None:
    """Everything was drawn; the first time in this reading decides how long to rest."""
    held = _held(keep)
    if held is not None and not held.drawn:
        until = time.monotonic() + REST * took_s
        st.session_state[_HELD] = replace(held, until_s=until, drawn=True)


def note_failed(keep: Filter) -> None:
    """Something could not be read: look again after a while."""
    held = _held(keep)
    version, slot = (held.version, held.slot) if held else (-1, -1)
    until = time.monotonic() + RETRY_S
    st.session_state[_HELD] = Held(
        keep=keep, version=version, slot=slot, until_s=until, failed=True
    )


def outdated(keep: Filter) -> bool:
    """Whether `current` would look again. Raises StorageError."""
    held = _held(keep)
    if held is None or _resting(held):
        return False
    return held.failed or (held.version, held.slot) != _newest(keep)


def readable(keep: Filter) -> bool:
    """Whether the last look at this filter succeeded."""
    held = _held(keep)
    return held is not None and not held.failed


def look_again() -> None:
    """After a change of one's own: no rest, the next run of the script reads."""
    held: Held | None = st.session_state.get(_HELD)
    if held is not None:
        st.session_state[_HELD] = replace(held, until_s=0.0)


def seen() -> bool:
    """Whether this session was shown figures before: what stands there stays while new ones come."""
    return _HELD in st.session_state


def step_s(keep: Filter) -> float:
    """A hundredth of the range: less does not move a chart by a bar."""
    length = RANGES_US[keep.range]
    if length is None or keep.since_us is not None:
        return MAX_STEP_S
    return min(MAX_STEP_S, max(MIN_STEP_S, length / 1e8))


def records_since_us(queries: Queries) -> int:
    """When the first run started; now, when there is none."""
    return queries.window(Filter(range="all")).since_us


def facets() -> Facets:
    """Every value a filter can take, whatever the range: options must not vanish while one looks."""
    own = session.figures()
    return _facets_once(own, session.figures_key(), own.data_version())


def any_runs() -> bool:
    """Whether anything was ever recorded."""
    return bool(session.figures().recent_runs(Filter(range="all"), limit=1))


def _held(keep: Filter) -> Held | None:
    held: Held | None = st.session_state.get(_HELD)
    return held if held and held.keep == keep else None


def _resting(held: Held | None) -> TypeGuard[Held]:
    return held is not None and time.monotonic() < held.until_s


def _newest(keep: Filter) -> tuple[int, int]:
    return session.figures().data_version(), int(time.time() / step_s(keep))


# What is cached is frozen and owned by nobody: shared as it is, not copied for each reader.


@st.cache_resource(max_entries=24, ttl="15m", show_spinner=False)
def _read_once(
    _queries: Queries, where: tuple[str, str | None], keep: Filter, version: int, slot: int
) -> Reading:
    return Reading(
        keep=_queries.pin(keep),
        version=version,
        records_since_us=records_since_us(_queries),
        read_at_us=time.time_ns() // 1000,
    )


@st.cache_resource(max_entries=4, ttl="15m", show_spinner=False)
def _facets_once(_queries: Queries, where: tuple[str, str | None], version: int) -> Facets:
    return _queries.facets(Filter(range="all"))
