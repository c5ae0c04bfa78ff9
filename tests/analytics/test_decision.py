"""Contestants put together: standings, pairs the right way round, families, verdicts."""

from __future__ import annotations

import random
from collections.abc import Sequence

from analytics.ranking.counting import count
from analytics.ranking.decision import decide_by_passes, decide_by_votes
from analytics.ranking.leaderboard import leaderboard
from core.comparison import Answered, Ballot

NAMES = {"a": "Large", "b": "Small", "c": "Third"}


def answers(
    key: str, passed: Sequence[bool | None], *, cost: int | None = 1000, time: float = 1.0
) -> list[Answered]:
    rng = random.Random(key)
    return [
        Answered(
            contestant=key,
            question=str(n),
            completed=ok is not None,
            passed=ok,
            cost_pusd=None if cost is None else cost + n,
            duration_us=int(time * 1e6 * (1 + n % 7 / 10) * rng.uniform(0.97, 1.03)),
            ttft_us=200_000,
        )
        for n, ok in enumerate(passed)
    ]


def test_the_cheaper_one_is_judged_against_the_dearer() -> None:
    found = decide_by_passes(
        [*answers("a", [True] * 80, cost=10_000, time=1.8), *answers("b", [True] * 80, cost=1_600)],
        keys=["b", "a"],
        names=NAMES,
    )
    (pair,) = found.pairs
    assert (pair.a, pair.b, pair.verdict.kind) == ("a", "b", "not_worse")
    assert pair.verdict.text == (
        "Small is not worse than Large within 5 points, 84 % cheaper and 1.8 times faster (n = 80)."
    )


def test_standings_have_their_figures_and_place() -> None:
    found = decide_by_passes(
        [
            *answers("a", [True, False, None, True], cost=10, time=2.0),
            *answers("b", [True] * 4, cost=5),
        ],
        keys=["a", "b"],
        names=NAMES,
    )
    first, second = found.standings
    assert (first.answers, first.completed, first.quality, first.quality_n) == (4, 3, 2 / 3, 3)
    assert (second.mean_cost_pusd, second.cost_n, second.p95_sound) == (6.5, 4, False)
    assert first.place.dominated_by == ("b",)
    assert second.place.on_frontier


def test_questions_only_one_was_asked_do_not_count() -> None:
    found = decide_by_passes(
        [*answers("a", [True] * 10), *answers("b", [True] * 6)], keys=["a", "b"], names=NAMES
    )
    quality = found.pairs[0].measured.quality
    assert quality is not None
    assert quality.n == 6


def test_costs_that_are_unknown_are_not_compared() -> None:
    found = decide_by_passes(
        [*answers("a", [True] * 9, cost=None), *answers("b", [True] * 9)],
        keys=["a", "b"],
        names=NAMES,
    )
    assert found.pairs[0].measured.costs is None
    assert "cheaper" not in found.pairs[0].verdict.text


def test_every_pair_is_adjusted_for_all_pairs() -> None:
    sets = [answers(key, [n % 3 != k for n in range(30)]) for k, key in enumerate("abc")]
    found = decide_by_passes([one for s in sets for one in s], keys=list("abc"), names=NAMES)
    qualities = [pair.measured.quality for pair in found.pairs]
    assert len(qualities) == 3
    assert all(q and q.p_adjusted is not None and q.p_adjusted >= q.p_value for q in qualities)


def test_documents_are_clusters() -> None:
    def of_document(key: str, passed: bool) -> list[Answered]:
        return [
            Answered(
                contestant=key, question=str(n), cluster=str(n // 10), completed=True,
                passed=passed if n < 20 else True, cost_pusd=1,
            )
            for n in range(40)
        ]  # fmt: skip

    found = decide_by_passes(
        [*of_document("a", True), *of_document("b", False)], keys=["a", "b"], names=NAMES
    )
    (pair,) = found.pairs
    assert pair.measured.quality is not None
    assert not pair.measured.quality.certain  # 20 cases lost, but of two documents


def ballots(wins: int, losses: int) -> list[Ballot]:
    return [
        Ballot(
            voter=f"v{n % 9}",
            contestants=("a", "b"),
            outcome="pick",
            order=((0,), (1,)) if n < wins else ((1,), (0,)),
            question=str(n),
        )
        for n in range(wins + losses)
    ]


def test_votes_decide_quality_and_answers_cost() -> None:
    battles = count(ballots(20, 180))
    found = decide_by_votes(
        [*answers("a", [None] * 3), *answers("a", [True] * 60, cost=10_000)[3:],
         *answers("b", [True] * 60, cost=1_600)],
        battles,
        leaderboard(battles),
        names=NAMES,
    )  # fmt: skip
    (pair,) = found.pairs
    assert (pair.a, pair.b, pair.verdict.kind, pair.verdict.n) == ("a", "b", "better", 200)
    assert [standing.key for standing in found.standings] == ["b", "a"]
    assert found.standings[0].quality_n == 200


def test_contestants_nobody_voted_on_have_no_verdict() -> None:
    battles = count([*ballots(5, 5), Ballot(voter="x", contestants=("a", "c"), outcome="tie")])
    found = decide_by_votes([], battles, leaderboard(battles), names=NAMES)
    kinds = {(pair.a, pair.b): pair.verdict.kind for pair in found.pairs}
    assert sorted(kinds.values()) == ["cannot_tell", "cannot_tell", "no_data"]


def test_not_worse_has_to_hold_for_all_pairs_at_once() -> None:
    passed = [True] * 95 + [False] * 5
    two = [*answers("a", passed), *answers("b", passed)]
    third = answers("c", passed)
    alone = decide_by_passes(two, keys=["a", "b"], names=NAMES).pairs[0].measured.quality
    among = (
        decide_by_passes([*two, *third], keys=list("abc"), names=NAMES).pairs[0].measured.quality
    )
    assert alone is not None
    assert among is not None
    assert among.lower < alone.lower
    assert (among.low, among.high) == (alone.low, alone.high)
