"""Parts of the Compare page by themselves: heads of columns, the race, who was asked instead."""

from __future__ import annotations

import pytest

from core.catalog import load_catalog
from core.comparison import Configuration
from core.transcript import Transcript
from pages.components.answer import fallback_line
from pages.components.compare_columns import beyond
from pages.components.compare_race import spec as race_spec
from pages.components.compare_runs import Column


def test_a_model_that_is_asked_again_is_not_said_to_follow_itself() -> None:
    failed = {"model": "x:y", "error_type": "unavailable", "next_model": "x:y"}
    assert fallback_line(failed, load_catalog()).endswith(", asked again")
    assert fallback_line(failed | {"next_model": "x:z"}, load_catalog()).endswith(r" → x\:z")


@pytest.mark.parametrize(
    ("label", "details", "rest"),
    [
        ("Nova Lite", "Nova Lite, Supervisor", "Supervisor"),
        ("Nova Lite, Supervisor", "Nova Lite, Supervisor", ""),
        ("Supervisor", "Nova Lite, Supervisor", "Nova Lite, Supervisor"),
    ],
)
def test_the_head_of_a_column_says_nothing_twice(label: str, details: str, rest: str) -> None:
    """Where model and agent told the columns apart, both stood in two lines."""
    assert beyond(label, details) == rest


def test_names_at_the_ends_of_equal_lines_stand_apart() -> None:
    """Three columns of one speed had their letters on one spot."""
    columns = [
        Column(
            position=n, letter=letter, run_id=None, configuration=Configuration(), label="x",
            run=None, transcript=Transcript(), there=True,
        )
        for n, letter in enumerate("ABC")
    ]  # fmt: skip
    drawn = race_spec(columns, [[(0.1, 1), (1.0, 9)]] * 3, ["#000"] * 3)
    assert [one["labelLayout"] for one in drawn["series"]] == [{"moveOverlap": "shiftY"}] * 3
