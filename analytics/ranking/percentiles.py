"""How far the percentiles of two contestants lie apart, as of the same questions.

By resampling questions: a percentile has no simple standard error, and the two depend on each other
because hard questions are slow for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.intervals import minimum_n
from analytics.ranking.battles import Floats, Ints, codes
from analytics.ranking.paired import Clusters, Values, below_alpha, known_pairs

RESAMPLES = 2_000
_SEED = 1
_CELLS_AT_ONCE = 2_000_000
"""Bounds memory to tens of megabytes whatever the number of questions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PercentileDifference:
    """q-quantile of b less that of a, with a 95 % interval, in the unit of the values."""

    q: float
    a: float
    b: float
    value: float
    low: float
    high: float
    p_value: float
    n: int
    of: int
    sound: bool
    """False: too few values for this percentile; show it in grey and claim nothing."""
    p_adjusted: float | None = None

    @property
    def certain(self) -> bool:
        """Enough values, and the interval and the family leave out 0."""
        apart = not self.low <= 0 <= self.high
        return self.sound and apart and below_alpha(self.p_value, self.p_adjusted)


def percentile_difference(
    a: Values, b: Values, q: float, clusters: Clusters = None
) -> PercentileDifference | None:
    """Paired percentile bootstrap over questions, or over clusters; None of fewer than two.

    A question is drawn with both its values. 2,000 resamples, always the same ones for the same
    values. Quantiles are interpolated linearly, as everywhere. Source: Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, chapters 8 and 13.
    """
    x, y, kept = known_pairs(a, b, clusters)
    cluster, names = codes(range(len(x)) if kept is None else kept)
    if len(names) < 2:
        return None
    drawn = _differences(x, y, q, cluster, len(names))
    low, high = np.quantile(drawn, (0.025, 0.975))
    q_a, q_b = (float(np.quantile(values, q)) for values in (x, y))
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return PercentileDifference(
        q=q,
        a=q_a,
        b=q_b,
        value=q_b - q_a,
        low=float(low),
        high=float(high),
        p_value=min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1)),
        n=len(x),
        of=len(a),
        sound=len(x) >= minimum_n(q),
    )


def _differences(x: Floats, y: Floats, q: float, cluster: Ints, clusters: int) -> Floats:
    """(RESAMPLES,) difference of the quantiles in each resample."""
    rng = np.random.default_rng(_SEED)
    order_x, order_y = np.argsort(x), np.argsort(y)
    step = max(1, _CELLS_AT_ONCE // len(x))
    found = []
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size)
        times = drawn[:, cluster]
        found.append(_quantiles(y, order_y, times, q) - _quantiles(x, order_x, times, q))
    return np.concatenate(found)


def _quantiles(values: Floats, order: Ints, times: Ints, q: float) -> Floats:
    """(R,) linearly interpolated q-quantile of `values` (N,), each taken `times` (R, N) times.

    A cumulative count over the values in order finds the two order statistics, without ever
    writing out or sorting a resample.
    """
    upto = np.cumsum(times[:, order], axis=1)
    place = (upto[:, -1] - 1) * q
    lower = np.floor(place)
    at_lower = (upto <= lower[:, None]).sum(axis=1)
    at_upper = (upto <= np.ceil(place)[:, None]).sum(axis=1)
    ordered = values[order]
    below, above = ordered[at_lower], ordered[at_upper]
    return np.asarray(below + (above - below) * (place - lower))
