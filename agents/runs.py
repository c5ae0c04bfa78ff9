"""The run manager: one event loop in one thread, and every run on it.

`start` may be called from any thread and returns at once. A run ends with exactly one terminal
event, which is published only after the answer is on disk. Observers are called on the loop for
every event; they may not block, and an exception of theirs is counted, never passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from agents.loop import LoopThread
from agents.run import Checkpoint, Run, StoppedBy, TurnRequest
from agents.run_saving import RunSaver, Store
from agents.scope import RunScope, current_scope
from core.errors import NotFound, Overloaded, ShuttingDown, SwitchboardError
from core.events import (
    Cancelled,
    Completed,
    Event,
    Failed,
    Heartbeat,
    Interrupt,
    Interrupted,
    RunStarted,
    TerminalEvent,
)
from core.ids import new_id

log = logging.getLogger(__name__)

Observer = Callable[[Run, Event], None]
TICK_S = 0.25
HEARTBEAT_US = 1_000_000
RECANCEL_S = 0.1
STOP_PATIENCE_S = 2.0
"""A run whose task resists being cancelled for so long ends without it."""
THREAD_GRACE_S = 0.05
"""How long a stopped run waits for its threads before it says that they go on."""
KEEP_FINISHED_S = 60.0


class Turn(Protocol):
    """What a run does. Made once per run by the runtime."""

    @property
    def interrupts(self) -> Sequence[Interrupt]: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def notice(self) -> str | None: ...
    @property
    def checkpoint(self) -> Checkpoint | None: ...
    @property
    def node(self) -> str | None: ...
    @property
    def agent(self) -> str | None: ...

    def events(self) -> AsyncGenerator[Event, None]:
        """Drafts, in order. Raises SwitchboardError; is cancelled by cancelling its task."""

    def close_open(self, status: str) -> Iterable[Event]:
        """Ends for whatever was open when the run was stopped or failed."""


class RunManager:
    """See the module's docstring."""

    def __init__(
        self,
        loop: LoopThread,
        store: Store,
        make_turn: Callable[[Run], Turn],
        *,
        observers: Sequence[Observer] = (),
        max_concurrent: int = 16,
        max_queued: int = 200,
    ) -> None:
        self._loop = loop
        self._store = store
        self._make_turn = make_turn
        self._observers = tuple(observers)
        self._places = asyncio.Semaphore(max_concurrent)
        self._limit = max_concurrent + max_queued
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._active: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, Turn] = {}
        self._scopes: dict[str, RunScope] = {}
        self._over: dict[str, asyncio.Event] = {}
        """Set when a run's task has ended, or is waited for no longer."""
        self._waiting: dict[str, None] = {}
        self._ended_at: dict[str, float] = {}
        self._closing = False
        self.observer_errors = 0
        self._saver = RunSaver(store)
        self._ticker = loop.submit(self._tick())

    # -- any thread

    def start(self, request: TurnRequest) -> Run:
        """Saves the question, queues the run and returns it.

        Raises ThreadBusy, NotFound, Overloaded, ShuttingDown or StorageError; then nothing was kept.
        """
        if self._closing:
            raise ShuttingDown("Switchboard is shutting down and takes no new messages.")
        if len(self._active) >= self._limit:
            raise Overloaded(f"{len(self._active)} answers are already under way or waiting.")
        run = Run(
            request=request,
            id=request.run_id or new_id(),
            thread_id=request.thread_id or request.new_thread_id or new_id(),
        )
        run.place = self._store.begin(run)
        with self._lock:
            self._runs[run.id] = run
            self._active[run.id] = run
        self._loop.submit(self._drive(run))
        return run

    def get(self, run_id: str) -> Run | None:
        """The run while it is active and for about a minute after."""
        return self._runs.get(run_id)

    def active(self) -> list[Run]:
        """Runs that have not ended, oldest first."""
        with self._lock:
            return list(self._active.values())

    def for_thread(self, thread_id: str) -> Run | None:
        """The active run of a thread, or its last one when its answer is not on disk yet."""
        with self._lock:
            runs = [r for r in self._runs.values() if r.thread_id == thread_id]
        return next((r for r in reversed(runs) if not r.finished or r.unsaved), None)

    def forget_thread(self, thread_id: str) -> None:
        """Its runs that have ended are known no more: what they wrote was deleted."""
        with self._lock:
            for run in list(self._runs.values()):
                if run.thread_id == thread_id and run.finished:
                    del self._runs[run.id]

    def cancel(self, run_id: str, by: StoppedBy = "user") -> None:
        """Asks a run to stop. Returns at once; harmless when it has ended. NotFound if unknown."""
        run = self._runs.get(run_id)
        if run is None:
            raise NotFound("There is no such run.", what_to_do="It may have ended already.")
        if run.finished or run.stopped_by:
            return
        run.stop_requested_us = run.elapsed_us()
        run.stopped_by = by  # the flag: tested per event, because 3.11 can lose a cancel
        self._loop.submit(self._stop(run))

    def close(self, timeout: float = 10.0) -> None:
        """Refuses new runs, gives active ones half the time, stops the rest, writes everything."""
        if self._closing:
            return
        self._closing = True
        deadline = time.monotonic() + timeout
        while self.active() and time.monotonic() < deadline - timeout / 2:
            time.sleep(0.02)
        for run in self.active():
            with contextlib.suppress(NotFound):
                self.cancel(run.id, by="shutdown")
        while self.active() and time.monotonic() < deadline:
            time.sleep(0.02)
        late = len(self.active())
        if late:
            log.warning("%d runs did not stop within %.0f s", late, timeout)
        self._ticker.cancel()
        self._saver.close()

    @property
    def journal_errors(self) -> int:
        """Journal and log writes that failed since the start."""
        return self._saver.errors

    # -- the run loop

    async def _stop(self, run: Run) -> None:
        task = self._tasks.get(run.id)
        patience = time.monotonic() + STOP_PATIENCE_S
        while task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=RECANCEL_S)
            if not task.done() and (scope := self._scopes.get(run.id)) is not None:
                scope.resisted = True
            if time.monotonic() > patience and (over := self._over.get(run.id)) is not None:
                over.set()

    async def _drive(self, run: Run) -> None:
        task = asyncio.create_task(self._stream(run), name=f"run-{run.id}")
        self._tasks[run.id] = task
        over = self._over[run.id] = asyncio.Event()
        task.add_done_callback(lambda _: over.set())
        if run.stopped_by:
            task.cancel()
            self._loop.submit(self._stop(run))
        await over.wait()
        try:
            await self._end(run, task)
        except Exception as exc:  # a fault of ours: the run must end all the same
            log.exception("run %s could not be ended properly", run.id)
            if not run.finished:
                failed = self._failed(run, exc, new_id())
                self._publish(run, await self._saver.answer(run, failed, None))
        await self._saver.whole_log(run)
        with self._lock:
            self._active.pop(run.id, None)
            self._tasks.pop(run.id, None)
            self._over.pop(run.id, None)
            self._ended_at[run.id] = time.monotonic()

    async def _end(self, run: Run, task: asyncio.Task[None]) -> None:
        scope = self._scopes.pop(run.id, None) or RunScope()
        await scope.close()
        run.provider_closed_us = run.elapsed_us()
        if run.stopped_by:
            await scope.settle(THREAD_GRACE_S)
        self._waiting.pop(run.id, None)
        if run.state == "queued":  # it ended while it waited; its log names thread and graph too
            self._publish(run, _run_started(run))
        error = None if task.cancelled() or not task.done() else task.exception()
        turn = self._turns.pop(run.id, None)
        terminal = self._terminal(run, turn, error)
        open_ = list(turn.close_open(terminal.type)) if turn is not None else []
        for draft in open_:
            self._publish(run, draft)
        if terminal.type == "cancelled" and scope.goes_on:
            terminal = replace(terminal, still_running=_unstopped(open_))
        checkpoint = turn.checkpoint if turn is not None else None
        terminal = await self._saver.answer(run, terminal, checkpoint)
        self._publish(run, terminal)

    async def _stream(self, run: Run) -> None:
        self._waiting[run.id] = None
        scope = self._scopes[run.id] = RunScope()
        current_scope.set(scope)
        async with self._places:
            self._waiting.pop(run.id, None)
            run.state = "running"
            self._publish(run, _run_started(run))
            turn = self._turns[run.id] = self._make_turn(run)
            async with contextlib.aclosing(turn.events()) as drafts:
                async for draft in drafts:
                    self._publish(run, draft)
                    if run.stopped_by:
                        return

    def _publish(self, run: Run, draft: Event) -> None:
        event = run.publish(draft)
        if (
            event.type == "usage" and event.purpose == "answer"
        ):  # a call was paid for; a kill must not lose its answer
            self._saver.journal_soon(run)
        for observer in self._observers:
            try:
                observer(run, event)
            except Exception:
                self.observer_errors += 1
                log.exception("an observer failed on %s of run %s", event.type, run.id)

    def publish_from_callback(self, run: Run, draft: Event) -> None:
        """For callbacks of a graph, which may come a moment after the run was ended. Run loop only."""
        if not run.finished:
            self._publish(run, draft)

    def _terminal(self, run: Run, turn: Turn | None, error: BaseException | None) -> TerminalEvent:
        answer_id = new_id()
        if run.stopped_by:
            stop_us = (run.provider_closed_us or 0) - (run.stop_requested_us or 0)
            return Cancelled(
                by=run.stopped_by,
                message_id=answer_id,
                stop_us=max(0, stop_us),
                tokens_after_stop=run.tokens_after_stop,
            )
        if error is not None or turn is None:
            return self._failed(run, error, answer_id)
        if turn.interrupts:
            return Interrupted(interrupts=tuple(turn.interrupts))
        return Completed(message_id=answer_id, finish_reason=turn.finish_reason, notice=turn.notice)

    def _failed(self, run: Run, error: BaseException | None, answer_id: str) -> Failed:
        if isinstance(error, SwitchboardError):
            log.warning("run %s failed: %s: %s", run.id, error.code, error.message)
            return Failed(
                code=error.code,
                message=error.message,
                what_to_do=error.what_to_do,
                retryable=error.retryable,
                message_id=answer_id,
            )
        log.error("run %s failed", run.id, exc_info=error)
        name = type(error).__name__ if error else "CancelledError"
        return Failed(
            code="internal",
            message=f"The graph '{run.request.graph}' stopped with {name}.",
            what_to_do=f"Try again. The log has the details under run {run.id}.",
            retryable=True,
            message_id=answer_id,
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            positions = {run_id: k for k, run_id in enumerate(self._waiting, start=1)}
            for run in self.active():
                if run.elapsed_us() - run.last_publish_us >= HEARTBEAT_US and not run.finished:
                    self._publish(run, self._heartbeat(run, positions.get(run.id)))
            self._forget_old()
            await self._saver.journal(self.active())

    def _heartbeat(self, run: Run, position: int | None) -> Heartbeat:
        turn = self._turns.get(run.id)
        return Heartbeat(
            state="queued" if run.state == "queued" else "running",
            node=turn.node if turn else None,
            agent=turn.agent if turn else None,
            queue_position=position,
        )

    def _forget_old(self) -> None:
        limit = time.monotonic() - KEEP_FINISHED_S
        with self._lock:
            for run_id in [r for r, ended in self._ended_at.items() if ended < limit]:
                run = self._runs.get(run_id)
                if run is None or not run.unsaved:
                    self._runs.pop(run_id, None)
                    del self._ended_at[run_id]


def _unstopped(open_: Iterable[Event]) -> tuple[str, ...]:
    """Names for what goes on in threads: tools and models that were open, else the innermost step."""
    named = [e.name for e in open_ if e.type == "tool_end"]
    named += [e.model for e in open_ if e.type == "attempt" and e.outcome == "cancelled"]
    steps = [e.name for e in open_ if e.type == "reasoning_step"]
    return tuple(dict.fromkeys(named or steps[:1]))


def _run_started(run: Run) -> RunStarted:
    request = run.request
    return RunStarted(
        thread_id=run.thread_id,
        message_id=run.place.question_id,
        graph=request.graph,
        agent=request.agent,
        model=request.model,
        entry_point=request.entry_point,
        stream=request.stream,
        queue_us=run.elapsed_us(),
        retrieval=request.retrieval,
        prompt=request.prompt,
        temperature=request.temperature,
        begun=run.place.begun,
        resumes=request.resumes,
    )
