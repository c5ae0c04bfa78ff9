"""What votes say about voters: a liking for the first side, and people who vote unlike all others.

Signs to look at, not verdicts: nothing here removes a vote.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np

from analytics.intervals import wilson
from analytics.ranking.battles import NO_SLOT, Battles, Floats, Ints

MIN_VOTES = 5
_LARGEST_LOG = 700.0  # e^709 is the largest number


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionBias:
    """How often the answer that was shown first was the one best, of ballots with one."""

    slots: int
    """How many answers were shown."""
    decisive: int
    first_wins: int
    low: float
    high: float
    """Wilson's interval of the share."""

    @property
    def share(self) -> float:
        return self.first_wins / self.decisive

    @property
    def expected(self) -> float:
        """The share without a bias."""
        return 1 / self.slots

    @property
    def biased(self) -> bool:
        """The interval leaves out what is expected."""
        return not self.low <= self.expected <= self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class AnomalousVoter:
    voter: str
    votes: int
    evidence: float
    """How many times less likely these votes are from somebody who votes as the others do."""


def position_bias(battles: Battles) -> list[PositionBias]:
    """One for each number of answers shown. Ballots without one best answer are left out.

    Wilson's interval takes votes as independent; the position term of a fit does not, and allows for
    a good contestant having been first more often.
    """
    found = []
    decisive = battles.winner_slot != NO_SLOT
    for slots in sorted(set(battles.slots[decisive].tolist())):
        winners = battles.winner_slot[decisive & (battles.slots == slots)]
        first_wins, n = int((winners == 0).sum()), len(winners)
        low, high = wilson(first_wins, n) or (0.0, 1.0)
        found.append(
            PositionBias(slots=slots, decisive=n, first_wins=first_wins, low=low, high=high)
        )
    return found


def anomalous_voters(battles: Battles, alpha: float = 0.05) -> list[AnomalousVoter]:
    """Voters whose votes are too unlike those of the others about the same pairs, worst first.

    Each vote has a p value: the share of votes at least as far to one side among those of others
    about the pair and the voter's own up to it. Π 1/(2√p), each factor to the power of the battle's
    weight, exceeds a limit at any time with probability 1/limit at most for somebody who votes as
    the others do (W.-L. Chiang et al., "Chatbot Arena", arXiv 2403.04132, for the idea; V. Vovk, I.
    Nouretdinov and A. Gammerman, "Testing exchangeability on-line", 2003, for the product). The
    limit is 2 · voters tested / α: with probability 1 - α no such voter is named. People with a
    taste of their own may be.
    """
    voter = battles.voter[battles.ballot]
    votes = np.bincount(battles.voter, minlength=len(battles.voters))
    tested = np.flatnonzero(votes >= MIN_VOTES)
    if not len(tested):
        return []
    limit = log(2 * len(tested) / alpha)
    upper, lower = _p_values(battles, voter)
    order = np.argsort(voter, kind="stable")
    evidence = np.maximum(
        _highest_sum(battles.weight * _calibrated(upper), voter, order, len(votes)),
        _highest_sum(battles.weight * _calibrated(lower), voter, order, len(votes)),
    )
    found = [
        AnomalousVoter(
            voter=battles.voters[k],
            votes=int(votes[k]),
            evidence=exp(min(evidence[k], _LARGEST_LOG)),
        )
        for k in tested
        if evidence[k] > limit
    ]
    return sorted(found, key=lambda one: -one.evidence)


def _p_values(battles: Battles, voter: Ints) -> tuple[Floats, Floats]:
    """(N,) twice: towards the contestant with the larger number, and towards the other.

    Among all votes of others, the voter's own before it, and itself.
    """
    k = len(battles.names)
    turned = battles.first > battles.second
    low = np.where(turned, battles.second, battles.first)
    high = np.where(turned, battles.first, battles.second)
    got = np.rint(2 * np.where(turned, 1 - battles.outcome, battles.outcome)).astype(np.intp)
    pair = low * k + high
    of_all = np.bincount(pair * 3 + got, minlength=k * k * 3).reshape(-1, 3)[pair]
    own = voter * k * k + pair
    order = np.argsort(own, kind="stable")
    starts = np.flatnonzero(np.diff(own[order], prepend=-1))
    sizes = np.diff(starts, append=len(own))
    said = np.eye(3)[got[order]]
    so_far = np.cumsum(said, axis=0)
    base = np.repeat(so_far[starts] - said[starts], sizes, axis=0)
    whole = np.repeat(np.add.reduceat(said, starts, axis=0), sizes, axis=0)
    counted = of_all.astype(float)
    counted[order] += so_far - base - whole
    total = counted.sum(axis=1)
    rows = np.arange(len(got))
    up_to = np.cumsum(counted, axis=1)[rows, got]
    return up_to / total, (total - up_to + counted[rows, got]) / total


def _calibrated(p: Floats) -> Floats:
    """log 1/(2√p)"""
    return np.asarray(-log(2) - np.log(p) / 2)


def _highest_sum(values: Floats, group: Ints, order: Ints, groups: int) -> Floats:
    """(groups,) the highest running sum of each group, in the given order; 0 of nothing."""
    sorted_group = group[order]
    running = np.cumsum(values[order])
    starts = np.flatnonzero(np.diff(sorted_group, prepend=-1))
    before = np.where(starts > 0, running[starts - 1], 0.0)
    found = np.zeros(groups)
    found[sorted_group[starts]] = np.maximum.reduceat(running, starts) - before
    return found
