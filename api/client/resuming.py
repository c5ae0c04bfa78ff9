"""A stream of events that outlives its connections: which request comes next, which event is new.

No input and output here: the sync and the async stream ask the same object what to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from httpx2 import Response, ServerSentEvent

from api.client.calls import Call, events_stream
from api.client.problems import AnswerLost, Unreachable, of_body
from api.client.retrying import Retries
from core.errors import SwitchboardError
from core.events import Event
from core.events_codec import EVENT_TYPES, from_dict, is_terminal


class Resumption:
    """From the first request to the terminal event.

    The first request is repeated while nothing is known of its run: its idempotency key makes the
    server answer with the same run. From then on the run's log is asked for what is missing.
    """

    def __init__(
        self, first: Call[None], *, url: str, tries: int, run_id: str | None, after: int
    ) -> None:
        self._first, self.url, self._tries = first, url, tries
        self._retries = Retries(most=tries, repeatable=first.repeatable)
        self.run_id, self.seq = run_id, after
        self.ended = False
        self.wire: Mapping[str, Any] = {}
        """The last event as it was sent: with `thread_id`, and at the end tokens, times and cost."""

    def request(self) -> Call[None]:
        """What to ask now."""
        if self.run_id is None:
            return self._first
        return events_stream(self.run_id, self.seq)

    def opened(self, response: Response) -> bool:
        """Notes which run the server answers with, known before its first event. False: there is
        nothing behind the place that was asked for.

        Raises AnswerLost when an older server that was killed says so of events that were taken.
        """
        self.run_id = self.run_id or response.headers.get("x-run-id")
        self.ended = response.status_code == 204
        if self.ended and self.wire:
            raise AnswerLost("Switchboard ended without warning while it answered.")
        return not self.ended

    def take(self, sent: ServerSentEvent) -> Event | None:
        """The event, if it is new. Raises Unreachable when the connection is of no more use."""
        if not sent.data:  # a `retry` line alone
            return None
        data = self._parsed(sent.data)
        seq, kind = data.get("seq"), data.get("type")
        if kind == "problem" or (kind == "error" and not _is_place(seq)):
            # Not of the run's log: what ended this connection, such as a key that was revoked.
            given = data.get("error")
            raise of_body(given if isinstance(given, Mapping) else data)
        if not isinstance(seq, int) or seq > self.seq + 1:
            raise self._broken("An event is missing")
        event = from_dict(data) if kind in EVENT_TYPES else None
        if seq <= self.seq:
            self._end_before_its_place(event)
            return None
        self.seq, self.wire = seq, data
        self.run_id = self.run_id or data.get("run_id")
        self._retries = Retries(most=self._tries)
        if event is not None and is_terminal(event):
            self.ended = True
        return event

    def _end_before_its_place(self, event: Event | None) -> None:
        """The log ends before the place that was asked for. Raises AnswerLost when what stood there
        was taken: the server was killed before it had saved it."""
        if event is None or not is_terminal(event):
            return
        self.ended = True
        if self.wire:
            raise AnswerLost("Switchboard ended without warning while it answered.")

    def wait_after(self, problem: SwitchboardError) -> float:
        """Seconds until the next connection. Raises the problem when there is to be none."""
        return self._retries.wait_after(problem)

    def cut(self) -> SwitchboardError:
        """What it means that the answer ended before the run did."""
        return self._broken("The stream ended before the answer did")

    def _parsed(self, text: str) -> Mapping[str, Any]:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, Mapping):
            raise self._broken("An event could not be read")
        return data

    def _broken(self, why: str) -> SwitchboardError:
        return Unreachable(
            f"The connection to {self.url} was lost. {why}.",
            what_to_do="The answer goes on without you: look at the thread.",
        )


def _is_place(seq: object) -> bool:
    return isinstance(seq, int) and seq >= 0
