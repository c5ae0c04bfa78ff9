"""The month of a budget: its own target, its own zone, the dashboard's forecast."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from analytics.budgets.definition import BudgetDefinition
from analytics.budgets.forecast import month_of
from analytics.queries.cost_month import exhaustion
from tests.analytics.ledgers import USD, instant, ledger


def test_days_are_those_of_the_zone_also_over_a_change_of_clocks(tmp_path: Path) -> None:
    zone = "Europe/Paris"
    asked = BudgetDefinition(scope="app", limit_usd="1000", kind="hard")  # type: ignore[arg-type]
    with ledger(tmp_path / "a.db", "2026-10-27 09:00", zone) as books:
        for day in range(1, 28):
            books.run(instant(f"2026-10-{day:02d} 00:00", zone), usd=1)
        found = month_of(books.queries, asked, "", books.now_us)
        assert found is not None
        assert found.forecast is not None
        # The first recorded day may have begun before recording did. Of today, 15 of 24 hours are left.
        assert (found.so_far, found.full_days) == (27 * USD, 25)
        assert found.forecast.middle[-1] == (27 + 15 / 24 + 4) * USD
        assert exhaustion(found, 30 * USD).likely == date(2026, 10, 30)


def test_only_the_target_counts(tmp_path: Path) -> None:
    asked = BudgetDefinition(scope="user", target="*", limit_usd="1", kind="hard")  # type: ignore[arg-type]
    with ledger(tmp_path / "a.db", "2026-11-05 12:00") as books:
        for day in (1, 2, 3, 4):
            books.run(instant(f"2026-11-0{day} 10:00"), usd=1, user="ann")
            books.run(instant(f"2026-11-0{day} 10:00"), usd=9, user="bob")
        found = month_of(books.queries, asked, "ann", books.now_us)
        assert found is not None
        assert found.forecast is not None
        assert found.forecast.middle[-1] == 29.5 * USD


def test_a_daily_budget_has_no_month(tmp_path: Path) -> None:
    asked = BudgetDefinition(scope="app", limit_usd="1", kind="hard", period="day")  # type: ignore[arg-type]
    with ledger(tmp_path / "a.db", "2026-11-05 00:00") as books:
        assert month_of(books.queries, asked, "", books.now_us) is None
