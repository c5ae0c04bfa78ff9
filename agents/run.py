"""One execution: its request, its numbered log and everybody who follows it.

Written by the run loop only (`publish`), read from any thread. Readers never remove anything, so
each sees the whole log however late it comes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from agents.loop_signal import LoopSignal
from core.comparison import Retrieval
from core.events import Event
from core.events_codec import is_terminal
from core.ids import new_id

EntryPoint = Literal["chat", "compare", "api", "cli", "eval"]
StoppedBy = Literal["user", "api", "shutdown"]
ThreadKind = Literal["chat", "compare", "eval"]
THREAD_KINDS: tuple[ThreadKind, ...] = get_args(ThreadKind)
"""Only chats are listed; the others belong to a comparison or an evaluation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Once:
    """Marks a request that may come again and is to be answered by one run; see agents/once.py."""

    key: str
    """Chosen by the caller."""
    digest: str
    """Of what was asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRequest:
    """What a door asks for. Validated by the runtime before a run is made."""

    text: str
    thread_id: str | None = None
    """None makes a new thread."""
    owner: str = "local"
    graph: str = "supervisor"
    agent: str | None = None
    model: str | None = None
    fallback: bool = True
    """False: only `model` may answer (comparison columns must not change places)."""
    entry_point: EntryPoint = "chat"
    stream: bool = True
    thread_kind: ThreadKind = "chat"
    group_id: str | None = None
    """Runs of one comparison share it."""
    temperature: float | None = None
    note: str | None = None
    """What the person wants of every answer, for the model; see agents/notes.py."""
    run_id: str | None = None
    """An id that the caller wrote down before the run begins; None makes a new one."""
    new_thread_id: str | None = None
    """The same for the thread that is made when `thread_id` is None."""
    retrieval: Retrieval | None = None
    """How documents are used; None: as the agent does it by itself."""
    prompt: str | None = None
    """Name of a prompt version; None: the prompts that ship."""
    attachments: tuple[str, ...] = ()
    """Ids of prepared files (agents/files/desk.py) that come with the question."""
    edits: str | None = None
    """Id of a question that `text` is a new version of. At most one of these four is set."""
    answers: str | None = None
    """Id of a question that is answered once more; `text` is taken from it."""
    continues: str | None = None
    """Id of an answer that ended early and is gone on with; `text` is its question's."""
    resumes: str | None = None
    """Id of a run that waits for people, whose `decisions` these are; `text` is its question's."""
    decisions: Mapping[str, Any] = field(default_factory=dict)
    """Interrupt id to what the graph gets as its answer."""
    queued_id: str | None = None
    """Id of the queued message that this is; it leaves the queue in the moment the run begins."""
    temporary: bool = False
    """A new thread is kept in memory only, and of its runs nothing but counters."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the caller wants to find with the run again; nothing here reads it."""
    once: Once | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The agents' memory after a run, as LangGraph's saver names it."""

    thread: str
    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a run stands in its thread."""

    question_id: str
    parent_id: str
    """The message its answer follows: the question, or an answer that waited for people."""
    begun: str = ""
    """Text of the answer it goes on with."""


@dataclass(eq=False)
class Run:
    """See the module's docstring. Made by RunManager."""

    request: TurnRequest
    thread_id: str
    place: Place = Place(question_id="", parent_id="")
    id: str = field(default_factory=new_id)
    started_at_us: int = field(default_factory=lambda: time.time_ns() // 1000)
    _started_ns: int = field(default_factory=time.perf_counter_ns)
    events: list[Event] = field(default_factory=list)
    state: Literal["queued", "running", "finished"] = "queued"
    stopped_by: StoppedBy | None = None
    stop_requested_us: int | None = None
    provider_closed_us: int | None = None
    tokens_after_stop: int = 0
    last_publish_us: int = 0
    journaled: int = 0
    """How many events are on disk already; owned by the manager."""
    unsaved: bool = False
    """True while the answer could not be written to disk."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _followers: set[Callable[[], None]] = field(default_factory=set)

    def elapsed_us(self) -> int:
        """Monotonic microseconds since the run was submitted."""
        return (time.perf_counter_ns() - self._started_ns) // 1000

    @property
    def finished(self) -> bool:
        """True once the terminal event is in the log."""
        return self.state == "finished"

    def publish(self, draft: Event) -> Event:
        """Numbers a draft, appends it and wakes the followers. Run loop only.

        The draft is stamped in place: it belongs to the log from here on and nobody else holds it.
        Raises RuntimeError after the terminal event.
        """
        if self.state == "finished":
            raise RuntimeError(f"run {self.id} has ended; {draft.type} came after it")
        elapsed = self.elapsed_us()
        stamp = object.__setattr__
        stamp(draft, "run_id", self.id)
        stamp(draft, "seq", len(self.events))
        stamp(draft, "elapsed_us", elapsed)
        stamp(draft, "at_us", self.started_at_us + elapsed)
        self.events.append(draft)
        self.last_publish_us = elapsed
        if is_terminal(draft):
            self.state = "finished"
        elif self.stopped_by and draft.type == "token":
            self.tokens_after_stop += 1
        self._wake()
        return draft

    def read(self, after: int = -1) -> list[Event]:
        """The events with `seq > after`, as far as they exist now. Any thread."""
        return self.events[after + 1 :]

    def part(self, after: int, most: int) -> list[Event]:
        """The first `most` of them."""
        return self.events[after + 1 : after + 1 + most]

    def last_event(self) -> Event | None:
        """The newest; any thread."""
        return self.events[-1] if self.events else None

    def wait(self, after: int, timeout: float) -> bool:
        """Blocks until there is an event with `seq > after`; False when the time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.events) > after + 1, timeout)

    def follow(
        self, after: int = -1, *, poll_s: float = 0.1, on_idle: Callable[[], Any] | None = None
    ) -> Iterator[list[Event]]:
        """Batches of events from `after + 1` on, live, until the terminal event. Any thread.

        `on_idle` is called at least every `poll_s` while nothing comes: the page's yield point.
        """
        while True:
            batch = self.read(after)
            if batch:
                after = batch[-1].seq
                yield batch
                if is_terminal(batch[-1]):
                    return
            elif not self.wait(after, poll_s) and on_idle is not None:
                on_idle()

    def attach(self, wake: Callable[[], None]) -> None:
        """`wake` is called for every event from now on, on the run loop: it may not block or raise."""
        with self._changed:
            self._followers.add(wake)

    def detach(self, wake: Callable[[], None]) -> None:
        with self._changed:
            self._followers.discard(wake)

    async def afollow(self, after: int = -1) -> AsyncIterator[Event]:
        """As `follow`, one event at a time, for any event loop."""
        signal = LoopSignal()
        wake = signal.set
        self.attach(wake)
        try:
            while True:
                signal.clear()
                for event in self.read(after):
                    after = event.seq
                    yield event
                    if is_terminal(event):
                        return
                if len(self.events) <= after + 1:
                    await signal.wait()
        finally:
            self.detach(wake)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
            for wake in self._followers:
                wake()
