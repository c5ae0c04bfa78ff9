"""Which role somebody has: given here, named by an identity provider, or set for the installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Row

from core.errors import InvalidInput
from core.identity import ROLES, Role
from core.settings import Settings

MOST_VALUES = 1000


def checked_role(role: object) -> Role:
    """Raises InvalidInput."""
    if role not in ROLES:
        raise InvalidInput(
            f"There is no such role; there are {', '.join(ROLES)}.",
            what_to_do="Choose one of them.",
        )
    return role


def named_role(claims: Mapping[str, object], name: str | None) -> Role | None:
    """The role a claim names: the highest of a list, user for words nobody knows, None for nothing.

    A name with dots is looked up as it stands first, then as a path, as in `realm_access.roles`.
    """
    value = claims.get(name) if name else None
    if value is None and name and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return None
    said = value[:MOST_VALUES] if isinstance(value, list) else [value]
    known = [role for role in ROLES if role in said]
    return known[-1] if known else "user"


def is_lower(role: Role, than: Role) -> bool:
    return ROLES.index(role) < ROLES.index(than)


def verified_email(claims: Mapping[str, object]) -> str | None:
    """Lower case; None when the provider does not vouch for it."""
    email = claims.get("email")
    if claims.get("email_verified") not in (True, "true") or not isinstance(email, str):
        return None
    email = email.strip().casefold()
    return email if "@" in email and len(email) <= 255 and email.isprintable() else None


class Roles:
    """The role of an account as the settings of this process see it."""

    def __init__(self, settings: Settings) -> None:
        self._claim = settings.oidc_role_claim
        self._emails = {one.casefold() for one in settings.oidc_admins if "@" in one}
        self._subjects = {one for one in settings.oidc_admins if "@" not in one}

    def of(self, row: Row[Any]) -> Role:
        """Of a row with the columns of `account`."""
        if row.provider_at_us is not None:
            # Somebody may choose a subject that looks like an address: that makes nobody one.
            if row.email in self._emails or row.subject in self._subjects:
                return "admin"
            if self._claim and row.provider_role:
                return cast(Role, row.provider_role)
        return cast(Role, row.role)
