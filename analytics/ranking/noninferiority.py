"""From votes, passes or scores of a pair to its `Quality`, with bounds that a verdict may rest on.

A few cases that are all alike have no spread, and would look certain. So one case each way that
nobody saw is added for the interval: Bonett and Price, "Adjusted Wald confidence interval for a
difference of binomial proportions based on paired data", 2012, here with t quantiles and clusters.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from math import sqrt

import numpy as np

from analytics.ranking.battles import Battles, Floats
from analytics.ranking.bradley_terry import ENOUGH_CLUSTERS
from analytics.ranking.clustered import Mean, clustered_mean
from analytics.ranking.early import anytime_bound
from analytics.ranking.paired import ALPHA, Clusters, Values, known_pairs
from analytics.ranking.proportions import mcnemar, newcombe, pass_table
from analytics.ranking.quality import Basis, Plan, Quality


def _two_sided(family: int) -> float:
    """The confidence of a two-sided interval whose ends are one-sided 95 % bounds, for all of a
    family at once by Bonferroni."""
    return 1 - 2 * ALPHA / family


def from_votes(
    shares: Sequence[float],
    voters: Sequence[Hashable],
    questions: Sequence[Hashable] | None = None,
    *,
    family: int = 1,
) -> Quality | None:
    """Votes between a and b: 1 where b won, 0 where a did, 1/2 where neither; None of none.

    `family`: how many pairs "not worse" is to hold for at once.

    Clustered by voter; with fewer than ENOUGH_CLUSTERS voters by question, and with fewer questions
    too each vote is its own.
    """
    if len(shares) == 0:
        return None
    y = np.asarray(shares, float) - 0.5
    mean = _widened(y, _vote_clusters(voters, questions), 0.5)
    effect = max((mean.se / _widened(y, None, 0.5).se) ** 2, 1.0)
    decisive = int((y != 0).sum())
    lead = abs(float(y.sum()))
    found = _quality(mean, "votes", float(y.mean()), len(y), family)
    return replace(
        found,
        plan=replace(found.plan, decisive=decisive / len(y), design_effect=effect),
        voters=len(set(voters)),
        settled=lead >= anytime_bound(decisive, design_effect=effect),
    )


def from_battles(battles: Battles, a: str, b: str, *, family: int = 1) -> Quality | None:
    """The votes that compared these two directly; None when there are none. `family` as above."""
    if a not in battles.names or b not in battles.names:
        return None
    rows = np.flatnonzero(battles.between(a, b))
    b_first = battles.first[rows] == battles.names.index(b)
    outcome, ballot = battles.outcome[rows], battles.ballot[rows]
    return from_votes(
        np.where(b_first, outcome, 1 - outcome).tolist(),
        battles.voter[ballot].tolist(),
        battles.question[ballot].tolist(),
        family=family,
    )


def from_passes(
    a: Sequence[bool | None],
    b: Sequence[bool | None],
    clusters: Clusters = None,
    *,
    family: int = 1,
) -> Quality | None:
    """Pass or fail of the same cases; None when no case has a result of both.

    McNemar's exact p value and Newcombe's intervals; with clusters, such as the document a case is
    about, those of the clustered mean difference.
    """
    table = pass_table(a, b)
    interval, bounds = newcombe(table), newcombe(table, _two_sided(family))
    if interval is None or bounds is None:
        return None
    x, y, kept = known_pairs(a, b, clusters)
    found = _quality(_widened(y - x, kept, 1.0), "passes", table.difference, len(a), family)
    found = replace(found, a=table.rate_a, b=table.rate_b)
    if kept is not None:
        return found
    low, high = interval
    return replace(found, low=low, high=high, lower=bounds[0], p_value=mcnemar(table))


def from_scores(
    a: Values, b: Values, clusters: Clusters = None, *, family: int = 1
) -> Quality | None:
    """Scores from 0 to 1 of the same cases; None when no case has one of both.

    Raises ValueError for other scales.
    """
    x, y, kept = known_pairs(a, b, clusters)
    if len(x) == 0:
        return None
    if min(x.min(), y.min()) < 0 or max(x.max(), y.max()) > 1:
        raise ValueError("scores lie between 0 and 1")
    mean = _widened(y - x, kept, 0.5)
    found = _quality(mean, "scores", float((y - x).mean()), len(a), family)
    return replace(found, a=float(x.mean()), b=float(y.mean()))


def _quality(mean: Mean, basis: Basis, value: float, of: int, family: int) -> Quality:
    low, high = mean.interval()
    most = 0.5 if basis == "votes" else 1.0
    return Quality(
        basis=basis,
        value=value,
        low=max(low, -most),
        high=min(high, most),
        lower=max(mean.interval(_two_sided(family))[0], -most),
        p_value=mean.p_value(),
        n=mean.n,
        of=of,
        plan=Plan(value=mean.value, deviation=mean.se * sqrt(mean.n + 2)),
    )


def _widened(values: Floats, clusters: Clusters, step: float) -> Mean:
    mean = clustered_mean(values, clusters, added=(step, -step))
    assert mean is not None  # there is at least one value, and two were added
    return mean


def _vote_clusters(voters: Sequence[Hashable], questions: Sequence[Hashable] | None) -> Clusters:
    for kind in (voters, questions):
        if kind is not None and len(set(kind)) >= ENOUGH_CLUSTERS:
            return kind
    return None
