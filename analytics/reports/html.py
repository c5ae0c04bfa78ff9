"""A report as one HTML file: no scripts, no requests, light and dark, printable.

Every value passes Jinja2's autoescape; a Content-Security-Policy inside forbids the rest.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.reports.document import (
    NAMES,
    Chart,
    Figure,
    Figures,
    Report,
    Scatter,
    Section,
    Table,
    Unit,
    Words,
)
from analytics.reports.drawing import draw
from analytics.reports.scatter import draw_scatter
from analytics.reports.words import Writer, change, verdict
from core.version import VERSION

if TYPE_CHECKING:
    from jinja2 import Template

_FILTERS: dict[str, Unit] = {"model": "model", "agent": "agent", "status": "status"}
_TEMPLATE = Path(__file__).with_name("report.html")


def html(report: Report, writer: Writer) -> str:
    """The whole document."""
    return _template().render(
        report=report,
        made=writer.text(report.made_at_us, "moment"),
        filters=filter_words(report, writer),
        sections=[_section(section, writer) for section in report.sections],
        version=VERSION,
    )


def filter_words(report: Report, writer: Writer) -> str:
    """The filters in words, for people."""
    return "; ".join(
        f"{name.replace('_', ' ')}: "
        + ", ".join(writer.text(v, _FILTERS.get(name, "text")) for v in values)
        for name, values in report.filters.items()
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # 60 ms that no page should wait for

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_TEMPLATE.read_text("utf-8"))


def _section(section: Section, writer: Writer) -> dict[str, Any]:
    """Blocks as the template wants them; charts that follow each other stand side by side."""
    groups: list[dict[str, Any]] = []
    for block in section.blocks:
        match block:
            case Figures():
                tiles = [_tile(figure, writer) for figure in block.items]
                groups.append({"kind": "figures", "items": tiles})
            case Chart():
                _beside(groups, _chart(block, writer))
            case Scatter():
                _beside(groups, _scatter(block, writer))
            case Table():
                if not block.data_only:
                    groups.append(_table(block, writer))
            case Words():
                groups.append({"kind": "words", "lines": block.lines})
    # `items` of a dictionary is a method: the template asks for attributes first.
    return {
        "title": section.title,
        "about": section.about,
        "groups": [_Group(group) for group in groups],
    }


def _beside(groups: list[dict[str, Any]], drawn: dict[str, Any]) -> None:
    if not groups or groups[-1]["kind"] != "charts":
        groups.append({"kind": "charts", "items": []})
    groups[-1]["items"].append(drawn)


class _Group:
    """Attributes for the template."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.__dict__.update(given)


def _tile(figure: Figure, writer: Writer) -> dict[str, Any]:
    return {
        "name": figure.name,
        "value": writer.figure(figure),
        "change": change(figure),
        "verdict": verdict(figure),
        "before": writer.text(figure.before, figure.unit),
        "note": figure.note,
        "definition": figure.definition,
        "sound": figure.sound,
    }


def _chart(chart: Chart, writer: Writer) -> dict[str, Any]:
    return {
        "name": chart.name,
        "question": chart.question,
        "note": chart.note,
        "drawing": draw(chart, writer),
        "series": [
            {"name": writer.text(series.name, chart.names), "color": series.color}
            for series in chart.series
        ],
    }


def _scatter(scatter: Scatter, writer: Writer) -> dict[str, Any]:
    return {
        "name": scatter.name,
        "question": scatter.question,
        "note": scatter.note,
        "drawing": draw_scatter(scatter, writer),
        "series": [{"name": point.name, "color": point.color} for point in scatter.points],
    }


def _table(table: Table, writer: Writer) -> dict[str, Any]:
    def cells(row: Any) -> list[str]:
        return [
            writer.cell(value, column) for value, column in zip(row, table.columns, strict=True)
        ]

    css = {**dict.fromkeys(NAMES, "text"), "id": "id", "moment": "when"}
    return {
        "kind": "table",
        "name": table.name,
        "columns": [{"name": c.name, "css": css.get(c.unit, "num")} for c in table.columns],
        "rows": [cells(row) for row in table.rows],
        "total": cells(table.total) if table.total else None,
        "note": table.note,
        "empty": table.empty,
    }
