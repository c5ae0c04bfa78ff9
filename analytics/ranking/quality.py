"""How good b is against a, as one value for votes, pass or fail, and scores.

A difference is of shares between -1 and 1: of votes (wins of b + half of the ties)/n - 1/2, of the
others the mean of b less that of a. It is made in `noninferiority`; what may be said of it is in
`verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

from analytics.ranking.distributions import normal_quantile
from analytics.ranking.early import anytime_bound
from analytics.ranking.paired import ALPHA, below_alpha

Basis = Literal["votes", "passes", "scores"]
DELTA = 0.05
"""The margin: five points."""
_POWER = 0.8
_AT_LEAST = 0.1
_MOST = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a larger sample is planned by."""

    value: float
    """The difference so far, a little nearer to 0 when n is small."""
    deviation: float
    """Standard deviation of one vote or case, larger when they depend on one another."""
    decisive: float = 0.0
    """Share of votes that are not ties."""
    design_effect: float = 1.0

    def until(self, gap: float, level: float) -> int:
        """Votes or cases with which a gap is seen in 80 % of trials: ((z + z')·s/gap)²."""
        z = normal_quantile(level) + normal_quantile(_POWER)
        return ceil(min((z * self.deviation / gap) ** 2, _MOST))

    def until_settled(self) -> int:
        """Votes with which a lead that grows as so far crosses the bound of `early`."""
        n = 1
        while n < _MOST and n * abs(self.value) < self._bound(n):
            n = ceil(n * 1.02)
        return n

    def _bound(self, n: int) -> float:
        return anytime_bound(n * self.decisive, design_effect=self.design_effect)


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """b against a. Positive: b is better."""

    basis: Basis
    value: float
    low: float
    """Two-sided 95 % interval."""
    high: float
    lower: float
    """One-sided 95 % bound below, for all pairs of a family at once."""
    p_value: float
    """Two-sided, for no difference."""
    n: int
    of: int
    """Cases there were; of - n had no result of both."""
    plan: Plan
    voters: int | None = None
    """None when nobody voted."""
    settled: bool = True
    """Votes: the lead has crossed the bound that holds however often one looks."""
    a: float | None = None
    """Pass rates or mean scores."""
    b: float | None = None
    p_adjusted: float | None = None
    """Holm's, when it is one of a family."""

    @property
    def certain(self) -> bool:
        """They differ: the interval and the family leave out 0."""
        return not self.low <= 0 <= self.high and below_alpha(self.p_value, self.p_adjusted)

    def not_worse(self, delta: float = DELTA) -> bool:
        """b is not worse than a by `delta`. Of votes: P(b over a) + P(tie)/2 > 1/2 - delta.

        For a number of votes or cases chosen beforehand: in 5 % of families at most is any pair
        called so that is worse by just delta.
        """
        return self.lower > -delta

    def not_worse_at_any_look(self, delta: float = DELTA) -> bool:
        """The same for votes that are looked at as they come in, by the bound of `early`."""
        if self.voters is None:
            return self.not_worse(delta)
        ahead = self.n * (self.value + delta)
        decisive = self.n * self.plan.decisive
        return ahead >= anytime_bound(decisive, 2 * ALPHA, self.plan.design_effect)

    def more_needed(self, delta: float = DELTA) -> int:
        """Votes or cases missing until b is shown to be worse, or not to be; 0 when it is shown.

        Planned with 80 % power for going on as so far, of the same voters or documents; never less
        than a tenth of what there is, as nothing is decided yet.
        """
        if self.not_worse(delta) or (self.certain and self.settled):
            return 0
        needed = []
        if self.plan.value > -delta:
            needed.append(self.plan.until(self.plan.value + delta, 0.95))
        if self.plan.value < 0:
            worse = self.plan.until(-self.plan.value, 0.975)
            needed.append(max(worse, self.plan.until_settled()) if self.voters else worse)
        return max(min(needed) - self.n, ceil(_AT_LEAST * self.n))
