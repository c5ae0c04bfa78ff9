"""Paths and queries that no route can mean: too long, not UTF-8, NUL or control characters.

A server turns `%FF` into a replacement character, which would make two addresses out of one thing.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from api.guards.refusals import refuse
from api.headers import App, Receive, Scope, Send

MAX_PATH = 2_000
MAX_QUERY = 8_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class Addresses:
    """In front of everything that looks at path or query."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
            query: bytes = scope.get("query_string", b"")
            if len(raw_path) > MAX_PATH or len(query) > MAX_QUERY:
                await refuse(
                    scope, receive, send, 414, "too_long",
                    f"The address is longer than {MAX_PATH:,} characters, or its query than {MAX_QUERY:,}.",
                    "Shorten it, or send it as the body of a request that has one.",
                )  # fmt: skip
                return
            if path_problem(raw_path):
                await refuse(
                    scope, receive, send, 404, "not_found", "There is nothing under this address.",
                    "See /api/docs for what there is.",
                )  # fmt: skip
                return
            if reason := query_problem(query):
                await refuse(
                    scope, receive, send, 422, "invalid_input",
                    f"The request cannot be used: query {reason}.",
                    "Correct it and send it again.",
                    fields=[{"field": "query", "reason": reason}],
                )  # fmt: skip
                return
        await self.app(scope, receive, send)


def path_problem(raw_path: bytes) -> str | None:
    """Why no route can be meant; None when one can."""
    return _text_problem(unquote_to_bytes(raw_path), _CONTROL)


def query_problem(query: bytes) -> str | None:
    """Why it cannot be used; None when it can. Line ends and tabs are fine: people search for text."""
    return _text_problem(unquote_to_bytes(query), re.compile("\x00"))


def _text_problem(raw: bytes, forbidden: re.Pattern[str]) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8"
    return "holds control characters" if forbidden.search(text) else None
