"""Where the parts of a chart lie: numbers for an SVG picture. The template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from analytics.reports.document import Chart
from analytics.reports.words import Writer

WIDTH, HEIGHT = 460, 220
LEFT, RIGHT, TOP, BOTTOM = 62, 8, 10, 26
_TICKS = 4
_LABELS = 5
_FEW = 12
"""Up to so many points are dots one can see, because no line joins lone ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    color: str
    pale: bool
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Joined points: `path` is an SVG path, a piece for each run of known values."""

    path: str
    color: str
    pale: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Dot:
    x: float
    y: float
    r: float
    color: str
    pale: bool
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    at: float
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    width: int
    height: int
    left: int
    right: int
    bottom: int
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    rows: tuple[Tick, ...]
    """Horizontal lines with their values."""
    columns: tuple[Tick, ...]
    """Names of buckets below."""


def draw(chart: Chart, writer: Writer) -> Drawing | None:
    """The picture of a chart; None when it has no values."""
    known = [value for series in chart.series for value in series.values if value is not None]
    if not known or not chart.labels:
        return None
    stacked = [
        sum(v or 0 for v in column)
        for column in zip(*(s.values for s in chart.series), strict=True)
    ]
    ticks = ticks_to(max(stacked) if chart.kind == "bars" else max(known), chart.unit == "count")
    place = _Place(len(chart.labels), ticks[-1])
    bars = _bars(chart, writer, place) if chart.kind == "bars" else ()
    lines, dots = _lines(chart, writer, place) if chart.kind == "lines" else ((), ())
    return Drawing(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        bars=tuple(bars),
        lines=tuple(lines),
        dots=tuple(dots),
        rows=tuple(Tick(at=place.y(tick), words=writer.text(tick, chart.unit)) for tick in ticks),
        columns=_columns(chart.labels, place),
    )


class _Place:
    """From bucket and value to the picture's units."""

    def __init__(self, buckets: int, top: float) -> None:
        self._top = top
        self.step = (WIDTH - LEFT - RIGHT) / buckets

    def x(self, k: int) -> float:
        """The middle of a bucket."""
        return round(LEFT + self.step * (k + 0.5), 2)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self._top * (HEIGHT - TOP - BOTTOM), 2)


def _bars(chart: Chart, writer: Writer, place: _Place) -> list[Bar]:
    width = round(max(place.step * 0.8, 0.6), 2)
    floors = [0.0] * len(chart.labels)
    bars = []
    for series in chart.series:
        for k, value in enumerate(series.values):
            if not value:
                continue
            low, high = floors[k], floors[k] + value
            floors[k] = high
            bars.append(
                Bar(
                    x=round(place.x(k) - width / 2, 2),
                    y=place.y(high),
                    width=width,
                    height=round(place.y(low) - place.y(high), 2),
                    color=series.color,
                    pale=chart.cut[k],
                    words=_words(chart, writer, writer.text(series.name, chart.names), k, value),
                )
            )
    return bars


def _lines(chart: Chart, writer: Writer, place: _Place) -> tuple[list[Line], list[Dot]]:
    lines, dots = [], []
    for series in chart.series:
        known = sum(value is not None for value in series.values)
        paths: dict[bool, list[str]] = {False: [], True: []}
        before: tuple[float, float, bool] | None = None
        for k, value in enumerate(series.values):
            if value is None:
                before = None
                continue
            x, y = place.x(k), place.y(value)
            pale = chart.cut[k] or not (series.sound[k] if series.sound else True)
            if before is not None:  # a piece is as sound as the weaker of its ends
                paths[pale or before[2]].append(f"M{before[0]} {before[1]}L{x} {y}")
            last = k + 1 == len(series.values) or series.values[k + 1] is None
            alone = before is None and last
            before = (x, y, pale)
            dots.append(
                Dot(
                    x=x,
                    y=y,
                    r=3 if known <= _FEW or alone else 1.8,
                    color=series.color,
                    pale=pale,
                    words=_words(chart, writer, series.name, k, value),
                )
            )
        lines += [
            Line(path="".join(path), color=series.color, pale=pale)
            for pale, path in paths.items()
            if path
        ]
    return lines, dots


def _words(chart: Chart, writer: Writer, name: str, k: int, value: float) -> str:
    rests = f", n = {chart.n[k]:,}" if chart.n else ""
    return f"{chart.labels[k]}: {name} {writer.text(value, chart.unit)}{rests}"


def ticks_to(highest: float, whole: bool) -> list[float]:
    """0 and up to five round values that reach the highest."""
    if highest <= 0:
        return [0.0, 1.0]
    raw = highest / _TICKS
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    if whole:
        step = max(1.0, float(round(step)))
    ticks = [0.0]
    while ticks[-1] < highest * (1 - 1e-9):
        ticks.append(round(step * len(ticks), 12))
    return ticks


def _columns(labels: Sequence[str], place: _Place) -> tuple[Tick, ...]:
    every = max(1, -(-len(labels) // _LABELS))
    return tuple(Tick(at=place.x(k), words=labels[k]) for k in range(0, len(labels), every))
