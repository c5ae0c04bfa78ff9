"""What is known of one run: its rows, its log and its kept words, each where it still exists.

A run belongs to a person. One of somebody else is not there, as one that never was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.content import KeptItem, of_run
from analytics.queries import Filter, RunDetail, RunRow
from analytics.queries.runs import related_runs
from analytics.run_from_log import detail_of_log
from core.errors import NotFound, StorageError
from core.ids import is_id
from core.transcript import Transcript
from pages.components import session
from pages.components.session import owner

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.queries import Ask
    from core.events import Event

_ALL = Filter(range="all")
OTHERS = "The page of a run opens only for the person who asked."
"""Said where people log in, beside a run that is not there: of a foreign and of an unknown one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownRun:
    """`events` is empty when the log is gone; `detail` is None before anything happened."""

    run_id: str
    detail: RunDetail | None
    events: list[Event]
    transcript: Transcript
    kept: tuple[KeptItem, ...]
    question: str | None
    live: bool
    recorded: bool
    """Analytics has its final rows."""
    trouble: StorageError | None = None
    """Why the figures could not be read."""

    @property
    def thread_id(self) -> str | None:
        return self.detail.run.conversation_id if self.detail else None

    @property
    def answer(self) -> str:
        """The visible answer; else what is kept of it."""
        return self.transcript.text or next(
            (item.text for item in self.kept if item.kind == "answer" and item.mode != "hashed"), ""
        )


def read_run(runtime: Runtime, run_id: object) -> KnownRun | None:
    """None for an unknown, malformed or foreign id. Raises StorageError when nothing can be read."""
    if not is_id(run_id) or not isinstance(run_id, str):
        return None
    events, ours = _log(runtime, run_id)
    detail, trouble = None, None
    try:
        detail = session.figures().run_detail(run_id)
    except StorageError as exc:
        if not ours:
            raise
        trouble = exc
    if not ours and (detail is None or _foreign(runtime, detail.run)):
        return None
    recorded = detail is not None and detail.run.status != "running"
    if not recorded:
        detail = detail_of_log(events, owner()) or detail
    transcript = Transcript()
    transcript.add_all(events)
    running = runtime.runs.get(run_id)
    may_read = ours or (detail is not None and detail.run.user_id in (owner(), None))
    kept = () if trouble or not may_read else _kept(runtime, run_id)
    return KnownRun(
        run_id=run_id,
        detail=detail,
        events=events,
        transcript=transcript,
        kept=kept,
        question=(_question(runtime, run_id, detail) if ours else None) or _kept_question(kept),
        live=ours and running is not None and not running.finished,
        recorded=recorded,
        trouble=trouble,
    )


def read_related(runtime: Runtime, run: RunRow) -> list[RunRow]:
    """Runs of the same thread or comparison. Raises StorageError."""
    return session.figures().ask(lambda ask: related_runs(ask.reader, run), _ALL)


def _log(runtime: Runtime, run_id: str) -> tuple[list[Event], bool]:
    """The events, and whether the run is this person's and its thread still there."""
    try:
        held = runtime.runs.get(run_id)
        if held is not None and held.finished:  # memory may outlive a deleted thread for a while
            runtime.threads.get(held.thread_id, owner())
        return runtime.events(run_id, owner()), True
    except NotFound:
        return [], False


def _foreign(runtime: Runtime, run: RunRow) -> bool:
    """Whether somebody else asked here. What was imported has names of people, but no owner."""
    if run.user_id in (owner(), None):
        return False
    try:
        runtime.events(run.run_id, str(run.user_id))
    except NotFound:
        return False
    return True


def _kept(runtime: Runtime, run_id: str) -> tuple[KeptItem, ...]:
    def question(ask: Ask) -> tuple[KeptItem, ...]:
        return of_run(ask.reader, run_id)

    return session.figures().ask(question, _ALL)


def _question(runtime: Runtime, run_id: str, detail: RunDetail | None) -> str | None:
    """As it was typed."""
    held = runtime.runs.get(run_id)
    if held is not None:
        return held.request.text
    return _asked(runtime, detail.run.conversation_id, run_id) if detail else None


def _kept_question(kept: tuple[KeptItem, ...]) -> str | None:
    readable = (item.text for item in kept if item.kind == "question" and item.mode != "hashed")
    return next(readable, None)


def _asked(runtime: Runtime, thread_id: str, run_id: str) -> str | None:
    try:
        runtime.threads.get(thread_id, owner())
    except NotFound:
        return None
    return next(iter(runtime.store.questions([run_id])), None)
