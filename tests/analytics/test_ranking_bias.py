from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from analytics.ranking.agreement import agreement, kappa, order_consistency
from analytics.ranking.battles import Battles, Columns, from_columns
from analytics.ranking.bias import anomalous_voters, position_bias
from analytics.ranking.bradley_terry import fit
from analytics.ranking.counting import count
from core.comparison import Ballot, Outcome
from tests.analytics.votes import ballot, battles_of, votes


def test_first_side_wins_are_counted_among_decisive_votes() -> None:
    (found,) = position_bias(battles_of(*["a>b"] * 15, *["a<b"] * 5, *["a=b"] * 80))
    assert (found.slots, found.decisive, found.first_wins, found.share) == (2, 20, 15, 0.75)
    assert (found.low, found.high) == pytest.approx((0.5313, 0.8881), abs=1e-4)
    assert found.biased


def test_even_sides_are_no_bias() -> None:
    (found,) = position_bias(battles_of(*["a>b", "a<b"] * 10))
    assert not found.biased


def test_of_more_answers_the_first_is_expected_to_win_its_share() -> None:
    picks = [ballot("abc", "pick", ((k % 3,),)) for k in range(30)]
    two, three = position_bias(count([*picks, *[ballot("ab", "pick", ((0,),))] * 8]))
    assert (two.slots, two.first_wins, two.expected, two.biased) == (2, 8, 0.5, True)
    assert (three.slots, three.first_wins, three.decisive, three.biased) == (3, 10, 30, False)
    assert three.expected == pytest.approx(1 / 3)


def test_only_ties_show_no_side() -> None:
    assert position_bias(battles_of("a=b")) == []


def first_side_votes(theta: Sequence[float], advantage: float, count_of: int) -> Battles:
    """m0 is shown first in three of four votes."""
    rng = np.random.default_rng(7)
    swap = rng.random(count_of) < 0.25
    d = (theta[0] - theta[1]) * np.where(swap, -1, 1) + advantage
    return from_columns(
        Columns(
            first=np.where(swap, "m1", "m0").tolist(),
            second=np.where(swap, "m0", "m1").tolist(),
            outcome=(rng.random(count_of) < 1 / (1 + np.exp(-d))).astype(float),
        )
    )


def test_the_position_term_finds_the_bias_and_frees_the_rating_of_it() -> None:
    battles = first_side_votes((0.0, 0.0), 0.5, 4000)
    plain = fit(battles).difference("m0", "m1")
    freed = fit(battles, position=True)
    position, difference = freed.coefficients["position"], freed.difference("m0", "m1")
    assert plain is not None
    assert difference is not None
    assert position.low < 0.5 < position.high
    assert position.p_value < 1e-6
    assert plain.low > 0, "without the term the one shown first more often looks better"
    assert difference.low < 0 < difference.high


def crowd(odd_ones: str | None = None) -> Battles:
    """30 people who mostly prefer a to b to c, and one who says the opposite or what they do."""
    rng = np.random.default_rng(8)
    results, who = [], []
    for k in range(31):
        for _ in range(60):
            better, worse = [("a", "b"), ("b", "c"), ("a", "c")][rng.integers(3)]
            agrees = rng.random() < (0.15 if k == 30 and odd_ones == "contrary" else 0.85)
            results.append(f"{better}{'>' if agrees else '<'}{worse}")
            who.append(f"v{k}")
    return battles_of(*results, voters=who)


def test_who_votes_against_everybody_is_named() -> None:
    (found,) = anomalous_voters(crowd("contrary"))
    assert (found.voter, found.votes) == ("v30", 60)
    assert found.evidence > 2 * 31 / 0.05


def test_in_an_agreeing_crowd_nobody_is_named() -> None:
    assert anomalous_voters(crowd()) == []


def test_who_voted_less_than_five_times_is_not_tested() -> None:
    many = ["a>b"] * 200
    few = ["a<b"] * 4
    assert anomalous_voters(battles_of(*many, *few, voters=["v"] * 200 + ["w"] * 4)) == []


def test_what_others_say_does_not_include_oneself() -> None:
    """All others say a; the twenty opposite votes would make their own share of a quarter."""
    who = [f"v{k % 6}" for k in range(60)] + ["odd"] * 20
    (found,) = anomalous_voters(battles_of(*["a>b"] * 60, *["a<b"] * 20, voters=who))
    assert found.voter == "odd"


@pytest.mark.slow
def test_honest_voters_are_rarely_named() -> None:
    rng = np.random.default_rng(9)
    named = sum(
        bool(anomalous_voters(votes(rng, [0.5, 0, -0.5], 600, voters=20))) for _ in range(300)
    )
    assert named <= 0.05 * 300


def test_no_votes_name_nobody() -> None:
    assert anomalous_voters(count([])) == []


def test_kappa_is_agreement_beyond_chance() -> None:
    """J. Cohen's formula by hand: observed 0.7, expected 0.5·0.6 + 0.5·0.4 = 0.5."""
    a = ["x"] * 25 + ["y"] * 25
    b = ["x"] * 20 + ["y"] * 5 + ["x"] * 10 + ["y"] * 15
    found = kappa(a, b)
    assert found is not None
    assert found.kappa == pytest.approx(0.4)
    assert (found.n, found.observed, found.expected) == pytest.approx((50, 0.7, 0.5))
    assert found.low is not None
    assert found.high is not None
    assert 0.1 < found.low < 0.4 < found.high < 0.65


def test_three_of_three_is_not_certain_agreement() -> None:
    found = kappa(["x", "y", "x"], ["x", "y", "x"])
    assert found is not None
    assert (found.kappa, found.high) == (1.0, 1.0)
    assert found.low is not None
    assert found.low < 0.3


def test_two_who_always_say_the_same_word_have_no_kappa() -> None:
    found = kappa(["x", "x"], ["x", "x"])
    assert found is not None
    assert (found.kappa, found.observed) == (None, 1.0)
    assert kappa([], []) is None


def judged(voter: str, question: str, shown: str, said: str) -> Ballot:
    """`said`: the name of the better one, or "=" or "skip"."""
    if said in "ab":
        return ballot(shown, "pick", ((shown.index(said),),), voter=voter, question=question)
    outcome: Outcome = "tie" if said == "=" else "skip"
    return ballot(shown, outcome, voter=voter, question=question)


def test_two_voters_are_compared_on_what_both_judged_whichever_side_they_saw() -> None:
    given = [
        judged("human", "1", "ab", "a"),
        judged("judge", "1", "ba", "a"),
        judged("human", "2", "ab", "b"),
        judged("judge", "2", "ab", "="),
        judged("human", "3", "ab", "b"),
        judged("judge", "4", "ab", "b"),
        judged("human", "5", "ab", "skip"),
        judged("judge", "5", "ab", "a"),
    ]
    found = agreement(given, "human", "judge")
    assert found is not None
    assert (found.n, found.observed) == (2, 0.5)


def test_contradictory_verdicts_of_a_judge_are_a_tie() -> None:
    given = [
        judged("judge", "1", "ab", "a"),
        judged("judge", "1", "ba", "b"),
        judged("human", "1", "ab", "="),
    ]
    found = agreement(given, "human", "judge")
    assert found is not None
    assert found.observed == 1


def test_a_judge_that_prefers_what_comes_first_is_seen_by_swapping() -> None:
    given = [
        *(judged("judge", q, shown, shown[0]) for q in "12" for shown in ("ab", "ba")),
        *(judged("judge", "3", shown, shown[1]) for shown in ("ab", "ba")),
        *(judged("judge", "4", shown, "a") for shown in ("ab", "ba")),
        *(judged("judge", "5", shown, "=") for shown in ("ab", "ba")),
        judged("judge", "6", "ab", "a"),
        *(judged("other", "7", shown, shown[0]) for shown in ("ab", "ba")),
    ]
    found = order_consistency(given, "judge")
    assert found is not None
    assert (found.pairs, found.consistent, found.always_first, found.always_second) == (5, 2, 2, 1)
    assert (found.low, found.high) == pytest.approx((0.1176, 0.7693), abs=1e-4)


def test_a_judge_that_never_saw_both_orders_is_not_rated() -> None:
    assert order_consistency([judged("judge", "1", "ab", "a")], "judge") is None
