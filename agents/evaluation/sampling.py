"""Question sets from what people really asked: first questions of past chats, drawn at random.

Only of people who agreed to it in Settings. Reads conversations and keeps nothing: whoever saves
the drawn cases has made copies, which stay when consent is withdrawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from sqlalchemy import and_, select

from agents.evaluation.question_set import Case
from agents.evaluation.reading import MAX_QUESTION_CHARS
from agents.tables import message, preference, thread
from core.database import Database
from core.errors import InvalidInput

CONSENT = "evaluation_consent"
"""Name of the preference: True when a person's questions may be used."""
MOST_CHATS = 20_000
MOST_DRAWN = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The first question of a chat."""

    question: str
    agent: str | None
    """Who answered it; None when nobody did."""


def consenting(database: Database) -> set[str]:
    """Owners whose questions may be used."""
    query = select(preference.c.owner, preference.c.value).where(preference.c.name == CONSENT)
    with database.read() as connection:
        return {row.owner for row in connection.execute(query) if row.value is True}


def asked_before(database: Database, *, since_us: int | None = None) -> list[Asked]:
    """Different first questions of chats of consenting people, of the newest MOST_CHATS chats.

    Questions that differ only in case and blanks are one; the newest is kept. `since_us`: only of
    chats that were begun since then (UTC microseconds).
    """
    owners = consenting(database)
    answer = message.alias()
    query = (
        select(message.c.text, answer.c.summary["agent"].as_string().label("agent"))
        .join(thread, thread.c.id == message.c.thread_id)
        .outerjoin(answer, and_(answer.c.thread_id == message.c.thread_id, answer.c.position == 1))
        .where(message.c.position == 0, thread.c.kind == "chat", thread.c.owner.in_(owners))
        .order_by(thread.c.created_at_us.desc(), thread.c.id.desc())
        .limit(MOST_CHATS)
    )
    if since_us is not None:
        query = query.where(thread.c.created_at_us >= since_us)
    found: dict[str, Asked] = {}
    with database.read() as connection:
        for row in connection.execute(query):
            if len(row.text) <= MAX_QUESTION_CHARS and row.text.strip():
                folded = " ".join(row.text.casefold().split())
                found.setdefault(folded, Asked(question=row.text, agent=row.agent))
    return list(found.values())


def draw(asked: Sequence[Asked], size: int, seed: int, agent: str | None = None) -> list[Case]:
    """`size` cases at random, or all when there are fewer; the same for the same seed.

    `agent`: only of what it answered. A case has the agent as its tag and no checks. Raises
    InvalidInput for a size that cannot be.
    """
    if not 1 <= size <= MOST_DRAWN:
        raise InvalidInput(f"1 to {MOST_DRAWN:,} questions can be drawn at once.")
    pool = sorted(
        (one for one in asked if agent is None or one.agent == agent),
        key=lambda one: one.question,
    )
    # `random()` keeps its sequence from version to version of Python, which `sample` does not promise.
    source = Random(seed)
    keyed = sorted((source.random(), n) for n in range(len(pool)))
    return [_case(pool[n]) for _, n in keyed[:size]]


def _case(asked: Asked) -> Case:
    return Case(
        id="q-" + hashlib.sha256(asked.question.encode()).hexdigest()[:10],
        question=asked.question,
        tags=(asked.agent,) if asked.agent else (),
    )
