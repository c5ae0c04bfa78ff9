"""Comparisons from the question to the vote: what the Compare page asks for.

Every column is a run like any other, in a thread of its own. A comparison is written down before its
runs begin, so that a kill in between loses nothing; what its answers cost is noted once they ended.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from agents.comparing.facts import facts_of
from agents.comparing.judging import Judging
from agents.comparing.lineups import LineupStore
from agents.comparing.store import ComparisonStore
from agents.comparing.values import (
    FEWEST,
    MOST,
    Answer,
    Arm,
    Comparison,
    Facts,
    Turn,
    shuffled,
)
from agents.comparing.votes import VoteStore
from agents.configured import turn_request
from agents.run import Run, TurnRequest
from agents.threads import ThreadStore, now_us
from core.comparison import Configuration
from core.errors import InvalidInput, NotFound, SwitchboardError, ThreadBusy
from core.ids import new_id
from core.language import guess

if TYPE_CHECKING:
    from agents.run_store import RunStore
    from core.catalog import Catalog
    from core.database import Database

NOT_STARTED = "not_started"


class Comparisons:
    """One per process. `start` begins a run, `delete_thread` removes a thread with all it left."""

    def __init__(
        self,
        database: Database,
        *,
        threads: ThreadStore,
        runs: RunStore,
        start: Callable[[TurnRequest], Run],
        check: Callable[[TurnRequest], object],
        delete_thread: Callable[[str, str], None],
        catalog: Callable[[], Catalog],
    ) -> None:
        """`check` raises what `start` would raise for a request that can never run."""
        self.store = ComparisonStore(database)
        self.votes = VoteStore(database)
        self.lineups = LineupStore(database)
        self.judging = Judging(self.store, self.votes, start, runs.answers)
        self._threads = threads
        self._runs = runs
        self._start = start
        self._check = check
        self._delete_thread = delete_thread
        self._catalog = catalog

    def ask(
        self,
        text: str,
        configurations: Sequence[Configuration],
        *,
        owner: str,
        blind: bool = False,
        together: bool = False,
    ) -> tuple[Comparison, list[SwitchboardError]]:
        """A new comparison with its first question; and why columns could not start, if so.

        Raises InvalidInput when nothing could be asked at all: then nothing is kept.
        """
        if not FEWEST <= len(configurations) <= MOST:
            raise InvalidInput(f"A comparison has {FEWEST} to {MOST} columns.")
        for one in configurations:
            self._check(turn_request(one, text, owner=owner))
        seed = secrets.randbits(48)
        shown = shuffled(configurations, seed) if blind else list(configurations)
        new = Comparison(
            id=new_id(),
            owner=owner,
            blind=blind,
            together=together,
            layout_seed=seed,
            created_at_us=now_us(),
            arms=tuple(
                Arm(position=n, configuration=one, thread_id=new_id())
                for n, one in enumerate(shown)
            ),
            turns=(),
            votes=(),
        )
        self.store.add(new)
        return self._ask(new, text, first=True)

    def follow_up(
        self, comparison: Comparison, text: str
    ) -> tuple[Comparison, list[SwitchboardError]]:
        """The next question to all columns. Raises ThreadBusy while one still answers."""
        last = [a.run_id for turn in comparison.turns[-1:] for a in turn.answers if a.run_id]
        if len(self._runs.answers(last)) < len(last):
            raise ThreadBusy("These columns still answer.", what_to_do="Wait, or stop them.")
        for one in comparison.arms:
            self._check(turn_request(one.configuration, text, owner=comparison.owner))
        return self._ask(comparison, text, first=False)

    def _ask(
        self, comparison: Comparison, text: str, *, first: bool
    ) -> tuple[Comparison, list[SwitchboardError]]:
        turn = Turn(
            number=len(comparison.turns),
            question_hash=hashlib.sha256(text.strip().encode()).hexdigest()[:16],
            language=guess(text),
            at_us=now_us(),
            answers=tuple(
                Answer(position=one.position, run_id=new_id(), tries=1, facts=None)
                for one in comparison.arms
            ),
        )
        self.store.add_turn(comparison.id, turn)
        problems: list[SwitchboardError] = []
        failed: dict[str, Facts] = {}
        for one, answer in zip(comparison.arms, turn.answers, strict=True):
            there = not first and self._there(one.thread_id, comparison.owner)
            request = turn_request(
                one.configuration,
                text,
                owner=comparison.owner,
                group_id=comparison.id,
                run_id=answer.run_id,
                thread_id=one.thread_id if there else None,
                new_thread_id=one.thread_id,
            )
            try:
                self._start(request)
            except SwitchboardError as exc:
                problems.append(exc)
                failed[str(answer.run_id)] = Facts(status=NOT_STARTED)
        if failed:
            self.store.keep_facts(failed)
        return self.store.get(comparison.id, comparison.owner), problems

    def retry(self, comparison: Comparison, position: int) -> None:
        """Asks the last question of a column again, from the state before it.

        As another version of the answer, so that neither the failed one nor the repeated question is
        part of what the model sees. Raises what `start` raises.
        """
        turn, one = comparison.turns[-1], comparison.arms[position]
        there = self._there(one.thread_id, comparison.owner)
        failed = turn.answers[position].run_id
        run = self._start(
            turn_request(
                one.configuration,
                self._question(comparison, turn),
                owner=comparison.owner,
                group_id=comparison.id,
                thread_id=one.thread_id if there else None,
                answers=self._runs.question_id(failed) if failed and there else None,
            )
        )
        self.store.replace_answer(comparison.id, turn.number, position, run.id, run.thread_id)

    def continue_as_chat(self, comparison: Comparison, position: int) -> str:
        """A chat that goes on from a column, which itself stays as it is; gives its thread."""
        thread_id = comparison.arms[position].thread_id
        return self._threads.copy(thread_id, comparison.owner)

    def settle(self, run_ids: Iterable[str]) -> dict[str, Facts]:
        """Notes what those of the runs cost that have ended, and gives it."""
        catalog = self._catalog()
        found = {
            run_id: facts_of(ended, catalog)
            for run_id, ended in self._runs.answers(list(run_ids)).items()
        }
        if found:
            self.store.keep_facts(found)
        return found

    def settle_all(self) -> None:
        """Notes it of every answer nobody looked at since it ended."""
        if waiting := self.store.without_facts():
            self.settle(waiting)

    def delete(self, comparison: Comparison) -> None:
        """With its threads and what they left; votes hold no text and go on counting."""
        for thread_id in self._threads.of_group(comparison.id, comparison.owner):
            self._delete_thread(thread_id, comparison.owner)
        self.store.delete(comparison.id, comparison.owner)

    def erase(self, owner: str) -> None:
        """Comparisons and line-ups of a person; votes go on counting, as nobody's."""
        while found := self.store.recent(owner, 100):
            for one in found:
                self.delete(one)
        for lineup in self.lineups.list(owner):
            self.lineups.delete(owner, lineup.name)
        self.votes.forget_voter(owner)

    def question(self, comparison: Comparison, turn: Turn) -> str:
        """What was asked; empty when every thread of it was deleted."""
        try:
            return self._question(comparison, turn)
        except NotFound:
            return ""

    def _question(self, comparison: Comparison, turn: Turn) -> str:
        ids = [answer.run_id for answer in turn.answers if answer.run_id]
        found = self._runs.questions(ids)
        if not found:
            raise NotFound("The question of this comparison was deleted.", what_to_do="Ask again.")
        return found[0]

    def _there(self, thread_id: str, owner: str) -> bool:
        try:
            self._threads.get(thread_id, owner)
        except NotFound:
            return False
        return True
