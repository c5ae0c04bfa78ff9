"""A judge model votes on what people voted on: so that one sees how far the two agree.

One thread, one pair of answers at a time, each in both orders; a judge that contradicts itself has
said "tie". What it said is a vote of its own source and is never mixed with people's. A kill loses
at most the pair under way; the next start goes on with what is not judged yet.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from agents.comparing.values import Comparison, Turn
from agents.evaluation import judge
from agents.evaluation.question_set import Case
from agents.run import Run, TurnRequest
from core.comparison import Ballot
from core.errors import InvalidInput, SwitchboardError
from core.transcript import Transcript, summarise

if TYPE_CHECKING:
    from agents.comparing.store import ComparisonStore
    from agents.comparing.votes import VoteStore
    from agents.run_store import EndedAnswer

log = logging.getLogger(__name__)
SOURCE = "judge:"
POLL_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeProgress:
    model: str
    done: int
    total: int
    """Pairs of answers."""
    running: bool
    problem: str = ""
    """Why it stopped early, as a sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    comparison: Comparison
    turn: Turn
    a: int
    b: int

    @property
    def question(self) -> str:
        return self.comparison.question_of(self.turn.number)

    @property
    def contestants(self) -> tuple[str, str]:
        arms = self.comparison.arms
        return arms[self.a].configuration.key, arms[self.b].configuration.key


class Judging:
    """One per process."""

    def __init__(
        self,
        store: ComparisonStore,
        votes: VoteStore,
        start: Callable[[TurnRequest], Run],
        answers: Callable[[Sequence[str]], dict[str, EndedAnswer | None]],
    ) -> None:
        self._store = store
        self._votes = votes
        self._start = start
        self._answers = answers
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._progress: JudgeProgress | None = None

    def start(self, model: str, owner: str) -> int:
        """Begins with everything the owner voted on and the model did not; gives how many pairs.

        Raises InvalidInput while another judge is at work.
        """
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise InvalidInput("A judge is at work already.", what_to_do="Wait, or stop it.")
            pairs = list(self._open(model, owner))
            self._progress = JudgeProgress(
                model=model, done=0, total=len(pairs), running=bool(pairs)
            )
            if pairs:
                self._stop.clear()
                self._thread = threading.Thread(
                    target=self._work, args=(model, pairs), name="judge", daemon=True
                )
                self._thread.start()
        return len(pairs)

    def progress(self) -> JudgeProgress | None:
        """Of the last one; None before the first."""
        return self._progress

    def stop(self) -> None:
        """After the pair under way."""
        self._stop.set()

    def close(self, timeout: float = 5.0) -> None:
        """After the runs were ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _open(self, model: str, owner: str) -> Iterator[_Pair]:
        said = {
            (ballot.question, frozenset(ballot.contestants))
            for ballot in self._votes.ballots(SOURCE + model)
        }
        for comparison in self._store.voted(owner):
            for turn in comparison.turns:
                vote = comparison.vote_of(turn.number)
                if vote is None or vote.outcome == "skip" or "arm_failed" in vote.flags:
                    continue
                for a, b in combinations(range(len(comparison.arms)), 2):
                    pair = _Pair(comparison=comparison, turn=turn, a=a, b=b)
                    if (pair.question, frozenset(pair.contestants)) not in said:
                        yield pair

    def _work(self, model: str, pairs: Sequence[_Pair]) -> None:
        problem = ""
        for pair in pairs:
            if self._stop.is_set():
                break
            try:
                ballot = self._judge(model, pair)
                if ballot is not None:
                    self._votes.add(SOURCE + model, [ballot])
            except SwitchboardError as exc:
                problem = f"{exc.message} {exc.what_to_do}"
                break
            except Exception:
                log.exception("the judge stopped")
                problem = "An unexpected error stopped it; the log has the details."
                break
            self._count()
        if self._progress is not None:
            self._progress = replace(self._progress, running=False, problem=problem)

    def _count(self) -> None:
        if self._progress is not None:
            self._progress = replace(self._progress, done=self._progress.done + 1)

    def _judge(self, model: str, pair: _Pair) -> Ballot | None:
        """None when an answer is gone, or the judge was cut off or says nothing that can be read."""
        ids = [pair.turn.answers[n].run_id for n in (pair.a, pair.b)]
        found = self._answers([run_id for run_id in ids if run_id])
        first, second = (found.get(str(run_id)) for run_id in ids)
        if first is None or second is None:
            return None
        case = Case(id=pair.question, question=first.question)
        verdicts = []
        for one, other in ((first, second), (second, first)):
            asked = judge.ask_about_two(case, one.text, other.text)
            verdict = self._ask(model, pair.comparison, asked)
            if verdict is None:
                return None
            verdicts.append(verdict)
        mirrored = {"first": "second", "second": "first"}.get(verdicts[1], "tie")
        same = verdicts[0] == mirrored and mirrored != "tie"
        order = ((0,), (1,)) if verdicts[0] == "first" else ((1,), (0,))
        return Ballot(
            voter=model,
            contestants=pair.contestants,
            outcome="pick" if same else "tie",
            order=order if same else (),
            question=pair.question,
            at_us=pair.turn.at_us,
        )

    def _ask(self, model: str, about: Comparison, asked: str) -> str | None:
        run = self._start(
            TurnRequest(
                text=asked, owner=about.owner, graph="judge", model=model, fallback=False,
                temperature=0.0, entry_point="eval", thread_kind="eval", group_id=about.id,
            )
        )  # fmt: skip
        for _ in run.follow(poll_s=POLL_S):
            pass
        transcript = Transcript()
        transcript.add_all(run.read())
        summary = summarise(transcript)
        if summary.status == "cancelled":  # the comparison is being deleted, or Switchboard ends
            return None
        if summary.status != "completed":
            error = summary.error or {}
            raise InvalidInput(
                str(error.get("message") or "The judge did not answer."),
                what_to_do=str(error.get("what_to_do") or "Try again."),
            )
        found = judge.read_verdict(transcript.text, pair=True)
        return found[0] if found else None
