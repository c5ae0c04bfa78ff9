"""The penalised likelihood of Bradley and Terry's model over rows of battles, and its maximum.

The algebra of `bradley_terry`, without names, clusters or intervals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analytics.ranking.battles import Battles, Floats, Ints, summed

_MAX_STEPS = 100
_PRECISION = 1e-10


@dataclass(frozen=True, kw_only=True, slots=True)
class Design:
    """d = θ_first - θ_second + extra·γ for each of N rows; the parameters are (θ, γ), P of them.

    l = Σ w [y·d - log(1 + e^d)] - ½ Σ penalty·(parameter - centre)²
    """

    first: Ints
    second: Ints
    outcome: Floats
    weight: Floats
    extra: Floats
    """(N, E)"""
    contestants: int
    component: Ints
    """(K,) contestants of different components were never compared, directly or by way of others."""
    penalty: Floats
    """(P,)"""
    centre: Floats
    """(P,)"""

    def logits(self, at: Floats) -> Floats:
        """(N,)"""
        theta = at[: self.contestants]
        styled: Floats = self.extra @ at[self.contestants :]
        return theta[self.first] - theta[self.second] + styled

    def likelihood(self, at: Floats) -> float:
        d = self.logits(at)
        # log(1 + e^d), several times faster than np.logaddexp
        softplus = np.maximum(d, 0) + np.log(1 + np.exp(-np.abs(d)))
        found = np.dot(self.weight, self.outcome * d - softplus)
        return float(found - np.dot(self.penalty, (at - self.centre) ** 2) / 2)

    def residuals(self, at: Floats) -> Floats:
        """(N,) w (y - p)."""
        return self.weight * (self.outcome - _sigmoid(self.logits(at)))

    def gradient(self, at: Floats) -> Floats:
        """(P,)"""
        one = np.zeros(len(self.first), np.intp)
        of_votes: Floats = self.sums(self.residuals(at), one, 1)[0]
        return of_votes - self.penalty * (at - self.centre)

    def sums(self, values: Floats, group: Ints, groups: int) -> Floats:
        """(groups, P) Σ value·x over the rows of each group, x being a row of the design."""
        k = self.contestants
        cells = groups * k
        of_theta = summed(group * k + self.first, values, cells)
        of_theta -= summed(group * k + self.second, values, cells)
        of_extra = [summed(group, values * column, groups) for column in self.extra.T]
        return np.column_stack([of_theta.reshape(groups, k), *of_extra])

    def information(self, at: Floats) -> Floats:
        """(P, P) H = Σ w p(1-p)·xxᵀ + penalty.

        A component's mean is not determined by battles; one is added in that direction so that H
        can be inverted without a penalty too. It changes no difference that means something.
        """
        p = _sigmoid(self.logits(at))
        q = self.weight * p * (1 - p)
        k = self.contestants
        across = summed(self.first * k + self.second, q, k * k).reshape(k, k)
        across += across.T
        found = np.zeros((len(at), len(at)))
        found[:k, :k] = np.diag(across.sum(axis=1)) - across + self._together()
        if self.extra.shape[1]:
            weighted = q[:, None] * self.extra
            found[k:, k:] = self.extra.T @ weighted
            for e, column in enumerate(weighted.T, start=k):
                found[:k, e] = summed(self.first, column, k) - summed(self.second, column, k)
                found[e, :k] = found[:k, e]
        found[np.diag_indices_from(found)] += self.penalty
        return found

    def _together(self) -> Floats:
        """(K, K) for two of a component 1/its size, else 0."""
        same = self.component[:, None] == self.component[None, :]
        return np.asarray(same / np.maximum(same.sum(axis=1), 1), float)

    def collapsed(self) -> Design:
        """The same likelihood with equal battles as one row; `extra` must not tell them apart."""
        k = self.contestants
        got = np.rint(2 * self.outcome).astype(np.intp)
        cell = (self.first * k + self.second) * 3 + got
        weight = summed(cell, self.weight, k * k * 3)
        rows = np.zeros(len(weight), np.intp)
        rows[cell] = np.arange(len(cell))
        kept = np.flatnonzero(weight)
        rows = rows[kept]
        return replace(
            self,
            first=self.first[rows],
            second=self.second[rows],
            outcome=self.outcome[rows],
            weight=weight[kept],
            extra=self.extra[rows],
        )

    def maximum(self) -> Floats:
        """(P,) by Newton's method; a step that does not climb is halved, so it cannot run away.

        Raises ArithmeticError when there is no maximum: without a penalty, for a contestant that
        always won.
        """
        at = self.centre.copy()
        value = self.likelihood(at)
        for _ in range(_MAX_STEPS):
            try:
                step = np.linalg.solve(self.information(at), self.gradient(at))
            except np.linalg.LinAlgError:
                break
            following = self.likelihood(at + step)
            while following < value - 1e-12 * abs(value):
                step = step / 2
                following = self.likelihood(at + step)
            at, value = at + step, following
            if np.abs(step).max(initial=0) < _PRECISION:
                return at
        raise ArithmeticError("these battles have no most likely rating without a penalty")


def _sigmoid(d: Floats) -> Floats:
    """1/(1 + e^-d), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(d / 2)))


def components(first: Ints, second: Ints, contestants: int) -> Ints:
    """(K,) the same number for contestants that battles connect, 0 for the largest group."""
    linked = np.eye(contestants, dtype=bool)
    linked[first, second] = linked[second, first] = True
    while True:
        further = (linked.astype(np.float32) @ linked.astype(np.float32)) > 0
        if (further == linked).all():
            break
        linked = further
    representative = linked.argmax(axis=1) if contestants else np.zeros(0, np.intp)
    sizes = linked.sum(axis=1)
    order = sorted(set(representative.tolist()), key=lambda member: (-sizes[member], member))
    return np.array([order.index(k) for k in representative], np.intp)


def design_of(
    battles: Battles, extra: Floats, penalty: Floats, centre: Floats | None = None
) -> Design:
    k = len(battles.names)
    return Design(
        first=battles.first,
        second=battles.second,
        outcome=battles.outcome,
        weight=battles.weight,
        extra=extra,
        contestants=k,
        component=components(battles.first, battles.second, k),
        penalty=penalty,
        centre=np.zeros(k + extra.shape[1]) if centre is None else centre,
    )
