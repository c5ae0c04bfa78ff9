"""An evaluation from start to end in a terminal: begun or gone on with, watched, paused by Ctrl-C."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from agents.evaluation.values import Evaluation, Plan, Progress
from api.evaluating.asked import OWNER
from core.pricing import format_usd

if TYPE_CHECKING:
    from agents.evaluation.sets import StoredSet
    from agents.runtime import Runtime

POLL_S = 0.25
WARM_UP_S = 60.0
_TTY_EVERY_S, _LOG_EVERY_S = 0.5, 10.0


class Paused(Exception):
    """Somebody pressed Ctrl-C, and what was under way has ended."""


def newest(
    runtime: Runtime, chosen: StoredSet, plan: Plan, *, ended: bool = False
) -> Evaluation | None:
    """The newest evaluation of the same questions and configurations that has not come to its end,
    with the budget and the number of answers at once that are asked for now.

    One with another judge or number of repeats is another. `ended`: also one that has.
    """
    budget, most = plan.budget_pusd, plan.concurrency
    for one in runtime.evaluations.store.recent(OWNER):
        like = replace(one.plan, name=plan.name, budget_pusd=budget, concurrency=most)
        if like == plan and one.set_digest == chosen.digest and (ended or one.status != "done"):
            return runtime.evaluations.set_limits(one, budget_pusd=budget, concurrency=most)
    return None


def begin(runtime: Runtime, evaluation: Evaluation, *, retry_failed: bool = False) -> None:
    """Starts it once everything is loaded, so that the first answers are not slower than others."""
    runtime.warm_up.start()
    runtime.warm_up.hurry()
    runtime.warm_up.ready.wait(WARM_UP_S)
    if not (retry_failed and runtime.evaluations.retry_failed(evaluation)):
        runtime.evaluations.start(evaluation)


def to_its_end(runtime: Runtime, evaluation: Evaluation) -> Evaluation:
    """Watches it until nothing is under way. Raises Paused; KeyboardInterrupt at the second one."""
    line = ProgressLine(sys.stderr)
    try:
        _watch(runtime, evaluation, line)
    except KeyboardInterrupt:
        runtime.evaluations.pause(evaluation)
        line.close()
        sys.stderr.write("Pausing: answers under way are finished. Ctrl-C again stops at once.\n")
        _watch(runtime, evaluation, line)
        raise Paused from None
    finally:
        line.close()
    return runtime.evaluations.store.get(evaluation.id, OWNER)


def _watch(runtime: Runtime, evaluation: Evaluation, line: ProgressLine) -> None:
    while not runtime.evaluations.wait(evaluation, POLL_S):
        if line.due():
            line.show(runtime.evaluations.store.get(evaluation.id, OWNER).progress)
    line.show(runtime.evaluations.store.get(evaluation.id, OWNER).progress)


class ProgressLine:
    """One line that is written anew where somebody watches, else a line every ten seconds."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._live = out, out.isatty()
        self._began: tuple[float, int] | None = None
        self._next = 0.0
        self._last = ""

    def due(self) -> bool:
        return time.monotonic() >= self._next

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        self._next = now + (_TTY_EVERY_S if self._live else _LOG_EVERY_S)
        if self._began is None:
            self._began = now, progress.left
        text = progress_words(progress, now - self._began[0], self._began[1])
        if text == self._last:
            return
        self._out.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._out.flush()
        self._last = text

    def close(self) -> None:
        """The end of the line that was written last."""
        if self._live and self._last:
            self._out.write("\n")
            self._out.flush()
        self._last = ""


def progress_words(progress: Progress, elapsed_s: float, left_at_first: int) -> str:
    """`left_at_first`: what was to do `elapsed_s` seconds ago."""
    parts = [f"{progress.done + progress.failed:,} of {progress.total:,} answers"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.to_judge:
        parts.append(f"{progress.judged:,} of {progress.to_judge:,} judged")
    floor = "at least " if progress.unpriced else ""
    parts.append(f"{floor}{format_usd(progress.spent_pusd)}")
    ended = left_at_first - progress.left
    if ended > 0 and progress.left > 0 and elapsed_s > 1:
        parts.append(f"about {_span(elapsed_s / ended * progress.left)} left")
    return ", ".join(parts)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
