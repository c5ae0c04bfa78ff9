"""Ratings with a parameter for ties, as a check when many votes are ties.

Not what pages rank by: if its differences tell another story than those of `bradley_terry`, half a
win for a tie is too simple for these votes. No intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.ranking.battles import Battles, Floats, summed
from analytics.ranking.bradley_terry import RIDGE

_MAX_STEPS = 200
_PRECISION = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Davidson:
    names: tuple[str, ...]
    theta: Floats
    """(K,) in logits of decisive votes; their mean is 0."""
    tie: float
    """ν: between equals, P(tie) = ν/(2 + ν)."""

    def probabilities(self, a: str, b: str) -> tuple[float, float, float]:
        """P(a wins), P(b wins), P(tie)."""
        d = self.theta[self.names.index(a)] - self.theta[self.names.index(b)]
        parts = np.array([np.exp(d / 2), np.exp(-d / 2), self.tie])
        first, second, tie = (parts / parts.sum()).tolist()
        return first, second, tie


def fit_davidson(battles: Battles, ridge: float = RIDGE) -> Davidson:
    """The most likely θ and ν; ridge on θ and, once, on ln ν.

    P(i wins) : P(j wins) : P(tie) = √(πᵢ/πⱼ) : √(πⱼ/πᵢ) : ν with π = e^θ. Source: R. Davidson, "On
    extending the Bradley-Terry model to accommodate ties in paired comparison experiments", JASA 65
    (1970). Both bad counts as a tie. Raises ArithmeticError when there is no most likely value.
    """
    k = len(battles.names)
    at = np.zeros(k + 1)
    for _ in range(_MAX_STEPS):
        gradient, information = _slope(battles, at, ridge)
        step = np.linalg.solve(information, gradient)
        longest = np.abs(step).max(initial=0)
        at = at + step / max(longest, 1.0)
        if longest < _PRECISION:
            return Davidson(
                names=battles.names, theta=at[:k] - at[:k].mean(), tie=float(np.exp(at[k]))
            )
    raise ArithmeticError("these battles have no most likely rating")


def _slope(battles: Battles, at: Floats, ridge: float) -> tuple[Floats, Floats]:
    """Gradient (K+1,) and Fisher information of the penalised likelihood at (θ, ln ν).

    For one battle with d = θ_i - θ_j the sufficient statistics are x = (1 or -1 or 0)/2, which d
    multiplies, and t = 1 for a tie, which ln ν multiplies: an exponential family, so that the
    gradient is what was seen less what is expected and the information their covariance.
    """
    k = len(battles.names)
    i, j, w = battles.first, battles.second, battles.weight
    d = (at[i] - at[j]) / 2
    parts = np.stack([np.exp(d), np.exp(-d), np.full(len(d), np.exp(at[k]))])
    won, lost, tied = parts / parts.sum(axis=0)
    mean = (won - lost) / 2
    seen = battles.outcome - 0.5
    of_theta = w * (seen - mean)
    gradient = np.empty(k + 1)
    gradient[:k] = summed(i, of_theta, k) - summed(j, of_theta, k)
    gradient[k] = w @ ((seen == 0) - tied)
    information = np.zeros((k + 1, k + 1))
    across = summed(i * k + j, w * ((won + lost) / 4 - mean**2), k * k).reshape(k, k)
    across += across.T
    information[:k, :k] = np.diag(across.sum(axis=1)) - across + 1 / max(k, 1)
    both = w * -mean * tied
    information[:k, k] = information[k, :k] = summed(i, both, k) - summed(j, both, k)
    information[k, k] = w @ (tied * (1 - tied))
    gradient -= ridge * at
    information[np.diag_indices(k + 1)] += ridge
    return gradient, information
