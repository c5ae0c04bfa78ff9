"""How the figures of an evaluation report were made, in sentences: formulas by name, with sources.

Says what `analytics.ranking` does; numbers in it are that package's own constants.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from analytics.intervals import minimum_n
from analytics.ranking.bradley_terry import COEFFICIENT_RIDGE, ENOUGH_CLUSTERS, RIDGE
from analytics.ranking.claims import FEWEST
from analytics.ranking.decision import P95, Decision
from analytics.ranking.leaderboard import Leaderboard
from analytics.ranking.percentiles import RESAMPLES
from analytics.ranking.ranks import DRAWS
from analytics.ranking.wording import plural, points

_FLAGS = {
    "identity_leak": "an answer gave away who wrote it",
    "arm_failed": "an answer failed",
    "unfinished": "an answer was not finished",
    "revealed": "it was known who answered",
    "voter_limit": "beyond a voter's votes of a day that count",
    "anomalous_voter": "of a voter who votes unlike all others",
    "skip": "skipped",
    "nothing_compared": "about fewer than two different contestants",
    "few_votes": "about a contestant with too few votes",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """Which votes count."""

    left_out: Mapping[str, int] = field(default_factory=dict)
    """`Battles.left_out`: reason -> votes."""
    allowed_flags: Collection[str] = ()
    """Flags with which votes were counted all the same."""
    votes_a_day: int | None = None
    """How many votes of one voter and day count; None: all."""


def method_of_passes(decision: Decision) -> tuple[str, ...]:
    return (
        "Quality is the share of answers that passed all their checks. An answer that did not come "
        "about did not pass, and neither did one whose checks could not all be decided.",
        "Its interval is Wilson's, 95 % (E. B. Wilson, JASA 22, 1927); where questions share a document "
        "or are repeated, of an effective number of answers (Korn and Graubard, 1998), with the t "
        "quantile of the documents or questions.",
        "Pairs are compared on the same questions: McNemar's exact test (Psychometrika 12, 1947) and "
        "Newcombe's paired interval, method 10 (Statistics in Medicine 17, 1998). Where questions "
        "share a document or are repeated, instead the mean difference clustered by document or "
        "question, with t quantiles and one case each way that nobody saw (Bonett and Price, 2012; "
        "Miller, arXiv 2411.00640).",
        *_of_pairs(decision),
    )


def method_of_votes(decision: Decision, board: Leaderboard, counted: Counted) -> tuple[str, ...]:
    return (*method_of_ratings(board, counted), *_of_pairs(decision))


def method_of_ratings(board: Leaderboard, counted: Counted) -> tuple[str, ...]:
    """Of the votes and what is fitted to them."""
    found = board.fit
    unit = {"voter": "voter", "question": "question", "ballot": "vote"}[found.clusters]
    units = plural(found.cluster_count, unit, f"{unit}s")
    voters = plural(board.voters, "voter", "voters")
    reason = f" ({found.cluster_reason})" if found.cluster_reason else ""
    lines = [
        f"{board.votes:,} {plural(board.votes, 'vote', 'votes')} of {board.voters:,} {voters} "
        f"{plural(board.votes, 'counts', 'count')}. {_left_out(counted)}",
        "Ratings are those of Bradley and Terry's model: P(i beats j) = 1/(1 + exp(θj - θi)), a tie "
        f"and both bad counting half for each, with ridge {RIDGE:g} on the ratings; a vote about n "
        "answers weighs as one. Elo = 1000 + 400/ln 10 · θ.",
        f"Intervals are 95 %, of a sandwich variance clustered by {found.clusters}: "
        f"{found.cluster_count:,} {units}{reason}, t quantiles with {found.df:,.0f} degrees of "
        f"freedom. Voters are the clusters from {ENOUGH_CLUSTERS} on.",
        "Ranks hold for all pairs at once (Holm). The chance to be best is a share of "
        f"{DRAWS:,} draws, always the same ones.",
        '"Better" is said only beyond a bound that holds however often one looks: a mixture '
        "boundary for wins among decisive votes, ρ = 25, times the design effect of the clusters.",
    ]
    if found.coefficients:
        terms = ", ".join(f"{name} {one.value:+.2f}" for name, one in found.coefficients.items())
        lines.append(
            f"The ratings allow for {terms} (logits for one standard deviation, or for being shown "
            f"first), with ridge {COEFFICIENT_RIDGE:g}."
        )
    return tuple(lines)


def _of_pairs(decision: Decision) -> tuple[str, ...]:
    pairs = len(decision.pairs)
    return (
        f'"Not worse" means: the one-sided 95 % bound of the difference lies above '
        f"-{points(decision.delta)}, the margin.",
        "Cost and time: exp of the mean of ln B - ln A over the questions both answered, with a t "
        "interval, clustered as above. A cost or time that is unknown is left out, never 0; nothing "
        f"is claimed of fewer than {FEWEST} questions.",
        f"p95: difference of the p95s of both over the same questions, {RESAMPLES:,} bootstrap "
        f"resamples of questions, always the same ones; claimed from {minimum_n(P95)} answers on.",
        f"Families for Holm's adjustment (S. Holm, 1979): quality, cost, time and p95, each of "
        f"{pairs:,} {plural(pairs, 'pair', 'pairs')}; claims are made at 5 %.",
        "Unbeaten means: no other is at least as good in quality, cost and p95 and better in one.",
    )


def _left_out(counted: Counted) -> str:
    parts = [
        f"{number:,} ({_FLAGS.get(reason, reason.replace('_', ' '))})"
        for reason, number in sorted(counted.left_out.items(), key=lambda item: -item[1])
        if number
    ]
    said = f"Left out: {', '.join(parts)}." if parts else "None was left out."
    if counted.allowed_flags:
        names = ", ".join(_FLAGS.get(flag, flag) for flag in sorted(counted.allowed_flags))
        said += f" Counted although flagged: {names}."
    if counted.votes_a_day is not None:
        said += f" At most {counted.votes_a_day:,} votes of a voter and day count."
    return said
