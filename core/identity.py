"""Who asks, and what they may do: the words both doors and everything below them share.

A `Principal` is made by agents/identity from a credential that was checked; nobody else makes one,
and it is never stored. Everything people have is stored under `owner`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["user", "analyst", "admin"]
"""user: own chats and own figures. analyst: everybody's figures too. admin: everything."""

Via = Literal["local", "password", "oidc", "jwt", "api_key"]
"""What the person showed. `local`: nothing, because nobody has to log in."""

Scope = Literal["chat", "analytics", "admin"]
"""What a credential is for. A key that leaks can do no more than its scopes, whatever its owner may."""

Right = Literal["chat", "figures", "all_figures", "settings", "people"]
"""chat: threads, runs, comparisons, evaluations, files of one's own. figures: one's own on the dashboard.
all_figures: everybody's, with exports, reports and alerts. settings: prices, prompts, imports, privacy,
budgets. people: accounts, roles, keys of others, the audit log."""

Figures = Literal["own", "all"]
"""Whose figures an answer may be made of."""

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)
ALL_SCOPES: frozenset[Scope] = frozenset(SCOPES)

_OF_ROLE: dict[Role, frozenset[Right]] = {
    "user": frozenset({"chat", "figures"}),
    "analyst": frozenset({"chat", "figures", "all_figures"}),
    "admin": frozenset(get_args(Right)),
}
_OF_SCOPE: dict[Scope, frozenset[Right]] = {
    "chat": frozenset({"chat"}),
    "analytics": frozenset({"figures", "all_figures"}),
    "admin": frozenset({"settings", "people"}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Somebody whose credential was checked."""

    owner: str
    """The name everything of theirs is stored under; at most 255 characters."""
    name: str
    """What pages call them."""
    role: Role = "user"
    via: Via = "local"
    scopes: frozenset[Scope] = ALL_SCOPES
    credential_id: str | None = None
    """Of the session, token or key, for the audit log and for ending it. Never the secret."""
    issued_at_us: int | None = None
    expires_at_us: int | None = None
    """UTC microseconds; None when the credential has no end."""

    def may(self, right: Right) -> bool:
        """Whether the role allows it and the credential is for it."""
        return right in _OF_ROLE[self.role] and any(right in _OF_SCOPE[s] for s in self.scopes)

    @property
    def figures(self) -> Figures:
        """Whose figures the agents may tell them about."""
        return "all" if self.may("all_figures") else "own"


LOCAL = Principal(owner="local", name="You", role="admin")
"""The one person of an installation where nobody logs in."""

SESSION_COOKIE = "switchboard_session"
"""The cookie of the pages' login. The API never looks at it."""
