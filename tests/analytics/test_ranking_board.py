"""Votes and answers in, all that is shown out."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace
from itertools import pairwise

from analytics.ranking.board import (
    MOST_DECIDED,
    MOST_PARTS,
    Board,
    Counting,
    Rating,
    board,
    sides_vary,
    tally,
)
from analytics.ranking.counting import count
from analytics.ranking.vote_quality import vote_quality
from core.comparison import Answered, Ballot, Traits
from tests.analytics.votes import ballot


def votes(pair: str, wins: int, losses: int, **changes: object) -> list[Ballot]:
    """Of the first of two letters; sides are shuffled, each vote is of another question."""
    found = []
    for n in range(wins + losses):
        a, b = (pair[0], pair[1]) if n % 2 else (pair[1], pair[0])
        best = 0 if (n < wins) == (a == pair[0]) else 1
        one = ballot(a + b, "pick", ((best,),))
        found.append(replace(one, question=f"{pair}{n}", voter=f"v{n % 7}", **changes))  # type: ignore[arg-type]
    return found


def made(ballots: list[Ballot], rating: Rating | None = None, **options: object) -> Board:
    return board(tally(ballots, Counting()), [], rating or Rating(), names={}, **options)  # type: ignore[arg-type]


def answered(key: str, question: int, cost: int, seconds: int) -> Answered:
    return Answered(
        contestant=key, question=f"q{question}", completed=True, cost_pusd=cost,
        duration_us=seconds * 1_000_000 + question,
    )  # fmt: skip


def test_ratings_and_verdicts_are_of_the_same_votes() -> None:
    found = made(votes("ab", 60, 10))
    assert [row.key for row in found.leaderboard.rows] == ["a", "b"]
    assert [(p.a, p.b, p.verdict.kind) for p in found.decision.pairs] == [("a", "b", "worse")]
    assert found.plain is None


def test_sentences_use_names_and_keys_stand_for_missing_ones() -> None:
    counted = tally(votes("ab", 60, 10), Counting())
    found = board(counted, [], Rating(), names={"a": "Ada"})
    assert found.decision.pairs[0].verdict.text.startswith("b is worse than Ada by")


def test_a_wider_margin_makes_not_worse_of_what_cannot_be_told() -> None:
    close = votes("ab", 52, 48)
    kinds = [
        made(close, Rating(delta=delta)).decision.pairs[0].verdict.kind for delta in (0.01, 0.2)
    ]
    assert kinds == ["cannot_tell", "not_worse"]


def test_flagged_votes_count_when_they_are_allowed() -> None:
    given = [*votes("ab", 5, 5), *votes("ab", 3, 0, flags=("revealed",))]
    usual = tally(given, Counting())
    allowed = tally(given, Counting(allowed_flags=("revealed",)))
    assert (usual.battles.ballots, allowed.battles.ballots) == (10, 13)
    assert usual.quality.flagged == allowed.quality.flagged == {"revealed": 3}


def test_configurations_of_a_model_are_one_contestant() -> None:
    given = [*votes("ab", 6, 2), *votes("xb", 6, 2), *votes("ax", 4, 4)]
    counting = Counting(groups=(("a", "model"), ("x", "model")))
    counted = tally(given, counting)
    answers = [answered(key, 1, cost, 1) for key, cost in (("x", 7), ("b", 9))]
    found = board(counted, answers, Rating(), names={}, groups=dict(counting.groups))
    assert [(row.key, row.votes) for row in found.leaderboard.rows] == [("model", 16), ("b", 16)]
    assert counted.battles.left_out == {"nothing_compared": 8}
    assert [one.mean_cost_pusd for one in found.decision.standings] == [7, 9]


def test_one_ballot_about_several_configurations_of_a_model_is_one_vote() -> None:
    given = [ballot("axby", "rank", ((0,), (1,), (2, 3)), question="q")]
    groups = (("a", "one"), ("x", "one"), ("b", "two"), ("y", "two"))
    counted = tally(given, Counting(groups=groups))
    found = board(counted, [], Rating(), names={}, groups=dict(groups))
    (pair,) = found.decision.pairs
    assert (counted.battles.weight.tolist(), pair.verdict.n) == ([1.0], 1)


def test_with_style_control_both_ratings_are_there() -> None:
    rng = random.Random(1)
    given = [
        replace(one, traits=(Traits(tokens=rng.randrange(10, 99)), Traits(tokens=50)))
        for one in votes("ab", 30, 20)
    ]
    found = made(given, Rating(style=("tokens",), position=True))
    assert set(found.leaderboard.fit.coefficients) == {"tokens", "position"}
    assert found.plain is not None
    assert set(found.plain.fit.coefficients) == {"position"}
    assert found.whole.coefficients == {}


def test_a_part_that_differs_stands_out() -> None:
    given = [
        *votes("ab", 90, 10, slices={"language": "en"}),
        *votes("ab", 10, 90, slices={"language": "de"}),
    ]
    found = made(given)
    assert {(part.value, part.fit.ballots) for part in found.parts} == {("en", 100), ("de", 100)}
    assert all(one.stands_out for one in found.differences)


def test_only_the_largest_parts_are_looked_at() -> None:
    given = [
        one for n in range(MOST_PARTS + 5)
        for one in votes("ab", 11, 10 + (n > 9), slices={"category": f"c{n}"})
    ]  # fmt: skip
    assert {part.fit.ballots for part in made(given).parts} == {22}


def test_pairs_of_the_best_only_are_decided() -> None:
    names = [chr(ord("a") + n) for n in range(MOST_DECIDED + 1)]
    given = [one for a, b in pairwise(names) for one in votes(a + b, 3, 1)]
    found = made(given)
    assert len(found.leaderboard.rows) == MOST_DECIDED + 1
    assert len(found.decision.standings) == MOST_DECIDED


def test_nobody_is_dominated_by_somebody_never_compared_with() -> None:
    given = [*votes("ab", 40, 10), *votes("xy", 26, 24)]
    costs = {"a": 1, "b": 2, "x": 5, "y": 6}
    answers = [answered(key, 1, cost, cost) for key, cost in costs.items()]
    found = board(tally(given, Counting()), answers, Rating(), names={})
    places = {one.key: one.place.dominated_by for one in found.decision.standings}
    assert places == {"a": (), "b": ("a",), "x": (), "y": ("x",)}


def test_pairs_that_stand_one_way_round_say_nothing_about_sides() -> None:
    fixed = [ballot("ab", "pick", ((n % 2,),)) for n in range(20)]
    assert not sides_vary(count(fixed))
    assert sides_vary(count(votes("ab", 10, 10)))
    assert sides_vary(count(fixed[:3]))  # too few to see it


def test_no_votes_are_a_board_too() -> None:
    found = made([])
    assert (found.leaderboard.rows, found.decision.pairs, found.parts) == ([], (), ())


def test_a_board_can_be_kept() -> None:
    found = made(votes("ab", 6, 4))
    assert pickle.loads(pickle.dumps(found)).decision == found.decision


# -- the votes themselves


def test_voters_of_the_same_answers_are_compared() -> None:
    said = [ballot("ab", "pick", ((n % 2,),)) for n in range(8)]
    given = [
        replace(one, question=f"q{n}", voter=voter)
        for voter in ("ada", "bob") for n, one in enumerate(said)
    ]  # fmt: skip
    (found,) = vote_quality(given).agreements
    assert (found.a, found.b, found.found.n, found.found.kappa) == ("ada", "bob", 8, 1)


def test_who_shares_too_little_is_not_compared() -> None:
    given = [
        replace(ballot("ab", "tie"), question="q", voter=voter) for voter in ("ada", "bob")
    ]  # fmt: skip
    found = vote_quality(given)
    assert found.agreements == ()
    assert [(one.a, one.b, one.found.n) for one in found.too_few] == [("ada", "bob", 1)]


def test_a_judge_of_pairs_is_compared_with_a_person_who_saw_three_at_once() -> None:
    """It judges two at a time; votes on three answers were compared with nothing."""
    given = [
        one for n in range(3) for one in (
            replace(ballot("abc", "rank", ((0,), (1,), (2,))), question=f"q{n}", voter="ada"),
            *(replace(ballot(pair, "pick", ((0,),)), question=f"q{n}", voter="judge")
              for pair in ("ab", "ac", "cb")),
        )
    ]  # fmt: skip
    (found,) = vote_quality(given).agreements
    assert (found.a, found.b, found.found.n) == ("judge", "ada", 9)
    assert found.found.observed == 6 / 9


def test_a_judge_that_likes_the_first_is_seen() -> None:
    given = [
        replace(ballot(pair, "pick", ((0,),)), question=f"q{n}", voter="judge")
        for n in range(6) for pair in ("ab", "ba")
    ]  # fmt: skip
    ((name, found),) = vote_quality(given).consistency
    assert (name, found.pairs, found.consistent, found.always_first) == ("judge", 6, 0, 6)
