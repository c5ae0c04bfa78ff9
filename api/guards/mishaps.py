"""What nobody expected: the caller gets a number, the log a trace without keys.

Outermost, because the server prints a trace it gets as it is, with whatever a provider said.
"""

from __future__ import annotations

import logging
import traceback

from api.errors import unexpected
from api.headers import App, Message, Receive, Scope, Send
from core.errors import redact
from core.ids import new_id

log = logging.getLogger(__name__)
MAX_TRACE_LINES = 200


class Mishaps:
    """Every exception ends here."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_)
        except Exception as exc:
            number = new_id()
            log.error("request %s failed\n%s", number, clean_trace(exc))
            if scope["type"] == "websocket" and started:
                await send({"type": "websocket.close", "code": 1011})
            elif started:
                # Nothing else breaks the connection off, and an answer that merely stops looks whole.
                raise BrokenOff(f"request {number} broke off") from None
            else:
                await unexpected(number)(scope, receive, send)


class BrokenOff(Exception):
    """An answer was under way when its route failed; the log has the trace under its number."""


def clean_trace(exc: BaseException) -> str:
    """The trace, each line without keys and tokens."""
    lines = "".join(traceback.format_exception(exc)).splitlines()
    return "\n".join(_indented(line) for line in lines[-MAX_TRACE_LINES:])


def _indented(line: str) -> str:
    return " " * (len(line) - len(line.lstrip())) + redact(line, 1_000)
