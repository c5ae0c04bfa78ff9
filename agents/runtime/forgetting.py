"""Deleting: a thread, what was said in it, or everything of a person, wherever it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.run import THREAD_KINDS
from analytics.erasure import Erased, erase_user, forget_thread
from core.errors import StorageError

if TYPE_CHECKING:
    from agents.runtime.recording import Recording
    from agents.runtime.runtime import Runtime
    from agents.runtime.turns import TurnMaker
    from core.identity import Principal

FORGET_S = 5.0


class Forgetting:
    """Part of the runtime, which says what each call does."""

    def __init__(self, house: Runtime, turns: TurnMaker, recording: Recording) -> None:
        self._house = house
        self._turns = turns
        self._recording = recording

    def delete_thread(self, thread_id: str, owner: str) -> None:
        if self._house.threads.get(thread_id, owner).kind == "compare":
            self._house.comparisons.settle_all()  # what its answers cost goes on counting
        self._stop_answering(thread_id)
        self._house.threads.delete(thread_id, owner)
        self._forget_said(thread_id, "deleted")

    def clear_thread(self, thread_id: str, owner: str) -> None:
        self._house.threads.get(thread_id, owner)
        self._stop_answering(thread_id)
        self._house.threads.clear(thread_id, owner)
        self._forget_said(thread_id, "cleared")

    def _stop_answering(self, thread_id: str) -> None:
        run = self._house.runs.for_thread(thread_id)
        if run is not None and not run.finished:
            self._recording.drop_words(run.id)
            self._house.runs.cancel(run.id)
            for _ in run.follow():
                pass

    def _forget_said(self, thread_id: str, done: str) -> None:
        """What else is kept of its words: ended runs, file indexes, agents' memory, analytics."""
        self._house.runs.forget_thread(thread_id)
        self._house.files.forget_thread(thread_id)
        self._house.search_cleaning.soon()
        self._house.loop.submit(self._turns.forget(thread_id))
        try:
            forget_thread(self._house.recorder, thread_id, FORGET_S)
        except StorageError as exc:
            raise StorageError(
                f"The thread was {done}, but not what analytics kept of it: {exc.message}",
                what_to_do="Delete the kept content on the Settings page, under Privacy.",
            ) from exc

    def erase_person(
        self, owner: str, *, account: bool = False, by: Principal | None = None
    ) -> Erased:
        self._house.identity.erase(
            owner, account=False, by=by
        )  # first: nobody goes on writing as them
        self._house.recorder.flush()
        if not account:  # somebody who stays does not begin their quota anew
            self._house.spending.refresh()
            self._house.spending.carry(owner)
        erased = erase_user(self._house.recorder, owner)  # runs that go on end as runs of nobody
        self._house.spending.refresh()
        self._house.exchange.erase(owner)
        self._house.evaluations.halt(owner)
        self._house.comparisons.judging.close()
        for kind in THREAD_KINDS:
            while found := self._house.threads.recent(owner, kind=kind):
                for thread in found:
                    self.delete_thread(thread.id, owner)
                    erased.threads += 1
        self._house.files.forget_owner(owner)
        self._house.comparisons.erase(owner)
        self._house.evaluations.erase(owner)
        self._house.prompts.forget_owner(owner)
        self._house.knowledge.forget_notes(owner)
        self._house.preferences.forget(owner)
        self._house.answers.forget(owner)
        if account:
            self._house.identity.erase(owner, account=True, by=by)
        self._house.database.empty_log()
        return erased
