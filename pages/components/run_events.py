"""The raw log of a run: every event, filtered by type, one in full, all of them to take away."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import streamlit as st

from core.events_codec import to_dict
from pages.components.dashboard_tables import Column, draw
from pages.components.format import count, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.events import Event
    from pages.components.run_reading import KnownRun

MAX_ROWS = 2_000
MAX_TEXT = 200
TABLE_PX = 420
_ENVELOPE = ("run_id", "seq", "at_us", "elapsed_us", "type")


def show_events(known: KnownRun) -> None:
    if not known.events:
        st.info("The log of this run is gone.", icon=":material/receipt_long:")
        return
    kinds = Counter(event.type for event in known.events)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Types", sorted(kinds), key="event_types", placeholder="All types",
            format_func=lambda kind: f"{kind} ({kinds[kind]})",
        )  # fmt: skip
        st.download_button(
            "Download all as JSON lines", lambda: json_lines(known.events),
            file_name=f"run-{known.run_id}.jsonl", mime="application/x-ndjson",
            key="events_download", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    found = [event for event in known.events if not chosen or event.type in chosen]
    shown = found[:MAX_ROWS]
    st.caption(
        f"Showing {count(len(shown))} of {count(len(found))} events. Select one to see it in full."
    )
    state = draw(
        event_columns(shown), alt="Events of the run in their order", key="events_table",
        height=TABLE_PX if len(shown) > 10 else "auto", on_select="rerun",
        selection_mode="single-row",
    )  # fmt: skip
    rows = state["selection"]["rows"]
    if rows and 0 <= rows[0] < len(shown):
        whole = json.dumps(to_dict(shown[rows[0]]), ensure_ascii=False, indent=2)
        st.code(whole, language="json", wrap_lines=True)


def event_columns(events: Sequence[Event]) -> dict[str, Column]:
    return {
        "No.": Column(values=[event.seq for event in events]),
        "After": Column(
            values=[event.elapsed_us for event in events], show=duration, unit="us",
            help="Since the run was submitted.",
        ),
        "Type": Column(values=[event.type for event in events]),
        "What": Column(values=[_short(event) for event in events]),
    }  # fmt: skip


def _short(event: Event) -> str:
    what = {key: value for key, value in to_dict(event).items() if key not in _ENVELOPE}
    text = json.dumps(what, ensure_ascii=False)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def json_lines(events: Sequence[Event]) -> bytes:
    """One event per line, nothing left out; ASCII, so that no line end hides in a text."""
    return "".join(f"{json.dumps(to_dict(event))}\n" for event in events).encode("ascii")
