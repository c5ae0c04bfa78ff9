"""The mean of values that come in groups, with an interval that knows it.

Several questions about one document, or several votes of one person, are not independent: taken as
such, their interval is too narrow.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from analytics.ranking.battles import Floats, codes
from analytics.ranking.distributions import t_quantile, t_tail


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean:
    """A mean of n values in `clusters` groups, with its cluster-robust standard error."""

    value: float
    se: float
    df: float
    n: int
    clusters: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Two-sided. Each end alone is a one-sided bound of confidence (1 + confidence)/2."""
        half = t_quantile((1 + confidence) / 2, self.df) * self.se
        return self.value - half, self.value + half

    def p_value(self) -> float:
        """Two-sided, for a mean of 0."""
        if self.se == 0:
            return 1.0 if self.value == 0 else 0.0
        return 2 * t_tail(abs(self.value) / self.se, self.df)


def clustered_mean(
    values: Sequence[float] | Floats,
    clusters: Sequence[Hashable] | None = None,
    *,
    added: Sequence[float] = (),
) -> Mean | None:
    """The mean with Var = G/(G-1) Σ_g (Σ_{i in g} (x_i - x̄))² / n²; None for less than two values.

    Without clusters each value is its own, and this is s²/n. Source: Miller, "Adding error bars to
    evals", 2024 (arXiv 2411.00640), section 2.2, with the factor of Cameron and Miller, 2015.

    Degrees of freedom are G - 1, and less when clusters differ in size: G is then 1/Σ share².
    `added` are values that nobody saw, each a cluster of its own; they count neither in n, clusters
    nor degrees of freedom. With them one value is enough.
    """
    seen = np.asarray(values, float)
    if len(seen) == 0 or len(seen) + len(added) < 2:
        return None
    number, names = codes(range(len(seen)) if clusters is None else clusters)
    if len(number) != len(seen):
        raise ValueError("each value belongs to one cluster")
    if len(names) + len(added) < 2:
        return None
    every = np.concatenate([seen, np.asarray(added, float)])
    group = np.concatenate([number, len(names) + np.arange(len(added))])
    mean = float(every.mean())
    sums = np.bincount(group, every - mean)
    variance = len(sums) / (len(sums) - 1) * float(sums @ sums) / len(every) ** 2
    return Mean(
        value=mean,
        # A sum of rounding errors is not a spread.
        se=sqrt(variance) if np.ptp(every) > 0 else 0.0,
        df=max(_effective(np.bincount(number)) - 1, 1.0),
        n=len(seen),
        clusters=len(names),
    )


def clustered_rate(
    passed: Sequence[bool], clusters: Sequence[Hashable]
) -> tuple[float, float] | None:
    """95 % interval of a rate of answers that come in groups; None of less than two groups.

    Wilson's, with the t quantile of the groups, of as many independent answers as would have the
    clustered variance: n* = p(1-p)/se², at most n; when all are alike, as many as there are groups.
    The effective sample size is E. L. Korn and B. I. Graubard's, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", 1998.
    """
    values = np.asarray(passed, float)
    mean = clustered_mean(values, clusters)
    if mean is None or mean.clusters < 2:
        return None
    p, n = mean.value, mean.df + 1
    if mean.se > 0:
        n = min(p * (1 - p) / mean.se**2, float(len(values)))
    t = t_quantile(0.975, mean.df)
    middle, half = p + t * t / (2 * n), t * sqrt(p * (1 - p) / n + t * t / (4 * n * n))
    scale = 1 + t * t / n
    return max((middle - half) / scale, 0.0), min((middle + half) / scale, 1.0)


def _effective(sizes: np.typing.NDArray[np.intp]) -> float:
    """The number of clusters, when all are equally large; one that holds most counts for more."""
    return float(sizes.sum() ** 2 / (sizes.astype(float) ** 2).sum())
