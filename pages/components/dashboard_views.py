"""Saved views and notes of the dashboard: two parts of the popover beside the filters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

import streamlit as st

from analytics.queries import Filter
from analytics.queries.scope import FILTERED
from analytics.queries.views import Annotation, marks, saved_views
from analytics.timeaxis import local, to_us
from analytics.views import MAX_LABEL, MAX_NAME, add_note, delete_note, delete_view, save_view
from core.errors import SwitchboardError
from pages.components import session
from pages.components.dashboard_reading import look_again
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy import Connection

    from agents.runtime import Runtime
    from analytics.queries.views import SavedView
    from core.identity import Right

KEPT = ("tab", "range", "from", "to", "log", *FILTERED)
"""What a view remembers of the URL."""
_NAME, _NOTE, _NOTE_AT = "view_name", "note_label", "note_at"
_NOTE_FIRST = "_note_first"
_SAVE_HELP = "Keeps the tab, the range and the filters of the address under a name."
_LIST_PX = 260


def show_views(runtime: Runtime) -> None:
    """Name and keep the present filters; open or delete what was kept."""
    with st.container(key="views"):
        st.markdown("**Saved views**", help=_SAVE_HELP)
        st.text_input(
            "Keep these filters as", key=_NAME, max_chars=MAX_NAME * 2, on_change="ignore",
            placeholder="Slow answers of this week",
        )  # fmt: skip
        st.button("Save view", key="view_save", on_click=partial(_save, runtime))
        kept = session.figures().ask(lambda ask: saved_views(ask, session.owner()), Filter())
        if not kept:
            st.caption("No view is saved yet.")
            return
        with st.container(height=_LIST_PX if len(kept) > 5 else "content", border=False):
            for view in kept:
                _show_view(runtime, view)


def show_notes(runtime: Runtime, keep: Filter, zone: ZoneInfo) -> None:
    """Marks on the charts over time: releases come by themselves, notes are written here."""
    with st.container(key="notes"):
        st.markdown("**Notes on the time axis**")
        if session.allowed("all_figures"):
            _ask_note(runtime, zone)
        else:
            st.caption("Releases. Notes are seen and written by who sees everybody's figures.")
        found = session.figures().ask(marks, keep)
        with st.container(height=_LIST_PX if len(found) > 5 else "content", border=False):
            for mark in found:
                _show_mark(runtime, mark, zone)


def _ask_note(runtime: Runtime, zone: ZoneInfo) -> None:
    st.text_input(
        "What happened?", key=_NOTE, max_chars=MAX_LABEL * 2, on_change="ignore",
        placeholder="New prompt for billing",
    )  # fmt: skip
    # Kept: a field whose default moves with the clock would forget what was typed.
    first = st.session_state.setdefault(_NOTE_FIRST, datetime.now(zone).replace(tzinfo=None))
    st.datetime_input(
        f"When ({zone.key})", first, key=_NOTE_AT, step=timedelta(minutes=5), on_change="ignore"
    )
    st.button("Add note", key="note_add", on_click=partial(_add_note, runtime, zone))


def query_now() -> str:
    """The part of the URL a view remembers."""
    return urlencode([(name, v) for name in KEPT for v in st.query_params.get_all(name)])


def open_query(query: str) -> None:
    """A callback: puts a kept query into the URL; other names in it are left out."""
    given = parse_qs(query)
    st.query_params.from_dict({name: given[name] for name in KEPT if name in given})


def _show_view(runtime: Runtime, view: SavedView) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.button(
            escape(view.name), key=f"view_{view.view_id}", on_click=open_query, args=(view.query,),
            type="tertiary", icon=":material/open_in_browser:",
        )  # fmt: skip
        st.button(
            "", key=f"view_delete_{view.view_id}", icon=":material/delete:", type="tertiary",
            help="Delete this view", on_click=_delete,
            args=(runtime, partial(_delete_view, view.view_id)),
        )  # fmt: skip


def _show_mark(runtime: Runtime, mark: Annotation, zone: ZoneInfo) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        at = local(mark.at_us, zone)
        icon = ":material/rocket_launch:" if mark.kind == "release" else ":material/flag:"
        st.markdown(
            f"{icon} {escape(mark.label)} :gray[{at:%d %b %Y, %H:%M}]",
            width="content",
        )
        if mark.kind == "note":
            st.button(
                "", key=f"note_delete_{mark.annotation_id}", icon=":material/delete:",
                help="Delete this note", type="tertiary", on_click=_delete,
                args=(runtime, partial(_delete_note, mark.annotation_id), "all_figures"),
            )  # fmt: skip


def _save(runtime: Runtime) -> None:
    name, query = str(st.session_state.get(_NAME) or ""), query_now()
    if _write(runtime, lambda connection: save_view(connection, session.owner(), name, query)):
        st.session_state[_NAME] = ""


@session.needs("all_figures")
def _add_note(runtime: Runtime, zone: ZoneInfo) -> None:
    label, at = str(st.session_state.get(_NOTE) or ""), st.session_state.get(_NOTE_AT)
    moment = at if isinstance(at, datetime) else datetime.now()
    at_us = to_us(moment.replace(tzinfo=zone))
    if _write(runtime, lambda connection: add_note(connection, label, at_us)):
        st.session_state[_NOTE] = ""


def _delete_view(view_id: str, connection: Connection) -> None:
    delete_view(connection, session.owner(), view_id)


def _delete_note(note_id: str, connection: Connection) -> None:
    delete_note(connection, note_id)


def _delete(
    runtime: Runtime, work: Callable[[Connection], object], right: Right = "figures"
) -> None:
    """A callback."""
    session.needs(right)(_write)(runtime, work)


def _write(runtime: Runtime, work: Callable[[Connection], object]) -> bool:
    """A callback's change of the database; what is wrong with it is shown on top of the page."""
    try:
        runtime.recorder.write(work)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return False
    look_again()
    return True
