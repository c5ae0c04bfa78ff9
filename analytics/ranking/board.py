"""Votes and answers in, everything shown about them out: for a page, a report or a command alike.

In two steps, because the first depends on fewer choices and takes longer: `tally` decides which votes
count, `board` rates and decides. Pure; keys in, keys out, names only for sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics.ranking.battles import Battles
from analytics.ranking.bias import AnomalousVoter, anomalous_voters
from analytics.ranking.bradley_terry import Fit, fit
from analytics.ranking.counting import count
from analytics.ranking.decision import Decision, decide_by_votes
from analytics.ranking.frontier import Contestant, frontier
from analytics.ranking.leaderboard import Leaderboard, leaderboard
from analytics.ranking.quality import DELTA
from analytics.ranking.slices import (
    MIN_VOTES,
    SliceDifference,
    SliceFit,
    slice_differences,
    slice_fits,
)
from analytics.ranking.vote_quality import VoteQuality, vote_quality
from core.comparison import Answered, Ballot

MOST_DECIDED = 24
"""Contestants of which all pairs are decided, the best: 276 sentences are more than anybody reads."""
_ENOUGH_SHOWN, _VARIED = 8, 0.1
MOST_PARTS = 30
"""Values of one slice, those with most votes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """Which votes count, and as votes on what."""

    allowed_flags: tuple[str, ...] = ()
    votes_a_day: int | None = None
    """Of one voter; None: all."""
    groups: tuple[tuple[str, str], ...] = ()
    """(contestant, what it counts as), such as all configurations of a model. Others: themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rating:
    """How the votes are read."""

    style: tuple[str, ...] = ()
    """Traits of answers that are held equal."""
    position: bool = False
    """Whether being shown first is allowed for."""
    delta: float = DELTA
    """By how large a share of votes "not worse" may be worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    battles: Battles
    quality: VoteQuality


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    leaderboard: Leaderboard
    plain: Leaderboard | None
    """Without style control; None when there is none in `leaderboard` either."""
    decision: Decision
    """Of the first MOST_DECIDED of the leaderboard."""
    parts: tuple[SliceFit, ...]
    whole: Fit
    """What `parts` are compared with: without style and position."""
    differences: tuple[SliceDifference, ...]
    """The surest first."""
    anomalous: tuple[AnomalousVoter, ...]
    sides_vary: bool
    """False: each pair was shown one way round, so a liking for a side cannot be told from quality."""


def tally(ballots: Sequence[Ballot], counting: Counting) -> Tally:
    grouped = merged(ballots, dict(counting.groups))
    battles = count(grouped, allowed_flags=counting.allowed_flags, votes_a_day=counting.votes_a_day)
    return Tally(battles=battles, quality=vote_quality(grouped))


def board(
    counted: Tally,
    answers: Iterable[Answered],
    rating: Rating,
    *,
    names: Mapping[str, str],
    groups: Mapping[str, str] | None = None,
) -> Board:
    """`names`: of contestants, for sentences; a missing one is its key. `groups` as in Counting.

    Raises ValueError for a margin that is not between 0 and 1 or a trait that does not exist.
    """
    battles = counted.battles
    rated = leaderboard(battles, style=rating.style, position=rating.position)
    plain = leaderboard(battles, position=rating.position) if rating.style else None
    whole = fit(battles) if rating.style or rating.position else rated.fit
    parts = [
        part for name in battles.slices for part in slice_fits(battles, name, whole, _least(battles, name))
    ]  # fmt: skip
    of_group = groups or {}
    decision = decide_by_votes(
        [_of_group(one, of_group) for one in answers],
        battles,
        replace(rated, rows=rated.rows[:MOST_DECIDED]),
        names={row.key: names.get(row.key, row.key) for row in rated.rows},
        delta=rating.delta,
    )
    return Board(
        leaderboard=rated,
        plain=plain,
        decision=_placed_apart(decision, rated) if rated.fit.disconnected else decision,
        parts=tuple(parts),
        whole=whole,
        differences=tuple(slice_differences(battles, parts, whole)),
        anomalous=tuple(anomalous_voters(battles)),
        sides_vary=sides_vary(battles),
    )


def merged(ballots: Sequence[Ballot], groups: Mapping[str, str]) -> Sequence[Ballot]:
    """The same votes on groups of contestants. One on two of the same group compares nothing."""
    if not groups:
        return ballots
    return [
        replace(one, contestants=tuple(groups.get(key, key) for key in one.contestants))
        for one in ballots
    ]


def _placed_apart(decision: Decision, board: Leaderboard) -> Decision:
    """Nobody is dominated by somebody it was never compared with: their averages are different ones."""
    component = {row.key: row.component for row in board.rows}
    groups: dict[int, list[Contestant]] = {}
    for one in decision.standings:
        groups.setdefault(component[one.key], []).append(
            Contestant(name=one.key, quality=one.quality, cost=one.mean_cost_pusd, p95=one.p95_us)
        )
    places = {place.name: place for group in groups.values() for place in frontier(group)}
    standings = tuple(replace(one, place=places[one.key]) for one in decision.standings)
    return replace(decision, standings=standings)


def sides_vary(battles: Battles) -> bool:
    """Whether pairs with enough votes were shown both ways round, as counts of a file never are."""
    k = len(battles.names)
    shown = np.bincount(battles.first * k + battles.second, minlength=k * k).reshape(k, k)
    both, fewer = shown + shown.T, np.minimum(shown, shown.T)
    enough = both >= _ENOUGH_SHOWN
    return not enough.any() or bool(fewer[enough].sum() >= _VARIED * both[enough].sum())


def _of_group(one: Answered, groups: Mapping[str, str]) -> Answered:
    group = groups.get(one.contestant)
    return one if group is None else replace(one, contestant=group)


def _least(battles: Battles, name: str) -> int:
    """Votes that a value needs, so that no more than MOST_PARTS have them."""
    values = Counter(value for value in battles.slices[name] if value).most_common(MOST_PARTS + 1)
    return max(MIN_VOTES, values[-1][1] + 1 if len(values) > MOST_PARTS else 0)
