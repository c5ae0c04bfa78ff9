"""An answer as it happens. Lost connections are made again; every event comes once, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, closing
from types import TracebackType

import httpx2

from api.client.calls import Call
from api.client.problems import of_transport
from api.client.resuming import Resumption
from api.client.values import Answer, of_transcript
from core.errors import SwitchboardError
from core.events import Event
from core.transcript import Transcript


class _Reading:
    """What was read so far."""

    def __init__(self, state: Resumption) -> None:
        self._state = state
        self.transcript = Transcript()
        """The events folded: text, agent, step, sources … at any moment."""
        self.thread_id: str | None = None
        self._message_id: str | None = None

    @property
    def run_id(self) -> str | None:
        """Known once the server has answered."""
        return self._state.run_id

    @property
    def wire(self) -> dict[str, object]:
        """The last event as it was sent."""
        return dict(self._state.wire)

    @property
    def ended(self) -> bool:
        return self._state.ended

    def _note(self, event: Event) -> Event:
        self.transcript.add(event)
        self.thread_id = str(self._state.wire.get("thread_id") or "") or self.thread_id
        if event.type in ("completed", "error", "cancelled"):
            self._message_id = event.message_id
        return event

    def _whole(self) -> Answer:
        return of_transcript(
            self.transcript,
            run_id=self.run_id or "",
            thread_id=self.thread_id or "",
            message_id=self._message_id,
        )


class Stream(_Reading):
    """Iterate over it for typed events (core/events.py), up to the terminal one.

    Reading goes on where it stopped, also in a second loop. Closing it early leaves the run alone:
    it goes on, and `events` finds it again.
    """

    def __init__(
        self,
        state: Resumption,
        connect: Callable[[Call[None]], AbstractContextManager[httpx2.EventSource]],
        sleep: Callable[[float], None],
    ) -> None:
        super().__init__(state)
        self._connect, self._sleep = connect, sleep
        self._events = self._follow()

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Event:
        return self._note(next(self._events))

    def text(self) -> str:
        """Reads to the end; the whole text of the answer, as far as it came."""
        return self.answer().text

    def answer(self) -> Answer:
        """Reads to the end; the answer, also one that failed or waits for a person."""
        for _ in self:
            pass
        return self._whole()

    def close(self) -> None:
        self._events.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self) -> Generator[Event]:
        state = self._state
        while not state.ended:
            try:
                with closing(self._connection()) as events:
                    yield from events
            except httpx2.RequestError as exc:
                self._sleep(state.wait_after(of_transport(exc, state.url)))
            except SwitchboardError as exc:
                self._sleep(state.wait_after(exc))

    def _connection(self) -> Generator[Event]:
        """The events of one connection. Raises when it ends before the run."""
        with self._connect(self._state.request()) as source:
            if not self._state.opened(source.response):
                return
            for sent in source:
                event = self._state.take(sent)
                if event is not None:
                    yield event
                if self._state.ended:
                    return
        raise self._state.cut()


class AsyncStream(_Reading):
    """The same for `async for`."""

    def __init__(
        self,
        state: Resumption,
        connect: Callable[[Call[None]], AbstractAsyncContextManager[httpx2.EventSource]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        super().__init__(state)
        self._connect, self._sleep = connect, sleep
        self._events = self._follow()

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Event:
        return self._note(await anext(self._events))

    async def text(self) -> str:
        """Reads to the end; the whole text of the answer, as far as it came."""
        return (await self.answer()).text

    async def answer(self) -> Answer:
        """Reads to the end; the answer, also one that failed or waits for a person."""
        async for _ in self:
            pass
        return self._whole()

    async def close(self) -> None:
        await self._events.aclose()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def _follow(self) -> AsyncGenerator[Event]:
        state = self._state
        while not state.ended:
            try:
                async with aclosing(self._connection()) as events:
                    async for event in events:
                        yield event
            except httpx2.RequestError as exc:
                await self._sleep(state.wait_after(of_transport(exc, state.url)))
            except SwitchboardError as exc:
                await self._sleep(state.wait_after(exc))

    async def _connection(self) -> AsyncGenerator[Event]:
        """The events of one connection. Raises when it ends before the run."""
        async with self._connect(self._state.request()) as source:
            if not self._state.opened(source.response):
                return
            async for sent in source:
                event = self._state.take(sent)
                if event is not None:
                    yield event
                if self._state.ended:
                    return
        raise self._state.cut()
