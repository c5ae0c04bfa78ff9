from __future__ import annotations

from math import atan, comb, cos, inf, nan, pi, sin, sqrt

import pytest

from analytics.ranking.distributions import (
    binomial_tail,
    binomial_test,
    normal_quantile,
    normal_tail,
    t_cdf,
    t_quantile,
    t_tail,
)


@pytest.mark.parametrize(
    ("p", "df", "t"),
    [  # R's qt, as quoted in tests of other implementations: qt(0.975, 1) and so on
        (0.975, 1, 12.706204736174694),
        (0.975, 2, 4.302652729749462),
        (0.975, 3, 3.1824463052837078),
        (0.995, 5, 4.032142983555227),
        (0.9, 10, 1.372183641110336),
        (0.975, 29, 2.045229642132703),
        (0.6, 30, 0.2556053649519128),
        (0.975, 100, 1.983971518523552),
        (0.025, 4, -2.7764451051977934),
    ],
)
def test_t_quantiles_agree_with_published_values(p: float, df: float, t: float) -> None:
    assert t_quantile(p, df) == pytest.approx(t, abs=1e-9)


def test_a_fractional_degree_of_freedom_lies_where_tables_say() -> None:
    assert t_quantile(0.975, 2.5) == pytest.approx(3.57465484201, abs=1e-9)


@pytest.mark.parametrize("t", [0.3, 1.0, 1.96, 3.0])
def test_the_t_distribution_is_the_finite_series_for_every_whole_df(t: float) -> None:
    found = [t_cdf(t, df) for df in range(1, 1001)]
    assert found == pytest.approx([series(t, df) for df in range(1, 1001)], abs=1e-12)


def series(t: float, df: int) -> float:
    """P(T <= t), Abramowitz and Stegun 26.7.3 and 26.7.4."""
    angle = atan(t / sqrt(df))
    term = cos(angle) if df % 2 else 1.0
    total = 0.0
    for k in range(2 + df % 2, df + 1, 2):
        total += term
        term *= (k - 1) / k * cos(angle) ** 2
    total *= sin(angle)
    inside = 2 / pi * (angle + total) if df % 2 else total
    return 0.5 + inside / 2


def test_quantile_and_tail_are_inverse_far_out() -> None:
    found = [t_tail(t_quantile(1 - tail, 7), 7) / tail for tail in (0.4, 1e-3, 1e-6)]
    assert found == pytest.approx([1, 1, 1], rel=1e-8)


def test_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    assert t_quantile(0.975, 1e8) == normal_quantile(0.975) == pytest.approx(1.959963984540054)
    assert t_tail(1.5, inf) == normal_tail(1.5)


def test_the_median_is_zero_and_nothing_is_beyond_infinity() -> None:
    assert (t_quantile(0.5, 3), t_tail(0.0, 3), t_tail(1e200, 3)) == (0.0, 0.5, 0.0)


@pytest.mark.parametrize(("k", "n", "p"), [(0, 5, 0.3), (3, 10, 0.2), (9, 10, 0.5), (7, 7, 0.9)])
def test_binomial_tail_is_the_sum_of_its_terms(k: int, n: int, p: float) -> None:
    terms = sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
    assert binomial_tail(k, n, p) == pytest.approx(terms, abs=1e-12)


def test_more_successes_than_trials_do_not_happen() -> None:
    assert binomial_tail(6, 5) == 0.0


@pytest.mark.parametrize(
    ("k", "n", "p"),
    [(0, 0, 1.0), (3, 6, 1.0), (0, 6, 2 / 64), (1, 10, 22 / 1024), (2, 10, 112 / 1024)],
)
def test_the_binomial_test_doubles_the_smaller_tail(k: int, n: int, p: float) -> None:
    assert binomial_test(k, n) == binomial_test(n - k, n) == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: t_quantile(0.0, 3),
        lambda: t_quantile(0.9, 0),
        lambda: t_tail(1.0, nan),
        lambda: normal_quantile(1.0),
        lambda: binomial_test(3, 2),
        lambda: binomial_tail(1, 2, 1.0),
    ],
)
def test_what_is_no_probability_is_refused(call) -> None:
    with pytest.raises(ValueError):
        call()
