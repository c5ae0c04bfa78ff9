"""Ratings from battles: Bradley and Terry's model with ridge, and intervals that know the voters.

P(i beats j) = 1/(1 + e^-(θ_i - θ_j)); a tie is half a win for each. What the ratings mean for ranks
is in `ranks`, for a page in `leaderboard`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Literal

import numpy as np

from analytics.ranking.battles import Battles, Floats, Ints, distinct
from analytics.ranking.design import Design, design_of
from analytics.ranking.distributions import t_quantile, t_tail
from analytics.ranking.style import STYLE, style_matrix

ELO_PER_LOGIT = 400 / log(10)
ELO_MEAN = 1000
RIDGE = 0.5
"""Keeps a contestant that won all its battles at a finite rating."""
COEFFICIENT_RIDGE = 1.0
ENOUGH_CLUSTERS = 5
"""Fewer voters say too little about how voters differ."""
POSITION = "position"

Cluster = Literal["voter", "question", "ballot"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number with its interval. `p_value` is two-sided, for the number being 0."""

    value: float
    se: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A probability with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Ratings of K contestants; P = K + number of coefficients."""

    names: tuple[str, ...]
    theta: Floats
    """(K,) in logits. Their mean is 0 within each component."""
    covariance: Floats
    """(P, P) of the ratings (around their component's mean) and the coefficients."""
    information: Floats
    """(P, P) second derivatives of the penalised likelihood."""
    component: Ints
    """(K,) contestants with different numbers cannot be compared; 0 is the largest group."""
    coefficients: dict[str, Estimate]
    """What one standard deviation of a style feature is worth, and being shown first, in logits."""
    clusters: Cluster
    """Whose votes are taken as depending on one another."""
    cluster_count: int
    cluster_reason: str
    """Why not voters; empty when voters."""
    df: float
    """Degrees of freedom of the t quantiles."""
    ballots: int
    confidence: float

    @property
    def disconnected(self) -> bool:
        """Some contestants cannot be compared with some others."""
        return bool((self.component > 0).any())

    def comparable(self, a: str, b: str) -> bool:
        return bool(self.component[self._at(a)] == self.component[self._at(b)])

    def rating(self, name: str) -> Estimate | None:
        """θ, against the average of those it can be compared with; None when there is nobody."""
        k = self._at(name)
        if (self.component == self.component[k]).sum() < 2:
            return None
        return self._estimate(self.theta[k], self.covariance[k, k])

    def difference(self, a: str, b: str) -> Estimate | None:
        """θ_a - θ_b; None when they cannot be compared. Two separate intervals say less."""
        if not self.comparable(a, b):
            return None
        i, j = self._at(a), self._at(b)
        v = self.covariance
        return self._estimate(self.theta[i] - self.theta[j], v[i, i] + v[j, j] - 2 * v[i, j])

    def win_probability(self, a: str, b: str | None = None) -> Share | None:
        """P(a beats b), a tie counting half; b None: a contestant of average rating."""
        found = self.rating(a) if b is None else self.difference(a, b)
        if found is None:
            return None
        value, low, high = (1 / (1 + exp(-x)) for x in (found.value, found.low, found.high))
        return Share(value=value, low=low, high=high)

    def quantile(self, confidence: float) -> float:
        """How many standard errors a two-sided interval reaches to each side."""
        return t_quantile((1 + confidence) / 2, self.df)

    def _estimate(self, value: float, variance: float) -> Estimate:
        return estimate(value, variance, self.df, self.confidence)

    def _at(self, name: str) -> int:
        return self.names.index(name)


def estimate(value: float, variance: float, df: float, confidence: float) -> Estimate:
    value, se = float(value), sqrt(max(variance, 0.0))
    half = t_quantile((1 + confidence) / 2, df) * se
    p_value = 2 * t_tail(abs(value) / se, df) if se else 1.0
    return Estimate(value=value, se=se, low=value - half, high=value + half, p_value=p_value)


def elo(theta: float) -> float:
    """1000 + 400/ln 10 · θ. Its last digit means nothing: intervals are tens wide."""
    return ELO_MEAN + ELO_PER_LOGIT * theta


def fit(
    battles: Battles,
    *,
    ridge: float = RIDGE,
    style: bool | Sequence[str] = False,
    position: bool = False,
    cluster: Literal["auto", "voter", "question", "ballot"] = "auto",
    coefficient_ridge: float = COEFFICIENT_RIDGE,
    towards: Floats | None = None,
    confidence: float = 0.95,
) -> Fit:
    """The most likely ratings and V = H⁻¹ (G/(G-1) Σ_g s_g s_gᵀ + Λ) H⁻¹ of them.

    s_g = Σ w (y - p) x over the votes of voter g: several votes of one person are not independent
    (Cameron and Miller, "A practitioner's guide to cluster-robust inference", 2015). Λ is the
    ridge: the variance it stands for belongs to what is not known. Without it a perfect record or
    nothing but ties would seem certain, the residuals being small; with many votes it is nothing.

    Degrees of freedom are the number of voters less one, the number being 1/Σ share² of the votes,
    so that twenty voters of whom one cast most votes do not count as twenty.

    `style` True takes STYLE, or name the traits; `position` adds what being shown first is worth.
    `towards` (K,) are ratings the ridge pulls towards instead of 0. Raises ArithmeticError when
    ridge is 0 and a contestant always won.
    """
    extra, names = _extra(battles, style, position)
    k = len(battles.names)
    penalty = np.concatenate([np.full(k, ridge), np.full(len(names), coefficient_ridge)])
    centre = None if towards is None else np.concatenate([towards, np.zeros(len(names))])
    design = design_of(battles, extra, penalty, centre)
    told_apart = set(names) - {POSITION}
    at = (design if told_apart else design.collapsed()).maximum()
    kind, group, reason = _clusters(battles, cluster)
    information = design.information(at)
    meat = cluster_variance(design, at, group) + np.diag(penalty)
    covariance = _sandwich(design, information, meat)
    df = max(_effective(group, design.weight) - 1, 1.0)
    variances = covariance.diagonal()[k:]
    return Fit(
        names=battles.names,
        theta=at[:k],
        covariance=covariance,
        information=information,
        component=design.component,
        coefficients={
            name: estimate(value, variance, df, confidence)
            for name, value, variance in zip(names, at[k:], variances, strict=True)
        },
        clusters=kind,
        cluster_count=distinct(group),
        cluster_reason=reason,
        df=df,
        ballots=battles.ballots,
        confidence=confidence,
    )


def cluster_variance(design: Design, at: Floats, group: Ints) -> Floats:
    """(P, P) G/(G-1) Σ_g s_g s_gᵀ; `group` (N,) says to which of G clusters a battle belongs."""
    present = distinct(group)
    scores = design.sums(design.residuals(at), group, int(group.max(initial=-1)) + 1)
    return np.asarray(scores.T @ scores * (present / max(present - 1, 1)))


def _sandwich(design: Design, information: Floats, meat: Floats) -> Floats:
    """H⁻¹ meat H⁻¹, with the ratings taken around the mean of their component."""
    inverse = np.linalg.inv(information)
    k = design.contestants
    same = design.component[:, None] == design.component[None, :]
    centred = np.eye(len(information))
    centred[:k, :k] -= same / np.maximum(same.sum(axis=1), 1)
    half = centred @ inverse
    return np.asarray(half @ meat @ half.T)


def _extra(
    battles: Battles, style: bool | Sequence[str], position: bool
) -> tuple[Floats, tuple[str, ...]]:
    wanted = (STYLE if style else ()) if isinstance(style, bool) else style
    matrix = style_matrix(battles, wanted)
    if not position:
        return matrix.values, matrix.names
    shown_first = np.ones((len(battles.first), 1))
    return np.hstack([matrix.values, shown_first]), (*matrix.names, POSITION)


def _clusters(
    battles: Battles, wanted: Literal["auto", "voter", "question", "ballot"]
) -> tuple[Cluster, Ints, str]:
    """What votes depend on, (N,) its number, and why it is not the voter.

    A variance needs at least two; by itself it takes voters only when there are ENOUGH_CLUSTERS.
    """
    needed = ENOUGH_CLUSTERS if wanted == "auto" else 2
    voters = distinct(battles.voter)
    if wanted in ("auto", "voter") and voters >= needed:
        return "voter", battles.voter[battles.ballot], ""
    too_few = f"{voters} {'voter' if voters == 1 else 'voters'}: too few to see how voters differ"
    reason = too_few if wanted in ("auto", "voter") else "as asked"
    questions = distinct(battles.question)
    if wanted != "ballot" and questions >= needed:
        return "question", battles.question[battles.ballot], reason
    if wanted != "ballot":
        reason += (
            f"; {questions} {'question is' if questions == 1 else 'questions are'} too few too"
        )
    return "ballot", battles.ballot, reason


def _effective(group: Ints, weight: Floats) -> float:
    """1/Σ share²: the number of clusters, when all are equally large."""
    shares = np.bincount(group, weight)
    return float(shares.sum() ** 2 / (shares**2).sum()) if len(shares) else 0.0
