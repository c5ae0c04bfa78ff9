"""A report as data: JSON with everything, CSV with one figure in a row (or the ledger's rows)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from analytics.export_csv import Cell, to_csv
from analytics.reports.document import (
    Block,
    Chart,
    Figures,
    Raw,
    Report,
    Scatter,
    Section,
    Table,
    Words,
)
from analytics.timeaxis import local

_HEADER = ("report", "since", "until", "section", "table", "row", "figure", "unit", "value", "note")


def as_json(report: Report, zone: ZoneInfo) -> str:
    """Raw values with their units: `us` microseconds, `pusd` pico-USD, `moment` UTC microseconds."""
    return json.dumps(_document(report, zone), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_csv(report: Report, zone: ZoneInfo) -> bytes:
    """The ledger if there is one, else all figures, tables and charts in long form."""
    if report.ledger is not None:
        table = report.ledger
        return to_csv([column.name for column in table.columns], table.rows)
    head = (report.kind, _iso(report.since_us, zone), _iso(report.until_us, zone))
    rows = (
        (*head, section.title, *row)
        for section in report.sections
        for block in section.blocks
        for row in _long(block)
    )
    return to_csv(_HEADER, rows)


def _iso(at_us: int, zone: ZoneInfo) -> str:
    return local(at_us, zone).isoformat()


def _document(report: Report, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "report": report.kind,
        "title": report.title,
        "period": {
            "words": report.period,
            "since_us": report.since_us,
            "until_us": report.until_us,
            "since": _iso(report.since_us, zone),
            "until": _iso(report.until_us, zone),
            "zone": report.zone,
        },
        "made_at_us": report.made_at_us,
        "made_at": _iso(report.made_at_us, zone),
        "filters": {name: list(values) for name, values in report.filters.items()},
        "remarks": list(report.remarks),
        "sections": [_section(section) for section in report.sections],
        "ledger": _table(report.ledger) if report.ledger else None,
    }


def _section(section: Section) -> dict[str, Any]:
    found: dict[str, Any] = {"title": section.title, "about": section.about}
    for block in section.blocks:
        match block:
            case Figures():
                found.setdefault("figures", []).extend(
                    {
                        "name": f.name, "unit": f.unit, "value": f.value, "before": f.before,
                        "enough_values": f.sound, "lower_bound": f.at_least, "rests_on": f.note,
                        "definition": f.definition,
                    }
                    for f in block.items
                )  # fmt: skip
            case Table():
                found.setdefault("tables", []).append(_table(block))
            case Chart():
                found.setdefault("charts", []).append(_chart(block))
            case Scatter():
                found.setdefault("scatters", []).append(_scatter(block))
            case Words():
                found.setdefault("words", []).extend(block.lines)
    return found


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "columns": [{"name": column.name, "unit": column.unit} for column in table.columns],
        "rows": [list(row) for row in table.rows],
        "total": list(table.total) if table.total else None,
        "note": table.note,
    }


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "name": chart.name,
        "unit": chart.unit,
        "starts_us": list(chart.starts_us),
        "cut": list(chart.cut),
        "n": list(chart.n),
        "series": {series.name: list(series.values) for series in chart.series},
        "note": chart.note,
    }


def _scatter(scatter: Scatter) -> dict[str, Any]:
    return {
        "name": scatter.name,
        "x": {"name": scatter.x_name, "unit": scatter.x_unit},
        "y": {"name": scatter.y_name, "unit": scatter.y_unit},
        "points": [
            {
                "name": p.name, "x": p.x, "y": p.y, "low": p.low, "high": p.high,
                "on_frontier": p.marked, "rests_on": p.note,
            }
            for p in scatter.points
        ],
        "note": scatter.note,
    }  # fmt: skip


def _long(block: Block) -> Iterator[tuple[Cell, ...]]:
    """(table, row, figure, unit, value, note) of every value."""
    match block:
        case Figures():
            for figure in block.items:
                yield ("", "", figure.name, figure.unit, figure.value, figure.note)
                if figure.before is not None:
                    yield ("", "period before", figure.name, figure.unit, figure.before, "")
        case Table():
            for row in (*block.rows, *([block.total] if block.total else [])):
                keys = [v for v, c in zip(row, block.columns, strict=True) if c.key]
                name = " · ".join(_key(value) for value in keys)
                for value, column in zip(row, block.columns, strict=True):
                    if not column.key:
                        yield (block.name, name, column.name, column.unit, value, "")
        case Chart():
            for series in block.series:
                for k, label in enumerate(block.labels):
                    note = "cut" if block.cut[k] else ""
                    yield (block.name, label, series.name, block.unit, series.values[k], note)
        case Scatter():
            for p in block.points:
                yield (block.name, p.name, block.x_name, block.x_unit, p.x, "")
                yield (block.name, p.name, block.y_name, block.y_unit, p.y, p.note)
        case Words():
            for line in block.lines:
                yield ("", "", "", "text", line, "")


def _key(value: Raw) -> str:
    return "" if value is None else str(value)
