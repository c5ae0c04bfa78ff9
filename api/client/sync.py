"""The client for programs that wait."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar, Unpack

import httpx2

from api.client import address, calls
from api.client.calls import Call, Filter, Options
from api.client.comparing import Columns
from api.client.problems import of_response, of_transport
from api.client.resuming import Resumption
from api.client.retrying import Retries
from api.client.streams import Stream
from api.client.values import Answer, Json
from core.errors import SwitchboardError
from core.events import Event

T = TypeVar("T")


class Switchboard:
    """One Switchboard. Threads may share it; close it, or use it as a context manager.

    `retries`: how often a call that does no harm twice is repeated, and a stream is connected again,
    before its error is raised; 0 turns it off. `Retry-After` is respected up to 30 s. `silence_s`:
    a stream that sends nothing for so long counts as broken.
    """

    def __init__(
        self,
        url: str = address.DEFAULT_URL,
        key: str | None = None,
        *,
        retries: int = 4,
        timeout_s: float = 60.0,
        silence_s: float = address.SILENCE_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = address.base_url(url)
        self._retries, self._silence_s, self._sleep = retries, silence_s, sleep
        self._http = httpx2.Client(**address.options(self.url, key, timeout_s))

    # -- questions and their runs

    def chat(self, text: str, **options: Unpack[Options]) -> Answer:
        """The whole answer. Raises the error of one that failed."""
        with self.stream(text, **options) as stream:
            return stream.answer().raise_for_error()

    def stream(self, text: str, **options: Unpack[Options]) -> Stream:
        """The events of an answer, as they happen."""
        return self._stream(calls.ask(text, **options))

    def events(self, run_id: str, after: int = -1) -> Stream:
        """The events of a run behind number `after`: what is there, then what happens, to its end."""
        return self._stream(calls.events_stream(run_id, after), run_id, after)

    def run(self, run_id: str) -> Answer:
        """How a run stands."""
        return self._call(calls.run(run_id))

    def status(self, run_id: str) -> Json:
        """Whether a run goes on; cheaper than `run`."""
        return self._call(calls.status(run_id))

    def cancel(self, run_id: str) -> Json:
        """Stops a run; what it wrote is kept."""
        return self._call(calls.cancel(run_id))

    def resume(self, run_id: str, decisions: Mapping[str, Any]) -> Json:
        """Answers what a run waits for, by interrupt id; gives the `run_id` that goes on."""
        return self._call(calls.resume(run_id, decisions))

    # -- threads

    def threads(
        self, q: str | None = None, *, page_size: int = 50, **filters: Filter
    ) -> Iterator[Json]:
        """Newest change first; with `q` those in which its words are found, at most a page of them.

        Further pages are asked for when they are needed. `filters`: archived, pinned, tag, agent,
        model, error, rating, since, before, state, as GET /api/threads takes them.
        """
        after: str | None = None
        while True:
            page = self._call(calls.threads(q, page_size, after, filters))
            yield from page["threads"]
            after = page.get("after")
            if after is None:
                return

    def thread(self, thread_id: str) -> Json:
        """Title, tags and state, without its messages."""
        return self._call(calls.thread(thread_id))

    def history(self, thread_id: str, *, limit: int = 50, before: str | None = None) -> Json:
        """The thread with its newest `messages` in reading order; `before` is the way to older ones."""
        return self._call(calls.history(thread_id, limit, before))

    def clear(self, thread_id: str) -> Json:
        return self._call(calls.change(thread_id, "clear"))

    def archive(self, thread_id: str) -> Json:
        return self._call(calls.change(thread_id, "archive"))

    def restore(self, thread_id: str) -> Json:
        """Takes a thread back out of the archive."""
        return self._call(calls.change(thread_id, "restore"))

    def delete(self, thread_id: str) -> Json:
        return self._call(calls.delete(thread_id))

    def export(self, thread_id: str, form: str = "json") -> bytes:
        """The thread as a file."""
        return self._call(calls.export(thread_id, form))

    def import_(self, content: bytes) -> Json:
        """Chats of a file, also of other programs."""
        return self._call(calls.import_(content))

    # -- everything else

    def compare(
        self, text: str, configurations: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, Event]]:
        """(column, event) of several answers to one question, merged as they happen.

        A column is a place in `configurations`, from 0; each has one terminal event. Not resumed: a
        comparison that was begun is on the page Compare, and each run can be read with `events`.
        """
        columns = Columns(self.url)
        try:
            with self._open(calls.compare(text, configurations)) as source:
                for sent in source:
                    if (found := columns.take(sent)) is not None:
                        yield found
        except httpx2.RequestError as exc:
            raise of_transport(exc, self.url) from exc
        columns.check()

    def models(self) -> Json:
        return self._call(calls.look("/models"))

    def info(self) -> Json:
        return self._call(calls.look("/info"))

    def me(self) -> Json:
        """Who the key belongs to."""
        return self._call(calls.look("/me"))

    def ready(self) -> Json:
        """The parts by name; also when one of them is not ready."""
        return self._call(calls.ready())

    def analytics(self, **query: Filter) -> Json:
        """A figure of the dashboard: the parameters of `/api/analytics/query`."""
        return self._call(calls.look("/analytics/query", query))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Switchboard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    # -- sending

    def _call(self, call: Call[T]) -> T:
        retries = Retries(most=self._retries, repeatable=call.repeatable)
        while True:
            try:
                response = self._http.send(address.request(self._http, call))
                if response.status_code in call.expected or retries.did(call.done, response):
                    return call.read(response)
                raise of_response(response, self.url)
            except httpx2.RequestError as exc:
                self._sleep(retries.wait_after(of_transport(exc, self.url)))
            except SwitchboardError as exc:
                self._sleep(retries.wait_after(exc))

    @contextlib.contextmanager
    def _open(self, call: Call[None]) -> Iterator[httpx2.EventSource]:
        request = address.request(self._http, call, self._silence_s)
        response = self._http.send(request, stream=True)
        try:
            if response.status_code not in call.expected:
                response.read()
                raise of_response(response, self.url)
            yield httpx2.EventSource(response)
        finally:
            response.close()

    def _stream(self, call: Call[None], run_id: str | None = None, after: int = -1) -> Stream:
        state = Resumption(call, url=self.url, tries=self._retries, run_id=run_id, after=after)
        return Stream(state, self._open, self._sleep)
