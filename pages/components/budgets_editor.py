"""Budgets: one budget as a form."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.budgets import Budget
from analytics.budgets.definition import EACH
from analytics.budgets.reasons import BadDefinition
from analytics.budgets.store import save
from analytics.queries import Filter
from core.errors import SwitchboardError
from pages.components import session
from pages.components.alerts_editor import show_reasons
from pages.components.answer import agent_title

if TYPE_CHECKING:
    from agents.runtime import Runtime

SCOPES = {"app": "The whole app", "user": "A user", "model": "A model", "agent": "An agent"}
PERIODS = {"day": "Day", "month": "Month"}
KINDS = {"soft": "Soft: give notice", "hard": "Hard: stop calls"}
REFUSE = ""
Given = dict[str, Any]


def show_editor(runtime: Runtime, budget: Budget | None, close: Callable[[], None]) -> None:
    """Draws the form. `close` is called when it is done."""
    key = budget.budget_id if budget else "new"
    start: Given = budget.definition.model_dump() if budget else {}
    name = st.text_input(
        "Name", value=budget.name if budget else "", key=f"budget_name_{key}", max_chars=80
    )
    given: Given = {}
    with st.grid(3, min_column_width=170, gap="small"):
        given["scope"] = _choice("For", SCOPES, start.get("scope", "app"), f"scope_{key}")
        if given["scope"] != "app":
            same = start.get("scope") == given["scope"]
            target = start.get("target", EACH) if same else EACH
            given["target"] = _target(runtime, given["scope"], target, key)
        given["period"] = _choice("Per", PERIODS, start.get("period", "month"), f"period_{key}")
        given["limit_usd"] = _limit(start, key)
        given["kind"] = _choice(
            "When it is used up", KINDS, start.get("kind", "soft"), f"kind_{key}"
        )
        if given["kind"] == "hard":
            given["on_exhausted"] = _instead(runtime, start.get("on_exhausted") or REFUSE, key)
    with st.container(horizontal=True):
        saved = st.button("Save", key=f"budget_save_{key}", type="primary", icon=":material/check:")
        st.button("Cancel", key=f"budget_cancel_{key}", type="tertiary", on_click=close)
    if saved:
        _save(runtime, name, given, budget, close)


@session.needs("settings")
def _save(
    runtime: Runtime, name: str, given: Given, budget: Budget | None, close: Callable[[], None]
) -> None:
    try:
        save(runtime.recorder, name, given, budget_id=budget.budget_id if budget else None)
    except BadDefinition as exc:
        show_reasons(exc)
        return
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    session.note("budget_changed", budget.budget_id if budget else "", "saved")
    runtime.spending.refresh()
    runtime.alerts.look_now()
    close()
    st.rerun()


def _choice(label: str, options: dict[str, str], start: str, key: str) -> str:
    chosen: str = st.selectbox(
        label, list(options), index=list(options).index(start), key=f"budget_{key}",
        format_func=options.__getitem__,
    )  # fmt: skip
    return chosen


def _limit(start: Given, key: str) -> Decimal:
    value = st.number_input(
        "Limit (US dollars)", format="%g",
        value=float(start.get("limit_usd", 10)), key=f"budget_limit_{key}",
    )  # fmt: skip
    return Decimal(repr(value)).quantize(Decimal("1e-12")).normalize()


def _target(runtime: Runtime, scope: str, start: str, key: str) -> str:
    facets = session.figures().facets(Filter(range="90d"))
    seen = [EACH, start, *getattr(facets, scope, ())]
    shown: Callable[[str], str] = {"model": runtime.catalog.display_name, "agent": agent_title}.get(
        scope, str
    )
    options = list(dict.fromkeys(seen))
    chosen = st.selectbox(
        "Which", options, index=options.index(start), key=f"budget_target_{scope}_{key}",
        format_func=lambda name: f"Each {scope} for itself" if name == EACH else shown(name),
        accept_new_options=True,
    )  # fmt: skip
    return str(chosen or EACH)


def _instead(runtime: Runtime, start: str, key: str) -> str | None:
    models = [m.id for m in runtime.models.list_models() if m.configured]
    options = list(dict.fromkeys([REFUSE, start, *models]))
    chosen: str = st.selectbox(
        "Then",
        options,
        index=options.index(start),
        key=f"budget_instead_{key}",
        format_func=lambda m: (
            f"{runtime.catalog.display_name(m)} answers" if m else "Refuse with a message"
        ),
    )
    return chosen or None
