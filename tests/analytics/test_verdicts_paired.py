from __future__ import annotations

from math import exp, log, nan

import numpy as np
import pytest

from analytics.intervals import wilson
from analytics.ranking.clustered import clustered_mean, clustered_rate
from analytics.ranking.families import adjusted
from analytics.ranking.paired import Ratio, compare_costs, mean_difference, paired_ratio
from analytics.ranking.percentiles import percentile_difference


def test_the_mean_of_independent_values_is_students() -> None:
    """Student's sleep data, differences of the two drugs: R's t.test(extra ~ group, paired = TRUE)
    gives t = -4.0621, p = 0.002833, interval -2.4598858 to -0.7001142."""
    mean = clustered_mean([-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4])
    assert mean is not None
    assert mean.interval() == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    assert mean.p_value() == pytest.approx(0.002833, abs=5e-7)


def test_a_cluster_of_copies_is_worth_one_value() -> None:
    once = clustered_mean([1.0, 2.0, 4.0])
    copied = clustered_mean([1.0, 2.0, 4.0] * 50, ["a", "b", "c"] * 50)
    assert once is not None
    assert copied is not None
    assert (copied.se, copied.df) == pytest.approx((once.se, once.df))
    assert (copied.n, copied.clusters) == (150, 3)


def test_a_clustered_error_is_the_sum_over_clusters_by_hand() -> None:
    # Mean 2; sums of residuals of the clusters: -2, -1, 3; 3/2 · 14/25.
    mean = clustered_mean([1.0, 1.0, 1.0, 2.0, 5.0], ["a", "a", "b", "c", "c"])
    assert mean is not None
    assert mean.se == pytest.approx((1.5 * 14 / 25) ** 0.5)
    assert mean.df == pytest.approx(25 / 9 - 1)


def test_one_cluster_or_one_value_has_no_interval() -> None:
    assert clustered_mean([1.0, 2.0], ["a", "a"]) is None
    assert clustered_mean([1.0]) is None


def test_the_ratio_is_of_geometric_means() -> None:
    ratio = paired_ratio([1.0, 2.0, 4.0], [2.0, 2.0, 16.0])
    spread = 4.302652729749462 * log(4) / 2 / 3**0.5
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx(
        (2, 2 / exp(spread), 2 * exp(spread))
    )


def test_unknown_and_zero_values_are_left_out_with_the_others_and_counted() -> None:
    a = [1.0, 2.0, None, 0.0, 5.0, nan]
    b = [2.0, 4.1, 3.0, 1.0, None, 1.0]
    found, alone = paired_ratio(a, b), paired_ratio([1.0, 2.0], [2.0, 4.1])
    assert found is not None
    assert alone is not None
    assert (found.n, found.of) == (2, 6)
    assert (found.low, found.high) == (alone.low, alone.high)


def test_a_ratio_needs_two_questions() -> None:
    assert paired_ratio([1.0, None], [2.0, 3.0]) is None
    assert paired_ratio([], []) is None


def test_lists_of_different_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="each question"):
        paired_ratio([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="one cluster"):
        paired_ratio([1.0, 2.0], [1.0, 2.0], ["a"])


def test_a_local_model_is_free_and_has_no_ratio() -> None:
    costs = compare_costs([0, 0, None], [10, 20, 30])
    assert costs is not None
    assert (costs.free, costs.ratio, costs.mean_b, costs.n, costs.of) == ("a", None, 15.0, 2, 3)
    assert costs.difference is not None
    assert costs.difference.value == 15.0


def test_both_may_be_free_and_some_answers_may_be() -> None:
    both, some = compare_costs([0, 0], [0, 0]), compare_costs([5, 0, 5], [6, 6, 7])
    assert both is not None
    assert some is not None
    assert (both.free, both.zeros) == ("both", 2)
    assert (some.free, some.zeros, some.ratio and some.ratio.n) == (None, 1, 2)


def test_costs_that_nobody_knows_are_nothing() -> None:
    assert compare_costs([None, 1], [2, None]) is None


def test_a_difference_of_means_is_clustered_by_document() -> None:
    a, b = [0.0] * 6, [0.1, 0.1, 0.3, 0.3, 0.8, 0.8]
    alone = mean_difference(a, b)
    grouped = mean_difference(a, b, ["x", "x", "y", "y", "z", "z"])
    assert alone is not None
    assert grouped is not None
    assert (grouped.value, grouped.n, grouped.clusters) == (alone.value, 6, 3)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def slow_and_fast(n: int) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(7)
    a = rng.lognormal(7, 0.6, n)
    return a.tolist(), (a * rng.lognormal(-0.4, 0.1, n)).tolist()


def test_percentiles_of_the_same_questions_are_compared_by_resampling_them() -> None:
    a, b = slow_and_fast(200)
    found = percentile_difference(a, b, 0.95)
    assert found is not None
    assert found.value == float(np.quantile(b, 0.95) - np.quantile(a, 0.95))
    assert found.low < found.value < found.high < 0
    assert found.sound
    assert found.certain


def test_resampling_is_the_same_every_time_and_mirrors() -> None:
    a, b = slow_and_fast(100)
    there, back = percentile_difference(a, b, 0.5), percentile_difference(b, a, 0.5)
    assert there is not None
    assert back is not None
    assert there == percentile_difference(a, b, 0.5)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_resampled_quantiles_are_those_of_written_out_samples() -> None:
    """The same draw, once by counts and once by repeating the values."""
    a, b = slow_and_fast(40)
    times = np.random.default_rng(1).multinomial(40, np.full(40, 1 / 40), 2000)
    drawn = [
        np.quantile(np.repeat(b, row), 0.95) - np.quantile(np.repeat(a, row), 0.95) for row in times
    ]
    found = percentile_difference(a, b, 0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, (0.025, 0.975))))


def test_a_p95_of_few_answers_is_unsound_and_certain_of_nothing() -> None:
    sound = [percentile_difference(*slow_and_fast(n), 0.95) for n in (71, 72)]
    assert [(found.sound, found.certain) for found in sound if found] == [
        (False, False),
        (True, True),
    ]


def test_conversations_are_resampled_as_a_whole() -> None:
    a, b = slow_and_fast(30)
    apart = percentile_difference(a * 4, b * 4, 0.5)
    together = percentile_difference(a * 4, b * 4, 0.5, list(range(30)) * 4)
    assert apart is not None
    assert together is not None
    assert together.high - together.low > 1.3 * (apart.high - apart.low)


def test_one_conversation_has_no_percentile_interval() -> None:
    assert percentile_difference([1.0, 2.0], [2.0, 3.0], 0.5, ["x", "x"]) is None


def ratio(p_value: float) -> Ratio:
    return Ratio(value=0.9, low=0.8, high=0.99, p_value=p_value, n=50, of=50, clusters=50)


def test_a_family_is_adjusted_by_holm_and_keeps_its_order() -> None:
    """p = 0.01, 0.02, 0.03, 0.04: Holm 1979 gives 0.04, 0.06, 0.06, 0.06."""
    family = adjusted([ratio(0.03), None, ratio(0.01), ratio(0.04), ratio(0.02)])
    p_values = [member and member.p_adjusted for member in family]
    assert p_values == [pytest.approx(0.06), None, pytest.approx(0.04), *[pytest.approx(0.06)] * 2]


def test_what_a_family_takes_back_is_no_longer_certain() -> None:
    assert ratio(0.03).certain
    assert [member and member.certain for member in adjusted([ratio(0.03), ratio(0.04)])] == [
        False,
        False,
    ]


def test_a_rate_of_independent_answers_is_about_wilson_s() -> None:
    passed = [n % 5 != 0 for n in range(200)]
    low, high = clustered_rate(passed, list(range(200))) or (0, 0)
    assert (low, high) == pytest.approx(wilson(160, 200), abs=0.002)


def test_repeating_every_answer_does_not_make_a_rate_surer() -> None:
    passed = [n % 5 != 0 for n in range(40)]
    once = clustered_rate(passed, list(range(40)))
    often = clustered_rate(passed * 10, list(range(40)) * 10)
    assert often == pytest.approx(once, abs=0.01)


def test_all_passed_is_as_sure_as_there_are_documents() -> None:
    low, high = clustered_rate([True] * 100, [n // 10 for n in range(100)]) or (0, 0)
    assert high == 1
    assert 0.6 < low < 0.75


def test_a_single_document_has_no_interval() -> None:
    assert clustered_rate([True, False], ["a", "a"]) is None


@pytest.mark.slow
@pytest.mark.parametrize(("questions", "repeats", "rate"), [(20, 3, 0.85), (40, 10, 0.6)])
def test_a_rate_of_repeated_questions_is_covered(questions: int, repeats: int, rate: float) -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(questions), repeats).tolist()
    hits = 0
    for _ in range(1000):
        passed = np.repeat(rng.random(questions) < rate, repeats).tolist()
        low, high = clustered_rate(passed, clusters) or (0, 1)
        hits += low <= rate <= high
    assert 930 <= hits <= 990
