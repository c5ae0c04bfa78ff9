"""Writes what people, judges and code say about runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from analytics.blocks import touch
from analytics.content import Mode, readable
from analytics.ratings import BY_USER, IS_THUMB, THUMBS, label_of
from analytics.schema import feedback, run
from core.ids import new_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Thumb:
    """What one person says about one run."""

    up: bool
    reasons: Sequence[str] = ()
    comment: str = ""
    at_us: int


def add_ratings(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New rows of `feedback`; the figures of the runs they are about count them from now on."""
    connection.execute(insert(feedback), list(rows))
    about = run.c.run_id.in_([row["run_id"] for row in rows])
    touch(connection, connection.execute(select(run.c.started_at_us).where(about)).scalars())


def put_thumb(
    connection: Connection, run_id: str, user_id: str, thumb: Thumb | None, mode: Mode
) -> bool:
    """Replaces what a person said about a run; None takes it away. The comment is kept as `mode`
    allows. False: analytics knows no such run of this person, and nothing is written.

    An imported answer has no run here, and the run of an erased person is nobody's.
    """
    owned = select(run.c.started_at_us, run.c.conversation_id).where(
        run.c.run_id == run_id, run.c.user_id == user_id
    )
    about = connection.execute(owned).first()
    if about is None:
        return False
    same = _by(run_id, user_id)
    first = connection.execute(select(feedback.c.created_at_us).where(same)).scalars().first()
    connection.execute(delete(feedback).where(same))
    if thumb is not None:
        row = {
            "feedback_id": new_id(),
            "run_id": run_id,
            "conversation_id": about.conversation_id,
            "user_id": user_id,
            "source": BY_USER,
            "evaluation_name": THUMBS,
            "evaluation_score_value": float(thumb.up),
            "evaluation_score_label": label_of(thumb.reasons),
            "evaluation_explanation": readable(mode, thumb.comment),
            "created_at_us": thumb.at_us if first is None else first,
            "updated_at_us": thumb.at_us,
        }
        connection.execute(insert(feedback).values(row))
    touch(connection, [about.started_at_us])
    return True


def _by(run_id: str, user_id: str) -> ColumnElement[bool]:
    return and_(IS_THUMB, feedback.c.run_id == run_id, feedback.c.user_id == user_id)
