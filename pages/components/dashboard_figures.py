"""All figures of the dashboard for one filter, read together and kept while nothing changes.

Sessions share what was read. It is read again when the recorder committed something, when a
hundredth of the range has passed (runs leave it at its beginning), and not more often than the
reading itself allows: a read that takes a second is repeated after ten at the earliest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard

import streamlit as st

from analytics.queries import (
    AgentRow,
    CountSeries,
    DataQuality,
    Facets,
    Filter,
    KpiReport,
    ModelRow,
    PercentileSeries,
    RunDetail,
    RunRow,
    SlowRun,
    SumSeries,
    TimeShares,
)
from analytics.queries.over_time import TokenKind
from analytics.timeaxis import RANGES_US
from core.errors import SwitchboardError

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.queries import Queries

QUANTILES = (0.5, 0.95, 0.99)
RECENT, SLOWEST = 50, 20
MIN_STEP_S, MAX_STEP_S = 10.0, 600.0
RETRY_S = 10.0
REST = 8.0
"""Times the length of a read that must pass before the next."""
SHARES_EVERY_S = 30.0
"""Plotly draws a changed chart anew, so this one changes less often while runs are active."""
_HELD, _HELD_SHARES = "_figures", "_shares"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One reading. Shared between sessions: nobody may change it."""

    keep: Filter
    """With its range fixed to moments."""
    kpis: KpiReport
    records_since_us: int
    """The first run ever recorded."""
    status: CountSeries
    ttft: PercentileSeries
    latency: PercentileSeries
    tokens: SumSeries
    cost: SumSeries
    agents: tuple[AgentRow, ...]
    models: tuple[ModelRow, ...]
    quality: DataQuality
    recent: tuple[RunRow, ...]
    read_at_us: int
    took_s: float


def read(queries: Queries, keep: Filter) -> Figures:
    """Asks all questions about the same rows. Raises StorageError.

    One after the other: threads would wait for each other's GIL at every row (100,000 runs: twice
    the time).
    """
    began = time.perf_counter()
    pinned = queries.pin(keep)
    return Figures(
        keep=pinned,
        kpis=queries.kpis(pinned),
        records_since_us=records_since_us(queries),
        status=queries.runs_by_status(pinned),
        ttft=queries.percentiles_over_time(pinned, "first_token_us", QUANTILES),
        latency=queries.percentiles_over_time(pinned, "duration_us", QUANTILES),
        tokens=queries.tokens_over_time(pinned),
        cost=queries.cost_over_time(pinned),
        agents=tuple(queries.by_agent(pinned)),
        models=tuple(queries.by_model(pinned)),
        quality=queries.data_quality(pinned),
        recent=tuple(queries.recent_runs(pinned, RECENT)),
        read_at_us=time.time_ns() // 1000,
        took_s=time.perf_counter() - began,
    )


def records_since_us(queries: Queries) -> int:
    """When the first run started; now, when there is none."""
    return queries.window(Filter(range="all")).since_us


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a session was shown last, and until when it is not worth looking for newer."""

    keep: Filter
    version: int
    slot: int
    until_s: float
    failed: bool = False


def current(runtime: Runtime, keep: Filter) -> Figures:
    """The newest figures worth reading. Raises StorageError."""
    held = _held(keep)
    version, slot = (held.version, held.slot) if _resting(held) else _newest(runtime, keep)
    try:
        figures = _read_once(runtime.queries, _where(runtime), keep, version, slot)
    except SwitchboardError:
        wait = time.monotonic() + RETRY_S
        st.session_state[_HELD] = Held(
            keep=keep, version=version, slot=slot, until_s=wait, failed=True
        )
        raise
    if held is None or held.failed or (held.version, held.slot) != (version, slot):
        rest = time.monotonic() + REST * figures.took_s
        st.session_state[_HELD] = Held(keep=keep, version=version, slot=slot, until_s=rest)
    return figures


def outdated(runtime: Runtime, keep: Filter) -> bool:
    """Whether `current` would read again. Raises StorageError."""
    held = _held(keep)
    if held is None or _resting(held):
        return False
    return held.failed or (held.version, held.slot) != _newest(runtime, keep)


def readable(keep: Filter) -> bool:
    """Whether the last look at these figures succeeded."""
    held = _held(keep)
    return held is not None and not held.failed


def seen() -> bool:
    """Whether this session was shown figures before: what stands there stays while new ones come."""
    return _HELD in st.session_state


def _held(keep: Filter) -> Held | None:
    held: Held | None = st.session_state.get(_HELD)
    return held if held and held.keep == keep else None


def _resting(held: Held | None) -> TypeGuard[Held]:
    return held is not None and time.monotonic() < held.until_s


def _newest(runtime: Runtime, keep: Filter) -> tuple[int, int]:
    return runtime.queries.data_version(), int(time.time() / step_s(keep))


def shares(runtime: Runtime, figures: Figures) -> TimeShares:
    """Where the time goes; while runs are active at most every half minute. Raises StorageError."""
    keep, held = (
        replace(figures.keep, since_us=None, until_us=None),
        st.session_state.get(_HELD_SHARES),
    )
    pinned = figures.keep
    if held and held[0] == keep and runtime.runs.active() and time.monotonic() < held[2]:
        pinned = held[1]
    if not held or held[:2] != (keep, pinned):
        st.session_state[_HELD_SHARES] = (keep, pinned, time.monotonic() + SHARES_EVERY_S)
    return _shares_once(runtime.queries, _where(runtime), pinned)


def slowest(runtime: Runtime, figures: Figures) -> tuple[SlowRun, ...]:
    """Of the same rows as the figures; read when somebody looks. Raises StorageError."""
    return _slowest_once(runtime.queries, _where(runtime), figures.keep)


def tokens(runtime: Runtime, figures: Figures, kind: TokenKind) -> SumSeries:
    """Input or output tokens of the same rows; read when somebody chooses them."""
    if kind == "all":
        return figures.tokens
    return _tokens_once(runtime.queries, _where(runtime), figures.keep, kind)


def step_s(keep: Filter) -> float:
    """A hundredth of the range: less does not move a chart by a bar."""
    length = RANGES_US[keep.range]
    if length is None:
        return MAX_STEP_S
    return min(MAX_STEP_S, max(MIN_STEP_S, length / 1e8))


def facets(runtime: Runtime) -> Facets:
    """Every value a filter can take, whatever the range: options must not vanish while one looks."""
    return _facets_once(runtime.queries, _where(runtime), runtime.queries.data_version())


def any_runs(runtime: Runtime) -> bool:
    """Whether anything was ever recorded."""
    return bool(runtime.queries.recent_runs(Filter(range="all"), limit=1))


def detail(runtime: Runtime, run_id: str) -> RunDetail | None:
    return _detail_once(runtime.queries, _where(runtime), run_id, runtime.queries.data_version())


def _where(runtime: Runtime) -> str:
    return str(runtime.settings.path("analytics.db"))


# What is cached is frozen and owned by nobody: shared as it is, not copied for each reader.


@st.cache_resource(max_entries=12, ttl="15m", show_spinner=False)
def _read_once(_queries: Queries, where: str, keep: Filter, version: int, slot: int) -> Figures:
    return read(_queries, keep)


@st.cache_resource(max_entries=12, ttl="15m", show_spinner=False)
def _shares_once(_queries: Queries, where: str, keep: Filter) -> TimeShares:
    return _queries.time_shares(keep)


@st.cache_resource(max_entries=12, ttl="15m", show_spinner=False)
def _slowest_once(_queries: Queries, where: str, keep: Filter) -> tuple[SlowRun, ...]:
    return tuple(_queries.slowest_runs(keep, SLOWEST))


@st.cache_resource(max_entries=12, ttl="15m", show_spinner=False)
def _tokens_once(_queries: Queries, where: str, keep: Filter, kind: TokenKind) -> SumSeries:
    return _queries.tokens_over_time(keep, kind)


@st.cache_resource(max_entries=4, ttl="15m", show_spinner=False)
def _facets_once(_queries: Queries, where: str, version: int) -> Facets:
    return _queries.facets(Filter(range="all"))


@st.cache_resource(max_entries=32, ttl="15m", show_spinner=False)
def _detail_once(_queries: Queries, where: str, run_id: str, version: int) -> RunDetail | None:
    return _queries.run_detail(run_id)
