"""The cookies of a login. They are opaque to the browser's scripts and never leave this host."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from core.identity import SESSION_COOKIE

NEXT_COOKIE = "switchboard_next"
"""Where somebody wanted to go who is at the identity provider now."""
NEXT_LIVES_S = 600


def keep(request: Request, response: Response, name: str, value: str, lives_s: int) -> None:
    """`Secure` when the browser came by https: uvicorn knows, also of proxies it was told to trust."""
    response.set_cookie(
        name, value, max_age=lives_s, path="/", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip


def forget(request: Request, response: Response, name: str = SESSION_COOKIE) -> None:
    response.delete_cookie(
        name, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
