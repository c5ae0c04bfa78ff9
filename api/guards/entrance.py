"""Where people log in, nobody without a credential gets further: before a body is read or a field checked.

Routes ask for `Caller` all the same; they get the principal that was found here. A route somebody adds
without asking is closed too.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from api import errors
from api.dependencies import house_of
from api.guards.refusals import header_values, route_path
from api.headers import App, Receive, Scope, Send
from core.errors import NotLoggedIn, SwitchboardError

PUBLIC = frozenset({"/health", "/ready", "/docs", "/openapi.json"})
"""What answers without a credential. It tells nothing about people and what they wrote."""


class Entrance:
    """Puts the caller into `scope["state"]["principal"]`."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _is_public(route_path(scope)):
            await self.app(scope, receive, send)
            return
        try:
            house = await house_of(scope["app"])
            credentials = header_values(scope, b"authorization")
            if len(credentials) > 1 and house.identity.required:
                raise NotLoggedIn("The request has more than one credential.")
            principal = await run_in_threadpool(
                house.identity.from_bearer, credentials[0] if credentials else None
            )
        except SwitchboardError as exc:
            await errors.answer_of(exc)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self.app(scope, receive, send)


def _is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith("/docs/")
