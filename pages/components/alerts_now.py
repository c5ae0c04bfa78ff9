"""Alerts: what fires now, what was told before, and whether the watcher itself is well."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from analytics.alerts.store import AlertEvent, events, rules
from analytics.budgets import budgets
from analytics.queries import Filter
from analytics.timeaxis import local
from pages.components import session
from pages.components.alerts_banner import show_alert
from pages.components.dashboard_tables import Column, draw
from pages.components.format import count
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime

EVENTS = 100
STATES = {
    "pending": "Waits",
    "dropped": "Did not last",
    "firing": "Fires",
    "again": "Still fires",
    "resolved": "Over",
}
TABS_KEY = "alerts_tab"
"""Of the tabs of the page."""
EVERY_S = 15


def show_now(runtime: Runtime) -> None:
    """Draws what fires and the history."""
    st.fragment(_show_firing, run_every=EVERY_S)(runtime)
    st.subheader("History", anchor=False)
    found = session.figures().ask(lambda ask: events(ask.reader, EVENTS), Filter())
    if not found:
        st.caption("No alert has begun or ended yet.")
        return
    newest = "The newest message" if len(found) == 1 else f"The newest {count(len(found))} messages"
    st.caption(f"{newest}. Times are in {escape(runtime.zone.key)}.")
    draw(
        _columns(found, runtime.zone),
        alt="Alerts that began and ended",
        key="alert_history",
    )


def _show_firing(runtime: Runtime) -> None:
    zone = runtime.zone
    firing = runtime.alerts.firing()
    for alert in firing:
        show_alert(alert, f":small[since {moment(alert.since_us, zone)}]")
    if not firing:
        _show_quiet(runtime)
    st.caption(_health_line(runtime))


def _show_quiet(runtime: Runtime) -> None:
    """Silence is good news only when somebody listens."""
    active, limits = session.figures().ask(
        lambda ask: (
            sum(rule.enabled for rule in rules(ask.reader)),
            sum(budget.enabled for budget in budgets(ask.reader)),
        ),
        Filter(),
    )
    if active:
        what = "1 rule is" if active == 1 else f"{count(active)} rules are"
        st.success(f"Nothing fires now; {what} active.", icon=":material/check_circle:")
        return
    instead = "only budgets are watched" if limits else "nothing is watched"
    st.info(f"No rule is active, so {instead}.", icon=":material/notifications_off:")
    pressed = st.button(
        "Choose rules", key="to_rules", icon=":material/add_alert:", on_click=_open_rules
    )
    if pressed:
        st.rerun()  # the tabs stand outside the fragment this is drawn in


def _open_rules() -> None:
    """A callback."""
    st.session_state[TABS_KEY] = "Rules"


def _health_line(runtime: Runtime) -> str:
    """Markdown: when the rules were looked at last, and what is not known."""
    watcher, spending = runtime.alerts.health(), runtime.spending.health()
    parts = ["Rules are evaluated every 30 s"]
    if watcher.last_round_at_us is not None:
        ago = max(0, time.time_ns() // 1000 - watcher.last_round_at_us) // 1_000_000
        parts.append(f"last {ago} s ago")
    if watcher.last_error:
        parts.append(f":orange[the last round failed: {escape(watcher.last_error)}]")
    if spending.last_error:
        parts.append(f":orange[budgets cannot be read: {escape(spending.last_error)}]")
    if spending.unknown_checks:
        parts.append(
            f":orange[{count(spending.unknown_checks)} calls were allowed unchecked, because what "
            "was spent could not be read]"
        )
    return " · ".join(parts)


def _columns(found: tuple[AlertEvent, ...], zone: ZoneInfo) -> dict[str, Column]:
    return {
        "Time": Column(values=[moment(e.at_us, zone) for e in found]),
        "Rule": Column(values=[e.rule_name for e in found]),
        "State": Column(values=[STATES.get(e.state, e.state) for e in found]),
        "Message": Column(values=[e.message for e in found]),
        "Began": Column(values=[moment(e.began_at_us, zone) for e in found]),
        "Sent to": Column(
            values=[_told(e) for e in found],
            help="Where the message went, and whether the log and the webhook took it.",
        ),
    }


def _told(event: AlertEvent) -> str:
    parts = []
    for channel, result in event.delivery.items():
        given = result if isinstance(result, dict) else {}
        tries = f" after {given['tries']} tries" if (given.get("tries") or 1) > 1 else ""
        how = f"ok{tries}" if given.get("ok") else f"{given.get('error', 'failed')}{tries}"
        parts.append(f"{channel}: {how}")
    return ", ".join(parts) or "banner"


def moment(at_us: int, zone: ZoneInfo) -> str:
    """A time of the reporting zone, with its date unless that is today."""
    at = local(at_us, zone)
    today = at.date() == datetime.now(zone).date()
    return f"{at:%H:%M:%S}" if today else f"{at:%Y-%m-%d %H:%M}"
