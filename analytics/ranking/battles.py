"""Battles: what the judgements say about pairs of contestants, as arrays a fit can read.

Not a store and not a judgement: which ballots count is decided in `counting`, ratings are made in
`bradley_terry`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

TRAITS = ("tokens", "headings", "list_items", "bold", "ttft_us", "duration_us")
"""Columns of `Battles.features`."""
NO_SLOT = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Battles:
    """N battles of K contestants that came from B ballots.

    A ballot about n answers is up to n(n-1)/2 battles, which share the weight of one vote.
    """

    names: tuple[str, ...]
    """Keys of the K contestants."""
    first: Ints
    """(N,) the contestant that was shown before the other, as an index of `names`."""
    second: Ints
    """(N,)"""
    outcome: Floats
    """(N,) 1: `first` won; 0: `second` did; 0.5: neither."""
    weight: Floats
    """(N,) 1 / number of battles of the ballot: one click is one vote."""
    ballot: Ints
    """(N,) which ballot it came from."""
    voter: Ints
    """(B,) an index of `voters`."""
    question: Ints
    """(B,) the same for ballots about the same question. A ballot without one has its own."""
    slots: Ints
    """(B,) how many answers were shown."""
    winner_slot: Ints
    """(B,) where the one best answer was shown, from 0; NO_SLOT when there was none."""
    both_bad: Flags
    """(B,)"""
    features: Floats
    """(N, 6) for each of TRAITS (f_first - f_second)/(f_first + f_second); NaN is unknown."""
    voters: tuple[str, ...]
    slices: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    """Name of a slice -> the value of each of the B ballots."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of ballots that are not among these."""
    dropped: tuple[str, ...] = ()
    """Contestants left out because they had too few votes."""

    @property
    def ballots(self) -> int:
        """B, the number of votes."""
        return len(self.voter)

    def select(self, keep: Flags) -> Battles:
        """The ballots where `keep` (B,) is true. Contestants and voters keep their numbers."""
        renumbered = np.cumsum(keep) - 1
        rows = keep[self.ballot]
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in _OF_A_BATTLE},
            **{name: getattr(self, name)[keep] for name in _OF_A_BALLOT},
            ballot=renumbered[self.ballot[rows]],
            slices={
                name: tuple(value for value, kept in zip(values, keep, strict=True) if kept)
                for name, values in self.slices.items()
            },
        )

    def present(self) -> Flags:
        """(B, K) which contestants a ballot says something about."""
        found = np.zeros((self.ballots, len(self.names)), bool)
        found[self.ballot, self.first] = True
        found[self.ballot, self.second] = True
        return found

    def without(self, gone: Flags) -> Battles:
        """Without contestants (K,), their battles, and ballots of which nothing is left."""
        rows = ~(gone[self.first] | gone[self.second])
        number = np.cumsum(~gone) - 1
        some = replace(
            self,
            **{name: getattr(self, name)[rows] for name in (*_OF_A_BATTLE, "ballot")},
            names=tuple(name for name, out in zip(self.names, gone, strict=True) if not out),
        )
        some = replace(some, first=number[some.first], second=number[some.second])
        return some.select(np.bincount(some.ballot, minlength=some.ballots) > 0)

    def between(self, a: str, b: str) -> Flags:
        """(N,) which battles are between these two."""
        i, j = self.names.index(a), self.names.index(b)
        found: Flags = (self.first == i) & (self.second == j)
        found |= (self.first == j) & (self.second == i)
        return found


_OF_A_BATTLE = ("first", "second", "outcome", "weight", "features")
_OF_A_BALLOT = ("voter", "question", "slots", "winner_slot", "both_bad")


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Votes about two answers each, as equally long columns: the shape of most published files."""

    first: Sequence[str]
    second: Sequence[str]
    outcome: Sequence[float] | Floats
    """1: `first` won; 0: `second` did; 0.5: neither."""
    voter: Sequence[str] | None = None
    """None: each vote is of another voter."""
    question: Sequence[str] | None = None
    """None: each vote is about another question."""
    both_bad: Sequence[bool] | Flags | None = None
    features: Floats | None = None
    """(N, 6) as in Battles."""
    slices: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)


def from_columns(columns: Columns) -> Battles:
    """Battles of votes that all count. Raises ValueError for columns that do not fit together."""
    count = len(columns.first)
    outcome = np.asarray(columns.outcome, float)
    given = (columns.second, outcome, columns.voter, columns.question, columns.both_bad)
    if any(column is not None and len(column) != count for column in given):
        raise ValueError("columns of battles are equally long")
    if not np.isin(outcome, (0, 0.5, 1)).all():
        raise ValueError("the outcome of a battle is 0, 0.5 or 1")
    names = tuple(sorted({*columns.first, *columns.second}))
    number = {name: k for k, name in enumerate(names)}
    first = np.fromiter((number[name] for name in columns.first), np.intp, count)
    second = np.fromiter((number[name] for name in columns.second), np.intp, count)
    if (first == second).any():
        raise ValueError("a battle is between two contestants")
    voter_of, voters = codes(range(count) if columns.voter is None else columns.voter)
    question, _ = codes(range(count) if columns.question is None else columns.question)
    bad = np.zeros(count, bool) if columns.both_bad is None else np.asarray(columns.both_bad, bool)
    unknown = np.full((count, len(TRAITS)), np.nan)
    return Battles(
        names=names,
        first=first,
        second=second,
        outcome=outcome,
        weight=np.ones(count),
        ballot=np.arange(count),
        voter=voter_of,
        question=question,
        slots=np.full(count, 2),
        winner_slot=np.where(outcome == 1, 0, np.where(outcome == 0, 1, NO_SLOT)),
        both_bad=bad,
        features=unknown if columns.features is None else columns.features,
        voters=tuple(map(str, voters)),
        slices=columns.slices,
    )


def codes(values: Iterable[Hashable]) -> tuple[Ints, list[Hashable]]:
    """(numbers from 0 in order of appearance, the distinct values)."""
    number: dict[Hashable, int] = {}
    found = [number.setdefault(value, len(number)) for value in values]
    return np.array(found, np.intp), list(number)


def distinct(numbers: Ints) -> int:
    """How many different numbers there are, all being 0 or more."""
    return int(np.count_nonzero(np.bincount(numbers)))


def summed(group: Ints, values: Floats, groups: int) -> Floats:
    """(groups,) the sum of the values of each group."""
    return np.asarray(np.bincount(group, values, groups), float)
