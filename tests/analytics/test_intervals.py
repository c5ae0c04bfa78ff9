from __future__ import annotations

import pytest

from analytics.intervals import minimum_n, wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe 1998, table I, method 3; the last two: the bounds are exact
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_agrees_with_published_values(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_no_observations_have_no_interval() -> None:
    assert wilson(0, 0) is None


def test_percentiles_need_these_many_values() -> None:
    assert [minimum_n(q) for q in (0.5, 0.9, 0.95, 0.99, 0.05)] == [6, 36, 72, 368, 72]


def test_a_quantile_outside_the_unit_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        minimum_n(1.0)
