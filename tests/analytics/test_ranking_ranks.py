from __future__ import annotations

import numpy as np
import pytest

from analytics.ranking.bradley_terry import fit
from analytics.ranking.ranks import compare_all, holm, standings
from tests.analytics.votes import battles_of, votes


def test_holm_multiplies_the_smallest_by_all_and_does_not_fall() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")"""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_adjusted_p_values_end_at_one() -> None:
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_every_pair_is_compared_once() -> None:
    found = compare_all(fit(battles_of("a>b", "b>c", "c>d")))
    assert [(one.a, one.b) for one in found] == [
        ("a", "b"),
        ("a", "c"),
        ("a", "d"),
        ("b", "c"),
        ("b", "d"),
        ("c", "d"),
    ]


def test_intervals_for_all_pairs_are_wider_than_for_one() -> None:
    for one in compare_all(fit(votes(np.random.default_rng(1), [0.5, 0, -0.5], 200))):
        assert one.low < one.alone.low < one.alone.high < one.high
        assert one.holm_p >= one.alone.p_value


def test_holm_tells_apart_what_its_intervals_alone_would_not() -> None:
    found = fit(votes(np.random.default_rng(7), [0.8, 0.25, -0.3, -0.75], 260))
    compared = compare_all(found)
    by_interval = [not one.low <= 0 <= one.high for one in compared]
    by_holm = [one.certain for one in compared]
    assert sum(by_holm) > sum(by_interval)
    assert all(holm >= interval for holm, interval in zip(by_holm, by_interval, strict=True))


def test_of_two_contestants_there_is_only_one_pair_to_allow_for() -> None:
    (only,) = compare_all(fit(battles_of(*["a>b"] * 9, *["b>a"] * 4)))
    assert (only.low, only.high) == pytest.approx((only.alone.low, only.alone.high))
    assert only.holm_p == only.alone.p_value


def test_ranks_are_a_range_until_votes_tell_contestants_apart() -> None:
    few = fit(battles_of("a>b", "b>c", "a>c"))
    many = fit(battles_of(*["a>b", "b>c", "a>c"] * 60, *["b>a", "c>b"] * 6))
    ranges = [
        [(one.rank_low, one.rank_high) for one in standings(found, compare_all(found))]
        for found in (few, many)
    ]
    assert ranges == [[(1, 3)] * 3, [(1, 1), (2, 2), (3, 3)]]


def test_probabilities_of_being_best_add_up_to_one() -> None:
    found = fit(votes(np.random.default_rng(2), [0.5, 0, 0, -0.5], 200))
    standing = standings(found, compare_all(found), top=2)
    assert sum(one.best for one in standing) == pytest.approx(1)
    assert sum(one.among_top for one in standing) == pytest.approx(2)
    assert max(standing, key=lambda one: one.best).name == "m0"


def test_the_same_votes_give_the_same_probabilities() -> None:
    found = fit(votes(np.random.default_rng(3), [0.2, 0, -0.2], 60))
    assert standings(found, compare_all(found)) == standings(found, compare_all(found))


def test_groups_that_were_never_compared_are_ranked_apart() -> None:
    found = fit(battles_of(*["a>b"] * 40, *["b>a"] * 3, *["x>y"] * 40, *["y>x"] * 3))
    compared = compare_all(found)
    assert [(one.a, one.b) for one in compared] == [("a", "b"), ("x", "y")]
    ranks = {one.name: (one.rank_low, one.rank_high) for one in standings(found, compared)}
    assert ranks == {"a": (1, 1), "b": (2, 2), "x": (1, 1), "y": (2, 2)}
