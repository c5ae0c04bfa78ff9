"""Comparisons and their answers on disk. A foreign or unknown id raises the same NotFound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, null, select, update

from agents.comparing.tables import answer, arm, comparison, contestant, turn, vote
from agents.comparing.values import Answer, Arm, Comparison, Facts, Turn, Vote
from agents.tables import thread
from agents.threads import now_us
from core.comparison import Answered, Configuration
from core.database import Database
from core.errors import NotFound
from core.ids import is_id


class ComparisonStore:
    """Every method is one transaction and raises StorageError on a bad disk."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, new: Comparison) -> None:
        """Saves a comparison that has no turns yet."""
        with self._db.write() as connection:
            self.remember(connection, [one.configuration for one in new.arms])
            connection.execute(
                insert(comparison).values(
                    id=new.id,
                    owner=new.owner,
                    blind=int(new.blind),
                    together=int(new.together),
                    layout_seed=new.layout_seed,
                    created_at_us=new.created_at_us,
                )
            )
            connection.execute(
                insert(arm),
                [
                    {
                        "comparison_id": new.id,
                        "position": one.position,
                        "contestant": one.configuration.key,
                        "thread_id": one.thread_id,
                    }
                    for one in new.arms
                ],
            )

    @staticmethod
    def remember(connection: Connection, configurations: Iterable[Configuration]) -> None:
        """Keeps what the keys of contestants stand for."""
        wanted = {one.key: one for one in configurations}
        known = set(
            connection.scalars(select(contestant.c.key).where(contestant.c.key.in_(wanted)))
        )
        rows = [
            {"key": key, "configuration": one.to_dict(), "first_seen_us": now_us()}
            for key, one in wanted.items()
            if key not in known
        ]
        if rows:
            connection.execute(insert(contestant), rows)

    def add_turn(self, comparison_id: str, new: Turn) -> None:
        with self._db.write() as connection:
            connection.execute(
                insert(turn).values(
                    comparison_id=comparison_id,
                    turn=new.number,
                    question_hash=new.question_hash,
                    language=new.language,
                    at_us=new.at_us,
                )
            )
            connection.execute(
                insert(answer),
                [
                    {
                        "comparison_id": comparison_id,
                        "turn": new.number,
                        "position": one.position,
                        "run_id": one.run_id,
                        "tries": one.tries,
                    }
                    for one in new.answers
                ],
            )

    def replace_answer(
        self, comparison_id: str, number: int, position: int, run_id: str, thread_id: str
    ) -> None:
        """Another run stands in a column, in another thread."""
        with self._db.write() as connection:
            connection.execute(
                update(answer)
                .where(
                    answer.c.comparison_id == comparison_id,
                    answer.c.turn == number,
                    answer.c.position == position,
                )
                .values(run_id=run_id, tries=answer.c.tries + 1, facts=null())
            )
            connection.execute(
                update(arm)
                .where(arm.c.comparison_id == comparison_id, arm.c.position == position)
                .values(thread_id=thread_id)
            )

    def keep_facts(self, facts: Mapping[str, Facts]) -> None:
        """What ended runs cost: run id to facts."""
        with self._db.write() as connection:
            for run_id, one in facts.items():
                connection.execute(
                    update(answer).where(answer.c.run_id == run_id).values(facts=one.to_dict())
                )

    def without_facts(self, limit: int = 1000) -> list[str]:
        """Runs whose facts are not known yet, newest first."""
        query = (
            select(answer.c.run_id)
            .where(answer.c.facts.is_(None), answer.c.run_id.is_not(None))
            .order_by(answer.c.comparison_id.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            return [str(run_id) for run_id in connection.scalars(query)]

    def get(self, comparison_id: object, owner: str) -> Comparison:
        if is_id(comparison_id):
            mine = comparison.c.id == comparison_id, comparison.c.owner == owner
            with self._db.read() as connection:
                found = _load(connection, [*mine], 1)
            if found:
                return found[0]
        raise NotFound(
            "There is no such comparison.", what_to_do="Choose one of the list or ask again."
        )

    def of_run(self, run_id: str, owner: str) -> str | None:
        """The comparison a run belongs to."""
        query = (
            select(answer.c.comparison_id)
            .join(comparison, comparison.c.id == answer.c.comparison_id)
            .where(answer.c.run_id == run_id, comparison.c.owner == owner)
        )
        with self._db.read() as connection:
            return connection.scalar(query)

    def recent(self, owner: str, limit: int = 30) -> list[Comparison]:
        """Newest first."""
        with self._db.read() as connection:
            return _load(connection, [comparison.c.owner == owner], limit)

    def voted(self, owner: str, limit: int = 10_000) -> list[Comparison]:
        """Those the owner voted on, newest first."""
        mine = select(vote.c.comparison_id).where(vote.c.voter == owner)
        conditions = [comparison.c.owner == owner, comparison.c.id.in_(mine)]
        with self._db.read() as connection:
            return _load(connection, conditions, limit)

    def answered(self, owner: str | None = None) -> list[Answered]:
        """Answers that have ended, oldest first: figures without texts. None: everybody's.

        Turns of one comparison are a cluster: what was said before is in all of them.
        """
        query = (
            select(answer.c.comparison_id, answer.c.turn, answer.c.facts, arm.c.contestant,
                   turn.c.at_us)
            .join(arm, (arm.c.comparison_id == answer.c.comparison_id)
                  & (arm.c.position == answer.c.position))
            .join(turn, (turn.c.comparison_id == answer.c.comparison_id)
                  & (turn.c.turn == answer.c.turn))
            .where(answer.c.facts.is_not(None))
            .order_by(turn.c.at_us)
        )  # fmt: skip
        if owner is not None:
            query = query.where(answer.c.comparison_id.in_(_ids_of(owner)))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [_answered(row, Facts.from_dict(row.facts)) for row in rows if row.facts]

    def titles(self, ids: Sequence[str]) -> dict[str, str]:
        """The first question of each, as long as its threads are there."""
        query = select(thread.c.group_id, thread.c.title).where(
            thread.c.group_id.in_(ids), thread.c.kind == "compare"
        )
        with self._db.read() as connection:
            return {row.group_id: row.title for row in connection.execute(query)}

    def configurations(self, owner: str | None = None) -> dict[str, Configuration]:
        """Every contestant that was ever compared, by its key; of an owner, those they compared."""
        query = select(contestant.c.key, contestant.c.configuration).where(
            contestant.c.configuration.is_not(None)
        )
        if owner is not None:
            compared = select(arm.c.contestant).where(arm.c.comparison_id.in_(_ids_of(owner)))
            query = query.where(contestant.c.key.in_(compared))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return {row.key: Configuration.from_dict(row.configuration) for row in rows}

    def delete(self, comparison_id: str, owner: str) -> None:
        """The comparison without its votes, which hold no text and go on counting."""
        self.get(comparison_id, owner)
        with self._db.write() as connection:
            for table in (answer, turn, arm):
                connection.execute(delete(table).where(table.c.comparison_id == comparison_id))
            connection.execute(delete(comparison).where(comparison.c.id == comparison_id))


def _ids_of(owner: str) -> Select[tuple[str]]:
    return select(comparison.c.id).where(comparison.c.owner == owner)


def _answered(row: Any, facts: Facts) -> Answered:
    return Answered(
        contestant=row.contestant,
        question=f"{row.comparison_id}/{row.turn}",
        cluster=row.comparison_id,
        completed=facts.status == "completed",
        ttft_us=facts.ttft_us,
        duration_us=facts.duration_us,
        cost_pusd=facts.cost_pusd,
        output_tokens=facts.output_tokens,
        at_us=row.at_us,
    )


def _load(connection: Connection, conditions: list[Any], limit: int) -> list[Comparison]:
    heads = connection.execute(
        select(comparison)
        .where(*conditions)
        .order_by(comparison.c.created_at_us.desc(), comparison.c.id.desc())
        .limit(limit)
    ).all()
    ids = [row.id for row in heads]
    configurations = {
        row.key: row.configuration
        for row in connection.execute(
            select(contestant.c.key, contestant.c.configuration).where(
                contestant.c.key.in_(select(arm.c.contestant).where(arm.c.comparison_id.in_(ids)))
            )
        )
    }

    def rows(table: Any, *order: Any) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {one: [] for one in ids}
        query = select(table).where(table.c.comparison_id.in_(ids)).order_by(*order)
        for row in connection.execute(query):
            found[row.comparison_id].append(row)
        return found

    arms, turns = rows(arm, arm.c.position), rows(turn, turn.c.turn)
    answers = rows(answer, answer.c.turn, answer.c.position)
    votes = rows(vote, vote.c.turn)
    return [
        Comparison(
            id=head.id,
            owner=head.owner,
            blind=bool(head.blind),
            together=bool(head.together),
            layout_seed=head.layout_seed,
            created_at_us=head.created_at_us,
            arms=tuple(
                Arm(
                    position=row.position,
                    configuration=Configuration.from_dict(configurations[row.contestant]),
                    thread_id=row.thread_id,
                )
                for row in arms[head.id]
            ),
            turns=tuple(_turn(row, answers[head.id]) for row in turns[head.id]),
            votes=tuple(_vote(row) for row in votes[head.id] if row.voter == head.owner),
        )
        for head in heads
    ]


def _turn(row: Any, answers: list[Any]) -> Turn:
    return Turn(
        number=row.turn,
        question_hash=row.question_hash,
        language=row.language,
        at_us=row.at_us,
        answers=tuple(
            Answer(
                position=one.position,
                run_id=one.run_id,
                tries=one.tries,
                facts=Facts.from_dict(one.facts) if one.facts else None,
            )
            for one in answers
            if one.turn == row.turn
        ),
    )


def _vote(row: Any) -> Vote:
    return Vote(
        id=row.id,
        turn=row.turn,
        outcome=row.outcome,
        order=tuple(tuple(group) for group in row.judged["order"]),
        reasons=tuple(row.reasons),
        flags=tuple(filter(None, row.flags.split(","))),
        at_us=row.at_us,
    )
