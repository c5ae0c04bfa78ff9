"""Bodies: of the right type, plain, small, in time; JSON is read strictly before a route sees it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from email.message import Message as MailMessage

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.guards.json_text import BadJson, read_json
from api.guards.origins import READS
from api.guards.refusals import header_values, refuse, route_path
from api.headers import App, Message, Receive, Scope, Send

FILE_ROUTES = frozenset({"/threads/import"})
"""Their bodies are files: read by agents/exchange, which has rules of its own, not here."""
FILE_TYPES = frozenset(
    {"application/json", "application/x-ndjson", "application/zip", "application/octet-stream"}
)
"""Not a form: its body is the file and more, and no route takes it apart."""
_READ_IN_THREAD = 100_000
_LINGER_S = 2.0
_LINGER_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyLimits:
    max_bytes: int = 1_000_000
    max_file_bytes: int = 50_000_000
    total_s: float = 30.0
    """From the head of a request to the end of its body."""
    idle_s: float = 20.0
    """Between two parts of a file."""


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str, what_to_do: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.what_to_do = status, code, message, what_to_do


class _Arriving:
    """`receive`, and whether the body has ended; what comes then is waiting for the client to leave."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class Bodies:
    """Hands on a request whose body is known, or a socket whose frames are bounded."""

    def __init__(
        self, app: App, limits: BodyLimits, file_routes: frozenset[str] = FILE_ROUTES
    ) -> None:
        self.app = app
        self._limits, self._file_routes = limits, file_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.app(scope, self._frames(receive, send), send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        arriving = _Arriving(receive)
        try:
            handed_on = await self._checked(scope, arriving)
        except BadJson as exc:
            await refuse(
                scope, receive, send, exc.http_status, exc.code, exc.message, exc.what_to_do,
                fields=exc.fields,
            )  # fmt: skip
            return
        except _Refused as exc:
            await refuse(
                scope, receive, _closing(arriving, send), exc.status, exc.code, exc.message,
                exc.what_to_do, headers={"Connection": "close"},
            )  # fmt: skip
            return
        await self.app(scope, handed_on, send)

    async def _checked(self, scope: Scope, receive: _Arriving) -> Receive:
        """What the route receives. Raises _Refused, BadJson."""
        is_file = route_path(scope) in self._file_routes
        limit = self._limits.max_file_bytes if is_file else self._limits.max_bytes
        if any(
            one.strip().lower() != "identity" for one in header_values(scope, b"content-encoding")
        ):
            raise _Refused(
                415, "media_type", "Compressed requests are not read.", "Send it as it is."
            )
        length = _length(scope)
        if length is not None and length > limit:
            raise _too_large(limit)
        if not length and not header_values(scope, b"transfer-encoding"):
            return receive
        if scope["method"] in READS:  # a body means nothing there, and is not read
            return _replay(b"", receive)
        _check_type(scope, is_file)
        if is_file:
            return self._counted(receive, limit)
        body = await self._whole(receive, limit)
        if body is None:
            return receive
        if len(body) > _READ_IN_THREAD:
            await run_in_threadpool(read_json, body)
        elif body:
            read_json(body)
        return _replay(body, receive)

    async def _whole(self, receive: Receive, limit: int) -> bytes | None:
        """The body; None when the client left before its end."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.total_s):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise _too_large(limit)
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _Refused(
                408, "too_slow", f"The body did not arrive within {self._limits.total_s:g} seconds.",
                "Send it again over a better connection.",
            ) from None  # fmt: skip

    def _counted(self, receive: _Arriving, limit: int) -> Receive:
        """A file goes through part by part; raises in the route when it is too large or stalls."""
        seen = 0

        async def receive_() -> Message:
            nonlocal seen
            try:
                async with asyncio.timeout(None if receive.ended else self._limits.idle_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The file stopped arriving.") from None
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise HTTPException(413, _too_large(limit).message)
            return message

        return receive_

    def _frames(self, receive: Receive, send: Send) -> Receive:
        async def receive_() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            text = message.get("text")
            if text is None:
                code, reason = 1003, "Only text frames are read."
            elif len(text) > self._limits.max_bytes:
                code, reason = 1009, "The frame is too large."
            else:
                return message
            await send({"type": "websocket.close", "code": code, "reason": reason})
            return {"type": "websocket.disconnect", "code": code, "reason": reason}

        return receive_


def _length(scope: Scope) -> int | None:
    lengths = header_values(scope, b"content-length")
    if not lengths:
        return None
    if len(set(lengths)) > 1 or not re.fullmatch(r"[0-9]{1,15}", lengths[0]):
        raise _Refused(
            400, "invalid_input", "Content-Length is not one number.", "Send its number of bytes."
        )
    return int(lengths[0])


def _check_type(scope: Scope, is_file: bool) -> None:
    given = header_values(scope, b"content-type")
    header = MailMessage()
    header["content-type"] = given[0] if len(given) == 1 else "none/given"
    allowed = FILE_TYPES if is_file else {"application/json"}
    charset = header.get_param("charset", "utf-8")
    if header.get_content_type() not in allowed or str(charset).lower() not in ("utf-8", "utf8"):
        raise _Refused(
            415, "media_type",
            f"The body must be {'a file' if is_file else 'JSON in UTF-8'}.",
            f"Send it with the header `Content-Type: {'application/octet-stream' if is_file else 'application/json'}`.",
        )  # fmt: skip


def _too_large(limit: int) -> _Refused:
    return _Refused(
        413, "too_large", f"The body is larger than {limit:,} bytes.", "Send less at once."
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once; then what the connection says, which is when the client leaves."""
    given = False

    async def receive_() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_


def _closing(arriving: _Arriving, send: Send) -> Send:
    """Answers at once, and then reads a little of what still comes: a connection that is closed over
    unread bytes is reset, and the client would never see why."""

    async def send_(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({**message, "more_body": True})
        left = _LINGER_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while left > 0 and not arriving.ended:
                    left -= len((await arriving()).get("body", b""))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_
