"""Plays a `Reply` onto a connection in the words of one protocol, and breaks it where it should."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any, Protocol

from tests.provider.ledger import Ledger
from tests.provider.reply import NO_FINISH, Fault, Moment, Reply, ToolCall, Usage
from tests.provider.wire import Recorded, Wire

HTML = (
    b"<!doctype html><html><head><title>Sign in</title></head><body>Corporate proxy</body></html>"
)


class Dialect(Protocol):
    """The frames of one protocol."""

    content_type: str
    reported: Usage | Mapping[str, Any] | None
    """The usage this answer reports, if any."""

    def start(self) -> bytes: ...
    def reasoning(self, piece: str) -> bytes: ...
    def token(self, piece: str) -> bytes: ...
    def tool_call(self, index: int, call: ToolCall) -> Iterable[bytes]: ...
    def finish(self, reason: str) -> bytes: ...
    def usage(self) -> bytes:
        """The frame that carries the usage, or nothing when none is to be reported."""
        ...

    def done(self) -> bytes: ...
    def keepalive(self) -> bytes: ...
    def error(self, fault: Fault) -> bytes: ...
    def garbage(self, fault: Fault) -> bytes: ...
    def whole(self) -> bytes: ...


class BrokenOff(Exception):
    """The fault ended the answer."""


class Player:
    def __init__(
        self, reply: Reply, dialect: Dialect, wire: Wire, request: Recorded, ledger: Ledger
    ) -> None:
        self.reply = reply
        self.fault = reply.fault
        self.dialect = dialect
        self.wire = wire
        self.request = request
        self.ledger = ledger
        self._pace_s = reply.per_token_ms / 1000

    async def play(self) -> None:
        """The whole streamed answer. Returns when it is complete or broken off."""
        try:
            if self.fault and self.fault.before_headers:
                await self._strike("before_first")
            self.wire.begin(self._content_type(), 200, self.reply.headers)
            await self._body()
        except BrokenOff:
            pass
        self.request.ended = time.monotonic()

    async def _body(self) -> None:
        reply, dialect = self.reply, self.dialect
        if reply.first_ms:
            await self.wire.writer.drain()
            await asyncio.sleep(reply.first_ms / 1000)
        await self._strike("before_first")
        self._send(dialect.start())
        for piece in reply.reasoning:
            await self._token(dialect.reasoning(piece))
        await self._tokens()
        for index, call in enumerate(reply.tool_calls):
            for frame in dialect.tool_call(index, call):
                self._send(frame)
        await self._strike("before_finish")
        if reply.usage_at == "before_finish":
            self._usage()
        if not (self.fault and self.fault.kind in NO_FINISH):
            self._send(dialect.finish(reply.finish))
        await self._strike("after_last")
        if reply.usage_at != "before_finish":
            self._usage()
        self._send(dialect.done())
        self.wire.end()
        await self.wire.writer.drain()

    async def _tokens(self) -> None:
        tokens = self.reply.tokens
        half = (len(tokens) + 1) // 2
        for number, piece in enumerate(self._pieces(tokens)):
            await self._token(self.dialect.token(piece))
            if number + 1 == half:
                await self._strike("mid")
        if not tokens:
            await self._strike("mid")

    def _pieces(self, tokens: tuple[str, ...]) -> Iterator[str]:
        if self.fault and self.fault.kind == "endless":
            return chain(tokens, repeat(" more"))
        return iter(tokens)

    async def _token(self, frame: bytes) -> None:
        self._send(frame)
        self.request.tokens_sent += 1
        if self._pace_s:
            await asyncio.sleep(self._pace_s)
        elif self.request.tokens_sent % 64 == 0:
            await self.wire.writer.drain()

    def _usage(self) -> None:
        self._send(self.dialect.usage())
        self.ledger.add(self.request.model, self.dialect.reported)

    def _send(self, frame: bytes) -> None:
        if not frame:
            return
        if self.request.first_byte is None:
            self.request.first_byte = time.monotonic()
        self.wire.send(frame)

    def _content_type(self) -> str:
        fault = self.fault
        if fault and fault.kind == "html_200" and fault.moment == "before_first":
            return "text/html; charset=utf-8"
        return self.dialect.content_type

    async def _strike(self, moment: Moment) -> None:
        fault = self.fault
        if fault is None or fault.moment != moment:
            return
        match fault.kind:
            case "close" | "reset":
                await self.wire.hang_up(reset=fault.kind == "reset")
                raise BrokenOff
            case "silence":
                await self.wire.writer.drain()
                await asyncio.Event().wait()
            case "keepalive_only":
                while True:
                    self.wire.send(self.dialect.keepalive())
                    await asyncio.sleep(fault.every_s / 60)
            case "early_done" | "clean_end":
                if fault.kind == "early_done":
                    self._send(self.dialect.done())
                self._end()
            case "error_event":
                self._send(self.dialect.error(fault))
                self._end()
            case "html_200":
                self._send(HTML)
                self._end()
            case "not_json" | "bad_utf8" | "bad_checksum" | "huge_event":
                self._send(self.dialect.garbage(fault))
                await self.wire.writer.drain()
            case "slow_words":
                self._pace_s = fault.every_s
            case "redirect" | "endless":
                pass

    def _end(self) -> None:
        self.wire.end()
        raise BrokenOff


def prompt_chars(body: Any) -> int:
    """How much text a request holds, for the automatic usage."""
    if isinstance(body, str):
        return len(body)
    if isinstance(body, dict):
        return sum(prompt_chars(value) for value in body.values())
    if isinstance(body, list):
        return sum(prompt_chars(value) for value in body)
    return 0
