"""Runs evaluations: claims what is to do, asks, checks, notes. Pauses when it must, goes on after a kill.

One thread per answer that is under way, at most `concurrency` of an evaluation. What was answered
and saved is never asked again; what a kill cut off is asked again, because it has no answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from agents.comparing.facts import facts_of
from agents.evaluation import judge
from agents.evaluation.checks import Answer, run_checks, verdict
from agents.evaluation.question_set import Case
from agents.evaluation.requests import answer_request, judge_request
from agents.evaluation.values import ALONE, Cell, Evaluation, Judgement
from agents.run import Run, TurnRequest
from agents.run_store import EndedAnswer
from core.errors import (
    BudgetExceeded,
    Overloaded,
    QuotaUsedUp,
    ShuttingDown,
    StorageError,
    SwitchboardError,
)
from core.pricing import format_usd
from core.transcript import Transcript, summarise

if TYPE_CHECKING:
    from agents.evaluation.store import EvaluationStore
    from core.catalog import Catalog

log = logging.getLogger(__name__)
MAX_TRIES = 3
RETRY_S = 2.0
POLL_S = 0.5
_CUT = ("lost", "running")
"""Of a run: it has no end of its own."""


class House(Protocol):
    """What the runner needs of the runtime."""

    def start(self, request: TurnRequest) -> Run: ...
    @property
    def catalog(self) -> Catalog: ...


@dataclass
class _Job:
    evaluation: Evaluation
    cases: Sequence[Case]
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)
    """Set when the last worker has written how the evaluation stands."""
    workers: int = 0
    spent_pusd: int = 0
    dearest_pusd: int = 0
    """What the dearest answer or judgement so far has cost."""
    ended: int = 0
    """Answers and judgements so far: until each configuration has one, a budget lets them be asked
    one after the other, because nobody knows what one costs."""
    under_way: int = 0
    why: str = ""
    rest_until: float = 0.0
    """`time.monotonic()` until which a provider that refused is left alone."""


class Runner:
    """One per process."""

    def __init__(
        self,
        store: EvaluationStore,
        house: House,
        answers: Callable[[Sequence[str]], dict[str, EndedAnswer | None]],
        retry_s: float = RETRY_S,
    ) -> None:
        """`answers`: question, text and summary of those runs that have ended, None when gone."""
        self._store = store
        self._house = house
        self._answers = answers
        self._retry_s = retry_s
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._closing = False

    def run(self, evaluation: Evaluation, cases: Sequence[Case]) -> None:
        """Starts or goes on with an evaluation; harmless while it is under way."""
        with self._lock:
            if self._closing or evaluation.id in self._jobs:
                return
            progress = evaluation.progress
            job = self._jobs[evaluation.id] = _Job(
                evaluation=evaluation,
                cases=cases,
                spent_pusd=progress.spent_pusd,
                ended=progress.done + progress.failed,
            )
        try:
            self._recover(job)
            self._store.set_status(evaluation.id, "running")
        except BaseException:
            with self._lock:
                del self._jobs[evaluation.id]
            raise
        job.workers = evaluation.plan.concurrency
        for n in range(job.workers):
            name = f"evaluation-{evaluation.id[-6:]}-{n}"
            threading.Thread(target=self._work, args=(job,), name=name).start()

    def pause(self, evaluation_id: str, why: str = "") -> None:
        """Nothing new is begun; what is under way is finished and counts."""
        with self._lock:
            job = self._jobs.get(evaluation_id)
        if job is None:
            self._store.set_status(evaluation_id, "paused", why)
            return
        with job.lock:
            job.why = job.why or why
        job.stop.set()

    def is_active(self, evaluation_id: str) -> bool:
        """Whether anything of it is still under way here."""
        with self._lock:
            return evaluation_id in self._jobs

    def wait(self, evaluation_id: str, timeout: float | None = None) -> bool:
        """Until nothing of it is under way; False when the time ran out."""
        with self._lock:
            job = self._jobs.get(evaluation_id)
        return job is None or job.over.wait(timeout)

    def stop_all(self) -> None:
        """Begins nothing new; evaluations stay `running` on disk, to go on at the next start."""
        with self._lock:
            self._closing = True
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stop.set()

    def join(self, timeout: float) -> None:
        """After `stop_all`, and after the runs were ended."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.over.wait(timeout)

    # -- a worker's thread

    def _work(self, job: _Job) -> None:
        try:
            while not job.stop.is_set() and self._step(job):
                pass
        except StorageError as exc:
            # What is under way keeps its claim: its run tells later what became of it.
            self._halt(job, f"{exc.message} {exc.what_to_do}")
        except ShuttingDown:
            job.stop.set()
        except Exception:
            log.exception("evaluation %s stopped", job.evaluation.id)
            self._halt(job, "An unexpected error stopped it; the log has the details.")
        finally:
            self._leave(job)

    def _halt(self, job: _Job, why: str) -> None:
        with job.lock:
            job.why = job.why or why
        job.stop.set()

    def _leave(self, job: _Job) -> None:
        """The last worker says how the evaluation stands."""
        with self._lock:
            job.workers -= 1
            if job.workers:
                return
        try:
            self._write_status(job)
        except StorageError:
            log.exception("the state of evaluation %s could not be saved", job.evaluation.id)
        finally:
            with self._lock:
                self._jobs.pop(job.evaluation.id, None)
            job.over.set()

    def _write_status(self, job: _Job) -> None:
        if self._closing and not job.why:
            return  # it goes on with the next start
        if job.stop.is_set():
            self._store.set_status(job.evaluation.id, "paused", job.why)
        else:
            self._store.set_status(job.evaluation.id, "done")

    def _step(self, job: _Job) -> bool:
        """One answer or one judgement; False when there is nothing to do any more."""
        if (rest_s := job.rest_until - time.monotonic()) > 0 and job.stop.wait(rest_s):
            return False
        with job.lock:
            allowed = self._allowed(job)
            one = self._claim(job) if allowed == "yes" else None
            # Answers under way may bring judgements, or show that the budget allows more.
            waiting = job.under_way and (allowed == "later" or job.evaluation.plan.judge_model)
            job.under_way += one is not None
        if allowed == "no" and self._store.anything_to_do(job.evaluation.id):
            budget = format_usd(job.evaluation.plan.budget_pusd)
            self._halt(job, f"The budget of {budget} does not allow another answer.")
        if one is None:
            return bool(waiting) and not job.stop.wait(POLL_S)
        try:
            if isinstance(one, Cell):
                self._answer(job, one)
            else:
                self._judge(job, one)
        finally:
            with job.lock:
                job.under_way -= 1
        return True

    def _claim(self, job: _Job) -> Cell | Judgement | None:
        evaluation_id = job.evaluation.id
        return self._store.claim_cell(evaluation_id) or self._store.claim_judgement(evaluation_id)

    def _allowed(self, job: _Job) -> Literal["yes", "no", "later"]:
        """Whether the budget holds if the next answer and those under way are all as dear as the
        dearest so far. Until each configuration has answered once, one at a time: nobody knows what
        one costs."""
        budget = job.evaluation.plan.budget_pusd
        if budget is None:
            return "yes"
        unknown = job.ended < len(job.evaluation.plan.configurations)
        expected = job.spent_pusd + job.dearest_pusd * (job.under_way + 1)
        if job.spent_pusd < budget and expected <= budget and not (unknown and job.under_way):
            return "yes"
        return "later" if job.under_way else "no"

    def _answer(self, job: _Job, cell: Cell) -> None:
        evaluation, case = job.evaluation, job.cases[cell.case_number]
        one = evaluation.plan.configurations[cell.configuration]
        request = answer_request(evaluation, one, case.question, cell.run_id)
        ended = self._ask(job, cell, request)
        if ended is not None:
            self._settle_answer(job, cell, ended)

    def _judge(self, job: _Job, wanted: Judgement) -> None:
        case = job.cases[wanted.case_number]
        texts = self._texts(job, wanted)
        if texts is None:
            self._store.fail(job.evaluation.id, wanted, "An answer it was to judge is gone.")
            return
        if wanted.second == ALONE:
            rubric = "\n".join(str(c.value) for c in case.checks if c.type == "judge")
            asked = judge.ask_about_one(case, rubric, texts[0])
        else:
            asked = judge.ask_about_two(case, texts[0], texts[1])
        request = judge_request(job.evaluation, asked, wanted.run_id)
        ended = self._ask(job, wanted, request)
        if ended is not None:
            self._settle_judgement(job, wanted, ended)

    def _texts(self, job: _Job, wanted: Judgement) -> list[str] | None:
        """The answers a judgement is about."""
        cells = {
            one.configuration: one
            for one in self._store.cells_of_case(
                job.evaluation.id, wanted.case_number, wanted.repeat
            )
        }
        numbers = [n for n in (wanted.first, wanted.second) if n != ALONE]
        ids = [cells[n].run_id for n in numbers if n in cells]
        found = self._answers([run_id for run_id in ids if run_id])
        texts = [ended.text for run_id in ids if run_id and (ended := found.get(run_id))]
        return texts if len(texts) == len(numbers) else None

    def _ask(self, job: _Job, one: Cell | Judgement, request: TurnRequest) -> EndedAnswer | None:
        """Begins the run that was claimed and waits for its end; None when it was given back."""
        try:
            run = self._house.start(request)
        except Overloaded:
            self._store.release(job.evaluation.id, one)
            job.stop.wait(self._retry_s)
            return None
        except ShuttingDown:
            self._store.release(job.evaluation.id, one)
            raise
        except StorageError:
            raise
        except SwitchboardError as exc:
            self._store.fail(job.evaluation.id, one, f"{exc.message} {exc.what_to_do}")
            return None
        for _ in run.follow(poll_s=POLL_S):
            pass
        transcript = Transcript()
        transcript.add_all(run.read())
        return EndedAnswer(
            question=request.text, text=transcript.text, summary=summarise(transcript)
        )

    # -- what became of a run

    def _settle_answer(self, job: _Job, cell: Cell, ended: EndedAnswer) -> None:
        if self._given_back(job, cell, ended):
            return
        facts = facts_of(ended, self._house.catalog)
        self._charge(job, facts.cost_pusd)
        completed = ended.summary.status == "completed"
        if completed and facts.cost_pusd is None and job.evaluation.plan.budget_pusd is not None:
            model = self._house.catalog.display_name(facts.model or "this model")
            self._halt(job, f"The cost of {model} is not known, so that no budget can be kept.")
        if not completed:
            self._store.fail_answer(job.evaluation.id, cell, facts, failure_of(ended))
            return
        results = run_checks(
            job.cases[cell.case_number], Answer(text=ended.text, summary=ended.summary)
        )
        self._store.keep_answer(job.evaluation.id, cell, facts, results, verdict(results))

    def _settle_judgement(self, job: _Job, wanted: Judgement, ended: EndedAnswer) -> None:
        if self._given_back(job, wanted, ended):
            return
        cost = ended.summary.cost_pusd
        self._charge(job, cost)
        if ended.summary.status != "completed":
            self._store.fail(job.evaluation.id, wanted, failure_of(ended))
            return
        said = judge.read_verdict(ended.text, pair=wanted.second != ALONE)
        if said is None:
            self._store.fail(
                job.evaluation.id, wanted, "The judge gave no verdict that can be read."
            )
            return
        self._store.keep_judgement(job.evaluation.id, wanted, *said, cost)

    def _given_back(self, job: _Job, one: Cell | Judgement, ended: EndedAnswer) -> bool:
        """Whether a run came to nothing through no fault of its own and is to be tried again."""
        summary = ended.summary
        error = summary.error or {}
        if summary.status in _CUT or summary.stopped_by == "shutdown":
            self._store.release(job.evaluation.id, one)
            return True
        if error.get("code") in (BudgetExceeded.code, QuotaUsedUp.code):
            self._store.release(job.evaluation.id, one)
            self._halt(job, f"{error.get('message')} {error.get('what_to_do')}")
            return True
        if error.get("retryable") and one.tries < MAX_TRIES:
            self._charge(job, summary.cost_pusd)
            job.rest_until = time.monotonic() + self._retry_s * one.tries
            self._store.release(job.evaluation.id, one)
            return True
        return False

    def _charge(self, job: _Job, cost_pusd: int | None) -> None:
        with job.lock:
            job.ended += 1
            if cost_pusd is not None:
                job.spent_pusd += cost_pusd
                job.dearest_pusd = max(job.dearest_pusd, cost_pusd)

    def _recover(self, job: _Job) -> None:
        """Settles what was under way when Switchboard ended, by what became of its runs."""
        evaluation_id = job.evaluation.id
        cells = self._store.cells(evaluation_id)
        judgements = self._store.judgements(evaluation_id)
        known = [c.facts.cost_pusd for c in cells if c.facts] + [j.cost_pusd for j in judgements]
        job.dearest_pusd = max((cost for cost in known if cost), default=0)
        everything: list[Cell | Judgement] = [*cells, *judgements]
        open_ones = [one for one in everything if one.status == "running"]
        found = self._answers([one.run_id for one in open_ones if one.run_id])
        for one in open_ones:
            ended = found.get(str(one.run_id))
            if ended is None:
                self._store.release(evaluation_id, one)
            elif isinstance(one, Cell):
                self._settle_answer(job, one, ended)
            else:
                self._settle_judgement(job, one, ended)


def failure_of(ended: EndedAnswer) -> str:
    """Why there is no answer, in a sentence."""
    summary = ended.summary
    if summary.error:
        return f"{summary.error.get('message', '')} {summary.error.get('what_to_do', '')}".strip()
    if summary.status == "cancelled":
        return "It was stopped."
    if summary.status == "interrupted":
        return "The agent asked a person, and nobody answers in an evaluation."
    return f"It ended as {summary.status}."
