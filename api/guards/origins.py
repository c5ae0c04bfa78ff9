"""Pages of other hosts may not write: the check of Origin, and CORS for those that are allowed.

A browser sends cookies of nobody here, but with one person on loopback there is nothing else to send:
whoever can make the browser send a request would be that person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import Response

from api.guards.refusals import header_values, refuse
from api.headers import App, Message, Receive, Scope, Send

READS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Routes of these methods change nothing."""
METHODS = "GET, POST, PUT, DELETE"
EXPOSED = "Content-Disposition, Retry-After, WWW-Authenticate"
_HEADERS = frozenset(
    {"accept", "accept-language", "authorization", "content-language", "content-type",
     "idempotency-key", "last-event-id"}
)  # fmt: skip
_OF_OPENAI_CLIENTS = re.compile(r"x-stainless-[a-z-]{1,40}|openai-[a-z-]{1,40}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """`allowed`: origins besides the server's own, such as https://intranet.example."""

    def __init__(self, app: App, allowed: Iterable[str]) -> None:
        self.app = app
        self._allowed = frozenset(filter(None, (_normal(one) for one in allowed)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        origins = header_values(scope, b"origin")
        allowed = len(origins) == 1 and _normal(origins[0]) in self._allowed
        wanted = header_values(scope, b"access-control-request-method")
        if scope["type"] == "http" and scope["method"] == "OPTIONS" and origins and wanted:
            await self._preflight(scope, receive, send, origins[0] if allowed else None)
            return
        writes = scope["type"] == "websocket" or scope["method"] not in READS
        if writes and not allowed and (reason := foreign(scope, origins)):
            await refuse(
                scope, receive, send, 403, "forbidden", reason,
                "Add the page's origin to SWITCHBOARD_ALLOWED_ORIGINS if it may use this API.",
                headers={"Vary": "Origin"},
            )  # fmt: skip
            return
        await self.app(scope, receive, _readable(send, origins[0]) if allowed else _varying(send))

    async def _preflight(
        self, scope: Scope, receive: Receive, send: Send, origin: str | None
    ) -> None:
        if origin is None:
            await refuse(
                scope, receive, send, 403, "forbidden", "This page may not use the API.",
                "Add the page's origin to SWITCHBOARD_ALLOWED_ORIGINS if it may.",
                headers={"Vary": "Origin"},
            )  # fmt: skip
            return
        asked = ",".join(header_values(scope, b"access-control-request-headers")).lower()
        names = [name for part in asked.split(",") if (name := part.strip())]
        granted = [n for n in names if n in _HEADERS or _OF_OPENAI_CLIENTS.fullmatch(n)]
        response = Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": ", ".join(granted or sorted(_HEADERS)),
                "Access-Control-Max-Age": "600",
                "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            },
        )
        await response(scope, receive, send)


def foreign(scope: Scope, origins: list[str]) -> str | None:
    """Why a write is refused: it comes from a page of another origin. None: it does not.

    No Origin means no browser, or one too old to matter; a browser that sends Sec-Fetch-Site
    tells by that.
    """
    if not origins:
        site = header_values(scope, b"sec-fetch-site")
        if site and site[0] not in ("same-origin", "none"):
            return "This request comes from a page of another site."
        return None
    own = {_own(scope, scheme) for scheme in _schemes(scope)}
    if len(origins) == 1 and _normal(origins[0]) in own - {None}:
        return None
    return "This request comes from a page of another origin."


def _schemes(scope: Scope) -> tuple[str, ...]:
    """Behind a proxy that ends TLS the server sees http while the page is https."""
    return ("https",) if scope["scheme"] in ("https", "wss") else ("http", "https")


def _own(scope: Scope, scheme: str) -> str | None:
    hosts = header_values(scope, b"host")
    return _normal(f"{scheme}://{hosts[0]}") if len(hosts) == 1 else None


def _normal(origin: str) -> str | None:
    """Scheme, host and port as they are compared; None when it is no origin, such as `null`."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return f"{scheme}://{host}:{port or _DEFAULT_PORTS[scheme]}"


def _varying(send: Send) -> Send:
    return _adding(send, [])


def _readable(send: Send, origin: str) -> Send:
    return _adding(
        send,
        [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED.encode()),
        ],
    )


def _adding(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def send_(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"vary", b"Origin"), *headers]
        await send(message)

    return send_
