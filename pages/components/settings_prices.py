"""Settings: past calls at today's prices – seen first, then applied, and undone if need be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries import Filter
from analytics.repricing import Difference, Preview, Repricing, apply, history, preview, undo_last
from analytics.timeaxis import DAY_US
from core.errors import SwitchboardError
from core.pricing import format_usd
from pages.components import session
from pages.components.format import count
from pages.components.markdown import escape
from pages.components.session import keep_notice, show_error

if TYPE_CHECKING:
    from agents.runtime import Runtime

PERIODS = {"Last 7 days": 7, "Last 30 days": 30, "Last 90 days": 90, "All time": None}
_SHOWN = 12
_KEY = "repricing_preview"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """A preview and the period it is of, in microseconds."""

    since_us: int
    until_us: int
    found: Preview


def show_prices(runtime: Runtime) -> None:
    """Draws preview, apply and history of re-pricing."""
    st.subheader("Past calls at today's prices", anchor=False)
    st.caption(
        "A call is priced when it is made. If prices were added or corrected since, past calls can "
        "be priced again, each at the price of its own day. Old costs are kept and can be restored; "
        "a cost that is not known stays unknown. "
        f"Prices of this installation: {runtime.catalog.date:%Y-%m-%d}."
    )
    try:
        _ask(runtime)
        _show_preview(runtime)
        _show_history(runtime)
    except SwitchboardError as exc:
        show_error(exc)


def _ask(runtime: Runtime) -> None:
    period = st.selectbox("Period", list(PERIODS), index=1, key="repricing_period", width=420)
    if not st.button("Preview", key="repricing_look", icon=":material/search:"):
        return
    days = PERIODS[period]
    until_us = time.time_ns() // 1000
    since_us = 0 if days is None else until_us - days * DAY_US
    progress = _progress()
    found = session.figures().ask(
        lambda ask: preview(ask.reader, runtime.catalog, since_us, until_us, progress),
        Filter(range="all"),
    )
    progress(None)
    st.session_state[_KEY] = _Seen(since_us=since_us, until_us=until_us, found=found)


def _show_preview(runtime: Runtime) -> None:
    seen: _Seen | None = st.session_state.get(_KEY)
    if seen is None:
        return
    total, looked_at = seen.found.total, count(seen.found.looked_at)
    if not total.calls:
        st.info(f"{looked_at} calls were looked at; all have today's prices.")
        return
    place = st.empty()
    with place.container():
        st.markdown(
            f"Of {looked_at} calls, **{count(total.calls)} would change**: {_before(total)} → "
            f"{_usd(total.after_pusd)}. {count(total.newly_priced)} of them had no price before."
        )
        _show_models(runtime, seen.found)
        pressed = st.button("Apply to these calls", key="repricing_apply", type="primary")
    if pressed:
        _apply(runtime, seen)
        place.empty()


def _show_models(runtime: Runtime, found: Preview) -> None:
    shown = list(found.by_model.items())[:_SHOWN]
    st.table(
        {
            "Model": [escape(runtime.catalog.display_name(model)) for model, _ in shown],
            "Calls": [count(d.calls) for _, d in shown],
            "Without a price": [count(d.newly_priced) for _, d in shown],
            "Cost before": [_before(d) for _, d in shown],
            "Cost after": [_usd(d.after_pusd) for _, d in shown],
        },
        border="horizontal",
        alt="What would change, by model",
    )
    if len(found.by_model) > _SHOWN:
        st.caption(f"Showing {_SHOWN} of {count(len(found.by_model))} models.")


@session.needs("settings")
def _apply(runtime: Runtime, seen: _Seen) -> None:
    progress = _progress()
    done = session.figures().ask(
        lambda ask: apply(
            runtime.recorder, ask.reader, runtime.catalog, seen.since_us, seen.until_us, progress
        ),
        Filter(range="all"),
    )
    progress(None)
    del st.session_state[_KEY]
    changed = done.changed if done else 0
    session.note("prices_changed", detail=f"{changed} past calls priced again")
    st.success(f"{count(changed)} calls have today's prices now.")


def _show_history(runtime: Runtime) -> None:
    st.markdown("**Re-pricings so far**")
    done = session.figures().ask(lambda ask: history(ask.reader, _SHOWN), Filter(range="all"))
    if not done:
        st.caption("None.")
        return
    st.table(_history_table(runtime, done), border="horizontal", alt="Re-pricings, newest first")
    if any(entry.undone_at_us is None for entry in done):
        st.button(
            "Undo the last re-pricing", key="repricing_undo", icon=":material/undo:",
            on_click=_undo, args=(runtime,),
        )  # fmt: skip


@session.needs("settings")
def _undo(runtime: Runtime) -> None:
    st.session_state.pop(_KEY, None)  # a preview of before is wrong now
    try:
        undo_last(runtime.recorder)
    except SwitchboardError as exc:
        keep_notice(exc)
    else:
        session.note("prices_changed", detail="re-pricing undone")


def _history_table(runtime: Runtime, done: list[Repricing]) -> dict[str, list[str]]:
    zone = runtime.zone

    def day(at_us: int) -> str:
        return f"{datetime.fromtimestamp(at_us / 1e6, zone):%Y-%m-%d}" if at_us else "the first"

    return {
        "When": [f"{datetime.fromtimestamp(r.at_us / 1e6, zone):%Y-%m-%d %H:%M}" for r in done],
        "Calls of": [f"{day(r.since_us)} to {day(r.until_us)}" for r in done],
        "Prices of": [r.catalog_date for r in done],
        "Calls": [count(r.changed) for r in done],
        "Without a price": [count(r.newly_priced) for r in done],
        "Cost before": [_usd(r.before_pusd) for r in done],
        "Cost after": [_usd(r.after_pusd) for r in done],
        "State": ["undone" if r.undone_at_us else "applied" for r in done],
    }


def _progress() -> Callable[[int | None], None]:
    """Says how far it is, so that the page can be left or stopped meanwhile."""
    place = st.empty()

    def say(looked_at: int | None) -> None:
        if looked_at is None:
            place.empty()
        else:
            place.caption(f"{count(looked_at)} calls looked at…")

    return say


def _before(change: Difference) -> str:
    """What was known of the cost: not $0 when no call had a price."""
    return "unknown" if change.calls == change.newly_priced else _usd(change.before_pusd)


def _usd(pusd: int) -> str:
    return format_usd(pusd).replace("$", "\\$")
