"""The gate in front of Streamlit's pages: without a login nothing of them is served but files.

Every page asks again who is looking; the gate keeps strangers from getting as far, from holding
sockets and script threads, and sends them to the login page.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from api.headers import App, Receive, Scope, Send
from api.login import cookies
from api.login.local_path import HOME, local_path

REMEMBERED_S = 1.0
"""How long an answer of the look-up counts: a page with pictures asks for all of them at once."""
REMEMBERED = 2_000
_OPEN = ("/api/", "/login/", "/logout/", "/auth/", "/oauth2callback/", "/static/", "/component/")
_OPEN_CORE = ("/_stcore/health", "/_stcore/host-config")

What = Literal["open", "page", "private"]


class Gate:
    """`knows` says from a browser's cookies whether somebody is logged in; it may block.

    Only ever called on the server's loop, so what it remembers needs no lock.
    """

    def __init__(
        self,
        app: App,
        knows: Callable[[Mapping[str, str]], bool],
        clock: Callable[[], float] = time.monotonic,
        remembered: int = REMEMBERED,
    ) -> None:
        self.app = app
        self._knows = knows
        self._clock = clock
        self._most = remembered
        self._remembered: dict[bytes, tuple[float, bool]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        what = what_is_asked(scope)
        if what == "open":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        known = await self._is_known(connection.cookies)
        if scope["type"] == "websocket":
            if known:
                await self.app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": "Log in first."})
            return
        answer = _instead(Request(scope), what, known)
        await (answer or self.app)(scope, receive, send)

    async def _is_known(self, sent: Mapping[str, str]) -> bool:
        ours = sorted(
            (k, v) for k, v in sent.items() if k.startswith(("switchboard_s", "_streamlit_user"))
        )
        if not ours:
            return False
        key, now = hashlib.sha256(repr(ours).encode()).digest(), self._clock()
        until, known = self._remembered.get(key, (0.0, False))
        if now >= until:
            known = await run_in_threadpool(self._knows, sent)
            if len(self._remembered) >= self._most:
                self._remembered.clear()
            self._remembered[key] = now + REMEMBERED_S, known
        return known


def what_is_asked(scope: Scope) -> What:
    """`private` is what belongs to people: the pages' socket, uploads, media and figures of their use."""
    if scope["type"] not in ("http", "websocket"):
        return "open"
    path = scope["path"]
    if f"{path}/".startswith(_OPEN) or path in _OPEN_CORE:
        return "open"
    if scope["type"] == "websocket":
        return "private"
    if "/media/" in path or "/_stcore/upload_file" in path:
        return "private"
    accepted = HTTPConnection(scope).headers.get("accept", "")
    if scope["method"] in ("GET", "HEAD") and "text/html" in accepted:
        return "page"
    return "private" if path.startswith("/_stcore/") else "open"


def _instead(request: Request, what: What, known: bool) -> Response | None:
    """The answer that is given in place of what was asked; None when it may pass."""
    wanted = request.cookies.get(cookies.NEXT_COOKIE)
    if known and what == "page" and wanted and request.url.path == HOME:
        there = _redirect(local_path(wanted))  # back from the provider, which always leads home
        cookies.forget(request, there, cookies.NEXT_COOKIE)
        return there
    if known:
        return None
    if what == "private":
        return PlainTextResponse("Log in first.", 401, {"Cache-Control": "no-store"})
    query = f"?{request.url.query}" if request.url.query else ""
    asked = local_path(f"{request.url.path}{query}")
    if asked == HOME:
        return _redirect("/login")
    return _redirect(f"/login?next={quote(asked, safe='/')}")


def _redirect(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})
