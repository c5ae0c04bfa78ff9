"""The message tree as queries: the branch up from a message, what lies below one, its versions.

Works on ids of one thread; who may see it is checked by those who ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CTE, Connection, literal, or_, select

from agents.tables import message


def branch(message_id: str, limit: int) -> CTE:
    """`id` and `depth` of a message (0) and at most `limit - 1` of those it follows."""
    first = select(message.c.id, message.c.parent_id, literal(0).label("depth"))
    found = first.where(message.c.id == message_id).cte("branch", recursive=True)
    above = message.alias("above")
    return found.union_all(
        select(above.c.id, above.c.parent_id, found.c.depth + 1)
        .join(found, above.c.id == found.c.parent_id)
        .where(found.c.depth < limit - 1)
    )


def rows_of_branch(connection: Connection, message_id: str, limit: int) -> list[Any]:
    """The newest `limit` messages of the branch that ends with a message, in reading order."""
    found = branch(message_id, limit)
    query = select(message).join(found, found.c.id == message.c.id).order_by(found.c.depth.desc())
    return list(connection.execute(query))


def newest_below(connection: Connection, message_id: str) -> str:
    """Where the newest branch through a message ends: at itself when nothing follows it."""
    first = select(message.c.id, message.c.position).where(message.c.id == message_id)
    found = first.cte("below", recursive=True)
    child = message.alias("child")
    found = found.union_all(
        select(child.c.id, child.c.position).join(found, child.c.parent_id == found.c.id)
    )
    query = select(found.c.id).order_by(found.c.position.desc()).limit(1)
    return str(connection.scalar(query))


def versions(
    connection: Connection, thread_id: str, parents: Iterable[str | None]
) -> dict[str | None, tuple[str, ...]]:
    """Parent to the ids of all messages that follow it, oldest first."""
    wanted = set(parents)
    known = [parent for parent in wanted if parent is not None]
    among = message.c.parent_id.in_(known)
    where = or_(among, message.c.parent_id.is_(None)) if None in wanted else among
    query = (
        select(message.c.parent_id, message.c.id)
        .where(message.c.thread_id == thread_id, where)
        .order_by(message.c.position)
    )
    found: dict[str | None, tuple[str, ...]] = {}
    for row in connection.execute(query):
        found[row.parent_id] = (*found.get(row.parent_id, ()), row.id)
    return found


def questions_among(connection: Connection, ids: Iterable[str | None]) -> set[str]:
    """Those of the messages that a person wrote."""
    query = select(message.c.id).where(message.c.id.in_(set(ids)), message.c.role == "user")
    return set(connection.scalars(query))


def question_above(connection: Connection, message_id: str) -> Any:
    """The nearest message of a person on the way up, itself included; None when there is none."""
    row = connection.execute(select(message).where(message.c.id == message_id)).first()
    while row is not None and row.role != "user":
        row = connection.execute(select(message).where(message.c.id == row.parent_id)).first()
    return row
