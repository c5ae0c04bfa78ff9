"""What a run leaves on disk: a journal while it goes on, its answer and its whole log at the end.

One writer thread, so that the three are written in this order. An answer that cannot be saved is
kept in memory and tried again until it can: a full disk costs nobody an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from agents.run import Checkpoint, Place, Run
from core.errors import StorageError
from core.events import Event, Failed, TerminalEvent
from core.ids import new_id
from core.transcript import AnswerSummary, Transcript, summarise

log = logging.getLogger(__name__)
SAVE_RETRY_S = 5.0
UNEXPECTED = "Saving it ended with an unexpected error; the log has the details."


class Store(Protocol):
    """See agents/run_store.py."""

    def begin(self, new_run: Run) -> Place: ...
    def append(self, parts: dict[str, list[Event]]) -> None: ...
    def finish(
        self,
        run_id: str,
        answer_id: str,
        text: str,
        summary: AnswerSummary,
        *,
        checkpoint: Checkpoint | None,
    ) -> None: ...
    def save_log(self, run_id: str, events: Sequence[Event]) -> None: ...


class RunSaver:
    """Used by RunManager on the run loop; only its writer thread touches the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="run-store")
        self._later: set[asyncio.Task[None]] = set()
        self._journaling = asyncio.Lock()
        self._journal_failing = False
        self._kept: dict[str, tuple[Run, TerminalEvent, Checkpoint | None]] = {}
        """Answers that are not on disk yet."""
        self.errors = 0
        """Journal and log writes that failed; shown on the Settings page."""

    async def answer(
        self, run: Run, terminal: TerminalEvent, checkpoint: Checkpoint | None
    ) -> TerminalEvent:
        """Saves the answer; gives the terminal event to publish, which says so when it could not."""
        try:
            await self._write(self._finish, run, terminal, checkpoint)
        except Exception as error:
            exc = error if isinstance(error, StorageError) else StorageError(UNEXPECTED)
            log.error("the answer of run %s could not be saved", run.id, exc_info=error)
            run.unsaved = True
            self._kept[run.id] = (run, terminal, checkpoint)
            task = asyncio.create_task(self._answer_later(run, terminal, checkpoint))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
            if terminal.type == "completed":
                return Failed(
                    code=exc.code,
                    message=f"The answer is complete but could not be saved yet. {exc.message}",
                    what_to_do=exc.what_to_do,
                    retryable=False,
                    message_id=terminal.message_id,
                )
        return terminal

    async def whole_log(self, run: Run) -> None:
        """Replaces the journal of an ended run by its whole log."""
        await self._write(self._save_log, run)

    async def journal(self, runs: Sequence[Run]) -> None:
        """Writes what was added to the logs of active runs since the last call."""
        async with self._journaling:
            parts: dict[str, list[Event]] = {}
            for run in runs:
                fresh = run.events[run.journaled :]
                if fresh and not run.finished:
                    parts[run.id] = fresh
            if not parts:
                return
            try:
                await self._write(self._store.append, parts)
                for run in runs:
                    run.journaled += len(parts.get(run.id, ()))
                self._journal_failing = False
            except Exception:  # the answer matters more than its journal
                self.errors += 1
                if not self._journal_failing:  # once per fault, not four times a second
                    log.warning("the journal could not be written", exc_info=True)
                self._journal_failing = True

    def journal_soon(self, run: Run) -> None:
        """The same for one run, at once and without waiting: something dear has just come."""
        task = asyncio.create_task(self.journal([run]))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def close(self) -> None:
        """Tries once more what could not be saved, and waits for what is being written."""
        for run, terminal, checkpoint in list(self._kept.values()):
            with contextlib.suppress(RuntimeError):  # closed before
                self._writer.submit(self._finish_or_say_so, run, terminal, checkpoint)
        self._writer.shutdown(wait=True)

    async def _answer_later(
        self, run: Run, terminal: TerminalEvent, checkpoint: Checkpoint | None
    ) -> None:
        while run.unsaved:
            await asyncio.sleep(SAVE_RETRY_S)
            with contextlib.suppress(Exception):  # logged the first time
                await self._write(self._finish, run, terminal, checkpoint)
                await self._write(self._save_log, run)
                run.unsaved = False
                self._kept.pop(run.id, None)

    def _finish(self, run: Run, terminal: TerminalEvent, checkpoint: Checkpoint | None) -> None:
        transcript = Transcript()
        transcript.add_all(run.events if not run.finished else run.events[:-1])
        transcript.add(terminal)
        transcript.duration_us = run.events[-1].elapsed_us if run.finished else run.elapsed_us()
        self._store.finish(
            run.id,
            getattr(terminal, "message_id", None) or new_id(),
            transcript.text,
            summarise(transcript),
            checkpoint=checkpoint,
        )

    def _finish_or_say_so(
        self, run: Run, terminal: TerminalEvent, checkpoint: Checkpoint | None
    ) -> None:
        try:
            self._finish(run, terminal, checkpoint)
        except Exception:
            log.exception("the answer of run %s is lost: it could not be saved to the end", run.id)

    def _save_log(self, run: Run) -> None:
        try:
            self._store.save_log(run.id, run.events)
        except Exception:
            self.errors += 1
            log.warning("the log of run %s could not be saved", run.id, exc_info=True)

    async def _write(self, function: Callable[..., None], *args: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, function, *args)
