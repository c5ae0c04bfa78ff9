"""All that a page about ratings needs, in one call: rows, pairs, bias, and what to be careful about.

Keys only: names of models and their colours are the page's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analytics.ranking.battles import Battles, Floats, distinct, summed
from analytics.ranking.bias import PositionBias, position_bias
from analytics.ranking.bradley_terry import ENOUGH_CLUSTERS, Fit, Share, elo, fit
from analytics.ranking.early import PairState, pair_states
from analytics.ranking.pairs import WinMatrix, win_matrix
from analytics.ranking.ranks import Comparison, Standing, compare_all, standings
from analytics.ranking.wording import percent, plural

FEW_VOTES = 30
ONE_VOICE = 0.5
MANY_TIES = 0.3
MANY_BOTH_BAD = 0.2

Concern = Literal[
    "no_votes",
    "few_voters",
    "one_voice",
    "disconnected",
    "thin",
    "position_bias",
    "many_ties",
    "many_both_bad",
    "dropped",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Something a reader of the ratings should know, in a sentence."""

    concern: Concern
    text: str
    contestants: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One contestant. Without anyone to compare it with, everything that is rated is None."""

    key: str
    component: int
    """Rows with different numbers cannot be compared."""
    theta: float
    elo: float | None
    elo_low: float | None
    elo_high: float | None
    win_probability: Share | None
    """Of winning against a contestant of average rating, a tie counting half."""
    rank_low: int | None
    rank_high: int | None
    p_best: float | None
    p_top: float | None
    votes: int
    wins: float
    """Of its votes; one among n > 2 answers counts by the share of the others it beat."""
    ties: float
    """With those where both were bad."""
    losses: float
    both_bad_rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaderboard:
    rows: list[Row]
    """The largest component first, best rating first."""
    fit: Fit
    comparisons: list[Comparison]
    matrix: WinMatrix
    pairs: list[PairState]
    """Those that were compared directly."""
    bias: list[PositionBias]
    notices: list[Notice]
    votes: int
    voters: int


def leaderboard(
    battles: Battles,
    *,
    style: bool | Sequence[str] = False,
    position: bool = False,
    cluster: Literal["auto", "voter", "question", "ballot"] = "auto",
    top: int = 3,
) -> Leaderboard:
    """Ratings and all that is read from them; style and position as in `fit`."""
    found = fit(battles, style=style, position=position, cluster=cluster)
    compared = compare_all(found)
    counts = _counts(battles)
    rows = [
        _row(found, k, standing, counts)
        for k, standing in enumerate(standings(found, compared, top))
    ]
    bias = position_bias(battles)
    return Leaderboard(
        rows=sorted(rows, key=lambda row: (row.component, -row.theta, row.key)),
        fit=found,
        comparisons=compared,
        matrix=win_matrix(battles),
        pairs=pair_states(battles, found),
        bias=bias,
        notices=_notices(battles, found, counts, bias),
        votes=battles.ballots,
        voters=distinct(battles.voter),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counts:
    """(K,) each."""

    votes: Floats
    wins: Floats
    ties: Floats
    both_bad: Floats


def _counts(battles: Battles) -> _Counts:
    k = len(battles.names)
    cell = np.concatenate([battles.ballot * k + side for side in (battles.first, battles.second)])
    got = np.concatenate([battles.outcome, 1 - battles.outcome])
    rivals = np.bincount(cell, minlength=battles.ballots * k)
    share: Floats = 1 / rivals[cell]
    who = cell % k if k else cell
    bad = np.tile(battles.both_bad[battles.ballot], 2)
    return _Counts(
        votes=np.rint(summed(who, share, k)),
        wins=summed(who, share * (got == 1), k),
        ties=summed(who, share * (got == 0.5), k),
        both_bad=summed(who, share * bad, k),
    )


def _row(found: Fit, k: int, standing: Standing, counts: _Counts) -> Row:
    key = found.names[k]
    rating = found.rating(key)
    votes = counts.votes[k]
    return Row(
        key=key,
        component=int(found.component[k]),
        theta=float(found.theta[k]),
        elo=elo(rating.value) if rating else None,
        elo_low=elo(rating.low) if rating else None,
        elo_high=elo(rating.high) if rating else None,
        win_probability=found.win_probability(key),
        rank_low=standing.rank_low if rating else None,
        rank_high=standing.rank_high if rating else None,
        p_best=standing.best if rating else None,
        p_top=standing.among_top if rating else None,
        votes=int(votes),
        wins=round(float(counts.wins[k]), 6),
        ties=round(float(counts.ties[k]), 6),
        losses=round(float(votes - counts.wins[k] - counts.ties[k]), 6),
        both_bad_rate=float(counts.both_bad[k] / votes) if votes else 0.0,
    )


def _notices(
    battles: Battles, found: Fit, counts: _Counts, bias: list[PositionBias]
) -> list[Notice]:
    if not battles.ballots:
        return [Notice(concern="no_votes", text="No vote counts yet.")]
    return [
        *_of_voters(battles, found),
        *_of_contestants(battles, found, counts),
        *_of_votes(battles, bias),
    ]


def _of_voters(battles: Battles, found: Fit) -> list[Notice]:
    notices = []
    of_each = np.bincount(battles.voter)
    voters = distinct(battles.voter)
    if voters < ENOUGH_CLUSTERS:
        unit = {"voter": "voters", "question": "questions", "ballot": "votes"}[found.clusters]
        text = (
            f"{found.cluster_reason or f'{voters} voters'}. Intervals hold for these people and "
            f"more {unit} of theirs, not for others."
        )
        notices.append(Notice(concern="few_voters", text=text))
    share = of_each.max() / battles.ballots
    if voters > 1 and share > ONE_VOICE:
        text = f"One of {voters} voters cast {percent(share)} of the votes."
        notices.append(Notice(concern="one_voice", text=text))
    return notices


def _of_contestants(battles: Battles, found: Fit, counts: _Counts) -> list[Notice]:
    notices = []
    apart = tuple(name for name, number in zip(found.names, found.component, strict=True) if number)
    if apart:
        text = "Never compared with the others, directly or by way of a third: ranks are apart."
        notices.append(Notice(concern="disconnected", text=text, contestants=apart))
    thin = tuple(
        name for name, votes in zip(found.names, counts.votes, strict=True) if votes < FEW_VOTES
    )
    if thin:
        text = f"Fewer than {FEW_VOTES} votes: expect large changes."
        notices.append(Notice(concern="thin", text=text, contestants=thin))
    if battles.dropped:
        text = "Left out for too few votes."
        notices.append(Notice(concern="dropped", text=text, contestants=battles.dropped))
    return notices


def _of_votes(battles: Battles, bias: list[PositionBias]) -> list[Notice]:
    notices = []
    for one in bias:
        if one.biased:
            text = (
                f"With {one.slots} answers the first shown won {percent(one.share)} of "
                f"{one.decisive:,} decisive {plural(one.decisive, 'vote', 'votes')} "
                f"({percent(one.low)} to {percent(one.high)}; {percent(one.expected)} expected)."
            )
            notices.append(Notice(concern="position_bias", text=text))
    ties = float(battles.weight @ (battles.outcome == 0.5)) / battles.ballots
    if ties > MANY_TIES:
        text = f"{percent(ties)} of the votes are ties."
        notices.append(Notice(concern="many_ties", text=text))
    bad = float(battles.both_bad.mean())
    if bad > MANY_BOTH_BAD:
        text = f"In {percent(bad)} of the votes no answer was good."
        notices.append(Notice(concern="many_both_bad", text=text))
    return notices
