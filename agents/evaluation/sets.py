"""Question sets and saved test cases on disk. A set never changes: another content is a new version."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, insert, select

from agents.evaluation.question_set import Case, QuestionSet, write_set
from agents.evaluation.reading import read_set
from agents.evaluation.tables import evaluation, question_set, test_case
from agents.threads import now_us
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.ids import is_id, new_id
from core.text import clean

MAX_NAME = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSet:
    id: str
    name: str
    version: int
    digest: str
    cases: int
    created_at_us: int

    @property
    def label(self) -> str:
        return f"{self.name}, version {self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedCase:
    id: str
    case: Case
    run_id: str | None
    created_at_us: int


class SetStore:
    def __init__(self, database: Database) -> None:
        self._db = database

    def save(self, owner: str, name: str, cases: Sequence[Case]) -> StoredSet:
        """Keeps cases as a new version of a set; the same content is not kept twice.

        Raises InvalidInput without a name or cases.
        """
        name = " ".join(clean(name).split())
        if not 0 < len(name) <= MAX_NAME:
            raise InvalidInput(f"The name of a question set has 1 to {MAX_NAME} characters.")
        if not cases:
            raise InvalidInput("A question set has at least one question.")
        whole = QuestionSet(name=name, cases=tuple(cases))
        mine = question_set.c.owner == owner, question_set.c.name == name
        with self._db.write() as connection:
            same = connection.execute(
                select(question_set).where(*mine, question_set.c.digest == whole.digest)
            ).first()
            if same is not None:
                return _stored(same)
            newest = connection.scalar(select(func.max(question_set.c.version)).where(*mine))
            row = {
                "id": new_id(),
                "owner": owner,
                "name": name,
                "version": (newest or 0) + 1,
                "digest": whole.digest,
                "cases": len(cases),
                "data": zlib.compress(write_set(cases)),
                "created_at_us": now_us(),
            }
            connection.execute(insert(question_set).values(row))
            found = connection.execute(
                select(question_set).where(question_set.c.id == row["id"])
            ).one()
        return _stored(found)

    def list(self, owner: str) -> list[StoredSet]:
        """By name, newest version first."""
        query = (
            select(question_set)
            .where(question_set.c.owner == owner)
            .order_by(question_set.c.name, question_set.c.version.desc())
        )
        with self._db.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def get(self, set_id: object, owner: str) -> StoredSet:
        """Raises NotFound."""
        if is_id(set_id):
            query = select(question_set).where(
                question_set.c.id == set_id, question_set.c.owner == owner
            )
            with self._db.read() as connection:
                row = connection.execute(query).first()
            if row is not None:
                return _stored(row)
        raise NotFound("There is no such question set.")

    def cases(self, set_id: str) -> tuple[Case, ...]:
        """In their order. Raises NotFound."""
        query = select(question_set.c.data).where(question_set.c.id == set_id)
        with self._db.read() as connection:
            data = connection.scalar(query)
        if data is None:
            raise NotFound("There is no such question set.")
        return read_set(zlib.decompress(data), "set.jsonl").cases

    def delete(self, set_id: str, owner: str) -> None:
        """Raises InvalidInput while an evaluation was made of it, NotFound."""
        self.get(set_id, owner)
        with self._db.write() as connection:
            used = connection.scalar(
                select(func.count()).select_from(evaluation).where(evaluation.c.set_id == set_id)
            )
            if used:
                raise InvalidInput(
                    "This question set belongs to evaluations.",
                    what_to_do="Delete its evaluations first.",
                )
            connection.execute(delete(question_set).where(question_set.c.id == set_id))

    # -- test cases

    def save_case(self, owner: str, case: Case, run_id: str | None = None) -> None:
        """Keeps a question with what is expected of its answer."""
        case_id = new_id()
        with self._db.write() as connection:
            connection.execute(
                insert(test_case).values(
                    id=case_id,
                    owner=owner,
                    data=replace(case, id=case_id).to_dict(),
                    run_id=run_id,
                    created_at_us=now_us(),
                )
            )

    def saved_cases(self, owner: str) -> Sequence[SavedCase]:
        """Oldest first."""
        query = (
            select(test_case).where(test_case.c.owner == owner).order_by(test_case.c.created_at_us)
        )
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [
            SavedCase(
                id=row.id,
                case=case_from(row.data),
                run_id=row.run_id,
                created_at_us=row.created_at_us,
            )
            for row in rows
        ]

    def erase(self, owner: str) -> None:
        """Sets and cases of a person whose evaluations are gone."""
        with self._db.write() as connection:
            for table in (question_set, test_case):
                connection.execute(delete(table).where(table.c.owner == owner))

    def delete_case(self, owner: str, case_id: str) -> None:
        """Harmless when it is not there."""
        with self._db.write() as connection:
            connection.execute(
                delete(test_case).where(test_case.c.owner == owner, test_case.c.id == case_id)
            )


def case_from(data: object) -> Case:
    """From its stored form. Raises InvalidInput."""
    import json

    parsed = read_set(json.dumps(data).encode(), "case.jsonl")
    if not parsed.cases:
        raise InvalidInput(parsed.faults[0].what if parsed.faults else "This is no test case.")
    return parsed.cases[0]


def _stored(row: object) -> StoredSet:
    fields = StoredSet.__dataclass_fields__
    return StoredSet(**{name: getattr(row, name) for name in fields})
