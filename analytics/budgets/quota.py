"""What one person may use per day of the reporting zone: tokens and money, the same for everybody.

Beside the budgets, which people define and change while it runs: a quota is a setting and is kept by
the same figures. The embedded answerer costs nobody anything, so what it reads and writes does not
count. A call without a known price counts 0 in money; its tokens always count, estimated ones too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from analytics.budgets.definition import PUSD_PER_USD
from analytics.queries.ask import Ask, known_names
from core.pricing import format_usd

FREE = "local"
"""Provider of the embedded answerer, and the first part of its models' ids."""
UNKNOWN_SHARE, LEAST_SHARE = 0.25, 0.1
"""Of a quota: what a turn is expected to take before a person's first one has ended, and at least."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens and pico-USD."""

    tokens: int = 0
    pusd: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.tokens + other.tokens, self.pusd + other.pusd)


NOTHING = Amount()


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """Of one person and one day; None is no limit."""

    tokens: int | None = None
    pusd: int | None = None

    @classmethod
    def of(cls, tokens: int | None, usd: Decimal | None) -> Quota | None:
        """None when nothing is limited."""
        if tokens is None and usd is None:
            return None
        return cls(tokens=tokens, pusd=int(usd * PUSD_PER_USD) if usd is not None else None)

    def used_up(self, used: Amount) -> str | None:
        """What is used up, such as "50,123 of 50,000 tokens"; None while there is something left."""
        said = []
        if self.tokens is not None and used.tokens >= self.tokens:
            said.append(f"{used.tokens:,} of {self.tokens:,} tokens")
        if self.pusd is not None and used.pusd >= self.pusd:
            said.append(f"{format_usd(used.pusd)} of {format_usd(self.pusd)}")
        return " and ".join(said) or None

    def may_begin(self, used: Amount, running: int, dearest: Amount | None) -> bool:
        """Whether another run may begin beside those of the same person that have not ended.

        When each takes what one is expected to take, the quota is passed by less than one of them.
        """
        return not running or all(
            limit is None or spent + running * _expected(limit, known) < limit
            for limit, spent, known in (
                (self.tokens, used.tokens, dearest.tokens if dearest else None),
                (self.pusd, used.pusd, dearest.pusd if dearest else None),
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Allotment:
    """What a person has used of a day. `until_us`: when the next one begins."""

    used: Amount = NOTHING
    quota: Quota = field(default_factory=Quota)
    since_us: int = 0
    until_us: int = 0
    starts_again: str = ""
    """When that is, for people."""
    known: bool = True
    """False: the figures could not be read; what is there is from the runs of this process."""

    @property
    def used_up(self) -> str | None:
        return self.quota.used_up(self.used) if self.known else None


def _expected(limit: int, dearest: int | None) -> float:
    if dearest is None:
        return limit * UNKNOWN_SHARE
    return max(dearest, limit * LEAST_SHARE)


def used_by_user(ask: Ask) -> dict[str, Amount]:
    """Recorded calls of a window by the person whose they were, free ones left out."""
    names = [*known_names("tokens"), *known_names("cost")]
    sums = ask.facts.sums("call", ask.scope, names, ("user", "provider"))
    found: dict[str, Amount] = {}
    for place, (user, provider) in enumerate(sums.groups):
        if user is not None and provider != FREE:
            tokens = sums.of(place, "input_tokens") + sums.of(place, "output_tokens")
            found[user] = found.get(user, NOTHING) + Amount(tokens, sums.of(place, "cost_pusd"))
    return found
