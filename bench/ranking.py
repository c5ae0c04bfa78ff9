"""How long a leaderboard of 20 models and 100,000 votes takes, beside the usual way to get intervals.

    python -m bench.ranking [--quick]

The usual way is a bootstrap: fit again on votes drawn anew and take quantiles. Here it has our own
fit (voters drawn anew, as our intervals group votes by voter) and, as FastChat's notebooks have it, a
logistic regression on a row for each vote (votes drawn anew). All run in one process on the same votes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from analytics.ranking.battles import Battles, Columns, Floats, from_columns
from analytics.ranking.bradley_terry import RIDGE, fit
from analytics.ranking.counting import count
from analytics.ranking.design import design_of
from analytics.ranking.leaderboard import leaderboard
from analytics.ranking.ranks import compare_all, standings
from bench.figures import figure, say
from core.comparison import Ballot, Traits

MODELS = 20
VOTES = 100_000
VOTERS = 5_000
RESAMPLES = 100


def simulated() -> Battles:
    """A fifth of the votes are ties; style features are noise."""
    rng = np.random.default_rng(1)
    theta = np.linspace(1, -1, MODELS)
    first = rng.integers(0, MODELS, VOTES)
    second = (first + rng.integers(1, MODELS, VOTES)) % MODELS
    p = 1 / (1 + np.exp(theta[second] - theta[first]))
    half = np.minimum(0.2, 2 * np.minimum(p, 1 - p)) / 2
    drawn = rng.random(VOTES)
    return from_columns(
        Columns(
            first=[f"m{k:02}" for k in first],
            second=[f"m{k:02}" for k in second],
            outcome=np.where(drawn < p - half, 1.0, np.where(drawn < p + half, 0.5, 0.0)),
            voter=[f"v{k}" for k in rng.integers(0, VOTERS, VOTES)],
            features=rng.uniform(-1, 1, (VOTES, 6)),
        )
    )


def as_ballots(battles: Battles) -> list[Ballot]:
    names, voters = battles.names, battles.voters
    order = {1.0: ((0,), (1,)), 0.0: ((1,), (0,)), 0.5: ()}
    traits = (Traits(tokens=120, headings=1), Traits(tokens=300, list_items=4))
    return [
        Ballot(
            voter=voters[v],
            contestants=(names[i], names[j]),
            outcome="pick" if y != 0.5 else "tie",
            order=order[y],
            traits=traits,
            at_us=1,
        )
        for i, j, y, v in zip(
            battles.first.tolist(),
            battles.second.tolist(),
            battles.outcome.tolist(),
            battles.voter.tolist(),
            strict=True,
        )
    ]


def fitted(battles: Battles) -> None:
    found = fit(battles)
    standings(found, compare_all(found))


def bootstrapped(battles: Battles, resamples: int) -> Floats:
    """(resamples, K) ratings, voters drawn anew."""
    rng = np.random.default_rng(2)
    k, voters = len(battles.names), len(battles.voters)
    found = []
    for _ in range(resamples):
        times = np.bincount(rng.integers(0, voters, voters), minlength=voters)
        drawn = replace(battles, weight=battles.weight * times[battles.voter[battles.ballot]])
        design = design_of(drawn, np.zeros((len(drawn.first), 0)), np.full(k, RIDGE))
        found.append(design.collapsed().maximum())
    return np.array(found)


def regressed(battles: Battles, resamples: int) -> None:
    """Newton's method on a matrix with a row for each vote, votes drawn anew; ties are half a win."""
    rng = np.random.default_rng(3)
    rows, k = np.arange(VOTES), len(battles.names)
    matrix = np.zeros((VOTES, k))
    matrix[rows, battles.first], matrix[rows, battles.second] = 1.0, -1.0
    for _ in range(resamples):
        drawn = rng.integers(0, VOTES, VOTES)
        x, y = matrix[drawn], battles.outcome[drawn]
        theta = np.zeros(k)
        for _ in range(6):
            p = 1 / (1 + np.exp(-(x @ theta)))
            slope = x.T @ (y - p) - RIDGE * theta
            theta += np.linalg.solve((x.T * (p * (1 - p))) @ x + RIDGE * np.eye(k), slope)


def times_ms(work: Callable[[], object], repeats: int) -> list[float]:
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    return found


def wider(battles: Battles, resamples: int) -> float:
    """How many times wider our intervals of the 190 differences are, as a median."""
    found, drawn = fit(battles), bootstrapped(battles, resamples)
    i, j = np.triu_indices(len(battles.names), 1)
    low, high = np.quantile(drawn[:, i] - drawn[:, j], [0.025, 0.975], axis=0)
    v = found.covariance
    se = np.sqrt(v[i, i] + v[j, j] - 2 * v[i, j])
    return float(np.median(2 * found.quantile(0.95) * se / (high - low)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and resamples")
    quick = parser.parse_args().quick
    repeats, resamples = (3, 20) if quick else (15, RESAMPLES)
    battles = simulated()
    of = f"{MODELS} models, {VOTES:,} votes of {VOTERS:,} voters"
    work = times_ms(lambda: fitted(battles), repeats)
    for how, other in (("refits", bootstrapped), ("logistic regressions", regressed)):
        theirs = times_ms(lambda other=other: other(battles, resamples), 1 if quick else 3)  # type: ignore[misc]
        name = f"fit, intervals and ranks against {resamples} bootstrap {how}"
        say([figure(name, work, "ms", baseline=theirs, at_most=1000, note=of)])
    board = times_ms(lambda: leaderboard(battles), repeats)
    styled = times_ms(lambda: leaderboard(battles, style=True, position=True), repeats)
    ballots = as_ballots(battles)
    counted = times_ms(lambda: count(ballots), min(repeats, 5))
    say(
        [
            figure("whole leaderboard", board, "ms", at_most=1000, note=of),
            figure(
                "whole leaderboard with style and position", styled, "ms", at_most=1000, note=of
            ),
            figure("ballots to battles", counted, "ms", at_most=1000, note=of),
            figure(
                "width of intervals over those of a bootstrap",
                wider(battles, resamples if quick else 1000),
                "times",
                note="voters drawn anew; median of 190 differences",
            ),
        ]
    )


if __name__ == "__main__":
    main()
