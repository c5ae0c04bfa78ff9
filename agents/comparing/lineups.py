"""Line-ups: named lists of configurations that are compared again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from agents.comparing.tables import lineup
from agents.comparing.values import FEWEST, MOST
from agents.threads import now_us
from core.comparison import Configuration
from core.database import Database
from core.errors import InvalidInput
from core.ids import new_id
from core.text import clean

MAX_NAME = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineup:
    name: str
    configurations: tuple[Configuration, ...]


class LineupStore:
    def __init__(self, database: Database) -> None:
        self._db = database

    def list(self, owner: str) -> list[Lineup]:
        """By name."""
        query = select(lineup).where(lineup.c.owner == owner).order_by(lineup.c.name)
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [
            Lineup(
                name=row.name,
                configurations=tuple(Configuration.from_dict(one) for one in row.configurations),
            )
            for row in rows
        ]

    def save(self, owner: str, name: str, configurations: Sequence[Configuration]) -> Lineup:
        """Keeps a line-up under a name; an earlier one of that name is replaced.

        Raises InvalidInput for a name or a number of configurations that cannot be.
        """
        name = " ".join(clean(name).split())
        if not 0 < len(name) <= MAX_NAME:
            raise InvalidInput(f"The name of a line-up has 1 to {MAX_NAME} characters.")
        if not FEWEST <= len(configurations) <= MOST:
            raise InvalidInput(f"A line-up has {FEWEST} to {MOST} configurations.")
        with self._db.write() as connection:
            connection.execute(delete(lineup).where(lineup.c.owner == owner, lineup.c.name == name))
            connection.execute(
                insert(lineup).values(
                    id=new_id(),
                    owner=owner,
                    name=name,
                    configurations=[one.to_dict() for one in configurations],
                    updated_at_us=now_us(),
                )
            )
        return Lineup(name=name, configurations=tuple(configurations))

    def delete(self, owner: str, name: str) -> None:
        """Harmless when there is none of that name."""
        with self._db.write() as connection:
            connection.execute(delete(lineup).where(lineup.c.owner == owner, lineup.c.name == name))
