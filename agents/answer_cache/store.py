"""Which answers may be given again, in app.db. Every statement names the owner.

Rows hold no words: an answer is read from its message, so that it is gone with its thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Select, delete, exists, func, insert, select, update

from agents.answer_cache.question import normalised, same_numbers
from agents.tables import attachment, cached_answer, message, message_rating
from core.database import Database
from core.transcript import AnswerSummary

COMPARED = 1_000
"""Questions of a person that one is compared with: those used last."""
HIGHEST = 20
"""Of the most similar ones, how many are looked at before it is a miss."""
_STORED = np.float16
"""Half as many bytes to read; a cosine is off by less than 0.001."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """Where an answer belongs. No part of it is ever left out of a search."""

    owner: str
    scope: str
    question: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """A question's vector of length 1, and the model it is from."""

    model: str
    vector: np.ndarray[Any, np.dtype[np.float32]]

    @classmethod
    def of(cls, model: str, values: Sequence[float]) -> Meaning | None:
        """None for a vector that points nowhere."""
        vector = np.asarray(values, dtype=np.float32)
        length = float(np.linalg.norm(vector))
        if not vector.size or not np.isfinite(length) or length == 0:
            return None
        return cls(model=model, vector=vector / np.float32(length))


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """An answer as it was given."""

    key: Key
    run_id: str
    text: str
    summary: AnswerSummary
    made_at_us: int
    similarity: float | None = None


class CacheStore:
    """Safe from any thread; every method blocks for milliseconds. Raises StorageError."""

    def __init__(self, database: Database, *, most: int) -> None:
        self._db = database
        self._most = most

    def stands_alone(self, question_id: str, thread_id: str) -> bool:
        """Whether a question begins its branch, in a thread without files: nothing said before it
        and no document of its own is part of its answer."""
        files = exists().where(attachment.c.thread_id == thread_id)
        first = select(message.c.id).where(
            message.c.id == question_id, message.c.parent_id.is_(None), ~files
        )
        with self._db.read() as connection:
            return connection.scalar(first) is not None

    def exact(self, key: Key, since_us: int) -> Kept | None:
        """The answer to the same question."""
        query = _answers(key, since_us).where(cached_answer.c.question == key.question)
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return _kept(row, key) if row is not None else None

    def similar(
        self, key: Key, asked: str, meaning: Meaning, least: float, since_us: int
    ) -> Kept | None:
        """The answer to the question that is most like this one."""
        held = (
            select(cached_answer.c.question, cached_answer.c.vector)
            .where(
                cached_answer.c.owner == key.owner,
                cached_answer.c.scope == key.scope,
                cached_answer.c.model == meaning.model,
                cached_answer.c.made_at_us >= since_us,
            )
            .order_by(cached_answer.c.used_at_us.desc())
            .limit(COMPARED)
        )
        packed = _packed(meaning)
        with self._db.read() as connection:
            rows = [
                row
                for row in connection.execute(held)
                if row.vector and len(row.vector) == len(packed)
            ]
            if not rows:
                return None
            matrix = np.frombuffer(b"".join(row.vector for row in rows), dtype=_STORED)
            alike = matrix.reshape(len(rows), -1).astype(np.float32) @ meaning.vector
            for at in np.argsort(-alike)[:HIGHEST].tolist():
                if alike[at] < least:
                    return None
                query = _answers(key, since_us).where(cached_answer.c.question == rows[at].question)
                found = connection.execute(query).first()
                if found is not None and same_numbers(asked, normalised(found.asked)):
                    return _kept(found, key, min(1.0, float(alike[at])))
        return None

    def keep(self, key: Key, message_id: str, meaning: Meaning | None, now_us: int) -> None:
        """An answer from now on, in place of an older one to the same question."""
        same = (
            cached_answer.c.owner == key.owner,
            cached_answer.c.scope == key.scope,
            cached_answer.c.question == key.question,
        )
        with self._db.write() as connection:
            if connection.scalar(select(message.c.id).where(message.c.id == message_id)) is None:
                return  # the thread was deleted meanwhile
            before = connection.execute(
                select(cached_answer.c.model, cached_answer.c.vector).where(*same)
            ).first()
            connection.execute(delete(cached_answer).where(*same))
            model, vector = (before.model, before.vector) if before else (None, None)
            if meaning is not None:
                model, vector = meaning.model, _packed(meaning)
            connection.execute(
                insert(cached_answer).values(
                    owner=key.owner,
                    scope=key.scope,
                    question=key.question,
                    message_id=message_id,
                    model=model,
                    vector=vector,
                    made_at_us=now_us,
                    used_at_us=now_us,
                )
            )

    def note_use(self, key: Key, now_us: int) -> None:
        with self._db.write() as connection:
            connection.execute(
                update(cached_answer)
                .where(
                    cached_answer.c.owner == key.owner,
                    cached_answer.c.scope == key.scope,
                    cached_answer.c.question == key.question,
                )
                .values(used_at_us=now_us)
            )

    def trim(self, since_us: int) -> None:
        """Drops what is too old, and what was used longest ago while there are too many."""
        with self._db.write() as connection:
            connection.execute(delete(cached_answer).where(cached_answer.c.made_at_us < since_us))
            many = connection.scalar(select(func.count()).select_from(cached_answer)) or 0
            if many > self._most:
                edge = (
                    select(cached_answer.c.used_at_us)
                    .order_by(cached_answer.c.used_at_us)
                    .offset(many - self._most - 1)
                    .limit(1)
                    .scalar_subquery()
                )
                connection.execute(delete(cached_answer).where(cached_answer.c.used_at_us <= edge))

    def forget(self, owner: str) -> None:
        """Everything of a person."""
        with self._db.write() as connection:
            connection.execute(delete(cached_answer).where(cached_answer.c.owner == owner))

    def count(self) -> int:
        with self._db.read() as connection:
            return connection.scalar(select(func.count()).select_from(cached_answer)) or 0


def _answers(key: Key, since_us: int) -> Select[Any]:
    """Of a scope, without those their reader was not content with."""
    asked = message.alias("asked")
    disliked = exists().where(
        message_rating.c.message_id == cached_answer.c.message_id, message_rating.c.thumb < 0
    )
    return (
        select(
            cached_answer.c.question,
            cached_answer.c.made_at_us,
            message.c.run_id,
            message.c.text,
            message.c.summary,
            asked.c.text.label("asked"),
        )
        .join(message, message.c.id == cached_answer.c.message_id)
        .join(asked, asked.c.id == message.c.parent_id)
        .where(
            cached_answer.c.owner == key.owner,
            cached_answer.c.scope == key.scope,
            cached_answer.c.made_at_us >= since_us,
            ~disliked,
        )
    )


def _packed(meaning: Meaning) -> bytes:
    return meaning.vector.astype(_STORED).tobytes()


def _kept(row: Any, key: Key, similarity: float | None = None) -> Kept:
    return Kept(
        key=Key(owner=key.owner, scope=key.scope, question=row.question),
        run_id=row.run_id,
        text=row.text,
        summary=AnswerSummary.from_dict(row.summary or {}),
        made_at_us=row.made_at_us,
        similarity=similarity,
    )
