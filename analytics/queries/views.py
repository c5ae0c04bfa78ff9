"""What people keep beside the figures: saved views of the dashboard, and marks on the time axis."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from analytics.queries.ask import Ask
from analytics.queries.reading import Reader
from analytics.schema import annotation, run, saved_view
from analytics.timeaxis import Window

MAX_MARKS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedView:
    """A named query of the dashboard's URL."""

    view_id: str
    name: str
    query: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """A mark on the time axis."""

    annotation_id: str
    at_us: int
    kind: str
    """`release` or `note`."""
    label: str
    first: bool = False
    """A release before which nothing was recorded: not a change of anything."""


def saved_views(ask: Ask, owner: str) -> tuple[SavedView, ...]:
    """A person's views by name."""
    columns = (saved_view.c.view_id, saved_view.c.name, saved_view.c.query)
    mine = select(*columns).where(saved_view.c.owner == owner).order_by(saved_view.c.name)
    return tuple(SavedView(**row) for row in ask.reader.rows(mine))


def marks(ask: Ask) -> tuple[Annotation, ...]:
    """The newest MAX_MARKS marks of the range, oldest first."""
    return marks_between(ask.reader, ask.scope.window)


def marks_between(reader: Reader, window: Window) -> tuple[Annotation, ...]:
    """The newest MAX_MARKS marks of a window, oldest first."""
    inside = annotation.c.at_us >= window.since_us, annotation.c.at_us < window.until_us
    newest = select(
        annotation.c.annotation_id, annotation.c.at_us, annotation.c.kind, annotation.c.label
    ).where(*inside)
    rows = reader.rows(newest.order_by(annotation.c.at_us.desc()).limit(MAX_MARKS))
    start = reader.rows(select(func.min(run.c.started_at_us).label("us")))
    since = start[0]["us"] if start else None  # no file yet
    return tuple(
        Annotation(
            **row,
            first=row["kind"] == "release" and (since is None or row["at_us"] <= since),
        )
        for row in reversed(rows)
    )
