"""What people think of answers: a thumb, reasons for it and a comment. The newest word counts.

Kept with the conversation. What the dashboard counts is a copy, see `Runtime.rate`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import Row, Select, delete, select
from sqlalchemy import insert as sql_insert

from agents.databases import Databases
from agents.tables import message, message_rating, thread
from agents.threads import now_us
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.ids import is_id
from core.text import clean

ThumbValue = Literal[1, -1]
UP: ThumbValue = 1
DOWN: ThumbValue = -1
REASONS: Mapping[ThumbValue, tuple[str, ...]] = MappingProxyType(
    {
        UP: ("accurate", "well cited", "clear"),
        DOWN: ("wrong", "not grounded", "incomplete", "too long", "slow", "refused"),
    }
)
"""By thumb, in the order people are asked."""
MAX_COMMENT_CHARS = 2_000
_ASKED_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Rating:
    message_id: str
    run_id: str
    thumb: ThumbValue
    reasons: tuple[str, ...] = ()
    comment: str = ""
    rated_at_us: int = 0


class RatingStore:
    """Used by `Runtime.rate`, which also tells analytics. Raises StorageError.

    Only answers in threads of the owner can be rated; any other id is NotFound.
    """

    def __init__(self, database: Database | Databases) -> None:
        self._dbs = Databases.around(database)

    def get(self, message_id: object, owner: str) -> Rating | None:
        """None: not rated."""
        self._answer(message_id, owner)
        return self.of_messages([str(message_id)], owner).get(str(message_id))

    def of_messages(self, message_ids: Sequence[str], owner: str) -> dict[str, Rating]:
        """What the owner said of these, by message id. Ids that mean nothing are left out."""
        found: dict[str, Rating] = {}
        for database in self._dbs.all():
            with database.read() as connection:
                for start in range(0, len(message_ids), _ASKED_AT_ONCE):
                    part = message_ids[start : start + _ASKED_AT_ONCE]
                    query = _ratings(owner).where(message.c.id.in_(part))
                    found |= {row.message_id: _rating(row) for row in connection.execute(query)}
        return found

    def of_run(self, run_id: str, owner: str) -> Rating | None:
        """The newest of a run's answer and of copies of it in other threads."""
        query = _ratings(owner).where(message.c.run_id == run_id)
        newest = query.order_by(message_rating.c.rated_at_us.desc()).limit(1)
        with self._dbs.of(run_id).read() as connection:
            row = connection.execute(newest).first()
        return _rating(row) if row is not None else None

    def rate(
        self,
        message_id: object,
        owner: str,
        thumb: object,
        reasons: Collection[str] = (),
        comment: str = "",
    ) -> Rating:
        """Replaces what the owner said before. Raises NotFound, InvalidInput."""
        database, run_id = self._answer(message_id, owner)
        value = _thumb(thumb)
        rating = Rating(
            message_id=str(message_id),
            run_id=run_id,
            thumb=value,
            reasons=_reasons(value, reasons),
            comment=_comment(comment),
            rated_at_us=now_us(),
        )
        row = {
            "message_id": rating.message_id,
            "owner": owner,
            "thumb": rating.thumb,
            "reasons": list(rating.reasons),
            "comment": rating.comment,
            "rated_at_us": rating.rated_at_us,
        }
        with database.write() as connection:
            connection.execute(_delete(rating.message_id, owner))
            connection.execute(sql_insert(message_rating).values(row))
        return rating

    def remove(self, message_id: object, owner: str) -> str:
        """Takes it away, if there is one; gives the run's id. Raises NotFound."""
        database, run_id = self._answer(message_id, owner)
        with database.write() as connection:
            connection.execute(_delete(str(message_id), owner))
        return run_id

    def _answer(self, message_id: object, owner: str) -> tuple[Database, str]:
        """Where an answer is kept, and its run. Raises NotFound for anything else."""
        if is_id(message_id):
            query = (
                select(message.c.run_id)
                .join(thread, thread.c.id == message.c.thread_id)
                .where(
                    message.c.id == message_id,
                    message.c.role == "assistant",
                    thread.c.owner == owner,
                )
            )
            for database in self._dbs.all():
                with database.read() as connection:
                    run_id = connection.scalar(query)
                if run_id is not None:
                    return database, str(run_id)
        raise NotFound("There is no such answer.", what_to_do="Rate an answer of this thread.")


def _ratings(owner: str) -> Select[Any]:
    return (
        select(message_rating, message.c.run_id)
        .join(message, message.c.id == message_rating.c.message_id)
        .where(message_rating.c.owner == owner)
    )


def _delete(message_id: str, owner: str) -> Any:
    same = message_rating.c.message_id == message_id, message_rating.c.owner == owner
    return delete(message_rating).where(*same)


def _rating(row: Row[Any]) -> Rating:
    return Rating(
        message_id=row.message_id,
        run_id=row.run_id,
        thumb=UP if row.thumb > 0 else DOWN,
        reasons=tuple(row.reasons),
        comment=row.comment,
        rated_at_us=row.rated_at_us,
    )


def _thumb(value: object) -> ThumbValue:
    if isinstance(value, bool) or value not in REASONS:
        raise InvalidInput("A thumb is up or down.", what_to_do="Choose one of the two.")
    return UP if value == UP else DOWN


def _reasons(thumb: ThumbValue, given: Collection[str]) -> tuple[str, ...]:
    """Those of the thumb, in their order; reasons of the other thumb go when it turns."""
    known = {reason for reasons in REASONS.values() for reason in reasons}
    if strange := sorted(set(given) - known):
        raise InvalidInput(
            f"There is no reason '{strange[0][:40]}'.",
            what_to_do=f"Choose of: {', '.join(REASONS[thumb])}.",
        )
    return tuple(reason for reason in REASONS[thumb] if reason in given)


def _comment(text: str) -> str:
    comment = clean(text[: 4 * MAX_COMMENT_CHARS]).strip()
    if len(comment) > MAX_COMMENT_CHARS:
        raise InvalidInput(
            f"The comment has more than {MAX_COMMENT_CHARS:,} characters.",
            what_to_do="Shorten it.",
        )
    return comment
