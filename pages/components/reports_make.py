"""Reports, tab 1: choose a kind, a period, filters and forms, and make it."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries import Filter
from analytics.reports import periods
from analytics.reports.document import KINDS, TITLES, ReportKind
from analytics.reports.render import FORMATS, Format
from analytics.timeaxis import local
from core.errors import InvalidInput
from pages.components import session
from pages.components.markdown import escape
from pages.components.reports_filters import show_filters
from pages.components.reports_kept import show_report

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from analytics.reports.periods import Period

ABOUT: dict[ReportKind, str] = {
    "daily": "Key figures against the day before, errors, alerts, budgets.",
    "weekly": "Trends, releases, what drove the cost, the worst and the slowest runs.",
    "monthly": "Cost by user, agent and model that adds up to the pico-dollar; CSV for bookkeeping.",
    "incident": "One window: timeline, providers, errors, affected runs, service level used up.",
    "data": "What is stored, how much and how old it is, and how long it is kept.",
}
FORMAT_NAMES: dict[Format, str] = {"html": "HTML", "md": "Markdown", "csv": "CSV", "json": "JSON"}
_MADE = "_report_made"
_MONTHS = 36


def show_make(runtime: Runtime) -> None:
    """Draws the form and what was made last. Raises StorageError."""
    kind = st.segmented_control(
        "Kind", KINDS, key="report_kind", default="daily", required=True, wrap=True,
        format_func=TITLES.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    st.caption(ABOUT[kind])
    now_us = time.time_ns() // 1000
    try:
        period = _period(runtime, kind, now_us)
    except InvalidInput as exc:
        st.warning(escape(f"{exc.message} {exc.what_to_do}"), icon=":material/warning:")
        return
    st.caption(f"**{escape(period.words)}**, times in {escape(runtime.zone.key)}")
    keep = Filter(since_us=period.since_us, until_us=period.until_us)
    chosen = show_filters(runtime, keep, "report") if kind != "data" else {}
    forms = st.pills(
        "File types", FORMATS, key="report_forms", selection_mode="multi", default=["html"],
        format_func=FORMAT_NAMES.__getitem__,
        help="HTML opens in any browser, without a network, and prints well.",
    )  # fmt: skip
    if st.button("Make the report", type="primary", key="make_report", disabled=not forms):
        session.require("all_figures")
        with st.spinner("Making the report …"):
            made = runtime.reports.make(
                period, now_us=now_us, forms=[f for f in FORMATS if f in forms],
                keep=Filter(**chosen),  # type: ignore[arg-type]
            )  # fmt: skip
        session.note("report_made", made.report_id, made.kind)
        st.session_state[_MADE] = made
    if _MADE in st.session_state:
        st.subheader("Made just now", anchor=False)
        show_report(runtime, st.session_state[_MADE], "made")


def _period(runtime: Runtime, kind: ReportKind, now_us: int) -> Period:
    zone = runtime.zone
    today = local(now_us, zone).date()
    if kind == "data":
        return periods.everything(now_us, zone)
    if kind == "incident":
        return _incident(now_us, zone)
    if kind == "monthly":
        return periods.period_of(kind, _month(runtime, today), zone)
    day = st.date_input(
        "Day" if kind == "daily" else "A day of the week", key=f"report_{kind}_day",
        value=today - timedelta(days=1 if kind == "daily" else 7), max_value=today, width=220,
    )  # fmt: skip
    if not isinstance(day, date):
        raise InvalidInput("No day is chosen.", what_to_do="Choose one.")
    return periods.period_of(kind, day, zone)


def _month(runtime: Runtime, today: date) -> date:
    """A month since recording began; the last whole one first."""
    first_us = session.figures().window(Filter(range="all")).since_us
    first = local(first_us, runtime.zone).date().replace(day=1)
    months = [today.replace(day=1)]
    while months[-1] > first and len(months) < _MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return st.selectbox(
        "Month", months, key="report_month", index=min(1, len(months) - 1), width=220,
        format_func=lambda month: f"{month:%B %Y}",
    )  # fmt: skip


def _incident(now_us: int, zone: ZoneInfo) -> Period:
    now = local(now_us, zone).replace(tzinfo=None, second=0, microsecond=0)
    with st.container(horizontal=True):
        since = _moment("From", "report_from", now - timedelta(hours=1))
        until = _moment("Until", "report_until", now)
    return periods.incident(periods.clock_us(since, zone), periods.clock_us(until, zone), zone)


def _moment(name: str, key: str, usual: datetime) -> datetime:
    st.session_state.setdefault(key, usual)
    value = st.datetime_input(name, key=key, step=timedelta(minutes=1), width=240)
    if not isinstance(value, datetime):
        raise InvalidInput("A time is missing.", what_to_do="Choose both.")
    return value
