"""Kept reports: files in `reports/` of the data folder, a row each in the table `report`.

The newest 400 files are kept. A file that somebody changed since it was made is said to be changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.reports.build import make_report
from analytics.reports.document import KINDS, ReportKind
from analytics.reports.periods import Period
from analytics.reports.render import FORMATS, Format, render
from analytics.schema import report
from core.catalog import Catalog
from core.errors import NotFound, StorageError
from core.ids import new_id
from core.settings import Settings

FOLDER = "reports"
MOST_FILES = 400
Trigger = Literal["page", "schedule"]
_NAME = re.compile(rf"(?:{'|'.join(KINDS)})-[0-9TW-]+(?:-[0-9a-f]{{8}})?\.(?:{'|'.join(FORMATS)})")


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptReport:
    """A report that was made. `files`: name -> SHA-256, only of files that are still there."""

    report_id: str
    kind: ReportKind
    since_us: int
    until_us: int
    created_at_us: int
    trigger: str
    filters: Mapping[str, tuple[str, ...]]
    files: Mapping[str, str]


class Shelf:
    """Makes and keeps reports. Safe from any thread; every method may raise StorageError."""

    def __init__(
        self,
        queries: Queries,
        recorder: Recorder,
        settings: Settings,
        catalog: Callable[[], Catalog],
        agents: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = settings.data_dir / FOLDER
        self._queries, self._recorder = queries, recorder
        self._settings, self._catalog, self._agents = settings, catalog, agents

    def make(
        self,
        period: Period,
        *,
        now_us: int,
        forms: Sequence[Format] = FORMATS,
        keep: Filter | None = None,
        trigger: Trigger = "page",
    ) -> KeptReport:
        """Makes a report, writes its files, notes it down, and lets the oldest files go."""
        catalog = self._catalog()
        made = make_report(self._queries, self._settings, catalog, period, keep, now_us=now_us)
        report_id = new_id()
        # A scheduled report of a period has one name, so making it again replaces its files.
        name = f"{period.kind}-{period.code}"
        if trigger != "schedule":
            name += f"-{report_id[-8:]}"
        files: dict[str, str] = {}
        for form in forms:
            content = render(made, form, catalog, self._agents)
            self._write(f"{name}.{form}", content)
            files[f"{name}.{form}"] = hashlib.sha256(content).hexdigest()
        row = {
            "report_id": report_id,
            "kind": period.kind,
            "filter": json.dumps(dict(made.filters), sort_keys=True),
            "since_us": period.since_us,
            "until_us": period.until_us,
            "created_at_us": now_us,
            "trigger": trigger,
            "files": json.dumps(files),
        }
        gone = self._prune(set(files))
        self._recorder.write(lambda connection: _note(connection, row, gone))
        return _kept(row, self.folder)

    def reports(self, limit: int = 100) -> list[KeptReport]:
        """Newest first; those without any file left are not among them."""
        newest = select(report).order_by(report.c.created_at_us.desc(), report.c.report_id)
        rows = self._queries.ask(lambda ask: ask.reader.rows(newest.limit(limit)), Filter())
        return [kept for row in rows if (kept := _kept(row, self.folder)).files]

    def scheduled(self, kind: ReportKind) -> set[int]:
        """The beginnings of the periods of which a scheduled report was made."""
        made = select(report.c.since_us).where(
            report.c.kind == kind, report.c.trigger == "schedule"
        )
        rows = self._queries.ask(lambda ask: ask.reader.rows(made), Filter())
        return {row["since_us"] for row in rows}

    def path(self, name: str) -> Path:
        """The file of a kept report. Raises NotFound, also for a name that is not of one."""
        path = self.folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NotFound(
                f"There is no report '{name[:80]}'.", what_to_do="It may have been deleted."
            )
        return path

    def intact(self, name: str, digest: str) -> bool:
        """Whether a file is what was written."""
        return hashlib.sha256(self.path(name).read_bytes()).hexdigest() == digest

    def delete(self, report_id: str) -> None:
        """Removes a report and its files. One that is gone already is fine."""
        rows = self._queries.ask(
            lambda ask: ask.reader.rows(select(report).where(report.c.report_id == report_id)),
            Filter(),
        )
        for row in rows:
            for name in _kept(row, self.folder).files:
                try:
                    self.path(name).unlink(missing_ok=True)
                except OSError as exc:
                    raise StorageError(f"{name} cannot be deleted: {exc.strerror}.") from exc
        self._recorder.write(lambda connection: _forget(connection, report_id))

    def _write(self, name: str, content: bytes) -> None:
        part = self.folder / f".{name}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_bytes(content)
            part.replace(self.folder / name)
        except OSError as exc:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise StorageError(
                f"The report {name} cannot be written: {exc.strerror or exc}.",
                what_to_do="Free some space or check the rights of the data folder, then try again.",
            ) from exc

    def _prune(self, fresh: set[str]) -> list[str]:
        """Removes the oldest files beyond the limit, never those just made. The names removed."""
        files = []
        for path in self.folder.glob("*"):
            with suppress(OSError):
                if _NAME.fullmatch(path.name):
                    files.append((path.name in fresh, path.stat().st_mtime_ns, path))
        gone = []
        for _, _, path in sorted(files)[: max(0, len(files) - MOST_FILES)]:
            with suppress(OSError):
                path.unlink()
                gone.append(path.name)
        return gone


def _note(connection: Connection, row: dict[str, Any], gone: list[str]) -> None:
    """The row of a new report; those whose files are all gone leave the list."""
    if row["trigger"] == "schedule":
        connection.execute(
            delete(report).where(
                report.c.kind == row["kind"],
                report.c.since_us == row["since_us"],
                report.c.trigger == "schedule",
            )
        )
    connection.execute(insert(report), row)
    if not gone:
        return
    for old in connection.execute(select(report.c.report_id, report.c.files)).all():
        if set(_files(old.files)) <= set(gone):
            _forget(connection, old.report_id)


def _forget(connection: Connection, report_id: str) -> None:
    """Takes a report off the list. That a scheduled one was made stays noted, or it would be again."""
    one = report.c.report_id == report_id
    connection.execute(delete(report).where(one, report.c.trigger != "schedule"))
    connection.execute(update(report).where(one).values(files="{}"))


def _kept(row: Mapping[str, Any], folder: Path) -> KeptReport:
    named = _files(row["files"])
    filters = json.loads(row["filter"])
    return KeptReport(
        report_id=row["report_id"],
        kind=row["kind"],
        since_us=row["since_us"],
        until_us=row["until_us"],
        created_at_us=row["created_at_us"],
        trigger=row["trigger"],
        filters={name: tuple(values) for name, values in filters.items()},
        files={name: d for name, d in named.items() if (folder / name).is_file()},
    )


def _files(text: str) -> dict[str, str]:
    """File names and digests; a name that is not of a report's file is left out."""
    given = json.loads(text)
    return {name: str(digest) for name, digest in given.items() if _NAME.fullmatch(name)}
