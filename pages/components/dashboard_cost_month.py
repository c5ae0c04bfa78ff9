"""The month so far against its budget, with a forecast and the day the budget is used up."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from analytics.queries.cost_month import (
    HISTORY_DAYS,
    MIN_DAYS,
    WEEKDAY_DAYS,
    Exhaustion,
    Month,
    exhaustion,
    month_to_date,
)
from pages.components.charts import Series, lines
from pages.components.charts_axes import DOLLARS, NEUTRALS, Option
from pages.components.charts_card import Table, card
from pages.components.dashboard_cost_parts import band, draw, money, usd
from pages.components.format import count

if TYPE_CHECKING:
    from analytics.queries import Filter
    from pages.components.dashboard_tab import Tab

_SPENT, _FORECAST, _BUDGET = NEUTRALS[0], "#E69F00", "#D55E00"
_RANGE = {"range", "since_us", "until_us"}
_METHOD = (
    "Each coming day is expected to cost the mean of the same weekday over the last "
    f"{HISTORY_DAYS} full days; with under {WEEKDAY_DAYS} of them, the mean of all. The band is a 95 % "
    "prediction interval (Student's t) that takes days as independent: it does not know of holidays "
    f"or launches. Nothing is forecast from under {MIN_DAYS} full days. The month is that of the end "
    "of the range; filters hold, the beginning of the range does not."
)


def show_month(tab: Tab, limit_pusd: int | None) -> None:
    month = tab.answer(month_to_date)
    # A budget of the whole app says nothing about a part of its traffic.
    limit = limit_pusd if limit_pusd and not filtered(tab.keep) else None
    with card(
        "month", f"{month.days[-1]:%B} so far", _question(month, limit, tab.keep),
        definition=_METHOD, data=partial(_table, month, limit),
    ):  # fmt: skip
        draw("month", _option(month, limit), f"Cumulative cost of the month: {_spoken(month)}")


def filtered(keep: Filter) -> bool:
    """Whether anything but the range is chosen."""
    return any(getattr(keep, f.name) for f in fields(keep) if f.name not in _RANGE)


def _question(month: Month, limit: int | None, keep: Filter) -> str:
    parts = [f"What will this month cost? {money(month.so_far)} so far"]
    if month.cost.missing:
        parts.append(f"{count(month.cost.missing)} of {count(month.cost.of)} calls unpriced")
    found = month.forecast
    if found is None:
        parts.append(f"no forecast: {month.full_days} full days, {MIN_DAYS} are needed")
    else:
        basis = "by weekday" if found.by_weekday else "no weekday pattern yet"
        parts.append(
            f"forecast {money(found.middle[-1])} ({money(found.low[-1])} to {money(found.high[-1])}), "
            f"from n = {month.full_days} full days, {basis}"
        )
    if limit is not None:
        parts.append(_against(exhaustion(month, limit), limit))
    elif filtered(keep):
        parts.append("no budget is drawn while filters are set")
    return ", ".join(parts) + "."


def _against(found: Exhaustion, limit: int) -> str:
    budget = f"budget {money(limit)}"
    if found.passed:
        return f"{budget} used up on {_day(found.passed)}"
    if found.likely:
        early = found.earliest if found.earliest != found.likely else None
        return f"{budget} used up about {_day(found.likely)}" + (
            f", {_day(early)} at the earliest" if early else ""
        )
    if found.earliest:
        return f"{budget} probably lasts; {_day(found.earliest)} at the earliest"
    return f"{budget} lasts for the month as far as one can tell"


def _option(month: Month, limit: int | None) -> Option:
    found = month.forecast
    shown = _days(month)
    spent = _cumulative(month)
    series = [
        Series(
            name="Spent", color=_SPENT, values=[spent.get(day) for day in shown],
            # Today is not over.
            sound=[day != month.days[-1] for day in shown],
        )
    ]  # fmt: skip
    bands: list[Option] = []
    if found is not None:
        # From the end of yesterday, so that the line begins where the known one ends.
        yesterday = month.days[-1] - timedelta(days=1)
        joint = {yesterday: float(spent[yesterday])} if yesterday in spent else {}
        values, low, high = (
            joint | dict(zip(found.days, side, strict=True))
            for side in (found.middle, found.low, found.high)
        )
        sound = [found.by_weekday] * len(shown)
        series.append(
            Series(
                name="Forecast", color=_FORECAST, values=[values.get(day) for day in shown],
                sound=sound, symbol="triangle",
            )
        )  # fmt: skip
        bands = band(
            [low.get(day) for day in shown], [high.get(day) for day in shown],
            _FORECAST, DOLLARS, "95 %",
        )  # fmt: skip
    if limit is not None:
        series.append(
            Series(
                name="Budget", color=_BUDGET, values=[limit] * len(shown),
                sound=[True] * len(shown), symbol="none",
            )
        )  # fmt: skip
    rough = found is not None and not found.by_weekday
    option = lines(
        [f"{day.day} {day:%b}" for day in shown], series, DOLLARS,
        few="dashed: no weekday pattern yet" if rough else "dashed: today is not over",
    )  # fmt: skip
    return option | {"series": [*bands, *option["series"]]}


def _days(month: Month) -> list[date]:
    """The whole month when it is forecast, else up to today."""
    later = month.forecast.days[1:] if month.forecast else ()
    return [*month.days, *later]


def _cumulative(month: Month) -> dict[date, int]:
    total, sums = 0, {}
    for day, pusd in zip(month.days, month.spent, strict=True):
        total += pusd
        sums[day] = total
    return sums


def _spoken(month: Month) -> str:
    end = f", forecast {usd(month.forecast.middle[-1])}" if month.forecast else ""
    return f"{usd(month.so_far)} so far{end}"


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def _table(month: Month, limit: int | None) -> Table:
    spent, found = _cumulative(month), month.forecast
    ahead = (
        {}
        if found is None
        else {
            day: ends
            for day, *ends in zip(found.days, found.middle, found.low, found.high, strict=True)
        }
    )
    names = ["spent", "forecast", "forecast_low", "forecast_high", "budget"]
    return ["day", *(f"{name} (pico-USD)" for name in names)], [
        [day.isoformat(), spent.get(day), *ahead.get(day, [None] * 3), limit]
        for day in _days(month)
    ]
