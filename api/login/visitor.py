"""Who a browser is, from its cookies. For the gate and the login page; the pages ask for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.login import oidc
from core.errors import NotLoggedIn
from core.identity import SESSION_COOKIE, Principal

if TYPE_CHECKING:
    from agents.runtime import Runtime


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """`refused`: why somebody whom the provider knows is not let in."""

    principal: Principal | None
    refused: NotLoggedIn | None = None


def visitor(runtime: Runtime, cookies: Mapping[str, str]) -> Visitor:
    """Blocks for a read. Raises StorageError."""
    token = cookies.get(SESSION_COOKIE)
    found = runtime.identity.from_session(token) if token else None
    if found is not None or "oidc" not in runtime.settings.auth:
        return Visitor(principal=found)
    claims = oidc.claims(cookies)
    if claims is None:
        return Visitor(principal=None)
    try:
        return Visitor(principal=runtime.identity.from_oidc(claims))
    except NotLoggedIn as exc:
        return Visitor(principal=None, refused=exc)
