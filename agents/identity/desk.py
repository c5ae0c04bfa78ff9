"""The one place that turns a credential into a `Principal`, and says whether one still holds."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace

from agents.identity.accounts import Accounts
from agents.identity.audit import Audit
from agents.identity.changes import Changes
from agents.identity.credentials import KEY_PREFIX
from agents.identity.external import External, refused
from agents.identity.jwt_tokens import JwtVerifier, verifier_of
from agents.identity.keys import Keys
from agents.identity.login_limit import LoginLimit
from agents.identity.passwords import Passwords
from agents.identity.roles import Roles, named_role
from agents.identity.sessions import Sessions
from agents.identity.values import Clock, now_us
from core.database import Database
from core.errors import Forbidden, NotFound
from core.identity import LOCAL, Figures, Principal, Right
from core.settings import Settings

_BEARER = re.compile(r"(?i:Bearer) ([A-Za-z0-9._~+/=-]{1,16384})")


class Identity:
    """Safe from any thread; every call may block for a query. Raises ConfigError when a setting
    would let too many in."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        clock: Clock = now_us,
        jwt: JwtVerifier | None = None,
        passwords: Passwords | None = None,
        limit: LoginLimit | None = None,
    ) -> None:
        self._settings, self._clock = settings, clock
        self._jwt = jwt or verifier_of(settings, clock)
        roles, self._changes = Roles(settings), Changes()
        self.audit = Audit(database, clock)
        shared = (database, self.audit, self._changes, roles)
        self.sessions = Sessions(*shared, clock)
        self.keys = Keys(*shared, clock)
        self.accounts = Accounts(
            *shared,
            self.sessions,
            clock,
            session_us=int(settings.session_hours * 3_600_000_000),
            open_to_passwords="accounts" in settings.auth,
            passwords=passwords,
            limit=limit,
        )
        self._external = External(*shared, self.sessions, settings, clock)

    @property
    def required(self) -> bool:
        """Whether anybody has to log in. False: everyone who can connect is `LOCAL`."""
        return bool(self._settings.auth)

    def from_bearer(self, authorization: str | None) -> Principal:
        """The principal of an `Authorization` header. Raises NotLoggedIn, in the same words whatever
        is wrong with it. Where nobody has to log in, the header means nothing."""
        if not self.required:
            return LOCAL
        found = _BEARER.fullmatch(authorization or "")
        if found is None:
            raise refused("no bearer token")
        token = found[1]
        if token.startswith(KEY_PREFIX):
            principal = self.keys.find(token)
            if principal is None:
                raise refused("an API key that is unknown or has ended")
            return principal
        if self._jwt is None:
            raise refused("a token that is no API key, and no other is accepted here")
        return self._of_jwt(self._jwt, token)

    def from_session(self, token: str | None) -> Principal | None:
        """Who holds the cookie of the pages; None when it is not, or no longer, good."""
        principal = self.sessions.find(token) if self.required else None
        return principal if principal is not None and self._way_is_open(principal) else None

    def from_oidc(self, claims: Mapping[str, object]) -> Principal:
        """Who an identity provider says this is. Raises NotLoggedIn.

        The claims must have been verified: Streamlit does that before it shows them as `st.user`.
        """
        if "oidc" not in self._settings.auth:
            raise refused("OIDC claims, which are not accepted here")
        return self._external.from_oidc(claims)

    def check(self, principal: Principal) -> Principal:
        """The principal as it is now, within seconds. Raises NotLoggedIn when its credential ended."""
        if not self.required:
            return principal
        if principal.expires_at_us is not None and principal.expires_at_us <= self._clock():
            raise refused(f"a credential ({principal.via}) that expired")
        return self._changes.fresh(principal, self._look)

    def figures_now(self, owner: str, asked: Figures) -> Figures:
        """Whose figures work may use that waited while its person was away: no more than `asked`, and
        no more than they may see by now. Raises Forbidden when they may not log in any more."""
        if not self.required:
            return asked
        try:
            person = self.accounts.get(owner)
        except NotFound:
            return "own"
        if person.disabled:
            raise Forbidden(
                f"{person.name} may not log in any more.", what_to_do="Ask an administrator."
            )
        now = Principal(owner=owner, name=person.name, role=person.role)
        return asked if now.figures == "all" else "own"

    def _look(self, principal: Principal) -> Principal:
        found: Principal | None = None
        if principal.via in ("password", "oidc"):
            found = self.sessions.by_id(principal.credential_id or "")
        elif principal.via == "api_key":
            found = self.keys.by_id(principal.credential_id or "")
        elif principal.via == "jwt":
            row = self._external.by_owner(principal.owner, principal.issued_at_us or 0)
            found = None if row is None else replace(principal, name=row.name)
        if found is None or found.owner != principal.owner or not self._way_is_open(found):
            raise refused(f"a credential ({principal.via}) that ended")
        return found

    def _way_is_open(self, principal: Principal) -> bool:
        """Sessions from before a way to log in was taken out of the settings do not count."""
        needed = {"password": "accounts", "oidc": "oidc"}.get(principal.via)
        return needed is None or needed in self._settings.auth

    def _of_jwt(self, verifier: JwtVerifier, token: str) -> Principal:
        verified = verifier.verify(token)
        row = self._external.person(verified.issuer, verified.claims, verified.issued_at_us)
        named = named_role(verified.claims, self._settings.jwt_role_claim)
        return Principal(
            owner=row.owner,
            name=row.name,
            role=named or self._external.role(row),
            via="jwt",
            credential_id=verified.id,
            issued_at_us=verified.issued_at_us,
            expires_at_us=verified.expires_at_us,
        )

    def tidy(self) -> None:
        """Removes sessions and rows of the audit log that are long over. Raises StorageError."""
        self.sessions.tidy()
        self.audit.tidy()

    def erase(self, owner: str, *, account: bool, by: Principal | None = None) -> None:
        """Ends everything that was issued to a person; with `account`, removes the account as well,
        if there is one. Raises StorageError."""
        self.sessions.end_all(owner, by)
        if account:
            with contextlib.suppress(NotFound):
                self.accounts.delete(owner, by)


def demand(principal: Principal, right: Right) -> None:
    """Raises Forbidden."""
    if not principal.may(right):
        raise Forbidden(
            f"This needs the right '{right}', which {principal.name} does not have here.",
            what_to_do="Ask an administrator, or use a credential with more scopes.",
        )
