"""A report in one of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from analytics.reports.data import as_csv, as_json
from analytics.reports.document import Report
from analytics.reports.words import Writer
from core.catalog import Catalog

Format = Literal["html", "md", "csv", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
MIME: dict[str, str] = {
    "html": "text/html",
    "md": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
}


def render(
    report: Report, form: Format, catalog: Catalog, agents: Mapping[str, str] | None = None
) -> bytes:
    """The file's bytes, in UTF-8. `agents`: their titles, for the forms that people read."""
    zone = ZoneInfo(report.zone)
    if form == "csv":
        return as_csv(report, zone)
    if form == "json":
        return as_json(report, zone).encode("utf-8", "replace")
    writer = Writer(zone=zone, catalog=catalog, agents=agents or {})
    if form == "html":
        from analytics.reports.html import html

        return html(report, writer).encode("utf-8", "replace")
    from analytics.reports.markdown import markdown

    return markdown(report, writer).encode("utf-8", "replace")
