"""Files of figures that were lost, in words: on the Settings page until seen, on the dashboard as
one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analytics.incidents import see
from analytics.timeaxis import local
from core.errors import SwitchboardError
from pages.components import session
from pages.components.format import count
from pages.components.markdown import escape
from pages.components.session import keep_notice

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from analytics.incidents import Incident

LOOK_EVERY_S = 5.0
ONLY_THERE = (
    "What only the old file had is not in the new one: imported calls, opinions, notes, saved views, "
    "alert rules and budgets, runs of deleted threads, and kept questions and answers."
)


def show_lost_files(runtime: Runtime) -> bool:
    """Draws what was lost and is not seen yet, newest first; False when there is nothing."""
    unseen = _unseen(runtime)
    for one in unseen:
        when = f"{local(one.at_us, runtime.zone):%Y-%m-%d %H:%M}"
        text = f"**{when}** · {escape(one.sentence(_name(runtime)))} {_repaired(one)}"
        st.warning(text, icon=":material/warning:")
    if unseen:
        st.caption(ONLY_THERE)
        st.button(
            "Seen", key="lost_files_seen", icon=":material/check:", on_click=_see,
            args=(runtime, [one.incident_id for one in unseen]),
            help="Hides these lines here and on the dashboard. Files that were kept stay.",
        )  # fmt: skip
    return bool(unseen)


@st.fragment(run_every=LOOK_EVERY_S)
def show_recording_trouble(runtime: Runtime) -> None:
    """One line when figures are not written, one when a file was lost. Asks no database."""
    health = runtime.recorder.health()
    lines = []
    if health.failing:
        lines.append(not_written(health.failing_since_us, health.last_error, runtime.zone))
    if unseen := _unseen(runtime):
        lines.append(f"{escape(unseen[0].sentence(_name(runtime)))} {_repaired(unseen[0])}")
    for line in lines:
        st.warning(line, icon=":material/warning:")
    if lines:
        st.page_link(
            "pages/settings.py", label="Settings, Health", icon=":material/settings:",
            query_params={"settings_tab": "Health"},
        )  # fmt: skip


def not_written(since_us: int | None, reason: str | None, zone: ZoneInfo) -> str:
    """Markdown: what does not work, since when, and where the figures are."""
    since = f" since {local(since_us, zone):%H:%M}" if since_us is not None else ""
    return (
        f"Analytics cannot be written{since}: {escape(reason or 'unknown')} Answers go on; figures "
        "since then wait in memory and are written when it works again."
    )


def _repaired(one: Incident) -> str:
    """What became of the chat's runs."""
    if one.missing is None:
        return "The chat's runs are being counted."
    if not one.missing:
        return "No finished run of the chat was missing afterwards."
    runs = _runs(one.restored, "was", "were")
    if not one.done:
        return f"{runs} recorded again so far, of {count(one.missing)} that were missing."
    left = one.missing - one.restored
    rest = f" {_runs(left, 'has', 'have')} no whole log and cannot be." if left > 0 else ""
    return f"{runs} recorded again from the chat's logs.{rest}"


def _runs(number: int, one: str, more: str) -> str:
    return f"{count(number)} run {one}" if number == 1 else f"{count(number)} runs {more}"


def _unseen(runtime: Runtime) -> list[Incident]:
    return [one for one in runtime.recorder.incidents() if not one.seen]


def _name(runtime: Runtime) -> str:
    return "analytics.db" if not runtime.settings.analytics_url else "The analytics database"


@session.needs("settings")
def _see(runtime: Runtime, ids: list[str]) -> None:
    try:
        runtime.recorder.change_incidents(lambda connection: see(connection, ids))
    except SwitchboardError as exc:
        keep_notice(exc)
