"""What was counted for each pair: wins, ties and both bad, without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analytics.intervals import wilson
from analytics.ranking.battles import Battles, Flags, Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class PairRecord:
    """Ballots that compared two contestants; each counts once, however many answers it was about."""

    a: str
    b: str
    wins_a: int
    wins_b: int
    ties: int
    """Without those where both were bad."""
    both_bad: int

    @property
    def votes(self) -> int:
        return self.decisive + self.ties + self.both_bad

    @property
    def decisive(self) -> int:
        return self.wins_a + self.wins_b

    @property
    def tie_rate(self) -> float:
        """Share of votes that favour neither; 0 of nothing."""
        return (self.ties + self.both_bad) / self.votes if self.votes else 0.0

    @property
    def win_rate(self) -> float | None:
        """Share of decisive votes for a."""
        return self.wins_a / self.decisive if self.decisive else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, of the win rate. It takes votes as independent; a fit's does not."""
        return wilson(self.wins_a, self.decisive)


@dataclass(frozen=True, kw_only=True, slots=True)
class WinMatrix:
    """Counts of ordered pairs, each (K, K): [i, j] is about i against j."""

    names: tuple[str, ...]
    wins: Ints
    """Ballots in which i was better than j."""
    ties: Ints
    both_bad: Ints

    def record(self, a: str, b: str) -> PairRecord:
        i, j = self.names.index(a), self.names.index(b)
        return PairRecord(
            a=a,
            b=b,
            wins_a=int(self.wins[i, j]),
            wins_b=int(self.wins[j, i]),
            ties=int(self.ties[i, j]),
            both_bad=int(self.both_bad[i, j]),
        )

    def records(self) -> list[PairRecord]:
        """Every pair that was compared, a before b in `names`."""
        k = len(self.names)
        pairs = ((self.names[i], self.names[j]) for i in range(k) for j in range(i + 1, k))
        return [found for a, b in pairs if (found := self.record(a, b)).votes]


def win_matrix(battles: Battles) -> WinMatrix:
    bad = battles.both_bad[battles.ballot]
    half = battles.outcome == 0.5
    wins = _counts(battles, battles.outcome == 1) + _counts(battles, battles.outcome == 0).T
    ties, both_bad = _counts(battles, half & ~bad), _counts(battles, bad)
    return WinMatrix(
        names=battles.names, wins=wins, ties=ties + ties.T, both_bad=both_bad + both_bad.T
    )


def _counts(battles: Battles, rows: Flags) -> Ints:
    """(K, K) how many of these battles had i shown before j."""
    k = len(battles.names)
    cell = battles.first[rows] * k + battles.second[rows]
    return np.bincount(cell, minlength=k * k).reshape(k, k)
