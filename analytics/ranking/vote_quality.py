"""What there is to know about the votes themselves: what speaks against some, who agrees with whom.

Only looks; which votes count is decided in `counting`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from analytics.ranking.agreement import (
    Agreement,
    OrderConsistency,
    kappa,
    order_consistency,
    verdicts,
)
from core.comparison import Ballot

MOST_VOTERS = 12
"""Those with most votes are compared with one another."""
FEWEST_SHARED = 5
"""Judgements of the same answers; of fewer nothing can be said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoterAgreement:
    a: str
    b: str
    found: Agreement


@dataclass(frozen=True, kw_only=True, slots=True)
class VoteQuality:
    ballots: int
    """All, also those that do not count."""
    flagged: Mapping[str, int]
    """Flag -> ballots that have it, whether or not they count."""
    agreements: tuple[VoterAgreement, ...]
    """Most shared judgements first."""
    too_few: tuple[VoterAgreement, ...]
    """Of those who share some judgements, but fewer than FEWEST_SHARED; most first."""
    consistency: tuple[tuple[str, OrderConsistency], ...]
    """Voter and how often it said the same with sides swapped, of those asked both ways."""


def vote_quality(ballots: Sequence[Ballot]) -> VoteQuality:
    by_voter = _most_active(ballots)
    shared = _agreements(by_voter)
    return VoteQuality(
        ballots=len(ballots),
        flagged=dict(Counter(flag for ballot in ballots for flag in set(ballot.flags))),
        agreements=tuple(one for one in shared if one.found.n >= FEWEST_SHARED),
        too_few=tuple(one for one in shared if one.found.n < FEWEST_SHARED),
        consistency=tuple(
            (voter, found)
            for voter, theirs in by_voter.items()
            if (found := order_consistency(theirs, voter)) and found.pairs >= FEWEST_SHARED
        ),
    )


def _most_active(ballots: Iterable[Ballot]) -> dict[str, list[Ballot]]:
    """Ballots without a question are compared with nobody's."""
    by_voter: dict[str, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        if ballot.question:
            by_voter[ballot.voter].append(ballot)
    order = sorted(by_voter, key=lambda voter: (-len(by_voter[voter]), voter))
    return {voter: by_voter[voter] for voter in order[:MOST_VOTERS]}


def _agreements(by_voter: Mapping[str, list[Ballot]]) -> list[VoterAgreement]:
    said = {voter: verdicts(theirs) for voter, theirs in by_voter.items()}
    found = []
    for a, b in combinations(said, 2):
        shared = sorted(said[a].keys() & said[b].keys())
        one = kappa([said[a][asked] for asked in shared], [said[b][asked] for asked in shared])
        if one is not None:
            found.append(VoterAgreement(a=a, b=b, found=one))
    return sorted(found, key=lambda one: -one.found.n)
