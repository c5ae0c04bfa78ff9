from __future__ import annotations

import time

import numpy as np
import pytest

from analytics.ranking.counting import count
from analytics.ranking.davidson import fit_davidson
from analytics.ranking.leaderboard import Leaderboard, leaderboard
from analytics.ranking.pairs import win_matrix
from tests.analytics.votes import ballot, battles_of, votes


def concerns(board: Leaderboard) -> set[str]:
    return {notice.concern for notice in board.notices}


def test_rows_are_in_order_of_rating_with_all_a_page_shows() -> None:
    board = leaderboard(votes(np.random.default_rng(1), [-0.5, 0.0, 0.5], 600))
    assert [row.key for row in board.rows] == ["m2", "m1", "m0"]
    first = board.rows[0]
    assert first.elo is not None
    assert first.elo_low is not None
    assert first.elo_high is not None
    assert first.win_probability is not None
    assert first.elo_low < first.elo < first.elo_high
    assert first.win_probability.low > 0.5
    assert (first.rank_low, first.rank_high) == (1, 1)
    assert first.p_best is not None
    assert first.p_best > 0.99
    assert first.wins + first.ties + first.losses == pytest.approx(first.votes)
    assert (board.votes, board.voters, board.notices) == (600, 600, [])


def test_pairs_come_with_a_label_and_the_votes_still_needed() -> None:
    board = leaderboard(battles_of(*["a>b"] * 60, *["b>a"] * 10, *["b>c"] * 6, *["c>b"] * 4))
    states = {(state.record.a, state.record.b): state for state in board.pairs}
    assert states.keys() == {("a", "b"), ("b", "c")}
    assert (states["a", "b"].label, states["a", "b"].votes_needed) == ("better", 0)
    assert states["b", "c"].label == "leading"
    assert (states["b", "c"].votes_needed or 0) > 50


def test_a_win_over_both_others_is_one_vote_won() -> None:
    board = leaderboard(
        count([ballot("abc", "pick", ((0,),)), ballot("abc", "rank", ((1,), (0,), (2,)))])
    )
    rows = {row.key: (row.votes, row.wins, row.ties, row.losses) for row in board.rows}
    assert rows == {"a": (2, 1.5, 0, 0.5), "b": (2, 1, 0, 1), "c": (2, 0, 0, 2)}


def test_both_bad_is_a_tie_reported_by_itself() -> None:
    given = [ballot("ab", "both_bad")] * 3 + [ballot("ab", "pick", ((0,),))] * 7
    board = leaderboard(count(given))
    assert [(row.ties, row.both_bad_rate) for row in board.rows] == [(3, 0.3), (3, 0.3)]
    assert "many_both_bad" in concerns(board)


def test_no_votes_make_an_empty_board() -> None:
    board = leaderboard(count([]))
    assert (board.rows, board.pairs, board.comparisons, board.bias) == ([], [], [], [])
    assert concerns(board) == {"no_votes"}


def test_few_voters_are_said_with_what_intervals_then_mean() -> None:
    asked = [ballot("ab", "pick", ((k % 2,),), voter="me", question=str(k)) for k in range(40)]
    (notice,) = leaderboard(count(asked)).notices
    assert notice.concern == "few_voters"
    assert notice.text == (
        "1 voter: too few to see how voters differ. Intervals hold for these people and more "
        "questions of theirs, not for others."
    )


def test_one_voter_with_most_votes_is_said() -> None:
    who = ["much"] * 70 + [f"v{k}" for k in range(30)]
    board = leaderboard(battles_of(*["a>b", "a<b"] * 50, voters=who))
    assert [(n.concern, n.text) for n in board.notices] == [
        ("one_voice", "One of 31 voters cast 70 % of the votes.")
    ]


def test_groups_never_compared_are_said_and_shown_apart() -> None:
    board = leaderboard(battles_of(*["a>b", "b>a", "b>a"] * 20, *["x>y", "y>x"] * 20, "z>x"))
    (apart,) = [notice for notice in board.notices if notice.concern == "disconnected"]
    assert apart.contestants == ("a", "b")
    assert [(row.key, row.component) for row in board.rows][-2:] == [("b", 1), ("a", 1)]


def test_thin_tied_and_one_sided_votes_are_said() -> None:
    board = leaderboard(battles_of(*["a=b"] * 10, *["a>b"] * 10))
    assert concerns(board) == {"thin", "many_ties", "position_bias"}


def test_dropped_contestants_are_said() -> None:
    given = [ballot("ab", "tie", voter=str(k)) for k in range(40)] + [ballot("bc", "tie")]
    board = leaderboard(count(given, min_votes=5))
    assert [n.contestants for n in board.notices if n.concern == "dropped"] == [("c",)]


def test_a_matrix_counts_each_pair_from_both_sides() -> None:
    given = [
        ballot("ab", "pick", ((0,),)),
        ballot("ba", "pick", ((0,),)),
        ballot("ba", "pick", ((0,),)),
        ballot("ab", "tie"),
        ballot("ba", "both_bad"),
        ballot("abc", "pick", ((0,),)),
    ]
    matrix = win_matrix(count(given))
    seen, turned = matrix.record("a", "b"), matrix.record("b", "a")
    assert (seen.wins_a, seen.wins_b, seen.ties, seen.both_bad, seen.votes) == (2, 2, 1, 1, 6)
    assert (turned.wins_a, turned.wins_b, turned.votes) == (2, 2, 6)
    assert seen.win_rate == 0.5
    assert seen.interval == pytest.approx((0.15, 0.85), abs=0.005)
    assert [(one.a, one.b) for one in matrix.records()] == [("a", "b"), ("a", "c")]


def test_pairs_without_decisive_votes_have_no_rate() -> None:
    (only,) = win_matrix(battles_of("a=b")).records()
    assert (only.win_rate, only.interval, only.tie_rate) == (None, None, 1.0)


def test_davidsons_ties_are_as_likely_as_they_were() -> None:
    """Two contestants have as many parameters as outcomes: the fit is the record."""
    battles = battles_of(*["a>b"] * 50, *["b>a"] * 20, *["a=b"] * 30)
    found = fit_davidson(battles, ridge=1e-9).probabilities("a", "b")
    assert found == pytest.approx((0.5, 0.2, 0.3), abs=1e-6)


@pytest.mark.parametrize("results", [["a=b"] * 9, ["a>b"] * 9, ["a>b", "b>c"]])
def test_davidsons_model_stays_finite(results: list[str]) -> None:
    found = fit_davidson(battles_of(*results))
    assert np.isfinite(found.theta).all()
    assert 0 < found.tie < 100


@pytest.mark.slow
def test_a_hundred_thousand_votes_of_twenty_models_take_under_a_second() -> None:
    battles = votes(np.random.default_rng(2), np.linspace(-1, 1, 20).tolist(), 100_000, voters=5000)
    started = time.perf_counter()
    board = leaderboard(battles)
    assert time.perf_counter() - started < 1
    assert board.rows[0].key == "m19"
