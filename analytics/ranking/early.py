"""When is it enough: a bound that holds however often one looks, and the votes that are missing.

An ordinary 95 % interval looked at after every tenth vote finds a winner between equals in a quarter
of all comparisons. The label "better" is given by the bound here and by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt
from typing import Literal

from analytics.ranking.battles import Battles
from analytics.ranking.bradley_terry import Fit, fit
from analytics.ranking.distributions import normal_quantile
from analytics.ranking.pairs import PairRecord, win_matrix

Label = Literal["no votes", "tied", "leading", "better"]

_RHO = 25.0
"""Votes around which the bound is tightest: about a hundred."""
_TOO_CLOSE = 0.005
_AT_LEAST = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class PairState:
    """How far the vote on two contestants has come."""

    record: PairRecord
    design_effect: float
    label: Label
    votes_needed: int | None
    """Still missing; 0 when it is decided, None when they are too close for any number of votes."""


def pair_states(battles: Battles, found: Fit) -> list[PairState]:
    """Of every pair that was compared directly.

    The design effect belongs to the label: looking at every twentieth of 300 votes by ten people with
    tastes of their own, equals were called better in 28 % of simulations without it, 1 % with it.
    """
    grouped = fit(battles, cluster=found.clusters)
    independent = fit(battles, cluster="ballot")
    states = []
    for record in win_matrix(battles).records():
        effect = design_effect(grouped, independent, record.a, record.b)
        states.append(
            PairState(
                record=record,
                design_effect=effect,
                label=label(record, design_effect=effect),
                votes_needed=votes_needed(found, record, effect),
            )
        )
    return states


def anytime_bound(decisive: float, alpha: float = 0.05, design_effect: float = 1.0) -> float:
    """How far wins must lie from half of the decisive votes before one side is better.

    |S - n/2| >= √((v + ρ) ln((v + ρ)/(ρ α²))), v = n/4, happens at any time at all with probability
    α at most when both are equal: Robbins' normal mixture (Annals of Mathematical Statistics 41,
    1970; Howard et al., "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021).
    A design effect multiplies v.
    """
    v = decisive / 4 * design_effect
    return sqrt((v + _RHO) * log((v + _RHO) / (_RHO * alpha**2)))


def label(pair: PairRecord, alpha: float = 0.05, design_effect: float = 1.0) -> Label:
    """Whether the one with more wins is `better`, or as yet only `leading`."""
    if pair.decisive == 0:
        return "no votes" if pair.votes == 0 else "tied"
    lead = abs(pair.wins_a - pair.wins_b) / 2
    if lead == 0:
        return "tied"
    return "better" if lead >= anytime_bound(pair.decisive, alpha, design_effect) else "leading"


def sample_size(
    p: float,
    *,
    tie_rate: float = 0.0,
    design_effect: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Votes after which a share p of decisive votes is told from one half; None when too close.

    ((z ½ + z' √(p(1-p)))/(p - ½))², z and z' the quantiles of 1 - α/2 and of the power, rounded to
    the nearest, then divided by the share of decisive votes and multiplied by the design effect.
    Raises ValueError for shares outside 0 to 1.
    """
    if not (0 <= p <= 1 and 0 <= tie_rate <= 1):
        raise ValueError("shares lie between 0 and 1")
    if abs(p - 0.5) < _TOO_CLOSE or tie_rate == 1:
        return None
    z, z_power = normal_quantile(1 - alpha / 2), normal_quantile(power)
    decisive = round(((z / 2 + z_power * sqrt(p * (1 - p))) / (p - 0.5)) ** 2)
    return ceil(decisive * design_effect / (1 - tie_rate) - 1e-9)


def design_effect(clustered: Fit, independent: Fit, a: str, b: str) -> float:
    """How many times more votes are needed because the same people cast several; 1 at least.

    The variance of θ_a - θ_b with votes grouped by voter over that with `cluster="ballot"`, of the
    same battles. It is what 1 + (m - 1)ρ estimates for m votes of each voter.
    """
    found, alone = clustered.difference(a, b), independent.difference(a, b)
    if found is None or alone is None or alone.se == 0:
        return 1.0
    return max(1.0, (found.se / alone.se) ** 2)


def votes_needed(fit: Fit, pair: PairRecord, design_effect: float = 1.0) -> int | None:
    """Votes between these two still missing; 0 when it is decided, None when they are too close.

    Planned for the difference that the fit sees now, in direct votes. Deciding early is `label`.
    """
    if label(pair, design_effect=design_effect) == "better":
        return 0
    share = fit.win_probability(pair.a, pair.b)
    if share is None:
        return None
    decisive = 1 - pair.tie_rate
    if decisive == 0:
        return None
    # Half of each tie is in the fit's probability: what is left of 1/2 comes from decisive votes.
    p = min(max(0.5 + (share.value - 0.5) / decisive, 0.0), 1.0)
    needed = sample_size(p, tie_rate=pair.tie_rate, design_effect=design_effect)
    least = ceil(_AT_LEAST * pair.votes)  # nothing is decided yet, whatever the fit says
    return None if needed is None else max(needed - pair.votes, least, 1)
