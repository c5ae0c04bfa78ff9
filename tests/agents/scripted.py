"""A scripted turn with the real interface of agents.runs.Turn, and a manager around it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from agents.loop import LoopThread
from agents.run import Run, TurnRequest
from agents.run_store import RunStore
from agents.runs import RunManager
from agents.tables import metadata
from agents.threads import ThreadStore
from core.database import Database
from core.events import Event, Interrupt, Token

Step = Event | float | BaseException | asyncio.Event | Callable[[], Any]


class ScriptedTurn:
    """Plays steps: an event is given, a number is waited, an exception raised, an Event awaited."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = list(steps)
        self.interrupts: list[Interrupt] = []
        self.finish_reason = "stop"
        self.notice: str | None = None
        self.checkpoint = None
        self.node: str | None = "answer"
        self.agent: str | None = "general"
        self.was_closed = False

    async def events(self) -> AsyncGenerator[Event, None]:
        try:
            for step in self._steps:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, BaseException):
                    raise step
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                elif callable(step):
                    step()
                else:
                    yield step
        finally:
            self.was_closed = True

    def close_open(self, status: str) -> Iterable[Event]:
        return ()


class Bench:
    """A run manager over a real database, with scripts per question text."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.database = Database(f"sqlite:///{folder / 'app.db'}", metadata=metadata)
        self.threads = ThreadStore(self.database)
        self.store = RunStore(self.database)
        self.loop = LoopThread()
        self.scripts: dict[str, ScriptedTurn] = {}
        self.seen: list[Event] = []
        self.runs = RunManager(
            self.loop,
            self.store,
            lambda run: self.scripts.get(run.request.text) or ScriptedTurn(words("hello")),
            observers=options.pop("observers", [lambda run, event: self.seen.append(event)]),
            **options,
        )

    def script(self, text: str, *steps: Step) -> ScriptedTurn:
        turn = self.scripts[text] = ScriptedTurn(steps)
        return turn

    def start(self, text: str = "hi", **request: Any) -> Run:
        return self.runs.start(TurnRequest(text=text, **request))

    def close(self) -> None:
        self.runs.close(2.0)
        self.loop.close()
        self.database.close()


@contextlib.contextmanager
def bench(folder: Path, **options: Any) -> Iterator[Bench]:
    made = Bench(folder, **options)
    try:
        yield made
    finally:
        made.close()


def words(text: str) -> list[Event]:
    """One token per word."""
    return [Token(text=part + " ", message_id="m1") for part in text.split()]


def types(run: Run) -> list[str]:
    """The types of a run's whole log, once it has ended."""
    return [event.type for batch in run.follow() for event in batch]
