"""Several answers in one stream: which column an event is of, and whether all came to their end."""

from __future__ import annotations

import json
from collections.abc import Mapping

from httpx2 import ServerSentEvent

from api.client.problems import Unreachable, of_body
from core.events import Event
from core.events_codec import EVENT_TYPES, from_dict, is_terminal


class Columns:
    """Of one comparison."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: set[str] = set()

    def take(self, sent: ServerSentEvent) -> tuple[str, Event] | None:
        """(column, event); None for what is no event of a run."""
        if not sent.data:  # a `retry` line alone
            return None
        try:
            data = json.loads(sent.data)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, Mapping):
            raise self._lost()
        kind, column = data.get("type"), data.get("column")
        if kind == "error" and column is None:
            raise of_body(data)
        if kind not in EVENT_TYPES or column is None:
            return None
        event, name = from_dict(data), str(column)
        self._open.add(name)
        if is_terminal(event):
            self._open.discard(name)
        return name, event

    def check(self) -> None:
        """Raises Unreachable when the stream ended before every answer did."""
        if self._open:
            raise self._lost()

    def _lost(self) -> Unreachable:
        return Unreachable(
            f"The connection to {self._url} was lost before all answers were whole.",
            what_to_do="They go on without you: look at the page Compare.",
        )
