"""Keeps views of the dashboard and notes on the time axis. Called on the writer: `Recorder.write`.

Names and labels are people's own words: checked here, escaped where they are drawn.
"""

from __future__ import annotations

import time

from sqlalchemy import Connection, delete, insert, select

from analytics.schema import annotation, saved_view
from core.errors import InvalidInput, NotFound
from core.ids import new_id

MAX_NAME, MAX_LABEL, MAX_QUERY = 60, 60, 4_000
MAX_VIEWS = 100
NOTE = "note"


def save_view(connection: Connection, owner: str, name: str, query: str) -> str:
    """Keeps a URL query under a name; gives its id. Raises InvalidInput."""
    name = _checked(name, "The view", MAX_NAME)
    if len(query) > MAX_QUERY:
        raise InvalidInput(
            "These filters are too long to be kept.", what_to_do="Choose fewer values."
        )
    mine = saved_view.c.owner == owner
    names = connection.execute(select(saved_view.c.name).where(mine)).scalars().all()
    if name.casefold() in (kept.casefold() for kept in names):
        raise InvalidInput(
            "There is a view of that name already.",
            what_to_do="Choose another name, or delete that view first.",
        )
    if len(names) >= MAX_VIEWS:
        raise InvalidInput(
            f"At most {MAX_VIEWS} views can be kept.", what_to_do="Delete one that is not needed."
        )
    view_id = new_id()
    connection.execute(
        insert(saved_view).values(
            view_id=view_id, owner=owner, name=name, query=query, created_at_us=_now_us()
        )
    )
    return view_id


def delete_view(connection: Connection, owner: str, view_id: str) -> None:
    """Raises NotFound, also for a view of somebody else."""
    mine = (saved_view.c.view_id == view_id, saved_view.c.owner == owner)
    if not connection.execute(delete(saved_view).where(*mine)).rowcount:
        raise NotFound("This view was deleted before.", what_to_do="Look at the list again.")


def add_note(connection: Connection, label: str, at_us: int) -> str:
    """Puts a note on the time axis; gives its id. Raises InvalidInput."""
    label = _checked(label, "The note", MAX_LABEL)
    note_id = new_id()
    connection.execute(
        insert(annotation).values(annotation_id=note_id, at_us=at_us, kind=NOTE, label=label)
    )
    return note_id


def delete_note(connection: Connection, note_id: str) -> None:
    """Raises NotFound; marks that are not notes stay."""
    found = (annotation.c.annotation_id == note_id, annotation.c.kind == NOTE)
    if not connection.execute(delete(annotation).where(*found)).rowcount:
        raise NotFound("This note was deleted before.", what_to_do="Look at the list again.")


def _checked(text: str, what: str, longest: int) -> str:
    """The text on one line. Raises InvalidInput with the reason."""
    one_line = " ".join(text.split())
    if not one_line:
        raise InvalidInput(f"{what} has no name.", what_to_do="Write a few words.")
    if len(one_line) > longest:
        raise InvalidInput(
            f"{what}'s name has {len(one_line)} characters; at most {longest} fit.",
            what_to_do="Write fewer words.",
        )
    if not one_line.isprintable():
        raise InvalidInput(
            f"{what}'s name has characters that cannot be shown.",
            what_to_do="Leave them out.",
        )
    return one_line


def _now_us() -> int:
    return time.time_ns() // 1000
