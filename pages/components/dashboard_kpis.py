"""The key figures: value, what it rests on, the change against the period before, a sparkline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS, FAILED, OK, Known, Percentile, Rate
from analytics.queries import CountSeries, Kpis, PercentileSeries, SumSeries
from core.pricing import format_usd
from pages.components.dashboard_controls import RANGE_NAMES
from pages.components.format import count, duration, share

if TYPE_CHECKING:
    from pages.components.dashboard_figures import Figures

_GAP = float("nan")


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


def show_kpis(figures: Figures) -> None:
    """Draws the tiles, four in a row, two on a phone."""
    with st.grid(4, min_column_width=165, gap="small", key="kpis"):
        for tile in tiles(figures):
            change = _change(tile)
            st.metric(
                tile.label,
                tile.value,
                change,
                delta_color=_color(tile, change),
                delta_description=tile.note,
                help=f"{tile.help} Here: {tile.note}.",
                border=True,
                height="stretch",
                chart_data=[_GAP if v is None else v for v in tile.trend]
                if any(tile.trend)
                else None,
                chart_type="bar" if tile.bars else "line",
            )


def tiles(figures: Figures) -> list[Tile]:
    """All tiles of a reading."""
    now, before = figures.kpis.current, earlier(figures)
    return [
        *_volume(figures, now, before),
        *_times(figures, now, before),
        _failures(figures, now, before),
        *_spent(figures, now, before),
    ]


def earlier(figures: Figures) -> Kpis | None:
    """The period before, when it was recorded from its beginning: else every change is growth."""
    before = figures.kpis.previous
    if before is None or before.window.since_us < figures.records_since_us:
        return None
    return before


def compared_with(figures: Figures) -> str:
    """What the changes mean, for the line above the tiles."""
    if earlier(figures) is None:
        return "no earlier period to compare with"
    return f"changes against the {RANGE_NAMES[figures.keep.range]} before"


def _volume(figures: Figures, now: Kpis, before: Kpis | None) -> list[Tile]:
    status = figures.status
    return [
        Tile(
            label="Runs", value=count(now.runs), help=DEFINITIONS["runs"], better="neither",
            note=f"{count(now.cancelled)} stopped", now=now.runs,
            before=before.runs if before else None, trend=_whole(status, _sums(status)), bars=True,
        ),
        Tile(
            label="Users", value=count(now.users), help=DEFINITIONS["users"], better="neither",
            note=_per_user(now), now=now.users, before=before.users if before else None, trend=(),
        ),
    ]  # fmt: skip


def _failures(figures: Figures, now: Kpis, before: Kpis | None) -> Tile:
    status = figures.status
    return Tile(
        label="Failure rate", value=share(now.failure.share) if now.failure.n else None,
        help=f"{DEFINITIONS['failure_rate']} The range is Wilson's 95 % interval.",
        note=_interval(now.failure), now=now.failure.share,
        before=before.failure.share if before else None, better="down", points=True,
        trend=_whole(status, _failure_trend(status)),
    )  # fmt: skip


def _times(figures: Figures, now: Kpis, before: Kpis | None) -> list[Tile]:
    rows: list[tuple[str, str, Percentile, Percentile | None, Sequence[float | None]]] = [
        ("First token, p50", "ttft", now.ttft_p50, before.ttft_p50 if before else None,
         _whole(figures.ttft, figures.ttft.values[0.5])),
        ("First token, p95", "ttft", now.ttft_p95, before.ttft_p95 if before else None,
         _whole(figures.ttft, figures.ttft.values[0.95])),
        ("Run latency, p95", "latency", now.latency_p95, before.latency_p95 if before else None,
         _whole(figures.latency, figures.latency.values[0.95])),
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


def _spent(figures: Figures, now: Kpis, before: Kpis | None) -> list[Tile]:
    tokens = all_tokens(now)
    return [
        Tile(
            label="Tokens", value=count(tokens) if now.input_tokens.of else None, help=DEFINITIONS["tokens"], better="neither",
            note=_missing(now.input_tokens, "uncounted") or _in_and_out(now),
            now=tokens, before=all_tokens(before) if before else None, bars=True,
            trend=_whole(figures.tokens, _sums(figures.tokens)),
        ),
        Tile(
            label="Cost", value=money(now.cost) if now.cost.of else None, help=DEFINITIONS["cost"], better="down",
            note=_missing(now.cost, "unpriced") or f"{count(now.cost.of)} calls",
            now=now.cost.value, before=before.cost.value if before else None, bars=True,
            trend=_whole(figures.cost, _sums(figures.cost)),
        ),
    ]  # fmt: skip


def all_tokens(kpis: Kpis) -> int | None:
    """Input and output together; None when neither is known."""
    known = [v for v in (kpis.input_tokens.value, kpis.output_tokens.value) if v is not None]
    return sum(known) if known else None


def money(cost: Known) -> str:
    """A sum of known costs; "at least" when some calls have no price."""
    text = format_usd(cost.value).replace("$", "\\$")
    return f"≥ {text}" if cost.missing and cost.value is not None else text


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
    return f"n too small ({p.n} of {minimum_n(p.q)}), max {duration(p.maximum)}"


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
    series: CountSeries | SumSeries | PercentileSeries, values: Sequence[float | None]
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
    return f"{count(known.missing)} of {count(known.of)} {word}" if known.missing else ""


def _in_and_out(kpis: Kpis) -> str:
    if not kpis.input_tokens.of:
        return "no calls"
    return f"{count(kpis.input_tokens.value)} in, {count(kpis.output_tokens.value)} out"


def _interval(rate: Rate) -> str:
    if rate.interval is None:
        return "no run has ended"
    low, high = rate.interval
    return f"{low * 100:.1f}–{high * 100:.1f} %, {count(rate.k)} of {count(rate.n)}"


def _per_user(kpis: Kpis) -> str:
    return f"{kpis.runs / kpis.users:.1f} runs each" if kpis.users else "nobody yet"
