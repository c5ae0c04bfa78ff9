"""What doors and the runtime ask about limits of a person: `runtime.limits`.

Everything counts under the owner, never under an address (a proxy or a forged header would make
everybody one, or one everybody) and never under a key: a second key or login gives nobody more.
"""

from __future__ import annotations

from agents.limits.rate import Rate
from agents.run import TurnRequest
from core.identity import Principal
from core.settings import Settings

COUNTED_BY_THEIR_DOOR = frozenset({"api", "compare", "eval"})
"""Turns whose request was counted already, or that nobody asks for one by one."""


class Limits:
    """One per process; safe from any thread. Raises ConfigError when a setting cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._rate = Rate(settings.rate_limit, settings.rate_limit_storage)

    def request(self, principal: Principal) -> None:
        """Counts one request of a door: of the API, each message on a socket, a comparison of a page.

        Raises RateLimited; then nothing was counted. Blocks when the counts are kept in Redis.
        """
        self._rate.count(principal.owner)

    def turn(self, request: TurnRequest) -> None:
        """Called by the runtime for every turn somebody asks for: counts the ones no door counted.

        Raises RateLimited.
        """
        if request.entry_point not in COUNTED_BY_THEIR_DOOR:
            self._rate.count(request.owner)

    @property
    def storage_errors(self) -> int:
        """Requests that were allowed because their counts could not be read."""
        return self._rate.storage_errors
