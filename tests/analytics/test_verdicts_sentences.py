from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.ranking.claims import Claim
from analytics.ranking.noninferiority import from_passes, from_scores, from_votes
from analytics.ranking.paired import Costs, Difference, Ratio, compare_costs
from analytics.ranking.percentiles import PercentileDifference
from analytics.ranking.quality import Basis, Plan, Quality
from analytics.ranking.verdict import VERDICT_KINDS, Measured, Verdict, kind_of, verdict


def quality(value: float, reach: float, **other: Any) -> Quality:
    """From 100 votes by 14 voters, within ± reach, unless said."""
    low, high = value - reach, value + reach
    plan = Plan(value=value, deviation=0.5, decisive=1.0)
    usual: dict[str, Any] = {"basis": "votes", "n": 212, "of": 212, "voters": 14, "plan": plan}
    p_value = 0.5 if low <= 0 <= high else 0.001
    lower = value - 0.84 * reach
    return Quality(
        value=value, low=low, high=high, lower=lower, p_value=p_value, **{**usual, **other}
    )


def ratio(value: float, low: float, high: float, n: int = 212) -> Ratio:
    p_value = 0.5 if low <= 1 <= high else 0.001
    return Ratio(value=value, low=low, high=high, p_value=p_value, n=n, of=n, clusters=n)


def costs(found: Ratio) -> Costs:
    return Costs(
        mean_a=100.0,
        mean_b=100.0 * found.value,
        free=None,
        zeros=0,
        ratio=found,
        difference=None,
        n=found.n,
        of=found.of,
    )


def p95(value: float, low: float, high: float, n: int = 212) -> PercentileDifference:
    return PercentileDifference(
        q=0.95, a=5e6, b=5e6 + value, value=value, low=low, high=high, p_value=0.001,
        n=n, of=n, sound=n >= 72,
    )  # fmt: skip


CHEAP = costs(ratio(0.16, 0.15, 0.17))
QUICK = ratio(0.55, 0.5, 0.6)


def said(
    found: Quality | None,
    cost: Costs | None = None,
    latency: Ratio | None = None,
    tail: PercentileDifference | None = None,
    basis: Basis = "votes",
) -> Verdict:
    basis = found.basis if found is not None else basis
    return verdict(
        "Alpha", "Beta", Measured(quality=found, basis=basis, costs=cost, latency=latency, p95=tail)
    )


ONE_OF_EACH: list[tuple[str, Quality | None, str]] = [
    (
        "not_worse",
        quality(0.01, 0.05),
        "Beta is not worse than Alpha within 5 points, 84 % cheaper and 1.8 times faster"
        " (n = 212, by 14 voters).",
    ),
    (
        "better",
        quality(0.11, 0.05),
        "Beta is better than Alpha by 11 points, 84 % cheaper and 1.8 times faster"
        " (n = 212, by 14 voters).",
    ),
    (
        "worse",
        quality(-0.12, 0.05),
        "Beta is worse than Alpha by 12 points, but 84 % cheaper and 1.8 times faster"
        " (n = 212, by 14 voters).",
    ),
    (
        "slightly_worse",
        quality(-0.02, 0.01),
        "Beta is slightly worse than Alpha (by 2 points, surely less than 5 points),"
        " but 84 % cheaper and 1.8 times faster (n = 212, by 14 voters).",
    ),
    (
        "cannot_tell",
        quality(0.0, 0.1),
        "Cannot tell yet whether Beta is as good as Alpha: about 410 more votes are needed"
        " (n = 212, by 14 voters). Beta is 84 % cheaper and 1.8 times faster (n = 212).",
    ),
    (
        "no_data",
        None,
        "No votes on Alpha and Beta yet. Beta is 84 % cheaper and 1.8 times faster (n = 212).",
    ),
]


@pytest.mark.parametrize(("kind", "found", "text"), ONE_OF_EACH)
def test_each_kind_has_its_sentence(kind: str, found: Quality | None, text: str) -> None:
    verdict = said(found, CHEAP, QUICK)
    assert (verdict.kind, verdict.text) == (kind, text)


def test_these_are_all_kinds() -> None:
    assert {kind for kind, _, _ in ONE_OF_EACH} == set(VERDICT_KINDS)


def test_an_evaluation_has_no_voters() -> None:
    found = quality(0.01, 0.05, basis="passes", voters=None)
    text = "Beta is not worse than Alpha within 5 points and 84 % cheaper (n = 212)."
    assert said(found, CHEAP).text == text


@pytest.mark.parametrize(
    ("basis", "text"),
    [
        ("votes", "No votes on Alpha and Beta yet."),
        ("passes", "No results of both Alpha and Beta yet."),
        ("scores", "No scores of both Alpha and Beta yet."),
    ],
)
def test_nothing_is_said_by_its_name(basis: Basis, text: str) -> None:
    verdict = said(None, basis=basis)
    assert (verdict.kind, verdict.text, verdict.n) == ("no_data", text, 0)


def test_one_voter_is_said() -> None:
    assert said(quality(0.2, 0.1, voters=1)).text == (
        "Beta is better than Alpha by 20 points (n = 212, by one voter)."
    )


def test_one_vote_from_real_values_cannot_tell() -> None:
    verdict = said(from_votes([1.0], ["me"], ["q"]))
    assert verdict.kind == "cannot_tell"
    assert verdict.text.endswith("more votes are needed (n = 1, by one voter).")


def test_one_missing_case_is_singular() -> None:
    plan = Plan(value=0.0, deviation=0.001)
    found = quality(0.0, 0.1, n=9, basis="passes", voters=None, plan=plan)
    assert "about 1 more case is needed (n = 9)" in said(found).text


def test_the_one_ahead_is_named_when_votes_do_not_settle_it() -> None:
    verdict = said(quality(-0.12, 0.1, settled=False))
    assert verdict.kind == "cannot_tell"
    assert verdict.text.startswith(
        "Cannot tell yet whether Beta is as good as Alpha: Alpha is ahead, but about "
    )
    assert (
        "One leads, but too little for votes that are looked at as they come in." in verdict.notes
    )


def test_a_lead_that_is_not_settled_is_not_better() -> None:
    assert kind_of(quality(0.12, 0.1, settled=False)) == "not_worse"


def test_a_difference_that_its_family_takes_back_is_not_better() -> None:
    assert kind_of(quality(0.12, 0.1, p_adjusted=0.08)) == "not_worse"
    assert kind_of(quality(-0.12, 0.1, p_adjusted=0.08)) == "cannot_tell"


def test_not_worse_by_votes_comes_with_what_it_holds_for() -> None:
    few, many = said(quality(0.01, 0.05)), said(quality(0.01, 0.05, n=3000))
    assert ['"Not worse" holds' in "".join(verdict.notes) for verdict in (few, many)] == [
        True,
        False,
    ]


def test_dearer_and_slower_follow_a_but() -> None:
    dear, slow = costs(ratio(1.2, 1.1, 1.3)), ratio(2.34, 2.1, 2.6)
    assert said(quality(0.11, 0.05), dear, slow).text == (
        "Beta is better than Alpha by 11 points, but 20 % more expensive and 2.3 times slower"
        " (n = 212, by 14 voters)."
    )
    assert said(quality(-0.12, 0.05), dear, QUICK).text == (
        "Beta is worse than Alpha by 12 points and 20 % more expensive, but 1.8 times faster"
        " (n = 212, by 14 voters)."
    )


@pytest.mark.parametrize(
    ("value", "cost", "speed"),
    [
        (0.0021, "99.7 % cheaper", "476 times faster"),
        (0.003, "99.7 % cheaper", "333 times faster"),
        (0.0004, "over 99.9 % cheaper", "2,500 times faster"),
        (0.5, "50 % cheaper", "2 times faster"),
        (0.7, "30 % cheaper", "30 % faster"),
        (0.996, "0.4 % cheaper", "0.4 % faster"),
        (1.1, "10 % more expensive", "10 % slower"),
        (1.5, "1.5 times as expensive", "1.5 times slower"),
        (12.4, "12 times as expensive", "12 times slower"),
    ],
)
def test_percent_and_times_are_exact(value: float, cost: str, speed: str) -> None:
    sure = ratio(value, value * 0.999, value * 1.001)
    phrases = [claim.phrase for claim in said(None, costs(sure), sure).claims]
    assert phrases == [cost, speed]


def test_equal_is_said_only_of_a_narrow_interval() -> None:
    narrow, wide = ratio(1.01, 0.975, 1.043), ratio(0.9, 0.7, 1.4)
    equal = said(quality(0.01, 0.05), costs(narrow), narrow)
    assert equal.text == (
        "Beta is not worse than Alpha within 5 points, equally expensive within 5 %"
        " and equally fast within 5 % (n = 212, by 14 voters)."
    )
    open_ = said(quality(0.01, 0.05), costs(wide), wide)
    assert open_.text == "Beta is not worse than Alpha within 5 points (n = 212, by 14 voters)."
    assert open_.notes[:2] == (
        "The cost cannot be told apart: between 30 % less and 40 % more.",
        "The latency cannot be told apart: between 30 % less and 40 % more.",
    )


def test_the_very_same_cost_is_equal_without_a_margin() -> None:
    assert (
        said(None, costs(ratio(1, 1, 1))).text
        == "No votes on Alpha and Beta yet. Beta is equally expensive (n = 212)."
    )


def test_other_numbers_of_measurements_are_said() -> None:
    verdict = said(
        quality(0.01, 0.05), costs(ratio(0.16, 0.15, 0.17, 1980)), ratio(0.55, 0.5, 0.6, 190)
    )
    assert verdict.text.endswith("(n = 212, by 14 voters; cost: n = 1,980; latency: n = 190).")
    alike = said(None, costs(ratio(0.16, 0.15, 0.17, 40)), ratio(0.55, 0.5, 0.6, 40))
    assert alike.text.endswith("faster (n = 40).")


def test_a_p95_is_said_when_the_latency_does_not_say_it() -> None:
    slower = p95(2.3e6, 1e6, 3e6)
    assert said(quality(0.01, 0.05), None, QUICK, slower).text == (
        "Beta is not worse than Alpha within 5 points and 1.8 times faster, but 2.3 s slower at p95"
        " (n = 212, by 14 voters)."
    )
    faster = said(None, None, QUICK, p95(-0.4e6, -1e6, -1e5))
    assert faster.text == "No votes on Alpha and Beta yet. Beta is 1.8 times faster (n = 212)."
    assert faster.claims[-1] == Claim(
        about="p95", direction="for", phrase="400 ms faster at p95", n=212
    )


def test_a_p95_of_few_answers_claims_nothing() -> None:
    verdict = said(None, None, QUICK, p95(2e6, 1e6, 3e6, n=60))
    assert "The p95 latency is open: 60 answers are too few for it." in verdict.notes
    assert "p95" not in verdict.text


def test_a_local_model_is_free() -> None:
    a, b = [4_200_000_000.0] * 30, [0.0] * 30
    there = said(None, compare_costs(a, b)).text
    back = said(None, compare_costs(b, a)).text
    both = said(None, compare_costs(b, b)).text
    assert (
        there
        == "No votes on Alpha and Beta yet. Beta is free where Alpha costs $0.0042 an answer (n = 30)."
    )
    assert (
        back
        == "No votes on Alpha and Beta yet. Beta is not free like Alpha but $0.0042 an answer (n = 30)."
    )
    assert both == "No votes on Alpha and Beta yet. Beta is free like Alpha (n = 30)."


def test_costs_of_which_some_are_nothing_are_compared_by_amount() -> None:
    a, b = [4e9] * 40, [3e9] * 30 + [0.0] * 10
    assert said(None, compare_costs(a, b)).claims[0].phrase == "$0.0018 an answer cheaper"
    few = said(None, compare_costs([4e9, 4e9, 0, 3e9, 4e9], [5e9, 0, 5e9, 4e9, 3e9]))
    assert few.notes[0] == (
        "The cost cannot be told apart: 2 of 5 answers cost nothing for one of the two."
    )


def test_what_is_unknown_is_a_note() -> None:
    assert said(None).notes == (
        "The cost is unknown.",
        "The latency is known of too few answers.",
    )


def test_one_answer_has_no_ratio() -> None:
    assert (
        said(None, compare_costs([5.0], [6.0])).notes[0] == "The cost is known of too few answers."
    )


def test_cost_and_speed_of_four_answers_claim_nothing() -> None:
    """Two answers said "1.7 times faster"."""
    sure = ratio(0.5, 0.49, 0.51, n=4)
    few = said(quality(0.01, 0.05), costs(sure), sure)
    assert few.text == "Beta is not worse than Alpha within 5 points (n = 212, by 14 voters)."
    assert few.notes[:2] == (
        "The cost is known of too few answers.",
        "The latency is known of too few answers.",
    )
    enough = ratio(0.5, 0.49, 0.51, n=5)
    assert "50 % cheaper and 2 times faster" in said(None, costs(enough), enough).text
    free = said(None, compare_costs([9.0] * 4, [0.0] * 4))
    assert free.text == "No votes on Alpha and Beta yet."


def test_what_was_left_out_is_counted() -> None:
    passed: list[bool | None] = [True] * 60
    verdict = said(
        from_passes([*passed, None], [*passed, True]),
        compare_costs([1, 2, 3, 4, 5, None], [1, 2, 3, 4, 5, 1]),
    )
    assert verdict.kind == "not_worse"
    assert verdict.notes[1:] == (
        "Both passed all 60 cases; up to 5 % may fail all the same.",
        "1 of 61 left out: no result of both.",
        "1 of 6 left out: no cost of both.",
    )


def test_scores_speak_of_cases() -> None:
    text = said(from_scores([0.5, 0.9, 0.2], [0.6, 0.5, 0.4])).text
    assert text.startswith("Cannot tell yet whether Beta is as good as Alpha: about ")
    assert text.endswith(" more cases are needed (n = 3).")


def test_another_margin_is_said() -> None:
    verdict_ = verdict("A", "B", Measured(quality=quality(0.0, 0.02), basis="votes"), delta=0.025)
    assert verdict_.text.startswith("B is not worse than A within 2.5 points")


def test_a_margin_of_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="margin"):
        verdict("A", "B", Measured(quality=None, basis="votes"), delta=1.0)


RATIOS = st.builds(
    lambda low, up, upper: ratio(low * up, low, low * up * upper),
    st.floats(0.01, 20),
    st.floats(1, 3),
    st.floats(1, 3),
)
WORDS = ("cheaper", "expensive", "faster", "slower")


@given(RATIOS, RATIOS)
def test_nothing_is_cheaper_or_faster_when_the_interval_has_1(cost: Ratio, latency: Ratio) -> None:
    text = said(quality(0.01, 0.05), costs(cost), latency).text
    claimed = {word for word in WORDS if word in text.replace("equally expensive", "")}
    expected = set()
    if not cost.low <= 1 <= cost.high:
        expected.add("cheaper" if cost.high < 1 else "expensive")
    if not latency.low <= 1 <= latency.high:
        expected.add("faster" if latency.high < 1 else "slower")
    assert claimed == expected
    assert "n = 212" in text


@given(st.floats(-0.5, 0.5), st.floats(0.001, 0.3), st.booleans())
def test_swapping_the_two_turns_better_into_worse(
    value: float, reach: float, settled: bool
) -> None:
    there = kind_of(quality(value, reach, settled=settled))
    back = kind_of(quality(-value, reach, settled=settled))
    assert (there == "better") == (back in ("worse", "slightly_worse"))


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=80), st.integers(1, 9))
def test_the_text_is_one_of_plain_sentences_with_n(shares: list[float], voters: int) -> None:
    found = said(from_votes(shares, [k % voters for k in range(len(shares))]))
    assert found.text.endswith(".")
    assert f"n = {len(shares)}" in found.text or found.kind == "no_data"
    assert (found.more_needed > 0) == (found.kind == "cannot_tell")


def test_a_difference_in_cost_that_is_not_certain_claims_nothing() -> None:
    unsure = Difference(value=-5, low=-12, high=2, p_value=0.2, n=9, of=9, clusters=9)
    some_free = Costs(
        mean_a=9, mean_b=4, free=None, zeros=3, ratio=None, difference=unsure, n=9, of=9
    )
    assert said(None, some_free).claims[0].direction == "unclear"
