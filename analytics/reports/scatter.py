"""Where the parts of a scatter lie: dots with whiskers, from 0 to the right, from bad to good upwards."""

from __future__ import annotations

from math import ceil, floor

from analytics.reports.document import Point, Scatter
from analytics.reports.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Dot,
    Drawing,
    Line,
    Tick,
    ticks_to,
)
from analytics.reports.words import Writer

_CAP = 4
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
_MOST_ROWS = 6


def draw_scatter(scatter: Scatter, writer: Writer) -> Drawing | None:
    """The picture; None when nothing has both values. `y` is a share from 0 to 1."""
    known = [point for point in scatter.points if point.x is not None and point.y is not None]
    if not known:
        return None
    furthest = max(point.x or 0 for point in known)
    columns = ticks_to(furthest, scatter.x_unit == "count") if furthest else [0.0]
    rows = _rows(known)
    place = _Place(columns[-1], rows)
    drawn = [_dot(point, scatter, writer, place) for point in known]
    return Drawing(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        bars=(),
        lines=tuple(_whisker(point, place) for point in known if point.low is not None),
        dots=tuple(drawn),
        rows=tuple(Tick(at=place.y(v), words=writer.text(v, scatter.y_unit)) for v in rows),
        columns=tuple(Tick(at=place.x(v), words=writer.text(v, scatter.x_unit)) for v in columns),
    )


class _Place:
    """From values to the picture's units; room to the right for the last label's half."""

    def __init__(self, right: float, rows: list[float]) -> None:
        self._right, self._low, self._high = right or 1.0, rows[0], rows[-1]

    def x(self, value: float) -> float:
        return round(LEFT + value / self._right * (WIDTH - LEFT - 4 * RIGHT), 2)

    def y(self, value: float) -> float:
        part = (value - self._low) / (self._high - self._low)
        return round(HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM), 2)


def _rows(points: list[Point]) -> list[float]:
    """Round shares around all intervals, not from 0: the differences are what one looks for."""
    ends = [v for p in points for v in (p.y, p.low, p.high) if v is not None]
    low, high = min(ends), max(ends)
    for step in _STEPS:
        first = floor(low / step + 1e-9)
        last = max(ceil(high / step - 1e-9), first + 1)
        if last - first < _MOST_ROWS:
            return [round(k * step, 4) for k in range(first, last + 1)]
    return [0.0, 1.0]


def _dot(point: Point, scatter: Scatter, writer: Writer, place: _Place) -> Dot:
    x, y = point.x or 0.0, point.y or 0.0
    words = f"{point.name}: {writer.text(y, scatter.y_unit)}, {writer.text(x, scatter.x_unit)}"
    return Dot(
        x=place.x(x),
        y=place.y(y),
        r=5 if point.marked else 3,
        color=point.color,
        pale=False,
        words=f"{words}, {point.note}" if point.note else words,
    )


def _whisker(point: Point, place: _Place) -> Line:
    x = place.x(point.x or 0.0)
    low, high = place.y(point.low or 0.0), place.y(point.high or 0.0)
    ends = "".join(f"M{x - _CAP} {y}L{x + _CAP} {y}" for y in (low, high))
    return Line(path=f"M{x} {low}L{x} {high}{ends}", color=point.color, pale=False)
