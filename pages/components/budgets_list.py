"""Budgets: how far each is used, when it will be used up, and its switch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from analytics.budgets import Budget, BudgetDefinition, Use, budgets
from analytics.budgets.definition import EACH
from analytics.budgets.forecast import month_of
from analytics.budgets.period import starts_again
from analytics.budgets.store import remove, set_enabled
from analytics.queries import Filter
from analytics.queries.cost_month import MIN_DAYS, Month, exhaustion
from core.errors import SwitchboardError
from core.pricing import format_usd
from pages.components import session
from pages.components.answer import agent_title
from pages.components.budgets_editor import show_editor
from pages.components.format import count, share
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.queries import Queries

EDITING = "budget_editing"
NEW = "new"
TARGETS = 5


def show_budgets(runtime: Runtime) -> None:
    """Draws the budgets; the one that is edited opens in its place."""
    found = session.figures().ask(lambda ask: budgets(ask.reader), Filter())
    uses = runtime.spending.uses()
    may_change = session.allowed("settings")
    editing = st.session_state.get(EDITING) if may_change else None
    if not found:
        st.info(
            "There is no budget: calls cost what they cost. A soft budget gives notice, a hard one "
            "stops calls or lets a cheaper model answer.",
            icon=":material/savings:",
        )
    for budget in found:
        with st.container(border=True, key=f"budget_{budget.budget_id}"):
            if editing == budget.budget_id:
                show_editor(runtime, budget, close)
            else:
                _show_budget(
                    runtime, budget, [u for u in uses if u.budget.budget_id == budget.budget_id]
                )
    if may_change and editing == NEW:
        with st.container(border=True, key="budget_new"):
            show_editor(runtime, None, close)
    elif may_change:
        st.button(
            "New budget", key="new_budget", icon=":material/add:", on_click=_edit, args=(NEW,)
        )
    st.caption(
        "Counted is what calls are known to have cost, the moment they report it. A budget can be "
        "passed by the calls that already run when it is used up; calls without a price count \\$0."
    )


def show_own_budgets(runtime: Runtime) -> None:
    """What whoever is looking may still spend: budgets of single people, with their own use only."""
    own = session.owner()
    mine = [
        use
        for use in runtime.spending.uses()
        if use.budget.definition.scope == "user" and use.target == own
    ]
    st.caption("Counted is what your calls are known to have cost, the moment they report it.")
    if not mine:
        st.info("No budget limits you, or you have not used any yet.", icon=":material/savings:")
    for use in mine:
        with st.container(border=True, key=f"own_budget_{use.budget.budget_id}"):
            asked = use.budget.definition
            limit = escape(format_usd(asked.limit_pusd))
            st.markdown(f"**{limit} a {asked.period} for you**")
            _show_use(runtime, use)


def close() -> None:
    """Ends editing."""
    st.session_state.pop(EDITING, None)


@session.needs("settings")
def _edit(budget_id: str) -> None:
    st.session_state[EDITING] = budget_id


def _show_budget(runtime: Runtime, budget: Budget, uses: list[Use]) -> None:
    asked = budget.definition
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"**{escape(budget.name)}**", width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.badge(asked.kind, color="red" if asked.kind == "hard" else "orange")
            st.toggle(
                "On", value=budget.enabled, key=f"budget_on_{budget.budget_id}", on_change=_switch,
                disabled=not session.allowed("settings"),
                args=(runtime, budget.budget_id),
            )  # fmt: skip
            if session.allowed("settings"):
                _show_changes(runtime, budget)
    st.caption(escape(said(runtime, asked)))
    for use in uses[:TARGETS]:
        _show_use(runtime, use)
    if len(uses) > TARGETS:
        st.caption(f"Showing the {TARGETS} most used of {count(len(uses))}.")
    if budget.enabled and not uses:
        st.caption("Nobody has spent anything yet.")


def _show_changes(runtime: Runtime, budget: Budget) -> None:
    st.button(
        "Edit", key=f"budget_edit_{budget.budget_id}", icon=":material/edit:",
        type="tertiary", on_click=_edit, args=(budget.budget_id,),
    )  # fmt: skip
    with st.popover("", icon=":material/delete:", type="tertiary", width="content"):
        st.button(
            "Delete budget", key=f"budget_delete_{budget.budget_id}", on_click=_delete,
            args=(runtime, budget.budget_id),
        )  # fmt: skip


def said(runtime: Runtime, asked: BudgetDefinition) -> str:
    """The budget in a sentence."""
    each, target = asked.target == EACH, target_name(runtime, asked, asked.target)
    whose = "the whole app" if asked.scope == "app" else f"each {asked.scope}"
    if asked.scope != "app" and not each:
        whose = f"{asked.scope} {target}"
    end = "a notice"
    if asked.kind == "hard" and asked.on_exhausted:
        end = f"{runtime.catalog.display_name(asked.on_exhausted)} answers"
    elif asked.kind == "hard":
        end = "the next model of the order answers" if asked.scope == "model" else "no call is made"
    return f"{format_usd(asked.limit_pusd)} a {asked.period} for {whose}, then {end}."


def target_name(runtime: Runtime, asked: BudgetDefinition, target: str) -> str:
    """A model or agent as people know it."""
    if asked.scope == "model":
        return runtime.catalog.display_name(target)
    return agent_title(target) if asked.scope == "agent" else target


def _show_use(runtime: Runtime, use: Use) -> None:
    asked = use.budget.definition
    name = target_name(runtime, asked, use.target) if asked.target == EACH and use.target else ""
    period = "today" if asked.period == "day" else "this month"
    text = (
        f"{name + ': ' if name else ''}{format_usd(use.spent.pusd)} of "
        f"{format_usd(asked.limit_pusd)} {period} ({share(use.share)})"
    )
    st.progress(min(1.0, use.share), text=escape(text))
    outlook = escape(_outlook(runtime, use))
    # Not a caption: those are pale, and colours in them hard to read.
    notes = [outlook and f":{'red' if use.exhausted else 'gray'}[{outlook}]"]
    if use.spent.unpriced:
        notes.append(f":orange[{count(use.spent.unpriced)} calls have no known price]")
    if any(notes):
        st.markdown(f":small[{' · '.join(note for note in notes if note)}]")


def _outlook(runtime: Runtime, use: Use) -> str:
    asked, now = use.budget.definition, time.time_ns() // 1000
    if use.exhausted:
        return f"Used up. It starts again on {starts_again(asked.period, now, runtime.zone)}."
    if asked.period == "day":
        return ""
    month = _month(
        session.figures(),
        session.figures_key(),
        asked.model_dump_json(),
        use.target,
        use.spent.pusd,
    )
    if month is None or month.forecast is None:
        return f"A forecast needs {MIN_DAYS} full recorded days."
    total = format_usd(round(month.forecast.middle[-1]))
    day = exhaustion(month, asked.limit_pusd).likely
    if day is None:
        return f"Lasts for the month at this pace: about {total} in all."
    return f"Used up on {day.day} {day:%B} at this pace: about {total} for the whole month."


@st.cache_data(ttl="1m", max_entries=200, show_spinner=False)
def _month(
    _figures: Queries, where: tuple[str, str | None], definition: str, target: str, spent: int
) -> Month | None:
    asked = BudgetDefinition.model_validate_json(definition)
    return month_of(_figures, asked, target, time.time_ns() // 1000)


@session.needs("settings")
def _switch(runtime: Runtime, budget_id: str) -> None:
    try:
        set_enabled(runtime.recorder, budget_id, bool(st.session_state[f"budget_on_{budget_id}"]))
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("budget_changed", budget_id, "switched")
    runtime.spending.refresh()
    runtime.alerts.look_now()


@session.needs("settings")
def _delete(runtime: Runtime, budget_id: str) -> None:
    try:
        remove(runtime.recorder, budget_id)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("budget_changed", budget_id, "deleted")
    runtime.spending.refresh()
    runtime.alerts.look_now()
