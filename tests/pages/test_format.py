"""Numbers as people read them: units after rounding, one form of percent, signs, columns of money."""

from __future__ import annotations

import pytest

from pages.components.format import count, duration, longer, share, usd, usd_alike


@pytest.mark.parametrize(
    ("us", "said"),
    [
        (None, "unknown"), (999, "< 1 ms"), (999_499, "999 ms"), (999_600, "1.00 s"),
        (9_994_000, "9.99 s"), (9_996_000, "10.0 s"), (99_940_000, "99.9 s"),
        (99_960_000, "1 min 40 s"), (119_600_000, "2 min 0 s"),
    ],
)  # fmt: skip
def test_the_unit_of_a_duration_is_that_of_the_rounded_number(us: float | None, said: str) -> None:
    assert duration(us) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (9_999, "9,999"), (9_999.6, "10.0 k"), (999_940, "999.9 k"), (999_960, "1.00 M"),
        (1_234_567, "1.23 M"),
    ],
)  # fmt: skip
def test_the_unit_of_a_count_is_that_of_the_rounded_number(value: float, said: str) -> None:
    assert count(value) == said


def test_percent_has_a_space_and_a_true_minus() -> None:
    assert [share(v) for v in (None, 0.026, -0.5, -0.0001)] == [
        "unknown", "2.6 %", "−50.0 %", "0.0 %"
    ]  # fmt: skip
    assert share(0.105, 0) == "10 %"


def test_money_below_zero_has_a_true_minus() -> None:
    assert usd(-33_000_000_000) == "−$0.033"
    assert usd(None) == "unknown"


def test_money_of_a_column_has_equally_many_decimals() -> None:
    column = [80_000_000_000, 53_000_000_000, -4_000_000_000, 0, None]
    written = usd_alike(column)
    assert [written(v) for v in column] == ["$0.0800", "$0.0530", "−$0.0040", "$0", "unknown"]


def test_money_too_small_for_its_column_is_not_written_as_zero() -> None:
    assert usd_alike([25_000_000_000_000, 400_000_000])(400_000_000) == "$0.0004"


@pytest.mark.parametrize(
    ("us", "said"),
    [(12_000, "+12 ms"), (-1_240_000, "−1.24 s"), (0, "< 1 ms"), (400, "< 1 ms"), (-400, "< 1 ms")],
)
def test_a_difference_too_small_to_read_has_no_sign(us: float, said: str) -> None:
    """The page of an evaluation said "+< 1 ms"."""
    assert longer(us) == said
