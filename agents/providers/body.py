"""Reading a streamed answer: when to stop waiting, and where one event ends and the next begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from struct import unpack_from

import httpx2

from core.errors import ProtocolError

MAX_EVENT_BYTES = 8 * 1024 * 1024
USAGE_GRACE_S = 2.0
"""How long a finished answer waits for its usage."""
DRAIN_S = 0.25
"""How long a fully received answer waits for the end of the body; then the connection is reusable."""


class Body:
    """The bytes of one answer. Whoever reads it sets the two flags.

    After the finish reason the answer is whole: silence or a broken connection may then cost us the
    usage, never the answer, so `reads` ends quietly.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.finished = False
        """The finish reason has come."""
        self.complete = False
        """The protocol's last event has come."""

    async def reads(self) -> AsyncGenerator[bytes, None]:
        """Pieces as the network delivers them. Use with `contextlib.aclosing`."""
        clock = asyncio.get_running_loop().time
        body = self._response.aiter_bytes()
        deadline: float | None = None
        try:
            while not self.finished:
                yield await anext(body)
            while True:
                if deadline is None:
                    deadline = clock() + USAGE_GRACE_S
                if self.complete:
                    deadline = min(deadline, clock() + DRAIN_S)
                # Not around the yield: the deadline would strike the consumer's own code.
                async with asyncio.timeout_at(deadline):
                    data = await anext(body)
                yield data
        except StopAsyncIteration:
            return
        except (TimeoutError, httpx2.HTTPError):
            if not self.finished:
                raise


class SseEvents:
    """Splits server-sent events; only `data` matters to us.

    Lines may end in LF or CRLF, an event may have several data lines, comments keep a connection
    alive and mean nothing.
    """

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._partial: list[bytes] = []
        self._partial_size = 0
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of every event that became complete."""
        if b"\n" not in piece:
            self._keep(piece)
            return []
        lines = piece.split(b"\n")
        if self._partial:
            lines[0] = b"".join((*self._partial, lines[0]))
            self._partial, self._partial_size = [], 0
        rest = lines.pop()
        if rest:
            self._keep(rest)
        events = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                if len(line) > self._limit:
                    raise too_large(self._limit)
                data.append(line[5:].strip())
            elif data and line in (b"", b"\r"):
                events.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
        return events

    def flush(self) -> list[bytes]:
        """What a server left without the empty line that should end it."""
        return self.feed(b"\n\n")

    def _keep(self, piece: bytes) -> None:
        self._partial.append(piece)
        self._partial_size += len(piece)
        if self._partial_size > self._limit:
            raise too_large(self._limit)


class EventStreamFrames:
    """Cuts `application/vnd.amazon.eventstream` into whole messages by the length in front."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """Every message that became complete, checksums included and not yet checked."""
        rest = self._rest
        rest += piece
        messages, at = [], 0
        while len(rest) - at >= 4:
            (size,) = unpack_from("!I", rest, at)
            if not 16 <= size <= self._limit:
                raise (
                    too_large(self._limit)
                    if size > self._limit
                    else ProtocolError("What the provider sent is not an AWS event stream.")
                )
            if len(rest) - at < size:
                break
            messages.append(bytes(rest[at : at + size]))
            at += size
        del rest[:at]
        return messages


def too_large(limit: int) -> ProtocolError:
    return ProtocolError(f"The provider sent one event of more than {limit // 2**20} MB.")
