"""Evaluations for pages, the command line and pytest: made, run, paused, gone on with, deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.comparing.values import MOST
from agents.evaluation.checks import needs_judge
from agents.evaluation.question_set import Case
from agents.evaluation.requests import answer_request
from agents.evaluation.results import Results, put_together
from agents.evaluation.runner import House, Runner
from agents.evaluation.sets import SetStore, StoredSet
from agents.evaluation.store import EvaluationStore
from agents.evaluation.values import Evaluation, Plan
from agents.model_ids import LOCAL
from core.errors import InvalidInput

if TYPE_CHECKING:
    from agents.run import TurnRequest
    from agents.run_store import RunStore
    from agents.threads import ThreadStore
    from core.database import Database

MAX_REPEATS = 20
MAX_CELLS = 50_000


class Evaluations:
    """One per process."""

    def __init__(
        self,
        database: Database,
        *,
        house: House,
        runs: RunStore,
        threads: ThreadStore,
        check: Callable[[TurnRequest], object],
        problem: Callable[[str], str],
        delete_thread: Callable[[str, str], None],
        most_at_once: int,
    ) -> None:
        """`check` raises what `house.start` would raise for a request that can never run; `problem`
        says why a model cannot be called, or nothing.

        `most_at_once`: answers an evaluation may have under way; the other places are people's.
        """
        self.sets = SetStore(database)
        self.store = EvaluationStore(database)
        self.most_at_once = most_at_once
        self._threads = threads
        self._check = check
        self._problem = problem
        self._delete_thread = delete_thread
        self._runner = Runner(self.store, house, runs.answers)

    def create(self, owner: str, chosen: StoredSet, plan: Plan) -> Evaluation:
        """Saves an evaluation, paused. Raises InvalidInput or NotFound for what cannot be run."""
        cases = self.sets.cases(chosen.id)
        self._validate(plan, cases)
        new = self.store.add(
            owner,
            chosen.id,
            plan,
            len(cases),
            [n for n, case in enumerate(cases) if needs_judge(case)],
        )
        evaluation = self.store.get(new, owner)
        try:
            self._check_requests(evaluation, cases)
        except BaseException:
            self.store.delete(new)
            raise
        return evaluation

    def start(self, evaluation: Evaluation) -> None:
        """Begins, or goes on where it stopped. Raises StorageError."""
        fresh = self.store.get(evaluation.id, evaluation.owner)
        self._runner.run(fresh, self.sets.cases(fresh.set_id))

    def pause(self, evaluation: Evaluation) -> None:
        """What is under way is finished; nothing new is begun."""
        self._runner.pause(evaluation.id)

    def set_limits(
        self, evaluation: Evaluation, *, budget_pusd: int | None, concurrency: int
    ) -> Evaluation:
        """Another budget and number of answers at once, for one that is not under way.

        Raises InvalidInput.
        """
        if self._runner.is_active(evaluation.id):
            raise InvalidInput("This evaluation is under way.", what_to_do="Pause it first.")
        plan = replace(evaluation.plan, budget_pusd=budget_pusd, concurrency=concurrency)
        self._validate_limits(plan)
        self.store.set_limits(evaluation.id, budget_pusd, concurrency)
        return self.store.get(evaluation.id, evaluation.owner)

    def retry_failed(self, evaluation: Evaluation) -> int:
        """Tries again what has no answer; gives how much that is."""
        count = self.store.retry_failed(evaluation.id)
        if count:
            self.start(evaluation)
        return count

    def again(self, evaluation: Evaluation, name: str) -> Evaluation:
        """A new evaluation of the same set and configurations, to be compared with the old one."""
        chosen = self.sets.get(evaluation.set_id, evaluation.owner)
        return self.create(evaluation.owner, chosen, replace(evaluation.plan, name=name))

    def delete(self, evaluation: Evaluation) -> None:
        """With its answers. Raises InvalidInput while it is under way."""
        if self._runner.is_active(evaluation.id):
            raise InvalidInput("This evaluation is under way.", what_to_do="Pause it first.")
        for thread_id in self._threads.of_group(evaluation.id, evaluation.owner):
            self._delete_thread(thread_id, evaluation.owner)
        self.store.delete(evaluation.id)

    def halt(self, owner: str) -> None:
        """Pauses what a person has under way, and waits for it."""
        for evaluation in self.store.recent(owner, MAX_CELLS):
            if self.is_active(evaluation.id):
                self.pause(evaluation)
                self.wait(evaluation)

    def erase(self, owner: str) -> None:
        """Everything of a person: evaluations, question sets, test cases. After `halt`."""
        for evaluation in self.store.recent(owner, MAX_CELLS):
            self.delete(evaluation)
        self.sets.erase(owner)

    def results(self, evaluation: Evaluation) -> Results:
        """What it has found so far."""
        return put_together(
            self.store.get(evaluation.id, evaluation.owner),
            self.sets.cases(evaluation.set_id),
            self.store.cells(evaluation.id),
            self.store.judgements(evaluation.id),
        )

    def is_active(self, evaluation_id: str) -> bool:
        """Whether anything of it is under way in this process."""
        return self._runner.is_active(evaluation_id)

    def wait(self, evaluation: Evaluation, timeout: float | None = None) -> bool:
        """Until nothing of it is under way; False when the time ran out."""
        return self._runner.wait(evaluation.id, timeout)

    def resume_unfinished(self) -> None:
        """Goes on with what a kill or a restart cut off. One that cannot go on says why."""
        for evaluation in self.store.running():
            try:
                self.start(evaluation)
            except Exception as exc:
                self.store.set_status(evaluation.id, "paused", str(exc))

    def stop_all(self) -> None:
        """Begins nothing new. Before the runs are ended."""
        self._runner.stop_all()

    def close(self, timeout: float = 5.0) -> None:
        """After the runs were ended."""
        self._runner.join(timeout)

    def _validate(self, plan: Plan, cases: Sequence[Case]) -> None:
        if not 1 <= len(plan.configurations) <= MOST:
            raise InvalidInput(f"An evaluation has 1 to {MOST} configurations.")
        if len({one.key for one in plan.configurations}) < len(plan.configurations):
            raise InvalidInput("Two configurations are the same.", what_to_do="Change one of them.")
        if not 1 <= plan.repeats <= MAX_REPEATS:
            raise InvalidInput(f"Each question is asked 1 to {MAX_REPEATS} times.")
        self._validate_limits(plan)
        if len(cases) * len(plan.configurations) * plan.repeats > MAX_CELLS:
            raise InvalidInput(f"An evaluation has at most {MAX_CELLS:,} answers.")
        rubrics = any(needs_judge(case) for case in cases)
        if (plan.pairwise or rubrics) and not plan.judge_model:
            raise InvalidInput(
                "Some of this has to be judged by a model, and none is chosen.",
                what_to_do="Choose a judge model.",
            )
        if plan.judge_model == LOCAL:
            raise InvalidInput(
                "The embedded answerer cannot judge.", what_to_do="Choose another judge model."
            )

    def _validate_limits(self, plan: Plan) -> None:
        if not 1 <= plan.concurrency <= self.most_at_once:
            raise InvalidInput(
                f"1 to {self.most_at_once} answers can be under way at once.",
                what_to_do="Choose fewer, or raise SWITCHBOARD_MAX_CONCURRENT_RUNS.",
            )
        if plan.budget_pusd is not None and plan.budget_pusd <= 0:
            raise InvalidInput("A budget is more than nothing.")

    def _check_requests(self, evaluation: Evaluation, cases: Sequence[Case]) -> None:
        plan = evaluation.plan
        for model in filter(None, [*(one.model for one in plan.configurations), plan.judge_model]):
            if problem := self._problem(model):
                raise InvalidInput(f"{model} cannot be used: {problem}.")
        for one in plan.configurations:
            for case in cases:
                self._check(answer_request(evaluation, one, case.question))
