"""Values of a report as people read them. Unknown is said, never shown as 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never
from zoneinfo import ZoneInfo

from analytics.reports.document import Column, Figure, Raw, Unit
from analytics.timeaxis import local
from core.catalog import Catalog
from core.pricing import format_usd
from core.words import error_name, status_name

UNKNOWN = "unknown"
SAME, HARDLY = "unchanged", "hardly changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """Writes raw values of any unit as text."""

    zone: ZoneInfo
    catalog: Catalog
    agents: Mapping[str, str] = field(default_factory=dict)
    """Titles of agents by their names."""

    def text(self, value: Raw, unit: Unit) -> str:
        """One value. Text may hold anything a person or a model wrote: the caller escapes."""
        if value is None:
            return UNKNOWN
        if isinstance(value, str):
            return self._name(value, unit)
        match unit:
            case "us":
                return duration(value)
            case "pusd":
                return format_usd(int(value))
            case "share":
                return f"{value * 100:.1f} %"
            case "count":
                return f"{value:,.0f}"
            case "per_second":
                return f"{value:,.0f} tokens/s"
            case "moment":
                return f"{local(int(value), self.zone):%Y-%m-%d %H:%M:%S}"
            case "bytes":
                return size(value)
            case "points":
                return f"{value * 100:.1f} points"
            case "ratio":
                return f"{value:.2f} ×" if value < 10 else f"{value:,.0f} ×"
            case "p_value":
                return f"{value:.3f}" if value >= 0.001 else "< 0.001"
            case "text" | "id" | "model" | "agent" | "status" | "error":
                return str(value)
            case _:
                assert_never(unit)

    def cell(self, value: Raw, column: Column) -> str:
        """A value of a table; what is unknown there is a dash."""
        if value is None:
            return "–"
        plus = column.signed and not isinstance(value, str) and value > 0
        return f"{'+' if plus else ''}{self.text(value, column.unit)}"

    def _name(self, code: str, unit: Unit) -> str:
        match unit:
            case "model":
                return self.catalog.display_name(code)
            case "agent":
                return self.agents.get(code, code)
            case "status":
                return status_name(code)
            case "error":
                return error_name(code)
            case _:
                return code

    def figure(self, figure: Figure) -> str:
        """A figure's value; what is only partly known is a lower bound."""
        floor = "at least " if figure.at_least and figure.value is not None else ""
        return f"{floor}{self.text(figure.value, figure.unit)}"


def duration(us: float) -> str:
    """Microseconds as "12 ms", "1.24 s", "2 min 5 s" or "3 h 10 min"."""
    ms = us / 1000
    if ms < 1:
        return "< 1 ms" if us else "0 ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 100:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    if minutes < 100:
        return f"{minutes} min {int(seconds % 60)} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 72 else f"{hours // 24} days"


def size(num_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:,.0f} {unit}" if unit == "B" else f"{num_bytes:,.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.1f} GB"


def change(figure: Figure) -> str | None:
    """How a figure differs from the period before; None when that says nothing."""
    now, before = figure.value, figure.before
    if not isinstance(now, int | float) or not isinstance(before, int | float):
        return None
    if now == before:
        return SAME
    if figure.unit == "share":
        points = (now - before) * 100
        return f"{points:+.1f} points" if abs(points) >= 0.05 else HARDLY
    if before == 0:
        return None
    percent = 100 * (now / before - 1)
    return f"{percent:+,.0f} %" if abs(percent) >= 0.5 else HARDLY


def verdict(figure: Figure) -> str:
    """`good`, `bad` or `neither`: whether the change is what one wants."""
    now, before = figure.value, figure.before
    hardly = change(figure) in (None, SAME, HARDLY)
    if figure.better == "neither" or not figure.sound or hardly:
        return "neither"
    assert isinstance(now, int | float)
    assert isinstance(before, int | float)
    return "good" if (now > before) == (figure.better == "up") else "bad"
