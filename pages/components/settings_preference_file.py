"""Settings: preferences to a file and from one, and back to how they were at first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from agents.preference_file import from_file, to_file
from agents.preferences import Preferences, Read, as_values
from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime

NAMES = {
    "agent": "Agent",
    "model": "Model",
    "streaming": "Streaming",
    "temperature": "Temperature",
    "note": "Note to the model",
    "timezone": "Time zone",
    "facts": "Figures",
    "sources": "Sources",
    "steps": "Steps",
    "run_link": "Link to the run",
}
_ROUND = "_preference_uploads"
"""How many files were dealt with: each upload gets a widget of its own."""
_MOST_NAMED, _LONGEST = 20, 60


def show_file(runtime: Runtime, preferences: Preferences, start_again: Callable[[], None]) -> None:
    """Export, and import with a look at what would change before it does."""
    st.download_button(
        "Export", to_file(preferences), key="export_preferences", icon=":material/download:",
        file_name="switchboard-preferences.json", mime="application/json", on_click="ignore",
    )  # fmt: skip
    upload = st.file_uploader(
        "Import", type="json", key=f"import_preferences_{st.session_state.get(_ROUND, 0)}",
        max_upload_size=1, width=640,
    )  # fmt: skip
    if upload is None:
        return
    try:
        found = from_file(upload.getvalue(), preferences)
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    _show_refused(found)
    changes = _changes(preferences, found.preferences)
    if not changes:
        st.info("The file changes nothing.", icon=":material/info:")
        return
    lines = [f"| {NAMES[name]} | {old} | {new} |" for name, old, new in changes]
    st.markdown("\n".join(["| Preference | Now | From the file |", "|---|---|---|", *lines]))
    one = "1 preference" if len(changes) == 1 else f"{len(changes)} preferences"
    st.button(
        f"Change {one}", key="import_preferences", type="primary", on_click=_import,
        args=(runtime, found.preferences, start_again),
    )  # fmt: skip


def show_reset(runtime: Runtime, start_again: Callable[[], None]) -> None:
    with st.popover("Reset all preferences", icon=":material/restart_alt:", type="tertiary"):
        st.caption("Everything on this tab is as it was at first. Your chats stay as they are.")
        st.button(
            "Reset", key="reset_preferences", type="primary", on_click=_reset,
            args=(runtime, start_again),
        )  # fmt: skip


def _show_refused(found: Read) -> None:
    """Names are from a stranger's file: short, few, and as plain text."""
    if found.unknown:
        named = ", ".join(escape(name[:_LONGEST]) for name in found.unknown[:_MOST_NAMED])
        more = len(found.unknown) - _MOST_NAMED
        also = f" and {more} more" if more > 0 else ""
        st.warning(f"Unknown here and left out: {named}{also}.", icon=":material/help:")
    if found.wrong:
        lines = [f"- {NAMES[name]}: {escape(why)}" for name, why in found.wrong.items()]
        st.warning("These stay as they are:\n" + "\n".join(lines), icon=":material/block:")


def _changes(now: Preferences, then: Preferences) -> list[tuple[str, str, str]]:
    """(name, old, new) of what differs, as Markdown."""
    old, new = as_values(now), as_values(then)
    return [(n, _words(old[n]), _words(new[n])) for n in old if old[n] != new[n]]


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return escape(", ".join(value).replace("_", " ")) or "none"
    text = str(value if value is not None else "")
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return escape(short) or "–"


# -- callbacks


def _import(runtime: Runtime, preferences: Preferences, start_again: Callable[[], None]) -> None:
    try:
        runtime.preferences.replace(session.owner(), preferences)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    start_again()
    st.toast("The preferences of the file hold now.", icon=":material/check:")


def _reset(runtime: Runtime, start_again: Callable[[], None]) -> None:
    try:
        runtime.preferences.reset(session.owner())
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    start_again()
    st.toast("All preferences are as at first.", icon=":material/check:")
