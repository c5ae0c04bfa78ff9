"""A report as Markdown. Text from people and models is escaped: no markup, link or picture of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from analytics.reports.document import (
    NAMES,
    Chart,
    Figures,
    Raw,
    Report,
    Scatter,
    Section,
    Table,
    Unit,
    Words,
)
from analytics.reports.html import filter_words
from analytics.reports.words import Writer, change
from core.text import clean

# A colon before a letter or slash could begin a link, an emoji or a directive.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$&!@^]|:(?=[A-Za-z/]))")
_AT_START = re.compile(r"^([#+\-=]|\d+(?=[.)]))")
_CHART_ROWS = 31


def markdown(report: Report, writer: Writer) -> str:
    """The whole document."""
    return "\n".join(_lines(report, writer)) + "\n"


def safe(text: str) -> str:
    """Text that must appear as it is, within one line: a cell of a table, the end of a sentence."""
    return _SPECIAL.sub(r"\\\1", " ".join(clean(text).split())).replace("www.", "www\\.")


def line(text: str) -> str:
    """Text that must appear as it is, as a line of its own."""
    return _AT_START.sub(lambda m: f"\\{m[1]}" if not m[1].isdigit() else f"{m[1]}\\", safe(text))


def _lines(report: Report, writer: Writer) -> Iterator[str]:
    yield f"# {report.title}"
    yield ""
    yield f"**{safe(report.period)}**"
    yield ""
    made = writer.text(report.made_at_us, "moment")
    yield f"Times are in {safe(report.zone)}. Made {safe(made)} by Switchboard."
    if report.filters:
        yield f"Only {safe(filter_words(report, writer))}."
    for remark in report.remarks:
        yield from ("", f"> {line(remark)}")
    for section in report.sections:
        yield from _section(section, writer)


def _section(section: Section, writer: Writer) -> Iterator[str]:
    yield from ("", f"## {section.title}")
    if section.about:
        yield from ("", line(section.about))
    for block in section.blocks:
        yield ""
        match block:
            case Figures():
                yield from _figures(block, writer)
            case Table():
                yield from _table(block, writer, titled=block.name != section.title)
            case Chart():
                yield from _chart(block, writer)
            case Scatter():
                yield from _scatter(block, writer)
            case Words():
                yield from (f"- {line(sentence)}" for sentence in block.lines)


def _figures(block: Figures, writer: Writer) -> Iterator[str]:
    rows = [
        (
            figure.name,
            writer.figure(figure),
            writer.text(figure.before, figure.unit) if change(figure) else "",
            change(figure) or "",
            figure.note,
        )
        for figure in block.items
    ]
    compared = any(row[3] for row in rows)
    header = ["Figure", "Value", *(["Before", "Change"] if compared else []), "Rests on"]
    kept = rows if compared else [(row[0], row[1], row[4]) for row in rows]
    yield from _grid(header, kept, ["text"] * len(header))


def _table(table: Table, writer: Writer, *, titled: bool) -> Iterator[str]:
    if table.data_only:
        return
    if titled:
        yield from (f"### {safe(table.name)}", "")
    if not table.rows:
        yield line(table.empty)
        return
    units = [column.unit for column in table.columns]

    def cells(row: Sequence[Raw], strong: bool = False) -> list[str]:
        texts = [writer.cell(v, column) for v, column in zip(row, table.columns, strict=True)]
        return [f"**{safe(text)}**" if strong else safe(text) for text in texts]

    rows = [cells(row) for row in table.rows]
    if table.total:
        rows.append(cells(table.total, strong=True))
    yield from _grid([column.name for column in table.columns], rows, units, escaped=True)
    if table.note:
        yield from ("", line(table.note))


def _chart(chart: Chart, writer: Writer) -> Iterator[str]:
    """The values of a chart; a long one is for HTML, CSV and JSON."""
    yield from (f"### {safe(chart.name)}", "", line(chart.question), "")
    if not chart.series:
        yield "Nothing to show."
    elif len(chart.labels) > _CHART_ROWS:
        yield f"{len(chart.labels)} values over time: see the HTML, CSV or JSON form of this report."
    else:
        columns = [
            [writer.text(v, chart.unit) if v is not None else "–" for v in s.values]
            for s in chart.series
        ]
        names = ["From", *(writer.text(series.name, chart.names) for series in chart.series)]
        rows = [[label, *values] for label, *values in zip(chart.labels, *columns, strict=True)]
        yield from _grid(names, rows, ["text", *[chart.unit] * len(columns)])
    if chart.note:
        yield from ("", line(chart.note))


def _scatter(block: Scatter, writer: Writer) -> Iterator[str]:
    """Its values; the picture is for HTML."""
    yield from (f"### {safe(block.name)}", "", line(block.question), "")

    def text(value: float | None, unit: Unit) -> str:
        return "–" if value is None else writer.text(value, unit)

    rows = [
        (p.name, text(p.x, block.x_unit), text(p.y, block.y_unit), text(p.low, block.y_unit),
         text(p.high, block.y_unit), "yes" if p.marked else "no")
        for p in block.points
    ]  # fmt: skip
    names = ["", block.x_name, block.y_name, "from", "to", "Unbeaten"]
    y = block.y_unit
    yield from _grid(names, rows, ["text", block.x_unit, y, y, y, "text"])
    if block.note:
        yield from ("", line(block.note))


def _grid(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    units: Sequence[str],
    *,
    escaped: bool = False,
) -> Iterator[str]:
    yield f"| {' | '.join(map(safe, header))} |"
    marks = ["---" if unit in (*NAMES, "id", "moment") else "---:" for unit in units]
    yield f"| {' | '.join(marks)} |"
    for row in rows:
        yield f"| {' | '.join(row if escaped else map(safe, row))} |"
