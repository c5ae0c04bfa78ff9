"""Price what-if: the tokens of the range at the prices of another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries.cost_replay import (
    Rates,
    Replayable,
    at_rates,
    rates_of,
    replayable,
)
from pages.components.charts_axes import DOLLARS, NEUTRALS
from pages.components.charts_card import Table, card
from pages.components.dashboard_cost_parts import (
    GREY,
    Stack,
    draw,
    height_of,
    money,
    money_column,
    rows,
    usd,
)
from pages.components.dashboard_tables import Column
from pages.components.dashboard_tables import draw as draw_table
from pages.components.format import count, share
from pages.components.markdown import escape

if TYPE_CHECKING:
    from pages.components.dashboard_tab import Tab

_KEY = "what_if_model"
SHOWN = 8
_COLORS = (NEUTRALS[0], NEUTRALS[2], GREY)
_DEFINITION = (
    "The same tokens at today's standard price of another model, cached and reasoning tokens at "
    "their own rates. Counterfactual: another model would write other and more or fewer tokens and "
    "cache differently. Only calls whose tokens and cost are known; long prompts at the price of "
    "short ones; fees left out."
)


def show_replay(tab: Tab) -> None:
    found = tab.answer(replayable)
    rates = _all_rates(tab, found)
    totals = {model: sum(at_rates(t, r) for t in found.models) for model, r in rates.items()}
    actual = sum(tokens.pusd for tokens in found.models)
    chosen = _chosen(found, totals)
    names = {model: tab.catalog.display_name(model) for model in rates}
    with card(
        "what-if", "At another model's prices", _question(found, actual, totals, chosen, names),
        definition=_DEFINITION, data=partial(_table, found, actual, totals, rates), runs={},
        control=partial(_choose, totals, names, chosen),
    ):  # fmt: skip
        if not found.models or chosen is None:
            st.info("No call of this range has a known cost.", icon=":material/hourglass_empty:")
            return
        shown = _shown(totals, actual, chosen)
        option = rows(
            ["What it cost", *(names[model] for model in shown)],
            _bars(actual, totals, shown, chosen), DOLLARS,
        )  # fmt: skip
        spoken = f"{usd(totals[chosen])} at the prices of {names[chosen]}, {usd(actual)} in fact"
        with st.grid(2, min_column_width=320, gap="small", key="what_if"):
            draw(
                "what_if",
                option,
                f"The same tokens at other prices: {spoken}",
                height_of(len(shown)),
            )
            _show_models(tab, found, rates[chosen])


def _question(
    found: Replayable,
    actual: int,
    totals: Mapping[str, int],
    chosen: str | None,
    names: Mapping[str, str],
) -> str:
    n = f"n = {count(sum(t.calls for t in found.models))} calls"
    left = f", {count(found.left_out)} left out (no price or no tokens)" if found.left_out else ""
    if chosen is None:
        return f"What would the same tokens cost elsewhere? {n}{left}"
    other = totals[chosen]
    saved = other - actual
    of = f" ({share(abs(saved) / other)})" if other else ""
    verdict = (
        f"routing saved {money(saved)}{of} against it"
        if saved > 0
        else f"it would save {money(-saved)} ({share(-saved / actual)})"
        if saved < 0
        else "no difference"
    )
    return (
        f"The same tokens (they would differ): {money(actual)} in fact, {money(other)} all on "
        f"{escape(names[chosen])}: {verdict}. {n}{left}"
    )


def _choose(totals: Mapping[str, int], names: Mapping[str, str], chosen: str | None) -> None:
    options = sorted(totals, key=lambda model: names[model].lower())
    if chosen is not None:
        st.session_state[_KEY] = chosen
    st.selectbox(
        "Model whose prices are used", options, key=_KEY, format_func=lambda model: names[model],
        label_visibility="collapsed", width=210, disabled=not options,
    )  # fmt: skip


def _chosen(found: Replayable, totals: Mapping[str, int]) -> str | None:
    """What was chosen, else the dearest of the models in use: what routing is measured against."""
    asked = st.session_state.get(_KEY)
    if asked in totals:
        return str(asked)
    used = [t.model for t in found.models if t.model in totals]
    return max(used or totals, key=lambda model: totals[model], default=None)


def _all_rates(tab: Tab, found: Replayable) -> dict[str, Rates]:
    """Rates of every model with a price today; models in use by the name they are called by."""
    catalog, at = tab.catalog, datetime.now(UTC)
    region = tab.runtime.settings.aws_region
    used = {model.id: t.model for t in reversed(found.models) if (model := catalog.find(t.model))}
    rates: dict[str, Rates] = {}
    for model in catalog.models:
        places = [region, *(place for price in model.prices for place in price.regions)]
        for place in dict.fromkeys(places):
            one = rates_of(catalog, used.get(model.id, model.id), place, at)
            if one is not None:
                rates[used.get(model.id, model.id)] = one
                break
    return rates


def _shown(totals: Mapping[str, int], actual: int, chosen: str) -> list[str]:
    """The models nearest to what it cost, and the chosen one; cheapest first."""
    nearest = sorted(totals, key=lambda model: (abs(totals[model] - actual), model))[:SHOWN]
    return sorted({*nearest, chosen}, key=lambda model: (totals[model], model))


def _bars(actual: int, totals: Mapping[str, int], shown: Sequence[str], chosen: str) -> list[Stack]:
    """One colour each for what it cost, for the chosen model and for the others."""
    values = [actual, *(totals[model] for model in shown)]
    at = shown.index(chosen) + 1
    kinds = [0 if k == 0 else 1 if k == at else 2 for k in range(len(values))]
    names = ("In fact", "Chosen", f"{len(shown) - 1} of {len(totals) - 1} other models")
    return [
        Stack(
            name=name, color=color, said=[usd(value) for value in values],
            values=[value if k == kind else 0 for k, value in zip(kinds, values, strict=True)],
        )
        for kind, (name, color) in enumerate(zip(names, _COLORS, strict=True))
    ]  # fmt: skip


def _show_models(tab: Tab, found: Replayable, rates: Rates) -> None:
    """What each model in use cost, and what its tokens would have."""
    other = [at_rates(tokens, rates) for tokens in found.models]
    draw_table(
        {
            "Model in use": Column(values=[tab.catalog.display_name(t.model) for t in found.models]),
            "Calls": Column(values=[t.calls for t in found.models], show=count),
            "In fact": money_column([t.pusd for t in found.models]),
            "At the chosen prices": money_column(other),
            "Difference": money_column(
                [b - t.pusd for b, t in zip(other, found.models, strict=True)]
            ),
        },
        alt="What each model cost and would have cost", key="what_if_table",
    )  # fmt: skip


def _table(
    found: Replayable, actual: int, totals: Mapping[str, int], rates: Mapping[str, Rates]
) -> Table:
    header = ["prices_of", "price_id", "cost (pico-USD)", "actual (pico-USD)", "calls", "left_out"]
    calls = sum(tokens.calls for tokens in found.models)
    return header, [
        [model, rates[model].price_id, pusd, actual, calls, found.left_out]
        for model, pusd in sorted(totals.items(), key=lambda pair: (pair[1], pair[0]))
    ]
