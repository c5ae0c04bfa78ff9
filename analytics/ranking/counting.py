"""From ballots to battles: which ballots count, and what each says about each pair.

A ballot that does not count is left out and counted by its reason, so that a page can say so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from operator import attrgetter

import numpy as np

from analytics.ranking.battles import NO_SLOT, TRAITS, Battles, Floats, Ints, codes
from core.comparison import Ballot, Outcome

_DAY_US = 86_400_000_000
_traits_of = attrgetter(*TRAITS)

Order = tuple[tuple[int, ...], ...]


def count(
    ballots: Sequence[Ballot],
    *,
    allowed_flags: Collection[str] = (),
    votes_a_day: int | None = None,
    min_votes: int = 0,
) -> Battles:
    """Battles of the ballots that count.

    A ballot is left out when it has a flag that is not allowed, was skipped, says nothing about two
    different contestants ("nothing_compared") or is beyond a voter's first `votes_a_day` of a UTC
    day ("voter_limit"). The first of a day stay, so that a vote once counted does not vanish by
    later ones; ballots of an unknown time (0) are not limited. Contestants in fewer than
    `min_votes` ballots are dropped with their battles ("few_votes").
    """
    left_out: Counter[str] = Counter()
    over = _over_the_limit(ballots, frozenset(allowed_flags), votes_a_day)
    kept: list[Ballot] = []
    for place, ballot in enumerate(ballots):
        reason = _why_not(ballot, allowed_flags)
        if reason is None and place in over:
            reason = "voter_limit"
        if reason is None:
            kept.append(ballot)
        else:
            left_out[reason] += 1
    return _with_enough_votes(_expand(kept, left_out), min_votes)


def _why_not(ballot: Ballot, allowed_flags: Collection[str]) -> str | None:
    for flag in ballot.flags:
        if flag not in allowed_flags:
            return flag
    if ballot.outcome == "skip":
        return "skip"
    shape = pairs_said(ballot.outcome, ballot.order, len(ballot.contestants))
    if not shape or len(set(ballot.contestants)) < 2:
        return "nothing_compared"
    return None


def _over_the_limit(
    ballots: Sequence[Ballot], allowed_flags: Collection[str], votes_a_day: int | None
) -> set[int]:
    """Places of ballots beyond the limit; only ballots that would count use it up."""
    if votes_a_day is None:
        return set()
    by_day: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for place, ballot in enumerate(ballots):
        if ballot.at_us and _why_not(ballot, allowed_flags) is None:
            by_day[ballot.voter, ballot.at_us // _DAY_US].append((ballot.at_us, place))
    return {place for votes in by_day.values() for _, place in sorted(votes)[votes_a_day:]}


@lru_cache(maxsize=4096)
def pairs_said(outcome: Outcome, order: Order, shown: int) -> tuple[tuple[int, int, float], ...]:
    """(slot, later slot, what the first of them got) for each pair the ballot speaks about.

    Empty for an order that does not fit the number of answers.
    """
    if outcome in ("tie", "both_bad"):
        return tuple((a, b, 0.5) for a, b in combinations(range(shown), 2))
    placed = [slot for group in order for slot in group]
    if len(set(placed)) < len(placed) or any(not 0 <= slot < shown for slot in placed):
        return ()
    if not order:
        return ()
    if outcome == "pick":
        best = set(order[0])
        rank = {slot: int(slot not in best) for slot in range(shown)}
    else:
        rank = {slot: place for place, group in enumerate(order) for slot in group}
    return tuple(
        (a, b, 0.5 if rank[a] == rank[b] else float(rank[a] < rank[b]))
        for a, b in combinations(sorted(rank), 2)
        if outcome == "rank" or rank[a] != rank[b]
    )


def _winner_slot(ballot: Ballot) -> int:
    sole = ballot.order and len(ballot.order[0]) == 1
    return ballot.order[0][0] if sole else NO_SLOT


def _expand(ballots: list[Ballot], left_out: Counter[str]) -> Battles:
    """Each kind of ballot (outcome, order, number of answers) is turned into pairs all at once."""
    names = tuple(sorted({name for ballot in ballots for name in ballot.contestants}))
    number = {name: k for k, name in enumerate(names)}
    alike: dict[tuple[Outcome, Order, int], list[int]] = defaultdict(list)
    for place, ballot in enumerate(ballots):
        alike[ballot.outcome, ballot.order, len(ballot.contestants)].append(place)
    parts: list[tuple[Ints, Ints, Floats, Ints, Floats]] = []
    for (outcome, order, shown), places in alike.items():
        who = np.array([[number[name] for name in ballots[k].contestants] for k in places])
        traits = _traits([ballots[k] for k in places], shown)
        for a, b, won in pairs_said(outcome, order, shown):
            got = np.full(len(places), won)
            relative = relative_difference(traits[:, a], traits[:, b])
            parts.append((who[:, a], who[:, b], got, np.array(places), relative))
    if parts:
        first, second, outcomes, of, features = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
    else:
        first = second = of = np.zeros(0, np.intp)
        outcomes, features = np.zeros(0), np.zeros((0, len(TRAITS)))
    rows = np.flatnonzero(first != second)
    rows = rows[np.argsort(of[rows], kind="stable")]
    first, second, of = first[rows], second[rows], of[rows]
    kept, outcomes, features = _one_a_pair(first, second, of, outcomes[rows], features[rows])
    first, second, of = first[kept], second[kept], of[kept]
    voter, voters = codes(ballot.voter for ballot in ballots)
    question, _ = codes(ballot.question or place for place, ballot in enumerate(ballots))
    return Battles(
        names=names,
        first=first,
        second=second,
        outcome=outcomes,
        weight=1 / np.bincount(of, minlength=len(ballots))[of],
        ballot=of,
        voter=voter,
        question=question,
        slots=np.array([len(ballot.contestants) for ballot in ballots], np.intp),
        winner_slot=np.array([_winner_slot(ballot) for ballot in ballots], np.intp),
        both_bad=np.array([ballot.outcome == "both_bad" for ballot in ballots], bool),
        features=features,
        voters=tuple(map(str, voters)),
        slices=_slices(ballots),
        left_out=dict(left_out),
    )


def _one_a_pair(
    first: Ints, second: Ints, of: Ints, outcome: Floats, features: Floats
) -> tuple[Ints, Floats, Floats]:
    """Rows that stay, and what they then say: one for each pair that a ballot speaks about.

    A contestant with several of the answers meets another several times in one ballot. Who won more
    often has won, and the difference of their traits is the mean one; it stays a single judgement.
    """
    k = int(max(first.max(initial=0), second.max(initial=0))) + 1
    pair = (of * k + np.minimum(first, second)) * k + np.maximum(first, second)
    _, kept, group = np.unique(pair, return_index=True, return_inverse=True)
    if len(kept) == len(pair):
        return np.arange(len(pair)), outcome, features
    same_way = np.where(first == first[kept][group], 1.0, -1.0)
    lead = np.bincount(group, same_way * (outcome - 0.5))
    meetings = np.bincount(group)
    turned = features * same_way[:, None]
    mean = np.stack([np.bincount(group, column) for column in turned.T], axis=1)
    order = np.argsort(kept)
    return kept[order], ((np.sign(lead) + 1) / 2)[order], (mean / meetings[:, None])[order]


def _traits(ballots: list[Ballot], shown: int) -> Floats:
    """(ballots, slots, 6); NaN is unknown."""
    unknown = ((None,) * len(TRAITS),) * shown
    rows = [
        [_traits_of(traits) for traits in ballot.traits] if len(ballot.traits) == shown else unknown
        for ballot in ballots
    ]
    return np.array(rows, float).reshape(len(ballots), shown, len(TRAITS))


def relative_difference(a: Floats, b: Floats) -> Floats:
    """(a - b)/(a + b), 0 where both are 0: -1 to 1 whatever the unit. NaN where one is unknown."""
    total = a + b
    return (a - b) / np.where(total == 0, 1, total)


def _slices(ballots: list[Ballot]) -> dict[str, tuple[str | None, ...]]:
    names = sorted({name for ballot in ballots for name in ballot.slices})
    return {name: tuple(ballot.slices.get(name) for ballot in ballots) for name in names}


def _with_enough_votes(battles: Battles, min_votes: int) -> Battles:
    """Dropping one contestant takes votes from others, so it goes on until all have enough."""
    dropped: list[str] = []
    while (few := battles.present().sum(axis=0) < min_votes).any():
        dropped += [name for name, is_few in zip(battles.names, few, strict=True) if is_few]
        before = battles.ballots
        battles = battles.without(few)
        reasons = Counter(battles.left_out) + Counter(few_votes=before - battles.ballots)
        battles = replace(battles, left_out=dict(reasons), dropped=tuple(sorted(dropped)))
    return battles
