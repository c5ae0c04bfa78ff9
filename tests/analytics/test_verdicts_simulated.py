"""What intervals promise, counted: how often they hold the truth and how often claims are wrong.

Limits leave room for the chance of a fixed number of trials, not for a wrong formula.
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from analytics.ranking.clustered import clustered_mean
from analytics.ranking.distributions import t_tail
from analytics.ranking.noninferiority import from_passes, from_scores, from_votes
from analytics.ranking.paired import paired_ratio
from analytics.ranking.percentiles import percentile_difference

pytestmark = pytest.mark.slow
TRIALS = 2000
NOISE = 2 * sqrt(0.05 * 0.95 / TRIALS)


def test_paired_ratios_hold_the_truth_in_95_percent() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(TRIALS):
        hardness = rng.lognormal(7, 1, 30)
        a, b = hardness * rng.lognormal(0, 0.3, 30), hardness * rng.lognormal(log(0.8), 0.3, 30)
        found = paired_ratio(a.tolist(), b.tolist())
        held += found is not None and found.low <= 0.8 <= found.high
    assert 0.93 <= held / TRIALS <= 0.97


@pytest.mark.parametrize("sizes", [[5] * 8, [5] * 15, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]])
def test_clustered_means_hold_the_truth_in_95_percent(sizes: list[int]) -> None:
    """Half of the variance is that of the document."""
    rng = np.random.default_rng(2)
    document = np.repeat(np.arange(len(sizes)), sizes)
    held = alone = 0
    for _ in range(TRIALS):
        values = rng.normal(0, 1, len(sizes))[document] + rng.normal(0, 1, len(document))
        found, naive = clustered_mean(values, document.tolist()), clustered_mean(values)
        assert found is not None
        assert naive is not None
        held += found.interval()[0] <= 0 <= found.interval()[1]
        alone += naive.interval()[0] <= 0 <= naive.interval()[1]
    assert 0.93 <= held / TRIALS <= 0.97
    assert alone / TRIALS < 0.9


@pytest.mark.parametrize(
    ("n", "voters", "spread"), [(20, 20, 0.0), (100, 100, 0.0), (160, 8, 0.8), (300, 15, 0.8)]
)
def test_not_worse_by_votes_is_wrong_one_time_in_twenty_at_the_margin(
    n: int, voters: int, spread: float
) -> None:
    """Tastes differ by `spread` logits between voters; a fifth of the votes are ties."""
    rng = np.random.default_rng(3)
    who = np.arange(n) % voters
    tastes = rng.normal(0, spread, 200_000)
    win = _logit_of_share(0.5 - 0.05 / 0.8, tastes)
    passed = held = 0
    for _ in range(TRIALS):
        p = 1 / (1 + np.exp(-(win + rng.normal(0, spread, voters))))[who]
        shares = np.where(rng.random(n) < 0.2, 0.5, rng.random(n) < p)
        found = from_votes(shares.tolist(), who.tolist())
        assert found is not None
        passed += found.not_worse()
        held += found.low <= -0.05 <= found.high
    assert passed / TRIALS <= 0.05 + NOISE
    assert held / TRIALS >= 0.93


def _logit_of_share(share: float, tastes: np.ndarray) -> float:
    """The logit with which the mean over tastes is this share."""
    low, high = -2.0, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        below = (1 / (1 + np.exp(-(middle + tastes)))).mean() < share
        low, high = (middle, high) if below else (low, middle)
    return low


@pytest.mark.parametrize(("n", "rate"), [(40, 0.8), (100, 0.9), (200, 0.9)])
def test_not_worse_by_passes_is_wrong_one_time_in_twenty_at_the_margin(n: int, rate: float) -> None:
    """Half of the cases are as hard for both."""
    rng = np.random.default_rng(4)
    passed = held = wrong = 0
    for _ in range(TRIALS):
        one, other = rng.random(n), rng.random(n)
        shared = np.where(rng.random(n) < 0.5, one, other)
        a = (one < rate).tolist()
        worse = from_passes(a, (shared < rate - 0.05).tolist())
        equal = from_passes(a, (shared < rate).tolist())
        assert worse is not None
        assert equal is not None
        passed += worse.not_worse()
        held += worse.low <= -0.05 <= worse.high
        wrong += equal.certain
    assert passed / TRIALS <= 0.05 + NOISE
    assert held / TRIALS >= 0.93
    assert wrong / TRIALS <= 0.05


def test_not_worse_by_scores_is_wrong_one_time_in_twenty_at_the_margin() -> None:
    rng = np.random.default_rng(5)
    passed = 0
    for _ in range(TRIALS):
        a = rng.uniform(0.3, 0.7, 50)
        found = from_scores(a.tolist(), (a + rng.uniform(-0.3, 0.2, 50)).tolist())
        assert found is not None
        passed += found.not_worse()
    assert passed / TRIALS <= 0.05 + NOISE


def test_ten_percent_in_latency_shows_when_paired_and_hardly_when_not() -> None:
    """100 questions; how long they take varies more than how the two differ on one."""
    rng = np.random.default_rng(6)
    paired = unpaired = 0
    for _ in range(TRIALS):
        hardness = rng.lognormal(7, 0.6, 100)
        a = hardness * rng.lognormal(0, 1 / 3, 100)
        b = hardness * rng.lognormal(log(1.1), 1 / 3, 100)
        found = paired_ratio(a.tolist(), b.tolist())
        paired += found is not None and found.certain
        x, y = np.log(a), np.log(b)
        t = abs(x.mean() - y.mean()) / sqrt((x.var(ddof=1) + y.var(ddof=1)) / 100)
        unpaired += 2 * t_tail(t, 198) < 0.05
    assert 0.45 <= paired / TRIALS <= 0.6
    assert unpaired / TRIALS <= 0.1


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_percentile_differences_hold_the_truth(q: float) -> None:
    """Both are equal in distribution: the truth is 0. A bootstrap of a p95 is a little cautious."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        hardness = rng.lognormal(7, 0.6, 100)
        a, b = hardness * rng.lognormal(0, 0.3, 100), hardness * rng.lognormal(0, 0.3, 100)
        found = percentile_difference(a.tolist(), b.tolist(), q)
        assert found is not None
        held += found.low <= 0 <= found.high
    assert 0.93 <= held / 400 <= 0.99


def test_votes_that_are_looked_at_as_they_come_settle_rarely_for_equals() -> None:
    rng = np.random.default_rng(8)
    settled = kept = 0
    for _ in range(300):
        shares = (rng.random(300) < 0.5).astype(float)
        behind = (rng.random(300) < 0.45).astype(float)
        looks = [from_votes(shares[:k].tolist(), range(k)) for k in range(20, 301, 20)]
        settled += any(found and found.certain and found.settled for found in looks)
        often = [from_votes(behind[:k].tolist(), range(k)) for k in range(20, 301, 20)]
        kept += any(found and found.not_worse_at_any_look() for found in often)
    assert settled / 300 <= 0.05
    assert kept / 300 <= 0.05
