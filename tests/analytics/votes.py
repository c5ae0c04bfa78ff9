"""Votes of people who do not exist, about contestants whose true ratings are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analytics.ranking.battles import Battles, Columns, from_columns
from core.comparison import Ballot, Outcome


def votes(
    rng: np.random.Generator,
    theta: Sequence[float],
    count: int,
    *,
    tie: float = 0.2,
    voters: int | None = None,
    taste: float = 0.0,
) -> Battles:
    """Two different contestants each time; `m0` has theta[0].

    The chance of a tie is `tie` between near equals, and P(win) + P(tie)/2 = 1/(1 + e^-d). `voters`
    vote equally often, each with ratings of its own around theta, `taste` being their spread.
    """
    k = len(theta)
    who = np.arange(count) if voters is None else np.arange(count) % voters
    own = np.asarray(theta) + taste * rng.standard_normal((int(who.max()) + 1, k))
    first = rng.integers(0, k, count)
    second = (first + rng.integers(1, k, count)) % k
    p = 1 / (1 + np.exp(own[who, second] - own[who, first]))
    half = np.minimum(tie, 2 * np.minimum(p, 1 - p)) / 2
    drawn = rng.random(count)
    return from_columns(
        Columns(
            first=[f"m{number}" for number in first],
            second=[f"m{number}" for number in second],
            outcome=np.where(drawn < p - half, 1.0, np.where(drawn < p + half, 0.5, 0.0)),
            voter=[f"v{number}" for number in who],
        )
    )


def battles_of(*results: str, voters: Sequence[str] | None = None) -> Battles:
    """`"a>b"`, `"a<b"` and `"a=b"`, the first named being shown first."""
    sign = {">": 1.0, "<": 0.0, "=": 0.5}
    return from_columns(
        Columns(
            first=[result[0] for result in results],
            second=[result[2] for result in results],
            outcome=[sign[result[1]] for result in results],
            voter=voters,
        )
    )


def ballot(
    shown: str,
    outcome: Outcome,
    order: tuple[tuple[int, ...], ...] = (),
    *,
    voter: str = "v",
    question: str = "",
    at_us: int = 0,
    flags: tuple[str, ...] = (),
) -> Ballot:
    """About contestants with names of one letter."""
    return Ballot(
        voter=voter,
        contestants=tuple(shown),
        outcome=outcome,
        order=order,
        question=question,
        at_us=at_us,
        flags=flags,
    )
