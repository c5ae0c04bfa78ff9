"""How a guard says no, to a request or to a socket that is not open yet."""

from __future__ import annotations

from api.errors import answer
from api.headers import Receive, Scope, Send


def route_path(scope: Scope) -> str:
    """The path below the mount of the API."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path


def header_values(scope: Scope, name: bytes) -> list[str]:
    """All values of a header; `name` in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


async def refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    code: str,
    message: str,
    what_to_do: str,
    *,
    fields: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> None:
    """Answers instead of the route; a socket is answered before it is accepted."""
    response = answer(status, code, message, what_to_do, fields=fields, headers=headers)
    await response(scope, receive, send)
