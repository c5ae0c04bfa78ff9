"""Votes on disk, and as ballots for the statistics.

A vote carries all that is needed to count it, so that it outlives its comparison. What speaks
against it is flagged and kept: whether flagged votes count is decided where they are counted.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, literal, select, update

from agents.comparing.tables import contestant, vote, vote_import
from agents.comparing.values import Comparison, Facts, Turn
from agents.threads import now_us
from core.comparison import OUTCOMES, Ballot, Outcome, Traits
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.text import clean

REASONS = (
    "Correct",
    "Complete",
    "Clear",
    "Well sourced",
    "Concise",
    "Wrong",
    "Made up",
    "Incomplete",
    "Too long",
    "Off topic",
    "Badly formatted",
)
PAGE = "page"
IMPORT = "import:"
_TRAITS = [field.name for field in fields(Traits)]
_ROWS_AT_ONCE = 5_000


class VoteStore:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._importing = threading.Lock()
        self.voter: str | None = None
        """Whose votes are read; None: everybody's. Part of the key of what is kept of them."""

    def of(self, voter: str) -> VoteStore:
        """The same votes as one person may see them: those cast on the page by that person."""
        narrow = copy.copy(self)
        narrow.voter = voter
        return narrow

    def _seen(self) -> list[ColumnElement[bool]]:
        return [] if self.voter is None else [vote.c.source == PAGE, vote.c.voter == self.voter]

    def cast(
        self,
        comparison: Comparison,
        turn: Turn,
        outcome: Outcome,
        order: Sequence[Sequence[int]] = (),
        *,
        voter: str,
        reasons: Sequence[str] = (),
        running: Iterable[int] = (),
        time_to_vote_us: int | None = None,
    ) -> None:
        """Keeps a voter's judgement of a turn. `running`: positions whose answer still grew.

        Voting again replaces the vote, and flags it: by then it was known who answered. Raises
        InvalidInput for an outcome or an order that does not fit the columns.
        """
        grouped = _checked(outcome, order, len(comparison.arms))
        facts = [answer.facts for answer in turn.answers]
        before = comparison.vote_of(turn.number)
        flags = _flags(facts, set(running), comparison.blind and not comparison.votes)
        values = {
            "outcome": outcome,
            "judged": _judged(comparison, turn, grouped, facts),
            "flags": ",".join(flags),
            "reasons": _reasons(reasons),
            "changed_at_us": now_us(),
        }
        with self._db.write() as connection:
            if before is not None:
                connection.execute(update(vote).where(vote.c.id == before.id).values(values))
                return
            connection.execute(
                insert(vote).values(
                    id=new_id(),
                    source=PAGE,
                    comparison_id=comparison.id,
                    turn=turn.number,
                    voter=voter,
                    question=comparison.question_of(turn.number),
                    time_to_vote_us=time_to_vote_us,
                    at_us=now_us(),
                    **values,
                )
            )

    def set_reasons(self, vote_id: str, voter: str, reasons: Sequence[str]) -> None:
        """Why a vote went as it did. Harmless for a vote that is not there."""
        with self._db.write() as connection:
            connection.execute(
                update(vote)
                .where(vote.c.id == vote_id, vote.c.voter == voter)
                .values(reasons=_reasons(reasons))
            )

    def add(self, source: str, ballots: Sequence[Ballot]) -> None:
        """Ballots from elsewhere: of a judge model."""
        with self._db.write() as connection:
            connection.execute(insert(vote), [_row(source, ballot) for ballot in ballots])

    def add_import(self, name: str, digest: str, ballots: Sequence[Ballot]) -> str:
        """Battles of a file; gives the id of the import. Until the last is in, none is counted.

        In pieces, so that others can write in between. Raises InvalidInput when a file of these
        bytes was imported already.
        """
        import_id = new_id()
        with self._importing:
            self._begin_import(digest, {one for ballot in ballots for one in ballot.contestants})
            for start in range(0, len(ballots), _ROWS_AT_ONCE):
                piece = [
                    _row(f"{IMPORT}{import_id}", ballot)
                    for ballot in ballots[start : start + _ROWS_AT_ONCE]
                ]
                with self._db.write() as connection:
                    connection.execute(insert(vote), piece)
            with self._db.write() as connection:
                connection.execute(
                    insert(vote_import).values(
                        id=import_id,
                        name=" ".join(clean(name).split())[:120] or "Imported battles",
                        digest=digest,
                        votes=len(ballots),
                        at_us=now_us(),
                    )
                )
        return import_id

    def _begin_import(self, digest: str, names: set[str]) -> None:
        """Removes what a killed import left, and keeps the names of contestants."""
        with self._db.write() as connection:
            same = connection.scalar(
                select(vote_import.c.name).where(vote_import.c.digest == digest)
            )
            if same is not None:
                raise InvalidInput(f"These battles were imported already, as '{same}'.")
            whole = select(literal(IMPORT).concat(vote_import.c.id))
            connection.execute(
                delete(vote).where(vote.c.source.startswith(IMPORT), vote.c.source.not_in(whole))
            )
            known = set(connection.scalars(select(contestant.c.key)))
            rows = [{"key": name, "first_seen_us": now_us()} for name in sorted(names - known)]
            if rows:
                connection.execute(insert(contestant), rows)

    def imports(self) -> list[dict[str, Any]]:
        """id, name, votes, at_us of every import, newest first."""
        if self.voter is not None:
            return []
        query = select(vote_import).order_by(vote_import.c.at_us.desc())
        with self._db.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def delete_import(self, import_id: str) -> None:
        """Raises NotFound."""
        with self._db.write() as connection:
            gone = connection.execute(delete(vote_import).where(vote_import.c.id == import_id))
            if not gone.rowcount:
                raise NotFound("There is no such import.")
            connection.execute(delete(vote).where(vote.c.source == f"{IMPORT}{import_id}"))

    def sources(self) -> dict[str, int]:
        """How many votes there are of each source; imports that are whole only."""
        whole = select(literal(IMPORT).concat(vote_import.c.id))
        query = (
            select(vote.c.source, func.count().label("n"))
            .where(~vote.c.source.startswith(IMPORT) | vote.c.source.in_(whole), *self._seen())
            .group_by(vote.c.source)
        )
        with self._db.read() as connection:
            return {row.source: row.n for row in connection.execute(query)}

    def version(self) -> tuple[Any, ...]:
        """Differs when a vote was added, changed or deleted: what figures are kept by."""
        query = select(func.count(), func.max(vote.c.id), func.max(vote.c.changed_at_us))
        query = query.where(*self._seen())
        with self._db.read() as connection:
            return tuple(connection.execute(query).one())

    def ballots(self, source: str) -> list[Ballot]:
        """All votes of a source, oldest first."""
        query = (
            select(vote)
            .where(vote.c.source == source, *self._seen())
            .order_by(vote.c.at_us, vote.c.id)
        )
        with self._db.read() as connection:
            return [_ballot(row) for row in connection.execute(query)]

    def times_to_vote(self, sources: Sequence[str]) -> list[int]:
        """Microseconds from when the answers were there to the vote, where they are known."""
        query = select(vote.c.time_to_vote_us).where(
            vote.c.source.in_(sources), vote.c.time_to_vote_us.is_not(None), *self._seen()
        )
        with self._db.read() as connection:
            return [int(value) for value in connection.scalars(query)]

    def forget_voter(self, voter: str) -> int:
        """Votes of a person become votes of nobody in particular, each person's of one nobody."""
        with self._db.write() as connection:
            changed = connection.execute(
                update(vote)
                .where(vote.c.voter == voter, vote.c.source == PAGE)
                .values(voter=f"erased-{new_id()}", reasons=[], changed_at_us=now_us())
            )
        return changed.rowcount


def _checked(outcome: Outcome, order: Sequence[Sequence[int]], arms: int) -> list[list[int]]:
    grouped = [sorted(group) for group in order]
    flat = sorted(position for group in grouped for position in group)
    ordered = outcome in ("pick", "rank")
    whole = flat == list(range(arms)) and all(grouped) and len(grouped) > 1
    if outcome not in OUTCOMES or (whole if ordered else not grouped) is False:
        raise InvalidInput("This vote does not fit the answers.", what_to_do="Vote again.")
    return grouped


def _flags(facts: Sequence[Facts | None], running: set[int], hidden: bool) -> list[str]:
    flags = []
    if not hidden:
        flags.append("revealed")
    if any(one is not None and one.leak for one in facts):
        flags.append("identity_leak")
    if running:
        flags.append("unfinished")
    ended = [one for n, one in enumerate(facts) if n not in running]
    if any(one is None or one.status != "completed" for one in ended):
        flags.append("arm_failed")
    return flags


def _reasons(given: Sequence[str]) -> list[str]:
    return [reason for reason in REASONS if reason in given]


def _judged(
    comparison: Comparison, turn: Turn, order: list[list[int]], facts: Sequence[Facts | None]
) -> dict[str, Any]:
    agents = [one.agent for one in facts if one is not None and one.agent]
    slices = {"agent": agents[0] if agents else "", "language": turn.language or ""}
    return {
        "contestants": [one.configuration.key for one in comparison.arms],
        "order": order,
        "traits": [list(astuple(_traits(one))) for one in facts],
        "slices": {name: value for name, value in slices.items() if value},
    }


def _traits(facts: Facts | None) -> Traits:
    if facts is None:
        return Traits()
    return Traits(
        tokens=facts.output_tokens if facts.output_tokens is not None else facts.words,
        headings=facts.headings,
        list_items=facts.list_items,
        bold=facts.bold,
        ttft_us=facts.ttft_us,
        duration_us=facts.duration_us,
    )


def _row(source: str, ballot: Ballot) -> dict[str, Any]:
    return {
        "id": new_id(),
        "source": source,
        "voter": ballot.voter,
        "outcome": ballot.outcome,
        "judged": {
            "contestants": list(ballot.contestants),
            "order": [list(group) for group in ballot.order],
            "traits": [list(astuple(one)) for one in ballot.traits],
            "slices": dict(ballot.slices),
        },
        "flags": ",".join(ballot.flags),
        "reasons": [],
        "question": ballot.question[:64],
        "at_us": ballot.at_us,
        "changed_at_us": now_us(),
    }


def _ballot(row: Any) -> Ballot:
    judged = row.judged
    return Ballot(
        voter=row.voter,
        contestants=tuple(judged["contestants"]),
        outcome=row.outcome,
        order=tuple(tuple(group) for group in judged["order"]),
        question=row.question,
        at_us=row.at_us,
        traits=tuple(Traits(**dict(zip(_TRAITS, one, strict=False))) for one in judged["traits"]),
        slices=judged["slices"],
        flags=tuple(filter(None, row.flags.split(","))),
    )
