"""The client for programs with an event loop: the same methods, to be awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar, Unpack

import httpx2

from api.client import address, calls
from api.client.calls import Call, Filter, Options
from api.client.comparing import Columns
from api.client.problems import of_response, of_transport
from api.client.resuming import Resumption
from api.client.retrying import Retries
from api.client.streams import AsyncStream
from api.client.values import Answer, Json
from core.errors import SwitchboardError
from core.events import Event

T = TypeVar("T")


class AsyncSwitchboard:
    """One Switchboard, for one event loop. `Switchboard` says what the arguments and methods are."""

    def __init__(
        self,
        url: str = address.DEFAULT_URL,
        key: str | None = None,
        *,
        retries: int = 4,
        timeout_s: float = 60.0,
        silence_s: float = address.SILENCE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = address.base_url(url)
        self._retries, self._silence_s, self._sleep = retries, silence_s, sleep
        self._http = httpx2.AsyncClient(**address.options(self.url, key, timeout_s))

    # -- questions and their runs

    async def chat(self, text: str, **options: Unpack[Options]) -> Answer:
        async with self.stream(text, **options) as stream:
            return (await stream.answer()).raise_for_error()

    def stream(self, text: str, **options: Unpack[Options]) -> AsyncStream:
        return self._stream(calls.ask(text, **options))

    def events(self, run_id: str, after: int = -1) -> AsyncStream:
        return self._stream(calls.events_stream(run_id, after), run_id, after)

    async def run(self, run_id: str) -> Answer:
        return await self._call(calls.run(run_id))

    async def status(self, run_id: str) -> Json:
        return await self._call(calls.status(run_id))

    async def cancel(self, run_id: str) -> Json:
        return await self._call(calls.cancel(run_id))

    async def resume(self, run_id: str, decisions: Mapping[str, Any]) -> Json:
        return await self._call(calls.resume(run_id, decisions))

    # -- threads

    async def threads(
        self, q: str | None = None, *, page_size: int = 50, **filters: Filter
    ) -> AsyncIterator[Json]:
        after: str | None = None
        while True:
            page = await self._call(calls.threads(q, page_size, after, filters))
            for thread in page["threads"]:
                yield thread
            after = page.get("after")
            if after is None:
                return

    async def thread(self, thread_id: str) -> Json:
        return await self._call(calls.thread(thread_id))

    async def history(self, thread_id: str, *, limit: int = 50, before: str | None = None) -> Json:
        return await self._call(calls.history(thread_id, limit, before))

    async def clear(self, thread_id: str) -> Json:
        return await self._call(calls.change(thread_id, "clear"))

    async def archive(self, thread_id: str) -> Json:
        return await self._call(calls.change(thread_id, "archive"))

    async def restore(self, thread_id: str) -> Json:
        return await self._call(calls.change(thread_id, "restore"))

    async def delete(self, thread_id: str) -> Json:
        return await self._call(calls.delete(thread_id))

    async def export(self, thread_id: str, form: str = "json") -> bytes:
        return await self._call(calls.export(thread_id, form))

    async def import_(self, content: bytes) -> Json:
        return await self._call(calls.import_(content))

    # -- everything else

    async def compare(
        self, text: str, configurations: Sequence[Mapping[str, Any]]
    ) -> AsyncIterator[tuple[int, Event]]:
        columns = Columns(self.url)
        try:
            async with self._open(calls.compare(text, configurations)) as source:
                async for sent in source:
                    if (found := columns.take(sent)) is not None:
                        yield found
        except httpx2.RequestError as exc:
            raise of_transport(exc, self.url) from exc
        columns.check()

    async def models(self) -> Json:
        return await self._call(calls.look("/models"))

    async def info(self) -> Json:
        return await self._call(calls.look("/info"))

    async def me(self) -> Json:
        return await self._call(calls.look("/me"))

    async def ready(self) -> Json:
        return await self._call(calls.ready())

    async def analytics(self, **query: Filter) -> Json:
        return await self._call(calls.look("/analytics/query", query))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncSwitchboard:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    # -- sending

    async def _call(self, call: Call[T]) -> T:
        retries = Retries(most=self._retries, repeatable=call.repeatable)
        while True:
            try:
                response = await self._http.send(address.request(self._http, call))
                if response.status_code in call.expected or retries.did(call.done, response):
                    return call.read(response)
                raise of_response(response, self.url)
            except httpx2.RequestError as exc:
                await self._sleep(retries.wait_after(of_transport(exc, self.url)))
            except SwitchboardError as exc:
                await self._sleep(retries.wait_after(exc))

    @contextlib.asynccontextmanager
    async def _open(self, call: Call[None]) -> AsyncIterator[httpx2.EventSource]:
        request = address.request(self._http, call, self._silence_s)
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code not in call.expected:
                await response.aread()
                raise of_response(response, self.url)
            yield httpx2.EventSource(response)
        finally:
            await response.aclose()

    def _stream(self, call: Call[None], run_id: str | None = None, after: int = -1) -> AsyncStream:
        state = Resumption(call, url=self.url, tries=self._retries, run_id=run_id, after=after)
        return AsyncStream(state, self._open, self._sleep)
