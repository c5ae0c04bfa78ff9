"""The file a report is written to: its kind by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analytics.reports.document import Report
from analytics.reports.render import FORMATS, Format, render
from core.errors import InvalidInput, StorageError

if TYPE_CHECKING:
    from agents.runtime import Runtime


def form_of(target: Path) -> Format:
    """By the ending of the file's name. Raises InvalidInput."""
    for form in FORMATS:
        if target.suffix.lower() == f".{form}":
            return form
    raise InvalidInput(
        f"{target} names no kind of report.", what_to_do="End it in .html, .md, .csv or .json."
    )


def write_report(runtime: Runtime, report: Report, target: Path) -> None:
    """Raises StorageError."""
    content = render(report, form_of(target), runtime.catalog)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as exc:
        raise StorageError(
            f"{target} cannot be written: {exc.strerror or exc}.",
            what_to_do="Give another file with --report.",
        ) from exc
