"""Several answers in one stream: which column an event is of, and whether all came to their end."""

from __future__ import annotations

import json

from httpx2 import ServerSentEvent

from api.client.problems import Unreachable, of_body
from core.events import Event
from core.events_codec import EVENT_TYPES, from_dict


class Columns:
    """Of one comparison."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._whole = False

    def take(self, sent: ServerSentEvent) -> tuple[int, Event] | None:
        """(column, event); None for what is no event of a run."""
        if sent.event == "compared":
            self._whole = True
        if not sent.data or sent.event not in EVENT_TYPES:
            return None
        try:
            data = json.loads(sent.data)
            if data.get("type") == "error" and "column" not in data:
                raise of_body(data)
            return int(data["column"]), from_dict(data)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise self._lost() from exc

    def check(self) -> None:
        """Raises Unreachable when the stream ended before every answer did."""
        if not self._whole:
            raise self._lost()

    def _lost(self) -> Unreachable:
        return Unreachable(
            f"The connection to {self._url} was lost before all answers were whole.",
            what_to_do="They go on without you: look at the page Compare.",
        )
