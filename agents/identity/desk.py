"""The one place that turns a credential into a `Principal`, and says whether one still holds."""

from __future__ import annotations

from core.errors import Forbidden
from core.identity import LOCAL, Principal, Right
from core.settings import Settings


class Identity:
    """Safe from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def required(self) -> bool:
        """Whether anybody has to log in. False: everyone who can connect is `LOCAL`."""
        return bool(self._settings.auth)

    def from_bearer(self, authorization: str | None) -> Principal:
        """The principal of an `Authorization` header. Raises NotLoggedIn. May block."""
        return LOCAL

    def check(self, principal: Principal) -> Principal:
        """The principal as it is now. Raises NotLoggedIn when its credential ended. May block."""
        return principal


def demand(principal: Principal, right: Right) -> None:
    """Raises Forbidden."""
    if not principal.may(right):
        raise Forbidden(
            f"This needs the right '{right}', which {principal.name} does not have here.",
            what_to_do="Ask an administrator, or use a credential with more scopes.",
        )
