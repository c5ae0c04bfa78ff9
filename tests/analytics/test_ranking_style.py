from __future__ import annotations

import numpy as np
import pytest

from analytics.ranking.battles import TRAITS, Battles, Columns, from_columns
from analytics.ranking.bradley_terry import fit
from analytics.ranking.counting import count, relative_difference
from analytics.ranking.style import style_matrix
from core.comparison import Ballot, Traits
from tests.analytics.votes import ballot, battles_of


def test_a_difference_is_relative_and_nothing_against_nothing_is_none() -> None:
    found = relative_difference(np.array([300.0, 0, 5, np.nan]), np.array([100.0, 0, 0, 1]))
    np.testing.assert_array_equal(found, [0.5, 0, 1, np.nan])


def battles_with(*tokens: tuple[float | None, float | None]) -> Battles:
    return count(
        [
            Ballot(
                voter=f"v{k}",
                contestants=("a", "b"),
                outcome="tie",
                traits=(Traits(tokens=first, headings=0), Traits(tokens=second, headings=0)),
            )
            for k, (first, second) in enumerate(tokens)
        ]
    )


def test_features_are_scaled_and_one_that_never_differs_is_left_out() -> None:
    found = style_matrix(battles_with((300, 100), (100, 300), (100, 300), (None, 300)))
    assert (found.names, found.known) == (("tokens",), (3,))
    scaled = 0.5 / np.sqrt(3 * 0.25 / 4)
    np.testing.assert_allclose(found.values[:, 0], [scaled, -scaled, -scaled, 0])


def test_unknown_traits_leave_ratings_alone() -> None:
    battles = battles_of("a>b", "a>b", "b>a")
    assert style_matrix(battles).values.shape == (3, 0)
    np.testing.assert_allclose(fit(battles, style=True).theta, fit(battles).theta)


def test_a_trait_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no trait 'charm'"):
        style_matrix(battles_of("a>b"), ["charm"])


def verbose_wins(count_of: int = 4000) -> Battles:
    """`long` is worse by 0.4 and usually longer; a standard deviation of length is worth 0.8."""
    rng = np.random.default_rng(11)
    names, theta = ("long", "mid", "short"), np.array([-0.2, 0.0, 0.2])
    length = rng.lognormal(np.array([6.5, 6.0, 5.5]), 0.5, (count_of, 3))
    i = rng.integers(0, 3, count_of)
    j = (i + rng.integers(1, 3, count_of)) % 3
    row = np.arange(count_of)
    relative = relative_difference(length[row, i], length[row, j])
    d = theta[i] - theta[j] + 0.8 * relative / np.sqrt(np.mean(relative**2))
    features = np.full((count_of, len(TRAITS)), np.nan)
    features[:, TRAITS.index("tokens")] = relative
    return from_columns(
        Columns(
            first=[names[k] for k in i],
            second=[names[k] for k in j],
            outcome=(rng.random(count_of) < 1 / (1 + np.exp(-d))).astype(float),
            features=features,
        )
    )


def test_style_control_puts_first_who_is_better_and_not_who_is_longer() -> None:
    battles = verbose_wins()
    plain, controlled = fit(battles), fit(battles, style=True)
    order = [[found.names[k] for k in np.argsort(-found.theta)] for found in (plain, controlled)]
    assert order == [["long", "mid", "short"], ["short", "mid", "long"]]
    tokens = controlled.coefficients["tokens"]
    assert tokens.low < 0.8 < tokens.high
    difference = controlled.difference("short", "long")
    assert difference is not None
    assert difference.low < 0.4 < difference.high


def test_speed_can_be_controlled_too() -> None:
    quick, slow = Traits(ttft_us=1), Traits(ttft_us=3)
    given = [
        Ballot(
            voter=f"v{k}",
            contestants=("a", "b"),
            outcome="pick",
            order=((0,), (1,)) if k % 3 else ((1,), (0,)),
            traits=(quick, slow) if k % 2 else (slow, quick),
        )
        for k in range(30)
    ]
    assert set(fit(count(given), style=["ttft_us", "duration_us"]).coefficients) == {"ttft_us"}


def test_a_ballot_of_three_has_features_for_each_pair() -> None:
    traits = tuple(Traits(tokens=tokens) for tokens in (100, 300, 100))
    given = Ballot(voter="v", contestants=("a", "b", "c"), outcome="tie", traits=traits)
    assert count([given]).features[:, 0].tolist() == [-0.5, 0.0, 0.5]
    assert count([ballot("abc", "tie")]).features.shape == (3, 6)
