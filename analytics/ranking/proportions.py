"""Pass or fail of the same cases by two contestants: how much the rates differ.

Both answered the same questions, so what tells them apart is the cases that only one passed; taking
the two rates as independent throws that away. Rates by themselves have `analytics.intervals.wilson`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from analytics.intervals import wilson
from analytics.ranking.distributions import binomial_test


@dataclass(frozen=True, kw_only=True, slots=True)
class PassTable:
    """How many cases each passed, of those with a result of both."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def rate_a(self) -> float:
        return (self.both + self.only_a) / self.n

    @property
    def rate_b(self) -> float:
        return (self.both + self.only_b) / self.n

    @property
    def difference(self) -> float:
        """Rate of b less rate of a."""
        return (self.only_b - self.only_a) / self.n


def pass_table(a: Sequence[bool | None], b: Sequence[bool | None]) -> PassTable:
    """Counts of cases in the same order; one without a result (None) of either is left out."""
    known = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return PassTable(
        both=sum(x and y for x, y in known),
        only_a=sum(x and not y for x, y in known),
        only_b=sum(y and not x for x, y in known),
        neither=sum(not x and not y for x, y in known),
    )


def mcnemar(table: PassTable) -> float:
    """McNemar's exact p value: of cases that only one passed, each was as likely to.

    Source: Q. McNemar, Psychometrika 12 (1947); exact: twice the binomial tail, at most 1.
    """
    return binomial_test(table.only_b, table.only_a + table.only_b)


def newcombe(table: PassTable, confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of rate b - rate a; None without cases.

    θ - √((p_b - l_b)² - 2φ(p_b - l_b)(u_a - p_a) + (u_a - p_a)²) and likewise above, with Wilson's
    limits l, u of each rate and the correlation φ of `_correlation`. Source: R. G. Newcombe,
    "Improved confidence intervals for the difference between binomial proportions based on paired
    data", Statistics in Medicine 17 (1998), method 10.
    """
    n = table.n
    limits_a = wilson(table.both + table.only_a, n, confidence)
    limits_b = wilson(table.both + table.only_b, n, confidence)
    if limits_a is None or limits_b is None:
        return None
    p_a, p_b, phi = table.rate_a, table.rate_b, _correlation(table)
    below = _combined(p_b - limits_b[0], limits_a[1] - p_a, phi)
    above = _combined(limits_b[1] - p_b, p_a - limits_a[0], phi)
    return max(table.difference - below, -1.0), min(table.difference + above, 1.0)


def failure_bound(n: int) -> float:
    """95 % upper bound of the failure rate when all n passed: 3/n, the rule of three.

    Source: Hanley and Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 1983.
    """
    return min(1.0, 3 / n) if n > 0 else 1.0


def _combined(one: float, other: float, phi: float) -> float:
    return sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))


def _correlation(table: PassTable) -> float:
    """φ; a positive one is first made smaller by n/2 in its numerator, but not below 0.

    Without that two who always agree would have an interval of no width.
    """
    passed_a, passed_b = table.both + table.only_a, table.both + table.only_b
    margins = passed_a * (table.n - passed_a) * passed_b * (table.n - passed_b)
    if margins == 0:
        return 0.0
    agreement = table.both * table.neither - table.only_a * table.only_b
    if agreement > 0:
        return max(agreement - table.n / 2, 0.0) / sqrt(margins)
    return agreement / sqrt(margins)
