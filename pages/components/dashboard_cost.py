"""The tab Cost: what was spent, on what, what an answer costs, and what could be saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from analytics.budgets import app_month_limit_pusd
from analytics.metrics import DEFINITIONS
from analytics.queries.cost import ACCEPTED, Spending, SpendingReport, spending
from pages.components.dashboard_answer_cache import show_answer_cache
from pages.components.dashboard_cost_month import show_month
from pages.components.dashboard_cost_over_time import (
    show_cache_ratio,
    show_growth,
    show_over_time,
    show_per_answer,
)
from pages.components.dashboard_cost_parts import Tile, comparable, money, show_tiles
from pages.components.dashboard_cost_replay import show_replay
from pages.components.dashboard_cost_split import (
    show_cache,
    show_kinds,
    show_models_and_agents,
    show_threads,
    show_users,
)
from pages.components.dashboard_tiles import AT_LEAST
from pages.components.format import count, share

if TYPE_CHECKING:
    from pages.components.dashboard_tab import Tab

MonthlyLimit = Callable[["Tab"], int | None]
"""The money of one month in pico-USD, or None. Raises StorageError."""


def limit_of_app(tab: Tab) -> int | None:
    """The budget of the whole app."""
    return app_month_limit_pusd(tab.figures)


def show(tab: Tab, monthly_limit: MonthlyLimit = limit_of_app) -> None:
    """Draws the tab. Raises StorageError."""
    found = tab.answer(spending)
    show_tiles("cost_tiles", tiles(found, changes=comparable(tab)))
    show_answer_cache(tab)
    with st.grid(2, min_column_width=360, gap="small", key="cost_charts"):
        show_over_time(tab, found.current)
        show_month(tab, monthly_limit(tab))
        show_per_answer(tab)
        show_models_and_agents(tab)
        show_kinds(tab, found.current)
        show_cache_ratio(tab, found.current)
        show_growth(tab)
        show_cache(tab)
    show_replay(tab)
    with st.grid(2, min_column_width=360, gap="small", key="cost_spenders"):
        show_users(tab)
        show_threads(tab)


def tiles(report: SpendingReport, *, changes: bool) -> list[Tile]:
    """The figures above the charts, compared with the period before when it was recorded."""
    now, before = report.current, report.previous if changes else None
    doubt = AT_LEAST if now.cost.missing and now.cost.value is not None else ""
    missing = f"{count(now.cost.missing)} of {count(now.cost.of)} calls without a price"
    return [
        Tile(
            label="Cost", value=doubt + money(now.cost.value) if now.cost.of else None,
            note=missing if now.cost.missing else f"{count(now.cost.of)} calls",
            help=DEFINITIONS["cost"], now=now.cost.value,
            before=before.cost.value if before else None,
        ),
        Tile(
            label="Period before", value=_earlier(before), note=_earlier_note(before),
            help="Known cost of the period of equal length before, same filters.", better="neither",
        ),
        Tile(
            label="Unpriced calls", value=share(now.cost.missing / now.cost.of) if now.cost.of else None,
            note=missing, help="Calls that owe a cost and have no price. They are in no sum.",
            now=now.cost.missing / now.cost.of if now.cost.of else None,
            before=before.cost.missing / before.cost.of if before and before.cost.of else None,
            points=True,
        ),
        *_answers(now, before),
        Tile(
            label="Saved by caching", value=money(now.saved_by_cache) if now.input_tokens else None,
            note=f"{share(now.hit_ratio)} of input from a cache", better="up",
            help="What cached input would have cost as plain input, less what it cost and less what "
            "writing to the cache cost extra. Can be negative.",
            now=now.saved_by_cache, before=before.saved_by_cache if before else None,
        ),
    ]  # fmt: skip


def _answers(now: Spending, before: Spending | None) -> list[Tile]:
    doubt = AT_LEAST if now.runs_cost.missing and now.runs_cost.value is not None else ""

    def tile(label: str, help: str, note: str, value: float | None, old: float | None) -> Tile:
        shown = None if value is None else doubt + money(value)
        return Tile(label=label, value=shown, note=note, help=help, now=value, before=old)

    return [
        tile(
            "Cost per successful run", "Cost of all runs, failed and stopped ones too / successful runs.",
            f"{count(now.ok)} successful", now.per_success, before.per_success if before else None,
        ),
        tile(
            "Cost per accepted answer", f"Cost of all runs / accepted answers. {ACCEPTED}",
            "too many thumbs-down to count" if now.rejected is None
            else f"{count(now.rejected)} thumbs-down", now.per_accepted, None,
        ),
    ]  # fmt: skip


def _earlier(before: Spending | None) -> str | None:
    return money(before.cost.value) if before and before.cost.of else None


def _earlier_note(before: Spending | None) -> str:
    if before is None:
        return "not recorded in full"
    if before.cost.missing:
        return f"{count(before.cost.missing)} of {count(before.cost.of)} calls without a price"
    return f"{count(before.cost.of)} calls"
