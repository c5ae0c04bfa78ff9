"""The answer under way in a conversation, and what stands under it when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import NotFound
from core.transcript import Transcript, summarise
from pages.components import chat_actions as act
from pages.components import session, who
from pages.components.answer import show_summary, waiting_line
from pages.components.chat_message import show_actions, waited
from pages.components.chat_queue import after_queue
from pages.components.markdown import safe
from pages.components.stream import attach

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agents.queue import Queued
    from agents.run import Run
    from agents.runtime import Runtime
    from pages.components.answer_shown import Shown
    from pages.components.thread_marks import Marks

OF_AN_ANSWER = 10
"""As many elements as stand in the frame of an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What of the page changes with the answer."""

    runtime: Runtime
    marks: Marks
    stop: DeltaGenerator
    """The place of the Stop button."""
    queued: Sequence[Queued]
    """What the page shows of the queue."""
    look: Shown


def show_live(page: Around, run: Run, frame: DeltaGenerator) -> None:
    """Follows a run to its end, in the frame of an answer."""
    runtime = page.runtime
    with frame:
        if page.marks.covered:  # what is done in a dialog would wait for the end of the answer
            _show_standing(run)
            return
        status, slot, rest, earlier = st.empty(), st.empty(), st.empty(), st.empty()
        for _ in range(OF_AN_ANSWER):
            st.empty()  # what stood under an answer that this one takes the place of
        if others := runtime.threads.followers(run.place.parent_id, session.owner()):
            earlier.button(
                "Earlier version", key="earlier", icon=":material/chevron_left:", type="tertiary",
                on_click=act.show_version, args=(runtime, others[-1]),
            )  # fmt: skip
        page.stop.button(
            "Stop", key="stop", icon=":material/stop_circle:", shortcut="Esc", on_click=act.stop,
            args=(runtime, run.id),
        )  # fmt: skip

        def on_status(transcript: Transcript, elapsed_s: float) -> None:
            who.rerun_if_changed(runtime)
            page.marks.refresh()
            if runtime.queue.of_thread(run.thread_id, session.owner()) != page.queued:
                st.rerun()  # it was changed in another tab
            if transcript.status != "running" or (transcript.pieces and run.request.stream):
                status.empty()
            else:
                status.markdown(waiting_line(transcript, elapsed_s))

        transcript = attach(runtime, run, slot, on_status, live=run.request.stream, ticking=True)
        page.stop.empty()
        earlier.empty()
        page.marks.refresh()
        with rest.container():
            try:
                _show_end(page, run, transcript)
            except NotFound:  # the thread was deleted in another tab: the page says so
                st.rerun()
    if after_queue(runtime, run, completed=transcript.status == "completed"):
        st.rerun()


def show_elsewhere(runtime: Runtime, run: Run) -> None:
    """An answer is under way on another branch than the one that is shown."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Another version is being written.")
        st.button(
            "Show it", key="show_live", type="tertiary", on_click=act.show_live, args=(runtime, run),
        )  # fmt: skip


def _show_standing(run: Run) -> None:
    """How far the answer has come, without following it."""
    transcript = Transcript()
    transcript.add_all(run.read())
    line = waiting_line(transcript, run.elapsed_us() / 1e6)
    st.markdown(safe(transcript.text) if run.request.stream and transcript.text else line)


def _show_end(page: Around, run: Run, transcript: Transcript) -> None:
    runtime, at_us = page.runtime, run.started_at_us + run.elapsed_us()
    summary = summarise(transcript)
    show_summary(transcript.text, summary, runtime.catalog, run.id, page.look, at_us)
    newest = runtime.threads.messages(run.thread_id, session.owner(), limit=1)
    if newest and newest[0].run_id == run.id:
        if waited(newest[0]):
            st.rerun()  # its form is drawn from what is kept, and the inbox counts it
        ratings = runtime.ratings.of_messages([newest[0].id], session.owner())
        show_actions(runtime, newest[0], page.look, ratings.get(newest[0].id))
