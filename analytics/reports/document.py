"""What a report is made of: sections of figures, tables and charts with raw values and their units.

How a value is written is the renderer's business; CSV and JSON give it as it is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

ReportKind = Literal["daily", "weekly", "monthly", "incident", "data"]
"""Of a period of the recorded runs."""
KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
AnyKind = ReportKind | Literal["evaluation"]
TITLES: dict[AnyKind, str] = {
    "daily": "Daily digest",
    "weekly": "Weekly review",
    "monthly": "Monthly cost allocation",
    "incident": "Incident report",
    "data": "Data protection report",
    "evaluation": "Model evaluation",
}

Unit = Literal[
    "text",
    "id",
    "model",
    "agent",
    "status",
    "error",
    "count",
    "us",
    "pusd",
    "share",
    "per_second",
    "moment",
    "bytes",
    "points",
    "ratio",
    "p_value",
]
"""`us`: a duration in microseconds. `moment`: UTC microseconds. `pusd`: pico-USD. `share`: 0 to 1.
`points`: a difference of shares, -1 to 1. `ratio`: how many times as much. `model`, `agent`, `status`, `error`: a code, shown to people by its name. `id`: never broken into
lines."""
NAMES: frozenset[Unit] = frozenset({"text", "model", "agent", "status", "error"})
"""Units of words, which may be long."""
Raw = str | int | float | None
"""None is unknown, never 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One key figure and, when it can be compared, its value in the period before."""

    name: str
    value: Raw
    unit: Unit
    before: Raw = None
    note: str = ""
    """What it rests on, such as "n = 12"."""
    definition: str = ""
    sound: bool = True
    """False: it rests on too few values to mean much."""
    at_least: bool = False
    """Part of what it sums is unknown."""
    better: Literal["up", "down", "neither"] = "neither"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    items: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    name: str
    unit: Unit = "text"
    key: bool = False
    """Says what a row is about."""
    signed: bool = False
    """A difference: more is written with a plus."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """`rows[k]` has one value per column; `total` is a last row that sums the others."""

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Raw]]
    total: Sequence[Raw] | None = None
    note: str = ""
    """Such as "Showing 10 of 37."."""
    empty: str = "Nothing."
    """Said instead of a table without rows."""
    data_only: bool = False
    """Too long to read: in CSV and JSON only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One name of the legend; None is a gap. `sound[k]` False: rests on too few values."""

    name: str
    color: str
    values: tuple[float | None, ...]
    sound: tuple[bool, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Values over time. Bars are stacked counts or sums, lines are percentiles."""

    name: str
    kind: Literal["bars", "lines"]
    unit: Unit
    question: str
    starts_us: tuple[int, ...]
    labels: tuple[str, ...]
    """The beginning of each bucket on the reporting zone's clocks."""
    cut: tuple[bool, ...]
    """Buckets that the period cuts: not comparable with the others."""
    series: tuple[Series, ...]
    n: tuple[int, ...] = ()
    """What each bucket rests on."""
    names: Unit = "text"
    """What the names of the series are."""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One of a scatter: `y` with its interval over `x`. None is unknown; then it is not drawn."""

    name: str
    color: str
    x: float | None
    y: float | None
    low: float | None
    high: float | None
    marked: bool
    """Nothing beats it in everything."""
    note: str = ""
    """What it rests on, such as "n = 12"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scatter:
    """Two measures of a few things against each other."""

    name: str
    question: str
    x_name: str
    x_unit: Unit
    y_name: str
    y_unit: Unit
    points: tuple[Point, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A sentence or a list of them."""

    lines: tuple[str, ...]


Block = Figures | Table | Chart | Scatter | Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    title: str
    blocks: tuple[Block, ...]
    about: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A finished report. Times are UTC microseconds; `zone` is the reporting zone's name."""

    kind: AnyKind
    period: str
    """In words, such as "Friday, 20 November 2026"; of an evaluation what was evaluated."""
    since_us: int
    until_us: int
    zone: str
    made_at_us: int
    filters: Mapping[str, tuple[str, ...]]
    sections: tuple[Section, ...]
    remarks: tuple[str, ...] = field(default=())
    """What a reader must know before the figures, such as that the period is not over."""
    ledger: Table | None = None
    """The table that the CSV file is, instead of all figures in a row each."""

    @property
    def title(self) -> str:
        return TITLES[self.kind]
