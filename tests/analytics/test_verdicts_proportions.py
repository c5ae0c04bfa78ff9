from __future__ import annotations

import pytest

from analytics.ranking.proportions import PassTable, failure_bound, mcnemar, newcombe, pass_table


def table(both: int, only_b: int, only_a: int, neither: int) -> PassTable:
    return PassTable(both=both, only_a=only_a, only_b=only_b, neither=neither)


@pytest.mark.parametrize(
    ("cells", "interval"),
    [  # Newcombe 1998, Statistics in Medicine 17, 2635-2650, table III, method 10
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((20, 12, 2, 16), (0.0562, 0.3292)),
        ((18, 12, 2, 18), (0.0562, 0.3290)),
        ((36, 14, 0, 0), (0.1528, 0.4167)),
        ((35, 14, 0, 1), (0.1461, 0.4175)),
        ((18, 14, 0, 18), (0.1441, 0.3963)),
        ((2, 97, 1, 0), (0.8721, 0.9854)),
        ((0, 29, 1, 0), (0.6666, 0.9882)),
        ((1, 98, 0, 1), (0.9171, 0.9916)),
        ((0, 30, 0, 0), (0.8395, 1.0)),
        ((54, 0, 0, 0), (-0.0664, 0.0664)),
        ((53, 0, 0, 1), (-0.0729, 0.0729)),
        ((30, 0, 0, 24), (-0.0358, 0.0358)),
        ((27, 0, 0, 27), (-0.0351, 0.0351)),
    ],
)
def test_newcombes_interval_is_that_of_his_paper(
    cells: tuple[int, int, int, int], interval: tuple[float, float]
) -> None:
    assert newcombe(table(*cells)) == pytest.approx(interval, abs=1e-4)


def test_complete_response_before_and_after_therapy_is_as_published() -> None:
    """Cavo et al. 2012 in Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables,
    chapter 8; values as in the tests of their R package contingencytables."""
    cavo = table(59, 6, 16, 80)
    assert newcombe(cavo) == pytest.approx((-0.1186, -0.0046), abs=5e-5)
    assert mcnemar(cavo) == pytest.approx(0.052479, abs=5e-7)
    assert cavo.difference == pytest.approx(-0.0621, abs=5e-5)


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [
        (10, 0, 0.001953125),
        (1, 9, 0.021484375),
        (12, 8, 0.5034446716),
        (25, 10, 0.0166738478),
        (0, 0, 1.0),
    ],
)
def test_mcnemars_exact_p_is_that_of_the_binomial(b: int, c: int, p: float) -> None:
    assert mcnemar(table(7, b, c, 3)) == mcnemar(table(7, c, b, 3)) == pytest.approx(p, abs=1e-9)


def test_swapping_the_two_turns_the_interval_round() -> None:
    low, high = newcombe(table(20, 7, 3, 5)) or (0, 0)
    assert newcombe(table(20, 3, 7, 5)) == pytest.approx((-high, -low))


def test_agreement_makes_the_interval_narrower() -> None:
    agree, apart = newcombe(table(40, 5, 5, 40)), newcombe(table(25, 20, 20, 25))
    assert agree is not None
    assert apart is not None
    assert agree[1] - agree[0] < 0.6 * (apart[1] - apart[0])


def test_cases_without_a_result_of_both_are_left_out() -> None:
    a = [True, True, False, False, None, True, None]
    b = [True, False, True, False, True, None, None]
    assert pass_table(a, b) == table(1, 1, 1, 1)


def test_nothing_has_no_interval() -> None:
    assert newcombe(table(0, 0, 0, 0)) is None


def test_all_passed_leaves_three_in_n_that_may_fail() -> None:
    assert [failure_bound(n) for n in (0, 2, 60, 300)] == [1.0, 1.0, 0.05, 0.01]
