"""Gives what one owner has in app.db to another: of use when people begin to log in."""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, delete, select, update

from agents.comparing.tables import lineup, vote
from agents.evaluation.tables import question_set
from agents.identity.tables import TABLES
from agents.tables import metadata, preference, queued_message, run

PEOPLE = ("owner", "answered_by")
"""Columns that hold an owner. Votes have another, which also names models and voters of other houses."""
BY_PEOPLE = "page"
"""Source of votes given here."""
LONGEST = {"lineup": 60, "question_set": 120}


def adopt_rows(connection: Connection, source: str, owner: str) -> dict[str, int]:
    """How many rows of each table are the new owner's now. Where both chose something, what the new
    owner chose stays; where both gave a name, the one that comes gets another."""
    _drop_chosen(connection, source, owner)
    _rename(connection, lineup, source, owner)
    _rename(connection, question_set, source, owner)
    for table in (run, queued_message):
        _requests(connection, table, source, owner)
    moved: dict[str, int] = {}
    for table in metadata.sorted_tables:
        if table in TABLES:
            continue
        for name in PEOPLE:
            if name in table.c:
                mine = update(table).where(table.c[name] == source).values({name: owner})
                moved[table.name] = moved.get(table.name, 0) + connection.execute(mine).rowcount
    ballots = update(vote).where(vote.c.voter == source, vote.c.source == BY_PEOPLE)
    moved[vote.name] = connection.execute(ballots.values(voter=owner)).rowcount
    return {name: number for name, number in moved.items() if number}


def _drop_chosen(connection: Connection, source: str, owner: str) -> None:
    chosen = select(preference.c.name).where(preference.c.owner == owner)
    connection.execute(
        delete(preference).where(preference.c.owner == source, preference.c.name.in_(chosen))
    )


def _rename(connection: Connection, table: Table, source: str, owner: str) -> None:
    def names(whose: str) -> set[str]:
        found = select(table.c.name).where(table.c.owner == whose)
        return set(connection.execute(found).scalars())

    theirs, coming = names(owner), names(source)
    for name in sorted(coming & theirs):
        free = _free(name, LONGEST[table.name], theirs | coming)
        coming.add(free)
        same = and_(table.c.owner == source, table.c.name == name)
        connection.execute(update(table).where(same).values(name=free))


def _free(name: str, longest: int, taken: set[str]) -> str:
    endings = (f" ({number})" for number in count(2))
    return next(
        one for one in (name[: longest - len(end)] + end for end in endings) if one not in taken
    )


def _requests(connection: Connection, table: Table, source: str, owner: str) -> None:
    """A request is kept with the owner it was made for."""
    found = connection.execute(select(table.c.id, table.c.request).where(table.c.owner == source))
    rows: list[dict[str, Any]] = [
        {"key": row.id, "changed": {**row.request, "owner": owner}}
        for row in found
        if "owner" in row.request
    ]
    if rows:
        change = update(table).where(table.c.id == bindparam("key"))
        connection.execute(
            change.values(request=bindparam("changed", type_=table.c.request.type)), rows
        )
