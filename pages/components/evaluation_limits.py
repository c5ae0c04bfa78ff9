"""How much of an evaluation may happen at once, and what it may cost: asked before, changed while it rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import SwitchboardError
from pages.components import session

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from agents.runtime import Runtime

PUSD_PER_USD = 10**12


def ask_limits(key: str, most: int, at_once: int, budget_pusd: int | None) -> None:
    """Draws both widgets. The last two are what stands in them first."""
    st.number_input(
        "Answers at once", 1, most, min(at_once, most), key=f"{key}_at_once", width=150,
        persist_state="session", help=f"At most {most}: the other places are for people.",
    )  # fmt: skip
    st.number_input(
        "Budget in USD", 0.0, None, None if budget_pusd is None else budget_pusd / PUSD_PER_USD, 0.5,
        key=f"{key}_budget", width=150, format="%.2f", persist_state="session", placeholder="none",
        help="It pauses before the next answer could pass the budget.",
    )  # fmt: skip


def limits(key: str) -> tuple[int, int | None]:
    """(answers at once, budget in pico-USD) as the widgets have them."""
    budget: float | None = st.session_state[f"{key}_budget"]
    at_once: int = st.session_state[f"{key}_at_once"]
    return at_once, None if budget is None else round(budget * PUSD_PER_USD)


def show_limits(runtime: Runtime, one: Evaluation) -> None:
    """A popover that changes them of one that rests."""
    key = f"limits_{one.id}"
    with st.popover("Limits", icon=":material/tune:", type="tertiary"):
        most = runtime.evaluations.most_at_once
        ask_limits(key, most, one.plan.concurrency, one.plan.budget_pusd)
        st.button(
            "Keep these limits", key=f"{key}_keep", type="primary", on_click=_keep,
            args=(runtime, one, key),
        )  # fmt: skip


def _keep(runtime: Runtime, one: Evaluation, key: str) -> None:
    """A callback."""
    at_once, budget = limits(key)
    try:
        runtime.evaluations.set_limits(one, budget_pusd=budget, concurrency=at_once)
    except SwitchboardError as exc:
        session.keep_notice(exc)
