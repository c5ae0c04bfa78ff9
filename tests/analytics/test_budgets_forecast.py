"""The day a monthly budget will be used up, against months one can add up by head."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from analytics.budgets.definition import BudgetDefinition
from analytics.budgets.forecast import Forecast, forecast, forecast_of
from tests.analytics.ledgers import USD, instant, ledger

JUNE = date(2026, 6, 1)  # a Monday


def test_three_complete_days_are_needed() -> None:
    assert forecast([5, 5, 5], JUNE, 30, 1000) is None
    assert forecast([5, 5, 5, 0], JUNE, 30, 1000) is not None


def test_equal_days_are_a_straight_line() -> None:
    assert forecast([10] * 10 + [0], JUNE, 30, 200) == Forecast(
        exhausted_on=date(2026, 6, 20), month_pusd=300, days=10
    )


def test_a_budget_that_lasts_has_no_day() -> None:
    found = forecast([10] * 10 + [0], JUNE, 30, 301)
    assert found == Forecast(exhausted_on=None, month_pusd=300, days=10)


def test_a_day_that_already_cost_more_than_usual_counts_as_it_is() -> None:
    found = forecast([10, 10, 10, 150], JUNE, 30, 175)
    assert found is not None
    assert found.exhausted_on == date(2026, 6, 4)


def test_a_budget_used_up_before_names_the_day_it_was() -> None:
    found = forecast([10, 90, 10, 10, 0], JUNE, 30, 100)
    assert found is not None
    assert found.exhausted_on == date(2026, 6, 2)


def test_quiet_weekends_are_expected_to_be_quiet() -> None:
    """Two weeks of 70 on weekdays and 0 at weekends: mean 50; f(weekday) = (140 + 50) / 3 = 63.3,
    f(weekend) = 50 / 3 = 16.7. A week costs 350."""
    weeks = ([70] * 5 + [0] * 2) * 2
    found = forecast([*weeks, 0], JUNE, 30, 10_000)
    assert found is not None
    assert found.month_pusd == round(700 + 2 * 350 + 2 * (140 + 50) / 3)
    friday = forecast([*weeks, 0], JUNE, 30, 700 + 310)
    assert friday is not None
    assert friday.exhausted_on == date(2026, 6, 19), "Friday; a flat line would say Sunday"


def test_days_are_those_of_the_zone_also_over_a_change_of_clocks(tmp_path: Path) -> None:
    zone = "Europe/Paris"
    asked = BudgetDefinition(scope="app", limit_usd="1000", kind="hard")  # type: ignore[arg-type]
    with ledger(tmp_path / "a.db", "2026-10-27 09:00", zone) as books:
        for day in range(1, 28):
            books.run(instant(f"2026-10-{day:02d} 00:00", zone), usd=1)
        found = forecast_of(books.queries, asked, "", books.now_us)
        assert found is not None
        assert (found.days, found.month_pusd) == (26, 31 * USD)


def test_only_the_target_counts(tmp_path: Path) -> None:
    asked = BudgetDefinition(scope="user", target="*", limit_usd="1", kind="hard")  # type: ignore[arg-type]
    with ledger(tmp_path / "a.db", "2026-11-04 12:00") as books:
        for day in (1, 2, 3):
            books.run(instant(f"2026-11-0{day} 10:00"), usd=1, user="ann")
            books.run(instant(f"2026-11-0{day} 10:00"), usd=9, user="bob")
        found = forecast_of(books.queries, asked, "ann", books.now_us)
        assert found is not None
        assert found.month_pusd == 30 * USD
