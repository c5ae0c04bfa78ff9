"""One HTTP/1.1 connection of the scripted provider: requests in, bytes out, nothing hidden.

asyncio streams and the standard library only. A connection is kept alive between requests; while an
answer is being written somebody watches the socket, so the moment the client hangs up is known.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(kw_only=True)
class Recorded:
    """A request as it arrived and what became of it. Times are `time.monotonic()`."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    """Parsed JSON, or the text when it is not JSON."""
    connection: int
    """1 for the first connection accepted; the same number again means it was kept alive."""
    received: float
    model: str = ""
    first_byte: float | None = None
    """When the first byte of the answer's content was sent (not the headers)."""
    ended: float | None = None
    """When the answer was complete, or was broken off by us."""
    closed_by_client_at: float | None = None
    """When the client hung up before the answer was complete."""
    tokens_sent: int = 0
    raw: bytes = field(default=b"", repr=False)
    """The body as it came."""
    key: str = field(default="", repr=False)
    """The API key or AWS access key id the request carried."""


class Wire:
    """Reads requests from and writes answers to one connection."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer
        self.open = True
        self._chunked = False
        # Token by token means one segment each, as a real server sends them.
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def request(self) -> Recorded | None:
        """The next request, or None when the client closed the connection."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        start, *lines = head.decode("latin-1").strip().split("\r\n")
        method, path, _ = start.split(" ", 2)
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        raw = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Recorded(
            method=method,
            path=path,
            headers=headers,
            body=_parsed(raw),
            connection=self.number,
            received=time.monotonic(),
            raw=raw,
            key=_key(headers),
        )

    def begin(self, content_type: str, status: int, headers: Mapping[str, str]) -> None:
        """Status line and headers of a chunked answer."""
        self._head(
            status, {"content-type": content_type, "transfer-encoding": "chunked", **headers}
        )
        self._chunked = True

    def send(self, data: bytes) -> None:
        """One piece of the body. Raises ConnectionError when nobody listens any more."""
        if self.writer.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        self.writer.write(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        """Closes the chunked body in good form."""
        self.writer.write(b"0\r\n\r\n")
        self._chunked = False

    def whole(
        self, content_type: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        self._head(
            status, {"content-type": content_type, "content-length": str(len(body)), **headers}
        )
        self.writer.write(body)

    async def hang_up(self, *, reset: bool = False) -> None:
        """Closes the socket in the middle of whatever was being said."""
        self.open = False
        await self.writer.drain()
        if reset:
            sock = self.writer.get_extra_info("socket")
            # Linger 0 makes close() send RST. The pause lets the client read what came before.
            await asyncio.sleep(0.02)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        else:
            self.writer.close()

    async def closed_by_client(self) -> None:
        """Returns when the client hangs up. Cancel it when the answer is complete."""
        try:
            await self.reader.read(1)
        except ConnectionError:
            return

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {_phrase(status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        return raw.decode("utf-8", "replace")


def _key(headers: Mapping[str, str]) -> str:
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest
    credential = rest.partition("Credential=")[2]
    return credential.split("/", 1)[0]
