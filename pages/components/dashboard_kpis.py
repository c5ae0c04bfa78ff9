"""The key figures: value, what it rests on, the change against the period before, a sparkline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS, FAILED, OK, Known, Percentile, Rate
from analytics.queries import CountSeries, Kpis, PercentileSeries, SumSeries
from analytics.queries.overview import KeyFigures, Standing, UsersOverTime
from analytics.queries.service_level import Attainment
from core.pricing import format_usd
from pages.components.dashboard_tiles import AT_LEAST, show_tile
from pages.components.format import count, duration, share

_SLO = "Runs that met every limit of their profile / runs that count; a failed run is a miss."
_THUMBS = "Thumbs up / (up + down). How many runs were rated is part of the number."


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What the tiles are made from: one reading."""

    everybody: bool
    """Figures of other people are among them."""
    figures: KeyFigures
    records_since_us: int
    """The first run ever recorded."""
    status: CountSeries
    ttft: PercentileSeries
    latency: PercentileSeries
    cost: SumSeries
    tokens: SumSeries
    users: UsersOverTime
    attained: Attainment


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One figure as `st.metric` wants it. `now` and `before` decide the change; None = unknown."""

    label: str
    value: str | None
    """None: there was nothing to measure."""
    note: str
    help: str
    now: float | None
    before: float | None
    better: str
    """Which way is good: "up", "down" or "neither"."""
    trend: Sequence[float | None]
    points: bool = False
    """The change is a difference in percentage points, not a ratio."""
    bars: bool = False


def show_kpis(row: Row) -> None:
    """Draws the tiles, five in a row, two on a phone."""
    with st.grid(5, min_column_width=160, gap="small", key="kpis"):
        for tile in tiles(row):
            change = _change(tile)
            show_tile(
                tile.label, tile.value, tile.note, help=tile.help, change=change,
                color=_color(tile, change), trend=tile.trend, chart="bar" if tile.bars else "line",
            )  # fmt: skip


def tiles(row: Row) -> list[Tile]:
    """All tiles of a reading."""
    now, before = row.figures.kpis.current, earlier(row)
    return [
        *_volume(row, now, before),
        *_times(row, now, before),
        _failures(row, now, before),
        *_verdicts(row, row.figures.before if before else None),
        _tokens(row, now, before),
    ]


def earlier(row: Row) -> Kpis | None:
    """The period before, when it was recorded from its beginning: else every change is growth."""
    before = row.figures.kpis.previous
    if before is None or before.window.since_us < row.records_since_us:
        return None
    return before


def _volume(row: Row, now: Kpis, before: Kpis | None) -> list[Tile]:
    status = row.status
    return [
        Tile(
            label="Runs", value=count(now.runs), help=DEFINITIONS["runs"], better="neither",
            note=f"{count(now.cancelled)} stopped", now=now.runs,
            before=before.runs if before else None, trend=_whole(status, _sums(status)), bars=True,
        ),
        *([_users(row, now, before)] if row.everybody else []),
        Tile(
            label="Cost", value=money(now.cost) if now.cost.of else None, help=DEFINITIONS["cost"],
            better="down", note=_missing(now.cost, "without a price") or f"{count(now.cost.of)} calls",
            now=now.cost.value, before=before.cost.value if before else None, bars=True,
            trend=_whole(row.cost, _sums(row.cost)),
        ),
    ]  # fmt: skip


def _users(row: Row, now: Kpis, before: Kpis | None) -> Tile:
    return Tile(
        label="Users", value=count(now.users), help=DEFINITIONS["users"], better="neither",
        note=_per_user(now), now=now.users, before=before.users if before else None,
        trend=_whole(row.users, row.users.users or ()) if row.users.users else (), bars=True,
    )  # fmt: skip


def _times(row: Row, now: Kpis, before: Kpis | None) -> list[Tile]:
    rows: list[tuple[str, str, Percentile, Percentile | None, Sequence[float | None]]] = [
        ("First token, p50", "ttft", now.ttft_p50, before.ttft_p50 if before else None,
         _whole(row.ttft, row.ttft.values[0.5])),
        ("First token, p95", "ttft", now.ttft_p95, before.ttft_p95 if before else None,
         _whole(row.ttft, row.ttft.values[0.95])),
        ("Run latency, p95", "latency", now.latency_p95, before.latency_p95 if before else None,
         _whole(row.latency, row.latency.values[0.95])),
    ]  # fmt: skip
    return [
        Tile(
            label=label,
            value=_shown(p),
            note=sample(p),
            help=f"{DEFINITIONS[key]} Shown in full from {minimum_n(p.q)} runs on.",
            now=p.value if p.enough else None,
            before=old.value if old and old.enough else None,
            better="down",
            trend=trend,
        )
        for label, key, p, old, trend in rows
    ]


def _failures(row: Row, now: Kpis, before: Kpis | None) -> Tile:
    return _rate(
        "Failure rate", now.failure, before.failure if before else None, DEFINITIONS["failure_rate"],
        better="down", trend=_whole(row.status, _failure_trend(row.status)), none="no run has ended",
    )  # fmt: skip


def _verdicts(row: Row, before: Standing | None) -> list[Tile]:
    now, attained = row.figures.now, row.attained
    by_bucket = [
        met / of if of else None for met, of in zip(attained.met, attained.of, strict=True)
    ]
    rated = now.thumbs.rated
    return [
        _rate(
            "Service level", now.slo, before.slo if before else None,
            f"{_SLO} Target {share(attained.target)}.", better="up",
            trend=_whole(attained, by_bucket), none="no run counts",
        ),
        _rate(
            "Thumbs up", now.thumbs.up, before.thumbs.up if before else None, _THUMBS, better="up",
            trend=(), none="nobody rated", also=f", {share(rated.share)} rated",
        ),
    ]  # fmt: skip


def _tokens(row: Row, now: Kpis, before: Kpis | None) -> Tile:
    return Tile(
        label="Tokens", value=count(all_tokens(now)) if now.input_tokens.of else None,
        help=DEFINITIONS["tokens"], better="neither", bars=True, now=all_tokens(now),
        before=all_tokens(before) if before else None, trend=_whole(row.tokens, _sums(row.tokens)),
        note=_missing(now.input_tokens, "without a count") or _in_and_out(now),
    )  # fmt: skip


def _rate(
    label: str,
    now: Rate,
    before: Rate | None,
    help: str,
    *,
    better: str,
    trend: Sequence[float | None],
    none: str,
    also: str = "",
) -> Tile:
    return Tile(
        label=label, value=share(now.share) if now.n else None,
        help=f"{help} The range is Wilson's 95 % interval.",
        note=f"{_interval(now)}{also}" if now.n else none,
        now=now.share, before=before.share if before else None, better=better, points=True,
        trend=trend,
    )  # fmt: skip


def all_tokens(kpis: Kpis) -> int | None:
    """Input and output together; None when neither is known."""
    known = [v for v in (kpis.input_tokens.value, kpis.output_tokens.value) if v is not None]
    return sum(known) if known else None


def money(cost: Known) -> str:
    """A sum of known costs; "at least" when some calls have no price."""
    text = format_usd(cost.value).replace("$", "\\$")
    return f"{AT_LEAST}{text}" if cost.missing and cost.value is not None else text


def _shown(p: Percentile) -> str | None:
    if not p.n:
        return None
    return duration(p.value) if p.enough else f":gray[{duration(p.value)}]"


def sample(p: Percentile) -> str:
    """What a percentile rests on, in words."""
    if p.enough:
        return f"n = {count(p.n)}"
    if not p.n:
        return "no runs"
    runs = "1 run" if p.n == 1 else f"{count(p.n)} runs"
    return f"only {runs}, {count(minimum_n(p.q))} are needed; the longest {duration(p.maximum)}"


def _change(tile: Tile) -> str | int | None:
    """Percent or percentage points. A flat period is the number 0: grey, without an arrow."""
    if tile.now is None or tile.before is None:
        return None
    if tile.points:
        points = (tile.now - tile.before) * 100
        return f"{points:+.1f} points" if abs(points) >= 0.05 else 0
    if not tile.before:
        return None
    percent = (tile.now / tile.before - 1) * 100
    if abs(percent) < 0.5:
        return 0
    return f"{percent:+.0f} %" if abs(percent) < 1000 else f"{percent:+,.0f} %"


def _color(tile: Tile, change: str | int | None) -> Any:
    if tile.better == "neither" or change is None:
        return "primary"
    return "inverse" if tile.better == "down" else "normal"


def _whole(
    series: CountSeries | SumSeries | PercentileSeries | UsersOverTime | Attainment,
    values: Sequence[float | None],
) -> list[float | None]:
    """Without the buckets the range cuts: a sparkline cannot draw them pale."""
    return [v for v, b in zip(values, series.buckets, strict=True) if not b.partial]


def _failure_trend(status: CountSeries) -> list[float | None]:
    failed = _sums(status, *FAILED)
    ok = _sums(status, OK)
    return [f / (f + good) if f + good else None for f, good in zip(failed, ok, strict=True)]


def _sums(series: CountSeries | SumSeries, *names: str) -> list[int]:
    """The sum of each bucket, of the given names or of all."""
    parts = [values for name, values in series.values.items() if not names or name in names]
    return [sum(part[k] for part in parts) for k in range(len(series.buckets))]


def _missing(known: Known, word: str) -> str:
    return f"{count(known.missing)} of {count(known.of)} calls {word}" if known.missing else ""


def _in_and_out(kpis: Kpis) -> str:
    if not kpis.input_tokens.of:
        return "no calls"
    return f"{count(kpis.input_tokens.value)} in, {count(kpis.output_tokens.value)} out"


def _interval(rate: Rate) -> str:
    if rate.interval is None:
        return ""
    low, high = rate.interval
    return f"{low * 100:.1f}–{high * 100:.1f} %, {rate.k:,} of {rate.n:,}"


def _per_user(kpis: Kpis) -> str:
    return f"{kpis.runs / kpis.users:.1f} runs each" if kpis.users else "nobody yet"
