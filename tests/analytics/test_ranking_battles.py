from __future__ import annotations

import numpy as np
import pytest

from analytics.ranking.battles import NO_SLOT, Battles, Columns, from_columns
from analytics.ranking.counting import count
from core.comparison import Ballot, Traits
from tests.analytics.votes import ballot

DAY_US = 86_400_000_000


def said(battles: Battles) -> list[tuple[str, str, float, float]]:
    """(shown first, shown second, what the first got, weight) of each battle."""
    names = battles.names
    columns = (battles.first, battles.second, battles.outcome, battles.weight)
    return [
        (names[i], names[j], float(y), round(float(w), 4))
        for i, j, y, w in zip(*columns, strict=True)
    ]


def test_a_pick_of_two_is_one_battle() -> None:
    assert said(count([ballot("ab", "pick", ((1,), (0,)))])) == [("a", "b", 0.0, 1.0)]


def test_a_pick_of_three_compares_the_best_with_each_other_and_is_one_vote() -> None:
    battles = count([ballot("abc", "pick", ((1,), (0, 2)))])
    assert said(battles) == [("a", "b", 0.0, 0.5), ("b", "c", 1.0, 0.5)]


def test_a_pick_that_names_only_the_best_says_the_same() -> None:
    short, full = ballot("abc", "pick", ((1,),)), ballot("abc", "pick", ((1,), (0, 2)))
    assert said(count([short])) == said(count([full]))


def test_a_ranking_compares_every_pair_and_ties_within_a_group() -> None:
    battles = count([ballot("abc", "rank", ((2,), (0, 1)))])
    third = 0.3333
    assert said(battles) == [
        ("a", "b", 0.5, third),
        ("a", "c", 0.0, third),
        ("b", "c", 0.0, third),
    ]


def test_a_ranking_of_some_says_nothing_about_the_rest() -> None:
    assert said(count([ballot("abc", "rank", ((2,), (0,)))])) == [("a", "c", 0.0, 1.0)]


def test_ties_and_both_bad_are_half_a_win_for_each_and_told_apart() -> None:
    battles = count([ballot("ab", "tie"), ballot("ba", "both_bad")])
    assert said(battles) == [("a", "b", 0.5, 1.0), ("b", "a", 0.5, 1.0)]
    assert battles.both_bad.tolist() == [False, True]


@pytest.mark.parametrize("shown", ["ab", "abc", "abcdef"])
def test_one_click_is_one_vote_however_many_answers(shown: str) -> None:
    ranked = ballot(shown, "rank", tuple((k,) for k in range(len(shown))))
    picked = ballot(shown, "pick", ((0,),))
    battles = count([ranked, picked, ballot(shown, "tie")])
    assert np.bincount(battles.ballot, battles.weight) == pytest.approx([1, 1, 1])


def test_a_pair_that_meets_several_times_in_one_ballot_is_one_battle_by_majority() -> None:
    """Three equal configurations against three equal others were nine battles of one pair."""
    ranked = ballot("ababab", "rank", ((0,), (1, 2), (3,), (4,), (5,)))
    even = ballot("aabb", "rank", ((0,), (2, 3), (1,)))
    picked = ballot("aaabbb", "pick", ((4,),))
    assert said(count([ranked, even, picked])) == [
        ("a", "b", 1.0, 1.0),
        ("a", "b", 0.5, 1.0),
        ("a", "b", 0.0, 1.0),
    ]


def test_pairs_that_meet_several_times_share_the_vote_with_those_that_meet_once() -> None:
    battles = count([ballot("abac", "rank", ((0,), (1,), (2,), (3,)))])
    third = 0.3333
    assert said(battles) == [("a", "b", 0.5, third), ("a", "c", 1.0, third), ("b", "c", 1.0, third)]


def test_traits_of_a_pair_that_meets_several_times_are_the_mean() -> None:
    sizes = (100, 300, 100, 100)
    given = Ballot(
        voter="v", contestants=("a", "b", "b", "a"), outcome="rank",
        order=((0,), (1,), (2,), (3,)), traits=tuple(Traits(tokens=one) for one in sizes),
    )  # fmt: skip
    battles = count([given])
    assert battles.features[:, 0].tolist() == [-0.25]
    assert battles.outcome.tolist() == [0.5]


def test_ballots_that_do_not_count_are_counted_by_reason() -> None:
    battles = count(
        [
            ballot("ab", "pick", ((0,),)),
            ballot("ab", "skip"),
            ballot("ab", "pick", ((0,),), flags=("identity_leak", "revealed")),
            ballot("ab", "pick", ((0,),), flags=("revealed",)),
            ballot("aa", "tie"),
            ballot("ab", "pick", ((5,),)),
            ballot("ab", "rank", ((0,), (0, 1))),
            ballot("ab", "pick"),
        ]
    )
    assert battles.ballots == 1
    assert battles.left_out == {
        "skip": 1,
        "identity_leak": 1,
        "revealed": 1,
        "nothing_compared": 4,
    }


def test_flags_that_are_allowed_do_not_leave_a_ballot_out() -> None:
    both = [ballot("ab", "tie", flags=("revealed",)), ballot("ab", "tie", flags=("arm_failed",))]
    battles = count(both, allowed_flags={"revealed"})
    assert (battles.ballots, battles.left_out) == (1, {"arm_failed": 1})


def test_the_first_votes_of_a_day_stay_when_there_are_too_many() -> None:
    late, early, other_day = DAY_US + 9, DAY_US + 1, 2 * DAY_US
    given = [ballot("ab", "pick", ((0,),), at_us=at) for at in (late, early, other_day)]
    battles = count([*given, ballot("ab", "tie", voter="w", at_us=late)], votes_a_day=1)
    assert battles.left_out == {"voter_limit": 1}
    assert battles.outcome.tolist() == [1.0, 1.0, 0.5]


def test_votes_that_do_not_count_do_not_use_up_the_limit() -> None:
    skipped = ballot("ab", "skip", at_us=1)
    battles = count([skipped, ballot("ab", "tie", at_us=2)], votes_a_day=1)
    assert battles.left_out == {"skip": 1}


def test_votes_of_an_unknown_time_are_not_limited() -> None:
    assert count([ballot("ab", "tie")] * 3, votes_a_day=1).ballots == 3


def test_contestants_with_too_few_votes_are_dropped_until_all_have_enough() -> None:
    given = [ballot("ab", "tie")] * 3 + [ballot("bc", "tie")] * 2 + [ballot("cd", "tie")]
    battles = count(given, min_votes=3)
    assert battles.names == ("a", "b")
    assert battles.dropped == ("c", "d")
    assert battles.left_out == {"few_votes": 3}
    assert (battles.ballots, len(battles.first)) == (3, 3)


def test_traits_become_relative_differences_and_unknown_ones_stay_unknown() -> None:
    short, long = Traits(tokens=100, headings=0, bold=2), Traits(tokens=300, headings=0)
    given = Ballot(
        voter="v", contestants=("a", "b"), outcome="pick", order=((0,), (1,)), traits=(short, long)
    )
    features = count([given, ballot("ab", "tie")]).features
    nan = np.nan
    expected = [[-0.5, 0.0, nan, nan, nan, nan], [nan] * 6]
    np.testing.assert_array_equal(features, expected)


def test_questions_group_ballots_and_ballots_without_one_stand_alone() -> None:
    asked = [ballot("ab", "tie", question=name) for name in ("x", "", "x", "")]
    assert count(asked).question.tolist() == [0, 1, 0, 2]


def test_the_slot_of_the_best_answer_is_kept() -> None:
    given = [
        ballot("abc", "pick", ((2,),)),
        ballot("ab", "rank", ((0,), (1,))),
        ballot("ab", "tie"),
        ballot("abc", "rank", ((0, 1), (2,))),
    ]
    assert count(given).winner_slot.tolist() == [2, 0, NO_SLOT, NO_SLOT]


def test_selected_ballots_keep_their_battles_voters_and_slices() -> None:
    given = [
        Ballot(voter=f"v{k}", contestants=("a", "b", "c"), outcome="tie", slices={"language": lang})
        for k, lang in enumerate(("en", "de", "en"))
    ]
    some = count(given).select(np.array([False, True, True]))
    assert some.ballot.tolist() == [0, 0, 0, 1, 1, 1]
    assert some.slices == {"language": ("de", "en")}
    assert [some.voters[k] for k in some.voter] == ["v1", "v2"]


def test_columns_are_the_same_battles_as_ballots() -> None:
    columns = Columns(first=["a", "c"], second=["b", "a"], outcome=[1, 0.5], voter=["x", "y"])
    given = [ballot("ab", "pick", ((0,),), voter="x"), ballot("ca", "tie", voter="y")]
    from_ballots, from_table = count(given), from_columns(columns)
    assert said(from_table) == said(from_ballots)
    for name in ("voter", "question", "slots", "winner_slot", "both_bad"):
        assert getattr(from_table, name).tolist() == getattr(from_ballots, name).tolist()


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (Columns(first=["a"], second=["b", "c"], outcome=[1]), "equally long"),
        (Columns(first=["a"], second=["b"], outcome=[2]), "0, 0.5 or 1"),
        (Columns(first=["a"], second=["a"], outcome=[1]), "two contestants"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: Columns, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_columns(columns)


def test_no_ballots_are_no_battles() -> None:
    battles = count([])
    assert (battles.ballots, battles.names, battles.features.shape) == (0, (), (0, 6))
