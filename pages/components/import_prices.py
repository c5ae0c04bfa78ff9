"""Prices in LiteLLM's format: what a file would change, and what was imported."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core import price_overlay
from core.errors import SwitchboardError
from core.price_import import PriceChange, PricePlan, plan_import
from pages.components import session
from pages.components.dashboard_tables import Column, draw
from pages.components.format import count
from pages.components.markdown import escape
from pages.components.settings_models import usd_per_mtok

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agents.runtime import Runtime
    from core.catalog import Catalog, Price

_PARTS = {
    "Input": "input_pusd",
    "Cached input": "cache_read_pusd",
    "Cache write": "cache_write_5m_pusd",
    "Output": "output_pusd",
    "Reasoning": "reasoning_pusd",
}


def show_price_import(runtime: Runtime) -> None:
    """Draws the upload, the comparison with the catalogue and the imports that hold."""
    st.subheader("Prices from a file", anchor=False)
    st.caption(
        "LiteLLM's model_prices_and_context_window.json. Prices of models in the catalogue are "
        "compared; nothing changes before you confirm. They hold for calls from their first day on, "
        "at once and without a restart; what was recorded keeps its cost."
    )
    if runtime.price_problem:
        st.warning(escape(runtime.price_problem), icon=":material/warning:")
    file = st.file_uploader("Price file", type=["json"], key="price_file", max_upload_size=50)
    if file is not None:
        day = st.date_input(
            "First day of the new prices (UTC)", price_overlay.today(),
            min_value=date(2020, 1, 1), key="price_since", width=260,
        )  # fmt: skip
        try:
            plan = plan_import(file.getvalue(), runtime.catalog, since=day)
            _show_plan(runtime, plan)
        except SwitchboardError as exc:
            session.show_error(exc)
    _show_imports(runtime)


def _show_plan(runtime: Runtime, plan: PricePlan) -> None:
    changed = [c for c in plan.changes if c.old is not None]
    figures = {
        "Models matched": len(plan.matched),
        "Changed prices": len(changed),
        "New prices": len(plan.changes) - len(changed),
        "As before": plan.unchanged,
        "Skipped": len(plan.skipped),
    }
    with st.grid(5, min_column_width=130):
        for label, value in figures.items():
            st.metric(label, count(value), border=True)
    st.caption(
        f"Models that are not in the catalogue: {count(plan.unknown_models)}; of providers that "
        f"Switchboard does not call: {count(plan.other_sellers)}."
    )
    if plan.changes:
        draw(
            change_columns(runtime.catalog, plan.changes),
            alt="Prices that would change, US dollars per million tokens, old and new",
        )
        st.caption("US dollars per million tokens.")
    if plan.skipped:
        with st.expander(f"Skipped: {len(plan.skipped)}"):
            draw(
                {
                    "Name in the file": Column(values=[s.key for s in plan.skipped]),
                    "Reason": Column(values=[s.reason for s in plan.skipped]),
                },
                alt="Entries of the file that are not used, with the reason",
            )
    if plan.ignored_keys:
        keys = ", ".join(f"{escape(key)} ({n})" for key, n in plan.ignored_keys.items())
        st.caption(f"Keys about cost that are not used: {keys}")
    st.button(
        f"Use {len(plan.changes)} prices from {plan.since} on"
        if len(plan.changes) != 1
        else f"Use this price from {plan.since} on",
        type="primary",
        key="price_apply",
        disabled=not plan.changes,
        on_click=partial(_apply, runtime, plan),
    )


def change_columns(catalog: Catalog, changes: Sequence[PriceChange]) -> dict[str, Column]:
    """A row per price; cells with old and new where they differ."""
    columns = {
        "Model": Column(values=[catalog.display_name(c.model_id) for c in changes]),
        "Region": Column(values=[c.region for c in changes]),
        "Tier": Column(values=[c.new.tier for c in changes]),
        "Input tokens": Column(values=[_band(c.new) for c in changes]),
    }
    for title, name in _PARTS.items():
        cells = [_old_new(c, name) for c in changes]
        if any(cell != _UNKNOWN for cell in cells):
            columns[title] = Column(values=cells)
    return columns


_UNKNOWN = "unknown"


def _old_new(change: PriceChange, name: str) -> str:
    new = _usd(getattr(change.new, name))
    if change.old is None:
        return new
    old = _usd(getattr(change.old, name))
    return new if old == new else f"{old} → {new}"


def _usd(pusd: int | None) -> str:
    return usd_per_mtok(pusd).replace("\\", "")


def _band(price: Price) -> str:
    if price.max_input_tokens is None:
        return f"from {price.min_input_tokens:,}" if price.min_input_tokens else "all"
    return f"{price.min_input_tokens:,} to {price.max_input_tokens:,}"


def _show_imports(runtime: Runtime) -> None:
    try:
        imports = price_overlay.load(runtime.settings.path(price_overlay.FILE))
    except SwitchboardError:
        return  # said above
    for index, one in enumerate(imports):
        rows = sum(len(prices) for prices in one.prices.values())
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(
                f"**{escape(one.source)}**  \n:small[{rows} prices of {len(one.prices)} models, "
                f"from {one.since} on]",
                width="stretch",
            )
            st.button(
                "Remove",
                icon=":material/delete:",
                key=f"price_remove_{index}",
                on_click=partial(_remove, runtime, index),
            )


@session.needs("settings")
def _apply(runtime: Runtime, plan: PricePlan) -> None:
    _change(runtime, partial(price_overlay.add, runtime.settings.data_dir, plan.as_import()))
    st.toast(f"{len(plan.changes)} prices hold from {plan.since} on.")


@session.needs("settings")
def _remove(runtime: Runtime, index: int) -> None:
    _change(runtime, partial(price_overlay.remove, runtime.settings.data_dir, index))


def _change(runtime: Runtime, work: Callable[[], Catalog]) -> None:
    try:
        runtime.use_catalog(work())
        session.note("prices_changed", detail="imported prices")
    except SwitchboardError as exc:
        session.keep_notice(exc)
