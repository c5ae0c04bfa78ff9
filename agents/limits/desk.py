"""What doors and the runtime ask about limits of a person: `runtime.limits`.

Everything counts under the owner, never under an address (a proxy or a forged header would make
everybody one, or one everybody) and never under a key: a second key or login gives nobody more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from agents.limits.rate import Rate
from agents.run import TurnRequest
from core.errors import QuotaExceeded
from core.identity import Principal
from core.settings import Settings

FREE_MODELS = "local:"
FIRST_READING_S = 2.0
COUNTED_BY_THEIR_DOOR = frozenset({"api", "compare", "eval"})
"""Turns whose request was counted already, or that nobody asks for one by one."""


class Amount(Protocol):
    """Tokens and pico-USD."""

    @property
    def tokens(self) -> int: ...
    @property
    def pusd(self) -> int: ...


class Quota(Protocol):
    """Of one day; None is no limit."""

    @property
    def tokens(self) -> int | None: ...
    @property
    def pusd(self) -> int | None: ...


class Allotment(Protocol):
    """What a person has used of a day: analytics/budgets/quota.py."""

    @property
    def used(self) -> Amount: ...
    @property
    def quota(self) -> Quota: ...
    @property
    def until_us(self) -> int:
        """When the next day begins: UTC microseconds."""

    @property
    def starts_again(self) -> str:
        """The same for people."""

    @property
    def known(self) -> bool:
        """False: the figures could not be read, so nothing is refused."""

    @property
    def used_up(self) -> str | None:
        """What is used up, such as "50,123 of 50,000 tokens"; None while something is left."""


class Allotments(Protocol):
    """See analytics/budgets/spending.py."""

    def allotment(self, owner: str) -> Allotment | None: ...
    def wait_for_first_reading(self, timeout_s: float) -> bool: ...


class Limits:
    """One per process; safe from any thread. Raises ConfigError when a setting cannot be used."""

    def __init__(self, settings: Settings, spending: Callable[[], Allotments]) -> None:
        self._spending = spending
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

    def usage(self, owner: str) -> Allotment | None:
        """What a person has used today of the quota; None when there is none.

        Right after the start it waits for the figures to be read, for a moment.
        """
        spending = self._spending()
        found = spending.allotment(owner)
        if found is None or found.known or not spending.wait_for_first_reading(FIRST_READING_S):
            return found
        return spending.allotment(owner)

    def demand(self, request: TurnRequest) -> None:
        """Raises QuotaExceeded when the person's day is used up; a turn of the embedded answerer,
        which costs nobody anything, may always begin."""
        if request.model is not None and request.model.startswith(FREE_MODELS):
            return
        found = self.usage(request.owner)
        if found is not None and found.used_up is not None:
            raise QuotaExceeded(
                f"You have used {found.used_up} today.",
                retry_after_s=max(1.0, found.until_us / 1e6 - time.time()),
                what_to_do=f"It starts again on {found.starts_again}. Until then the embedded "
                "answerer can be asked, or an administrator for more.",
            )

    @property
    def refused(self) -> int:
        """Requests that came too often."""
        return self._rate.refused

    @property
    def storage_errors(self) -> int:
        """Requests that were allowed because their counts could not be read."""
        return self._rate.storage_errors
