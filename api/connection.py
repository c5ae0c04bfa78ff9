"""The connection below a request, for the one thing ASGI has no message for: to cut it off.

A client that reads nothing more keeps its socket open for ever: closing politely waits until what was
written has arrived, and it never does.
"""

from __future__ import annotations

import contextlib

from api.headers import App, Receive, Scope, Send

KEY = "switchboard.cut_off"


class KnowsConnection:
    """Notes in the scope how to cut the connection off. Works with uvicorn's two protocols; with
    another server a stuck client is left to it. Has to be the outermost middleware."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is not None and hasattr(transport, "abort"):
            scope[KEY] = transport.abort
        await self.app(scope, receive, send)


def cut_off(scope: Scope) -> None:
    """Drops the connection with whatever was not read yet."""
    abort = scope.get(KEY)
    if abort is not None:
        with contextlib.suppress(OSError, RuntimeError):
            abort()
