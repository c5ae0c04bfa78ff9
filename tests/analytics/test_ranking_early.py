from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from analytics.ranking.bradley_terry import fit
from analytics.ranking.early import (
    anytime_bound,
    design_effect,
    label,
    sample_size,
    votes_needed,
)
from analytics.ranking.next_pair import next_pair
from analytics.ranking.pairs import PairRecord, win_matrix
from tests.analytics.votes import battles_of, votes


def pair(wins_a: int, wins_b: int, ties: int = 0) -> PairRecord:
    return PairRecord(a="a", b="b", wins_a=wins_a, wins_b=wins_b, ties=ties, both_bad=0)


@pytest.mark.parametrize(
    ("p", "votes"), [(0.55, 783), (0.60, 194), (0.65, 85), (0.70, 47), (0.75, 29), (0.25, 29)]
)
def test_votes_needed_are_those_of_the_usual_formula(p: float, votes: int) -> None:
    assert sample_size(p) == votes


def test_ties_and_repeated_voters_need_more_votes() -> None:
    assert sample_size(0.60, tie_rate=0.2) == 243  # 194/0.8
    assert sample_size(0.60, design_effect=1.5) == 291
    assert sample_size(0.60, power=0.9) == 259


def test_equal_contestants_can_never_be_told_apart() -> None:
    assert sample_size(0.5) is None
    assert sample_size(0.503) is None
    assert sample_size(0.9, tie_rate=1) is None


def test_shares_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        sample_size(1.2)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (pair(0, 0), "no votes"),
        (pair(0, 0, ties=3), "tied"),
        (pair(7, 7), "tied"),
        (pair(8, 2), "leading"),
        (pair(8, 42), "better"),
        (pair(42, 8), "better"),
        (pair(42, 8, ties=100), "better"),
        (pair(500, 450), "leading"),
    ],
)
def test_a_leader_is_called_better_only_beyond_the_bound(record: PairRecord, expected: str) -> None:
    assert label(record) == expected


def test_the_bound_is_the_published_one() -> None:
    """100 votes: √((25 + 25) ln(50/(25 · 0.0025)))"""
    assert anytime_bound(100) == pytest.approx(18.2819, abs=1e-4)


def test_votes_of_the_same_people_move_the_bound_out() -> None:
    assert label(pair(70, 30)) == "better"
    assert label(pair(70, 30), design_effect=3) == "leading"


@pytest.mark.slow
def test_looking_after_every_vote_finds_a_winner_between_equals_in_under_5_of_100_cases() -> None:
    """Observed: 2 % by 1,000 votes. A 95 % interval looked at every 10 votes: over 25 % by 300."""
    rng = np.random.default_rng(1)
    n = np.arange(1, 1001)
    bound = np.array([anytime_bound(float(k)) for k in n])
    lead = np.abs(np.cumsum(rng.random((10_000, 1000)) < 0.5, axis=1) - n / 2)
    peeking = lead[:, 9:300:10] > 1.96 * np.sqrt(n[9:300:10]) / 2
    assert peeking.any(axis=1).mean() > 0.2
    assert (lead >= bound).any(axis=1).mean() <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("p", "found"), [(0.60, 0.70), (0.65, 0.98), (0.70, 0.999)])
def test_a_real_difference_is_found_within_300_votes(p: float, found: float) -> None:
    rng = np.random.default_rng(2)
    n = np.arange(1, 301)
    bound = np.array([anytime_bound(float(k)) for k in n])
    lead = np.abs(np.cumsum(rng.random((5000, 300)) < p, axis=1) - n / 2)
    assert (lead >= bound).any(axis=1).mean() >= found


def needed(*results: str) -> int | None:
    battles = battles_of(*results)
    return votes_needed(fit(battles, ridge=1e-6), win_matrix(battles).record("a", "b"))


def test_votes_still_needed_are_the_planned_less_those_there_are() -> None:
    assert needed(*["a>b"] * 12, *["b>a"] * 8) == 194 - 20


def test_ties_count_as_votes_that_do_not_decide() -> None:
    """12 of 20 decisive votes and 5 ties: 194/0.8 less 25."""
    assert needed(*["a>b"] * 12, *["b>a"] * 8, *["a=b"] * 5) == 243 - 25


def test_nothing_is_needed_once_one_is_better_and_nothing_helps_equals() -> None:
    assert needed(*["a>b"] * 60, *["b>a"] * 10) == 0
    assert needed("a>b", "b>a") is None
    assert needed("a=b") is None


def test_contestants_that_cannot_be_compared_have_no_plan() -> None:
    battles = battles_of("a>b", "x>y")
    assert votes_needed(fit(battles), win_matrix(battles).record("a", "x")) is None


def test_the_design_effect_is_one_for_independent_votes_and_more_for_tastes() -> None:
    rng = np.random.default_rng(3)
    alone = votes(rng, [0.0, 0.0], 400)
    same_people = votes(rng, [0.0, 0.0], 400, voters=20, taste=1.0)
    effects = [
        design_effect(fit(battles), fit(battles, cluster="ballot"), "m0", "m1")
        for battles in (alone, same_people)
    ]
    assert effects[0] == 1
    assert effects[1] > 2


def test_the_next_pair_is_the_one_known_least_of() -> None:
    found = fit(battles_of(*["a>b", "b>a"] * 30, "b>c", "c>b"))
    rng = random.Random(1)
    drawn = Counter(frozenset(next_pair(found, "abc", rng)) for _ in range(300))
    assert drawn[frozenset("ac")] + drawn[frozenset("bc")] > 250
    assert drawn[frozenset("ab")] > 5, "a fifth is drawn evenly"


def test_contestants_without_votes_come_first() -> None:
    found = fit(battles_of(*["a>b", "b>a"] * 30))
    rng = random.Random(2)
    drawn = Counter(frozenset(next_pair(found, "abxy", rng)) for _ in range(200))
    assert drawn.most_common(1)[0][0] == frozenset("xy")


def test_sides_of_the_next_pair_are_shuffled() -> None:
    rng = random.Random(3)
    drawn = Counter(next_pair(fit(battles_of("a>b")), ["b", "a"], rng) for _ in range(200))
    assert drawn.keys() == {("a", "b"), ("b", "a")}
    assert min(drawn.values()) > 70


def test_the_same_seed_serves_the_same_pairs() -> None:
    found = fit(battles_of("a>b", "b>c"))
    one, two = (
        [next_pair(found, "abcd", rng) for _ in range(5)]
        for rng in (random.Random(4), random.Random(4))
    )
    assert one == two


def test_a_pair_needs_two() -> None:
    with pytest.raises(ValueError, match="two contestants"):
        next_pair(fit(battles_of("a>b")), ["a", "a"], random.Random(1))


@pytest.mark.slow
def test_serving_the_least_known_pair_needs_fewer_votes_than_chance() -> None:
    """Starting from 200 votes that all went to two of five contestants."""
    widths = {}
    for how in ("rule", "chance"):
        rng, numbers = random.Random(5), np.random.default_rng(5)
        results = ["a>b", "b>a"] * 100 + ["b>c", "c>b", "c>d", "d>c", "d>e", "e>d"]
        for _ in range(60):
            found = fit(battles_of(*results))
            i, j = next_pair(found, "abcde", rng) if how == "rule" else rng.sample("abcde", 2)
            results.append(f"{i}{'>' if numbers.random() < 0.5 else '<'}{j}")
        inverse = np.linalg.inv(fit(battles_of(*results)).information)
        widths[how] = np.trace(inverse)
    assert widths["rule"] < widths["chance"]
