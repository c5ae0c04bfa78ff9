"""Marks on the time axis where a new version of Switchboard began to record."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from analytics.call_rows import Row
from analytics.schema import annotation, run
from core.ids import new_id

RELEASE = "release"
_NEWEST = 1_000
"""Runs that are looked at for a version: no index leads to it, and old ones need no mark."""


class Releases:
    """Of one process. Add what `mark` returns to `known` when the transaction is committed.

    It outlives a lost file: a version that recorded into the old one is no release in the new one.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()

    def mark(self, connection: Connection, runs: Sequence[Row]) -> set[str]:
        """Writes a mark for each version that has neither mark nor run yet; call it before `runs`
        are inserted. Returns the versions looked at.

        A mark that somebody deleted does not come back.
        """
        first: dict[str, int] = {}
        for row in runs:
            version, at_us = row.get("app_version"), row.get("started_at_us")
            imported = row.get("import_id") is not None
            if not version or imported or at_us is None or version in self.known:
                continue
            first[str(version)] = min(int(at_us), first.get(str(version), int(at_us)))
        for version, at_us in first.items():
            if not _seen(connection, version):
                mark = {
                    "annotation_id": new_id(),
                    "at_us": at_us,
                    "kind": RELEASE,
                    "label": version,
                }
                connection.execute(insert(annotation), mark)
        return set(first)


def _seen(connection: Connection, version: str) -> bool:
    marked = select(annotation.c.annotation_id).where(
        annotation.c.kind == RELEASE, annotation.c.label == version
    )
    if connection.execute(marked.limit(1)).first() is not None:
        return True
    newest = select(run.c.app_version, run.c.status, run.c.import_id)
    rows = connection.execute(newest.order_by(run.c.started_at_us.desc()).limit(_NEWEST))
    return any(
        row.app_version == version
        and row.import_id is None
        and row.status not in ("running", "lost")  # they were never written as a whole
        for row in rows
    )
