"""Intervals and sample sizes, so that a figure from six runs does not look like one from six thousand."""

from __future__ import annotations

from math import ceil, log, sqrt
from statistics import NormalDist


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Wilson's score interval for k of n; None when n is 0.

    (p + z²/2n ± z√(p(1-p)/n + z²/4n²)) / (1 + z²/n), with p = k/n and z the two-sided quantile.
    Source: E. B. Wilson, "Probable inference", JASA 22 (1927).
    """
    if n <= 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = k / n
    middle = p + z * z / (2 * n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At k = 0 and k = n the bound is exact; rounding would leave it a hair off.
    low = 0.0 if k == 0 else (middle - half) / scale
    high = 1.0 if k == n else (middle + half) / scale
    return low, high


def minimum_n(q: float, confidence: float = 0.95) -> int:
    """Smallest n for which a two-sided interval of the q-quantile exists: n >= ln(α/2)/ln(max(q, 1-q)).

    Below it the smallest and largest values do not enclose it with that confidence (order statistics).

    p50: 6, p90: 36, p95: 72, p99: 368.
    """
    if not 0 < q < 1:
        raise ValueError("a quantile lies between 0 and 1")
    return ceil(log((1 - confidence) / 2) / log(max(q, 1 - q)))
