"""Headers of every answer of the API: not kept by anybody, and never taken for a page."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from api.guards.parameters import documented, matching
from api.guards.refusals import route_path
from api.headers import App, Message, Receive, Scope, Send

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_PAGE = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox")


class Replies:
    """Adds what the route has not set itself."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if message["status"] == 405:
                    headers = [h for h in headers if h[0].lower() != b"allow"]
                    headers.append((b"allow", await _methods(scope)))
                present = {name.lower(): value for name, value in headers}
                page = present.get(b"content-type", b"").startswith(b"text/html")
                wanted = _ALWAYS if page else (*_ALWAYS, _NO_PAGE)
                message["headers"] = headers + [p for p in wanted if p[0] not in present]
            await send(message)

        await self.app(scope, receive, send_)


async def _methods(scope: Scope) -> bytes:
    """Of all routes with this path: the router tells those of the first one only."""
    known, path = await run_in_threadpool(documented, scope["app"]), route_path(scope)
    return ", ".join(sorted({one.method for one in matching(known, path)})).encode()
