"""Alerts: the list of rules, what each waits for, and rules to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from analytics.alerts.rules import AlertRule
from analytics.alerts.store import remove_rule, rules, save_rule, set_rule_enabled
from analytics.alerts.templates import TEMPLATES
from analytics.alerts.words import condition, span
from analytics.queries import Filter
from core.errors import SwitchboardError
from pages.components import session
from pages.components.alerts_editor import show_editor
from pages.components.dashboard_controls import value_names
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from core.catalog import Catalog

EDITING = "alert_rule_editing"
NEW = "new"
COLORS = {"critical": "red", "warning": "orange", "info": "blue"}


def show_rules(runtime: Runtime) -> None:
    """Draws the rules; the one that is edited opens in its place."""
    found = session.figures().ask(lambda ask: rules(ask.reader), Filter())
    may_change = session.allowed("settings")
    editing = st.session_state.get(EDITING) if may_change else None
    for rule in found:
        with st.container(border=True, key=f"rule_{rule.rule_id}"):
            if editing == rule.rule_id:
                show_editor(runtime, rule, close)
            else:
                _show_rule(runtime, rule, may_change)
    if not found:
        st.info(
            "No rule is active."
            + (" Add one of the usual ones below, or write your own." if may_change else ""),
            icon=":material/notifications_off:",
        )
    if not may_change:
        return
    if editing == NEW:
        with st.container(border=True, key="rule_new"):
            show_editor(runtime, None, close)
    else:
        st.button("New rule", key="new_rule", icon=":material/add:", on_click=_edit, args=(NEW,))
    _show_templates(runtime, [rule.name for rule in found])


def close() -> None:
    """Ends editing."""
    st.session_state.pop(EDITING, None)


@session.needs("settings")
def _edit(rule_id: str) -> None:
    st.session_state[EDITING] = rule_id


def _show_rule(runtime: Runtime, rule: AlertRule, may_change: bool) -> None:
    asked = rule.definition
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(f"**{escape(rule.name)}**", width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.badge(asked.severity, color=COLORS[asked.severity])  # type: ignore[arg-type]
            st.toggle(
                "On", value=rule.enabled, key=f"on_{rule.rule_id}", on_change=_switch,
                disabled=not may_change,
                args=(runtime, rule.rule_id),
            )  # fmt: skip
            if may_change:
                _show_changes(runtime, rule)
    st.caption(escape(". ".join([condition(asked), *_details(rule, runtime.catalog)]) + "."))


def _show_changes(runtime: Runtime, rule: AlertRule) -> None:
    st.button(
        "Edit", key=f"edit_{rule.rule_id}", icon=":material/edit:", type="tertiary",
        on_click=_edit, args=(rule.rule_id,),
    )  # fmt: skip
    with st.popover("", icon=":material/delete:", type="tertiary", width="content"):
        st.caption("Its past messages stay in the history.")
        st.button(
            "Delete rule", key=f"delete_{rule.rule_id}", on_click=_delete,
            args=(runtime, rule.rule_id),
        )  # fmt: skip


def _details(rule: AlertRule, catalog: Catalog) -> list[str]:
    asked = rule.definition
    found = [
        f"Only {name.replace('_', ' ')} {value_names(catalog, name, values)}"
        for name, values in asked.filters.model_dump().items()
        if values
    ]
    if asked.needed_n > 1 and asked.kind != "no_data":
        found.append(f"At least {asked.needed_n:,} runs or calls")
    if asked.hold_minutes:
        found.append(f"For {span(asked.hold_minutes)}")
    if asked.renotify_minutes:
        found.append(f"Again every {span(asked.renotify_minutes)}")
    found.append(f"To {', '.join(asked.channels)}")
    return found


def _show_templates(runtime: Runtime, known: Sequence[str]) -> None:
    missing = [name for name in TEMPLATES if name not in known]
    if not missing:
        return
    st.subheader("Usual rules", anchor=False)
    st.caption("One click adds a rule and switches it on. It can be changed afterwards.")
    with st.container(horizontal=True, key="alert_templates"):
        for name in missing:
            st.button(
                name, key=f"template_{name}", icon=":material/add:", on_click=_add,
                args=(runtime, name), help=escape(condition(TEMPLATES[name])),
            )  # fmt: skip


@session.needs("settings")
def _add(runtime: Runtime, name: str) -> None:
    try:
        save_rule(runtime.recorder, name, TEMPLATES[name].model_dump())
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("alert_changed", "", "added")
    runtime.alerts.look_now()


@session.needs("settings")
def _switch(runtime: Runtime, rule_id: str) -> None:
    try:
        set_rule_enabled(runtime.recorder, rule_id, bool(st.session_state[f"on_{rule_id}"]))
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("alert_changed", rule_id, "switched")
    runtime.alerts.look_now()


@session.needs("settings")
def _delete(runtime: Runtime, rule_id: str) -> None:
    try:
        remove_rule(runtime.recorder, rule_id)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("alert_changed", rule_id, "deleted")
    runtime.alerts.look_now()
