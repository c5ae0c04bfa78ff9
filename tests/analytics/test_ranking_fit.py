from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.ranking.battles import Battles, Columns, from_columns
from analytics.ranking.bradley_terry import Fit, elo, fit
from analytics.ranking.counting import count
from tests.analytics.votes import ballot, battles_of, votes

# Results of the 1987 season of the American League's Eastern Division: rows are the home team,
# "wins at home-losses at home" against each visitor. Agresti, Categorical Data Analysis, 2nd edition,
# table 10.10; as in data/baseball.csv of the R package BradleyTerry2 (github.com/hturner/BradleyTerry2).
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
AT_HOME = """
 -  4-3 4-2 4-3 6-1 4-2 6-0
3-3  -  4-2 4-3 6-0 6-1 4-3
2-5 4-3  -  2-4 4-3 4-2 6-0
3-3 5-1 2-5  -  4-3 4-2 6-1
5-1 2-5 3-3 4-2  -  5-2 6-0
2-5 3-3 3-4 4-3 4-2  -  2-4
2-5 1-5 1-6 2-4 1-6 3-4  -
"""


def baseball() -> Battles:
    first, second, outcome = [], [], []
    for home, line in zip(TEAMS, AT_HOME.split("\n")[1:], strict=False):
        for away, result in zip(TEAMS, line.split(), strict=True):
            wins, losses = (0, 0) if result == "-" else map(int, result.split("-"))
            first += [home] * (wins + losses)
            second += [away] * (wins + losses)
            outcome += [1.0] * wins + [0.0] * losses
    return from_columns(Columns(first=first, second=second, outcome=outcome))


def above_baltimore(found: Fit) -> dict[str, float]:
    return {
        team: round(difference.value, 4)
        for team in sorted(TEAMS)
        if (difference := found.difference(team, "Baltimore")) and team != "Baltimore"
    }


def test_published_abilities_of_baseball_teams_are_reproduced() -> None:
    """tests/baseball.Rout.save of BradleyTerry2 1.1; Agresti, table 10.11, column 3."""
    found = fit(baseball(), ridge=0)
    assert above_baltimore(found) == {
        "Boston": 1.1077,
        "Cleveland": 0.6839,
        "Detroit": 1.4364,
        "Milwaukee": 1.5814,
        "New York": 1.2476,
        "Toronto": 1.2945,
    }


def test_published_abilities_with_home_advantage_are_reproduced() -> None:
    """tests/baseball.Rout.save of BradleyTerry2 1.1; Agresti, table 10.11, column 5."""
    found = fit(baseball(), ridge=0, coefficient_ridge=0, position=True)
    assert round(found.coefficients["position"].value, 4) == 0.3023
    assert above_baltimore(found) == {
        "Boston": 1.1438,
        "Cleveland": 0.7047,
        "Detroit": 1.4754,
        "Milwaukee": 1.6196,
        "New York": 1.2813,
        "Toronto": 1.3271,
    }


def test_published_standard_errors_follow_from_the_information() -> None:
    found = fit(baseball(), ridge=0)
    inverse = np.linalg.inv(found.information)
    b = found.names.index("Baltimore")
    errors = [
        round(sqrt(inverse[k, k] + inverse[b, b] - 2 * inverse[k, b]), 4)
        for k, name in enumerate(found.names)
        if name != "Baltimore"
    ]
    assert errors == [0.3339, 0.3319, 0.3396, 0.3433, 0.3359, 0.3367]


def test_two_contestants_get_the_log_odds_of_their_record() -> None:
    found = fit(battles_of(*["a>b"] * 30, *["b>a"] * 10), ridge=0)
    assert (found.theta[0] - found.theta[1]) == pytest.approx(np.log(3))


def test_the_sandwich_of_two_contestants_is_that_of_a_proportion() -> None:
    """Independent votes: Var(logit p) = 1/(n p (1-p)), times n/(n - 1)."""
    battles = battles_of(*["a>b"] * 30, *["b>a"] * 10)
    found = fit(battles, ridge=0, cluster="ballot").difference("a", "b")
    assert found is not None
    assert found.se == pytest.approx(sqrt(40 / 39 / (40 * 0.75 * 0.25)))


def test_a_vote_cast_twice_by_each_voter_tells_nothing_more() -> None:
    once = fit(votes(np.random.default_rng(1), [0.5, 0, -0.5], 200), ridge=0)
    battles = votes(np.random.default_rng(1), [0.5, 0, -0.5], 200)
    rows = np.repeat(np.arange(200), 2)
    twice = from_columns(
        Columns(
            first=[battles.names[k] for k in battles.first[rows]],
            second=[battles.names[k] for k in battles.second[rows]],
            outcome=battles.outcome[rows],
            voter=[str(row) for row in rows],
        )
    )
    np.testing.assert_allclose(fit(twice, ridge=0).covariance, once.covariance)


def test_a_perfect_record_stays_finite_and_uncertain() -> None:
    found = fit(battles_of(*["a>b"] * 10, *["c>b"] * 5, *["b>c"] * 5))
    rating = found.rating("a")
    share = found.win_probability("a", "b")
    assert rating is not None
    assert share is not None
    assert 1100 < elo(rating.value) < 1400
    assert share.low < 0.8, "Wilson's interval of 10 of 10 begins at 0.72"
    assert share.high < 1


def test_a_perfect_record_has_no_rating_without_a_ridge() -> None:
    with pytest.raises(ArithmeticError, match="no most likely"):
        fit(battles_of(*["a>b"] * 10), ridge=0)


def test_a_long_perfect_record_does_not_diverge_either() -> None:
    found = fit(battles_of(*["a>b"] * 5000))
    assert elo(found.theta[0]) < 2500
    assert np.isfinite(found.covariance).all()


@pytest.mark.parametrize("count_of", [1, 3, 40])
def test_only_ties_are_even_with_a_finite_interval_that_is_not_nothing(count_of: int) -> None:
    share = fit(battles_of(*["a=b"] * count_of)).win_probability("a", "b")
    assert share is not None
    assert share.value == 0.5
    assert 0 < share.low < 0.48 < 0.52 < share.high < 1


def test_only_both_bad_is_even_too() -> None:
    found = fit(count([ballot("ab", "both_bad")] * 4)).win_probability("a", "b")
    assert found is not None
    assert found.value == 0.5
    assert 0 < found.low < found.high < 1


def test_one_vote_is_worth_next_to_nothing() -> None:
    share = fit(battles_of("a>b")).win_probability("a", "b")
    assert share is not None
    assert share.low < 0.05
    assert share.high > 0.95


def test_no_battles_are_no_ratings() -> None:
    found = fit(count([]))
    assert (found.names, found.theta.shape, found.ballots) == ((), (0,), 0)


def test_one_voter_is_grouped_by_question_and_the_fit_says_why() -> None:
    asked = [
        ballot("ab", "pick", ((k % 2,),), question=str(k % 8), voter="only") for k in range(24)
    ]
    found = fit(count(asked))
    assert (found.clusters, found.cluster_count) == ("question", 8)
    assert found.cluster_reason == "1 voter: too few to see how voters differ"
    assert found.df == pytest.approx(7)


def test_one_voter_and_one_question_leave_only_ballots() -> None:
    found = fit(count([ballot("ab", "tie", question="same")] * 9))
    assert (found.clusters, found.cluster_count) == ("ballot", 9)
    assert found.cluster_reason.endswith("; 1 question is too few too")


def test_five_voters_are_grouped_by_voter() -> None:
    battles = battles_of(*["a>b", "b>a"] * 10, voters=[str(k % 5) for k in range(20)])
    found = fit(battles)
    assert (found.clusters, found.cluster_count, found.cluster_reason) == ("voter", 5, "")
    assert found.df == pytest.approx(4)


def test_a_voter_with_most_of_the_votes_leaves_few_degrees_of_freedom() -> None:
    """Shares 0.5 and ten of 0.05: 1/(0.25 + 10 · 0.0025) = 3.64 voters' worth."""
    who = ["much"] * 50 + [f"v{k % 10}" for k in range(50)]
    found = fit(battles_of(*["a>b", "b>a"] * 50, voters=who))
    assert (found.cluster_count, round(found.df, 2)) == (11, 2.64)


def test_groups_that_were_never_compared_are_told_apart() -> None:
    found = fit(battles_of("a>b", "b>c", "a>b", "x>y", "y=x"))
    assert found.disconnected
    assert dict(zip(found.names, found.component.tolist(), strict=True)) == {
        "a": 0,
        "b": 0,
        "c": 0,
        "x": 1,
        "y": 1,
    }
    assert found.difference("a", "x") is None
    assert found.win_probability("a", "x") is None
    assert found.difference("a", "c") is not None
    assert found.theta[:3].sum() == pytest.approx(0)
    assert found.theta[3:].sum() == pytest.approx(0)


def test_another_group_does_not_change_a_rating() -> None:
    alone = fit(battles_of(*["a>b", "b>a", "a>b"]), cluster="ballot")
    beside = fit(battles_of(*["a>b", "b>a", "a>b"], *["x>y"] * 50), cluster="ballot")
    assert beside.theta[:2] == pytest.approx(alone.theta)


def test_a_contestant_without_battles_has_no_rating() -> None:
    battles = battles_of("a>b", "b>c")
    found = fit(battles.select(np.array([True, False])))
    assert found.rating("c") is None
    assert found.rating("a") is not None


def test_elo_is_four_hundred_points_for_ten_to_one() -> None:
    assert elo(0) == 1000
    assert elo(np.log(10)) == pytest.approx(1400)


records = st.lists(
    st.tuples(
        st.sampled_from([(i, j) for i in range(4) for j in range(4) if i != j]),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=40,
)
Records = list[tuple[tuple[int, int], float, int]]


def fit_of(given: Records, names: str = "abcd", swap: int | None = None) -> Fit:
    """`swap` 0 turns every battle round, 2 every second one."""
    rows = [
        ((j, i), 1 - y, v) if swap is not None and (swap == 0 or k % swap == 0) else ((i, j), y, v)
        for k, ((i, j), y, v) in enumerate(given)
    ]
    return fit(
        from_columns(
            Columns(
                first=[names[i] for (i, _), _, _ in rows],
                second=[names[j] for (_, j), _, _ in rows],
                outcome=[y for _, y, _ in rows],
                voter=[str(v) for _, _, v in rows],
            )
        )
    )


@settings(max_examples=40, deadline=None)
@given(records, st.sampled_from([0, 2]))
def test_which_side_was_which_changes_nothing(given: Records, swap: int) -> None:
    as_shown, turned = fit_of(given), fit_of(given, swap=swap)
    np.testing.assert_allclose(turned.theta, as_shown.theta, atol=1e-7)
    np.testing.assert_allclose(turned.covariance, as_shown.covariance, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(records)
def test_names_change_nothing(given: Records) -> None:
    found, renamed = fit_of(given), fit_of(given, names="zxwy")
    for a, b in zip("abcd", "zxwy", strict=True):
        if a in found.names:
            assert renamed.theta[renamed.names.index(b)] == pytest.approx(
                found.theta[found.names.index(a)], abs=1e-7
            )


@settings(max_examples=40, deadline=None)
@given(records)
def test_the_mean_rating_is_zero_and_everything_is_finite(given: Records) -> None:
    found = fit_of(given)
    assert found.theta.sum() == pytest.approx(0, abs=1e-8)
    assert np.isfinite(found.covariance).all()


@settings(max_examples=40, deadline=None)
@given(records)
def test_one_more_win_does_not_lower_a_rating(given: Records) -> None:
    before = fit_of([*given, ((0, 1), 0.5, 0)])
    after = fit_of([*given, ((0, 1), 1.0, 0)])
    assert after.theta[0] - after.theta[1] >= before.theta[0] - before.theta[1]
