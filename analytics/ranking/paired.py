"""Cost, latency, tokens and scores of the same questions by two contestants: ratio or difference.

Each question is compared with itself, so that hard and easy questions do not hide a difference.
Differences of percentiles are in `percentiles`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np

from analytics.ranking.battles import Flags, Floats
from analytics.ranking.clustered import Mean, clustered_mean

Values = Sequence[float | None]
"""One for each question, in the same order for both; None (or NaN) is unknown."""
Clusters = Sequence[Hashable] | None
"""The document or conversation of each question; None: all are independent."""

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """How many times b's value is a's, with a 95 % interval. Below 1, b has less."""

    value: float
    low: float
    high: float
    p_value: float
    n: int
    of: int
    """Questions there were; of - n were left out as unknown or zero for one of the two."""
    clusters: int
    p_adjusted: float | None = None
    """Holm's, when it is one of a family."""

    @property
    def certain(self) -> bool:
        """The interval leaves out 1 and so does the family it belongs to."""
        return not self.low <= 1 <= self.high and below_alpha(self.p_value, self.p_adjusted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Mean of b - a, with a 95 % interval."""

    value: float
    low: float
    high: float
    p_value: float
    n: int
    of: int
    clusters: int
    p_adjusted: float | None = None

    @property
    def certain(self) -> bool:
        return not self.low <= 0 <= self.high and below_alpha(self.p_value, self.p_adjusted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What the answers of two contestants cost. A ratio with nothing has no meaning."""

    mean_a: float
    """Of the answers whose cost is known for both, in the unit that was given."""
    mean_b: float
    free: Literal["a", "b", "both"] | None
    """Whose answers all cost nothing, as a local model's do."""
    zeros: int
    """Questions that cost nothing for one or both."""
    ratio: Ratio | None
    """Of the questions that cost both something; None when free or of fewer than two."""
    difference: Difference | None
    """With those that cost nothing; None of fewer than two."""
    n: int
    of: int


def below_alpha(p_value: float, p_adjusted: float | None) -> bool:
    return (p_value if p_adjusted is None else p_adjusted) < ALPHA


def paired_ratio(a: Values, b: Values, clusters: Clusters = None) -> Ratio | None:
    """exp of the mean of d = ln b - ln a, with interval exp(d̄ ± t·se); None of fewer than two.

    The standard error is that of `clustered_mean`. Unknown and non-positive values are left out
    together with the other's.
    """
    both, x, y = _known(a, b)
    keep = both & (x > 0) & (y > 0)
    found = clustered_mean(np.log(y[keep]) - np.log(x[keep]), _of(clusters, keep))
    if found is None:
        return None
    low, high = found.interval()
    return Ratio(
        value=exp(found.value),
        low=exp(low),
        high=exp(high),
        p_value=found.p_value(),
        n=found.n,
        of=len(x),
        clusters=found.clusters,
    )


def mean_difference(a: Values, b: Values, clusters: Clusters = None) -> Difference | None:
    """Mean of b - a with t interval and clustered standard error; None of fewer than two."""
    both, x, y = _known(a, b)
    found = clustered_mean(y[both] - x[both], _of(clusters, both))
    return None if found is None else _difference(found, len(x))


def compare_costs(a: Values, b: Values, clusters: Clusters = None) -> Costs | None:
    """Costs of answers to the same questions; None when none is known for both."""
    both, x, y = _known(a, b)
    if not both.any():
        return None
    known_a, known_b = x[both], y[both]
    free_a, free_b = not known_a.any(), not known_b.any()
    return Costs(
        mean_a=float(known_a.mean()),
        mean_b=float(known_b.mean()),
        free="both" if free_a and free_b else "a" if free_a else "b" if free_b else None,
        zeros=int(((known_a == 0) | (known_b == 0)).sum()),
        ratio=None if free_a or free_b else paired_ratio(a, b, clusters),
        difference=mean_difference(a, b, clusters),
        n=int(both.sum()),
        of=len(x),
    )


def known_pairs(a: Values, b: Values, clusters: Clusters) -> tuple[Floats, Floats, Clusters]:
    """The values that are known for both, and their clusters."""
    both, x, y = _known(a, b)
    return x[both], y[both], _of(clusters, both)


def _difference(found: Mean, of: int) -> Difference:
    low, high = found.interval()
    return Difference(
        value=found.value,
        low=low,
        high=high,
        p_value=found.p_value(),
        n=found.n,
        of=of,
        clusters=found.clusters,
    )


def _known(a: Values, b: Values) -> tuple[Flags, Floats, Floats]:
    """Which are known for both, and both as numbers with NaN for unknown."""
    x, y = np.array(a, float), np.array(b, float)
    if x.shape != y.shape:
        raise ValueError("both have one value for each question")
    return np.isfinite(x) & np.isfinite(y), x, y


def _of(clusters: Clusters, keep: Flags) -> Clusters:
    if clusters is None:
        return None
    if len(clusters) != len(keep):
        raise ValueError("each question belongs to one cluster")
    return [cluster for cluster, kept in zip(clusters, keep, strict=True) if kept]
