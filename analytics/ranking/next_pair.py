"""Which two to show next, so that ratings become certain with few votes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from math import sqrt

import numpy as np

from analytics.ranking.battles import Floats
from analytics.ranking.bradley_terry import RIDGE, Fit

EXPLORE = 0.2
"""Share of pairs drawn evenly: no pair is forgotten because of a wrong early guess."""


def next_pair(fit: Fit, pool: Sequence[str], rng: random.Random) -> tuple[str, str]:
    """The pair whose interval one more vote shrinks most, in random order; sometimes any pair.

    The gain is √V - √V' with V' = V/(1 + p(1-p) V), what a vote between the two makes of the
    variance V of their difference (W.-L. Chiang et al., "Chatbot Arena", arXiv 2403.04132, section
    5). Contestants that are not in the fit know nothing but the ridge. Raises ValueError for a pool
    of fewer than two.
    """
    pairs = list(combinations(sorted(set(pool)), 2))
    if not pairs:
        raise ValueError("a pair needs two contestants")
    rng.shuffle(pairs)
    if rng.random() >= EXPLORE:
        inverse = np.asarray(np.linalg.inv(fit.information), float)
        pairs.sort(key=lambda pair: -_gain(fit, inverse, *pair))
    first, second = rng.sample(pairs[0], 2)
    return first, second


def _gain(fit: Fit, inverse: Floats, a: str, b: str) -> float:
    x, d = np.zeros(len(inverse)), 0.0
    variance = 0.0
    for name, sign in ((a, 1), (b, -1)):
        if name in fit.names:
            k = fit.names.index(name)
            x[k], d = sign, d + sign * float(fit.theta[k])
        else:
            variance += 1 / RIDGE
    variance += float(x @ inverse @ x)
    p = 1 / (1 + np.exp(-d))
    return sqrt(variance) - sqrt(variance / (1 + p * (1 - p) * variance))
