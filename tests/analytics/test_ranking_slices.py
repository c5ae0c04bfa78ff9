from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.ranking.battles import Battles
from analytics.ranking.bradley_terry import fit
from analytics.ranking.slices import benjamini_hochberg, slice_differences, slice_fits
from tests.analytics.votes import battles_of, votes


def test_benjamini_and_hochbergs_own_example() -> None:
    """Their table of 15 p values (1995, section 3): four are discoveries at 5 %, Holm finds three."""
    p_values = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
    ]
    adjusted = benjamini_hochberg(p_values)
    assert sum(p <= 0.05 for p in adjusted) == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


def test_adjusted_values_keep_their_places_and_do_not_fall() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "BH")"""
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg([]) == []


def mixed(rng: np.random.Generator, shift: float) -> Battles:
    """Half of the votes about billing, where m0 is better by `shift` and m1 worse."""
    billing = votes(rng, [shift, -shift, 0.0, 0.0], 300, voters=60)
    others = votes(rng, [0.0, 0.0, 0.0, 0.0], 300, voters=60)
    both = (billing, others)
    columns = {
        name: np.concatenate([getattr(part, name) for part in both])
        for name in ("first", "second", "outcome", "weight", "features", "voter", "winner_slot")
    }
    return replace(
        billing,
        **columns,
        ballot=np.arange(600),
        question=np.arange(600),
        slots=np.full(600, 2),
        both_bad=np.zeros(600, bool),
        slices={"category": ("billing",) * 300 + ("other",) * 290 + (None,) * 6 + ("rare",) * 4},
    )


def test_a_part_where_one_does_better_stands_out() -> None:
    battles = mixed(np.random.default_rng(1), 0.8)
    whole = fit(battles)
    found = slice_differences(battles, slice_fits(battles, "category", whole), whole)
    best = found[0]
    assert {(one.value, one.contestant) for one in found if one.stands_out} == {
        (value, name) for value in ("billing", "other") for name in ("m0", "m1")
    }
    assert best.discovery_p >= best.difference.p_value
    shift = {one.contestant: one.difference.value for one in found if one.value == "billing"}
    assert shift["m0"] > 0.2
    assert shift["m1"] < -0.2
    assert sum(shift.values()) == pytest.approx(0, abs=1e-9)


def test_thin_parts_and_votes_without_one_are_left_out() -> None:
    battles = mixed(np.random.default_rng(2), 0.0)
    parts = slice_fits(battles, "category", fit(battles))
    assert [(part.value, part.fit.ballots) for part in parts] == [("billing", 300), ("other", 290)]


def test_a_part_is_pulled_towards_the_whole_and_not_towards_equality() -> None:
    """One tie says that they are equal; the whole says that a is better."""
    results = [*["a>b"] * 60, *["b>a"] * 20, "a=b"]
    battles = replace(battles_of(*results), slices={"language": ("en",) * 80 + ("de",)})
    whole = fit(battles)
    _, thin = slice_fits(battles, "language", whole, min_votes=1)
    assert thin.value == "de"
    assert 0.5 * whole.theta[0] < thin.fit.theta[0] < whole.theta[0]


@pytest.mark.slow
def test_parts_that_are_alike_rarely_stand_out() -> None:
    """When no difference is real every discovery is false: at most one in ten times there is one."""
    rng = np.random.default_rng(3)
    wrong, single = 0, []
    for _ in range(300):
        battles = mixed(rng, 0.0)
        whole = fit(battles)
        found = slice_differences(battles, slice_fits(battles, "category", whole), whole)
        wrong += any(one.stands_out for one in found)
        single += [one.difference.p_value < 0.05 for one in found]
    assert wrong / 300 <= 0.1
    assert 0.01 < np.mean(single) < 0.06
