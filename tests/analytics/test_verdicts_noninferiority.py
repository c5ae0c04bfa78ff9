from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.ranking.battles import Columns, from_columns
from analytics.ranking.noninferiority import from_battles, from_passes, from_scores, from_votes
from analytics.ranking.proportions import PassTable, mcnemar, newcombe
from analytics.ranking.quality import Quality


def votes(wins: int, losses: int, ties: int = 0, voters: int = 0) -> Quality:
    """Votes of as many voters, in turn; 0: each of another."""
    shares = [1.0] * wins + [0.0] * losses + [0.5] * ties
    found = from_votes(shares, [k % (voters or len(shares)) for k in range(len(shares))])
    assert found is not None
    return found


def test_a_share_is_wins_and_half_of_the_ties() -> None:
    found = votes(50, 30, 20)
    assert (found.value, found.n, found.voters) == (pytest.approx(0.1), 100, 100)


def test_the_interval_of_independent_votes_is_bonett_and_prices_with_t() -> None:
    # One win and one loss added: mean 20/102, variance (82 - 20²/102)/102²/4 · 102/101.
    found = votes(50, 30, 20)
    se = ((82 - 20**2 / 102) / 4 / 102 / 101) ** 0.5
    half = 1.9842169515864 * se  # R: qt(0.975, 99)
    assert (found.low, found.high) == pytest.approx((10 / 102 - half, 10 / 102 + half))
    assert found.lower > found.low


def test_a_few_equal_votes_are_not_certain() -> None:
    """As by the sign test: six of six have p = 0.031, five of five 0.0625."""
    assert [votes(n, 0).certain for n in (1, 2, 5, 6)] == [False, False, False, True]
    assert [votes(0, 0, n).not_worse() for n in (1, 10, 20, 30)] == [False, False, False, True]


def test_votes_of_few_people_count_by_person() -> None:
    shares = ([1.0] * 20 + [0.0] * 10) * 6
    voters = [k // 30 for k in range(180)]
    by_person = from_votes([float(v < 4) for v in voters], voters)
    alike = from_votes(shares, voters)
    assert by_person is not None
    assert alike is not None
    assert (by_person.value, alike.value) == (pytest.approx(1 / 6), pytest.approx(1 / 6))
    assert (by_person.certain, alike.certain) == (False, True)


@pytest.mark.parametrize("people", [1, 4])
def test_few_voters_are_clustered_by_question(people: int) -> None:
    shares = [1.0, 1.0, 0.0] * 20
    few = from_votes(shares, [k % people for k in range(60)], [k // 3 for k in range(60)])
    by_question = from_votes(shares, [k // 3 for k in range(60)])
    assert few is not None
    assert by_question is not None
    assert few.voters == people
    assert (few.low, few.high) == (by_question.low, by_question.high)


def test_no_votes_are_nothing() -> None:
    assert from_votes([], []) is None


def test_votes_between_two_are_taken_from_either_side() -> None:
    battles = from_columns(
        Columns(first=["a", "b", "b", "a"], second=["b", "a", "c", "c"], outcome=[1, 0, 1, 0.5])
    )
    found = from_battles(battles, "a", "b")
    assert found is not None
    assert (found.value, found.n) == (-0.5, 2)
    assert from_battles(battles, "a", "nobody") is None


def test_contestants_that_never_met_have_no_quality() -> None:
    battles = from_columns(Columns(first=["a", "b"], second=["c", "c"], outcome=[1, 1]))
    assert from_battles(battles, "a", "b") is None


def test_a_lead_is_settled_when_it_crosses_the_bound_for_looking_often() -> None:
    """Of 100: √(50 ln(50/(25·0.0025))) = 18.3 beyond half are needed."""
    assert [votes(wins, 100 - wins).settled for wins in (60, 68, 69, 31)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_lead_of_few_people_with_firm_tastes_is_not_settled() -> None:
    shares, by_person = [1.0] * 72 + [0.0] * 24, [k // 12 for k in range(96)]
    apart, together = from_votes(shares, range(96)), from_votes(shares, by_person)
    assert apart is not None
    assert together is not None
    assert (apart.settled, together.settled) == (True, False)


def test_passes_have_newcombes_interval_and_mcnemars_p() -> None:
    a = [True] * 70 + [False] * 30
    b = [True] * 60 + [False] * 10 + [True] * 12 + [False] * 18
    found, table = from_passes(a, b), PassTable(both=60, only_a=10, only_b=12, neither=18)
    bound = newcombe(table, 0.9)
    assert found is not None
    assert bound is not None
    assert (found.low, found.high) == newcombe(table)
    assert (found.lower, found.p_value) == (bound[0], mcnemar(table))
    assert (found.a, found.b, found.voters, found.settled) == (0.7, 0.72, None, True)


def test_passes_of_one_document_count_together() -> None:
    a = [True] * 100
    b = [k >= 10 for k in range(100)]
    alone, grouped = from_passes(a, b), from_passes(a, b, [k // 10 for k in range(100)])
    assert alone is not None
    assert grouped is not None
    assert (alone.certain, grouped.certain) == (True, False)
    assert alone.value == grouped.value == -0.1


def test_scores_are_compared_case_by_case() -> None:
    found = from_scores([0.5, 0.7, None, 0.9], [0.6, 0.9, 0.4, 0.9])
    assert found is not None
    assert (found.value, found.n, found.of) == (pytest.approx(0.1), 3, 4)
    assert (found.a, found.b) == (pytest.approx(0.7), pytest.approx(0.8))


def test_scores_of_another_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        from_scores([3.0, 4.0], [5.0, 4.0])


def test_results_of_neither_are_nothing() -> None:
    assert from_passes([None, True], [True, None]) is None
    assert from_scores([None], [0.5]) is None


def test_votes_needed_shrink_as_they_come_and_end_at_none() -> None:
    needed = [votes(26 * n, 24 * n, 20 * n).more_needed() for n in (1, 2, 4, 8)]
    assert needed == sorted(needed, reverse=True)
    assert (needed[0] > 100, needed[-1]) == (True, 0)


def test_the_votes_needed_give_eighty_percent_power() -> None:
    """An even record of 200: ((1.645 + 0.842)·0.5/0.05)² = 618 votes in all."""
    found = votes(90, 110)
    assert replace(found, plan=replace(found.plan, value=0.0)).more_needed() == pytest.approx(
        418, abs=8
    )


def test_undecided_is_never_almost_done() -> None:
    found = votes(95, 100)
    assert not found.not_worse()
    assert found.more_needed() >= 20


def test_behind_needs_the_votes_that_settle_it() -> None:
    found = votes(20, 40)
    assert found.certain
    assert not found.settled
    assert 30 < found.more_needed() < 300


def test_looking_often_needs_more_for_not_worse_too() -> None:
    once, often = votes(102, 98), votes(600, 400)
    assert (once.not_worse(), once.not_worse_at_any_look()) == (True, False)
    assert (often.not_worse(), often.not_worse_at_any_look()) == (True, True)


SHARES = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=60)
PASSES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(SHARES, st.integers(1, 8))
def test_swapping_the_two_mirrors_votes(shares: list[float], voters: int) -> None:
    who = [k % voters for k in range(len(shares))]
    there, back = from_votes(shares, who), from_votes([1 - share for share in shares], who)
    assert there is not None
    assert back is not None
    assert (back.value, back.low, back.high) == pytest.approx(
        (-there.value, -there.high, -there.low)
    )
    assert (back.certain, back.settled) == (there.certain, there.settled)


@given(PASSES)
def test_swapping_the_two_mirrors_passes(passes: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in passes], [y for _, y in passes]
    there, back = from_passes(a, b), from_passes(b, a)
    assert there is not None
    assert back is not None
    assert (back.value, back.low, back.high) == pytest.approx(
        (-there.value, -there.high, -there.low)
    )
    assert -1 <= there.low <= there.lower <= there.value <= there.high <= 1
