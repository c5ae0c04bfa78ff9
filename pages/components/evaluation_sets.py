"""Question sets: where they come from, and those that are kept."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.checks import needs_judge
from agents.evaluation.question_set import write_set
from core.errors import SwitchboardError
from pages.components import evaluation_new, evaluation_url, session
from pages.components.evaluation_example import show_example
from pages.components.evaluation_preview import SAVED, questions, show_preview
from pages.components.evaluation_reading import cases_of_set
from pages.components.evaluation_sampled import show_sampled
from pages.components.evaluation_saved import show_saved
from pages.components.evaluation_upload import show_upload
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.sets import StoredSet
    from agents.runtime import Runtime

SOURCES = {
    "file": "From a file",
    "saved": "From saved test cases",
    "past": "From past chats",
    "example": "An example",
}
_SHOW = {
    "file": show_upload,
    "saved": show_saved,
    "past": show_sampled,
    "example": show_example,
}
SHOWN = 20


def show_sets(runtime: Runtime) -> None:
    """Draws both. Raises StorageError."""
    kept = runtime.evaluations.sets.list(session.owner())
    saved = st.session_state.pop(SAVED, None)
    if saved is not None:
        st.success(saved, icon=":material/check_circle:")
    if kept:
        _list(runtime, kept)
    st.subheader("New question set", anchor=False)
    source = st.segmented_control(
        "Source", list(SOURCES), default="file", format_func=SOURCES.__getitem__, required=True,
        key="set_source", label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    _SHOW[source or "file"](runtime)


def _list(runtime: Runtime, kept: list[StoredSet]) -> None:
    pages = -(-len(kept) // SHOWN)
    page = min(st.pagination(pages, key="sets_page"), pages) if pages > 1 else 1
    for one in kept[(page - 1) * SHOWN : page * SHOWN]:
        _show(runtime, one)


def _show(runtime: Runtime, one: StoredSet) -> None:
    made = datetime.fromtimestamp(one.created_at_us / 1e6, runtime.zone)
    with st.container(border=True, key=f"set_{one.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{escape(one.name)}** :gray-badge[version {one.version}]  \n"
                f":small[:gray[{questions(one.cases)} · {made:%d %b %Y, %H:%M} · digest {one.digest[:12]}]]",
                width="stretch",
            )
            st.button(
                "Evaluate", key=f"set_use_{one.id}", icon=":material/play_arrow:", type="tertiary",
                on_click=_use, args=(one.id,),
            )  # fmt: skip
            open_ = st.toggle("Look", key=f"set_look_{one.id}")
            st.download_button(
                "JSONL", partial(_jsonl, runtime, one.id), key=f"set_file_{one.id}",
                file_name=f"questions-{one.id[:8]}-v{one.version}.jsonl", type="tertiary",
                mime="application/jsonl", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
            with st.popover("", icon=":material/delete:", type="tertiary", help="Delete"):
                st.markdown(f"Delete **{escape(one.name)}**, version {one.version}?")
                st.button(
                    "Delete this set", key=f"set_delete_{one.id}", type="primary",
                    on_click=_delete, args=(runtime, one.id),
                )  # fmt: skip
        if open_:
            cases = cases_of_set(one.id, runtime)
            judged = sum(needs_judge(case) for case in cases)
            if judged:
                st.caption(f"{judged:,} of them need a judge model.")
            show_preview(cases, key=f"set_preview_{one.id}")


def _jsonl(runtime: Runtime, set_id: str) -> bytes:
    return write_set(runtime.evaluations.sets.cases(set_id))


def _use(set_id: str) -> None:
    """A callback."""
    evaluation_new.choose_set(set_id)
    evaluation_url.go_to(evaluation_url.NEW)


def _delete(runtime: Runtime, set_id: str) -> None:
    """A callback."""
    try:
        runtime.evaluations.sets.delete(set_id, session.owner())
    except SwitchboardError as exc:
        session.keep_notice(exc)
