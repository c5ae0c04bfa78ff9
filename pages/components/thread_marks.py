"""The marks beside titles in the sidebar, which change while the page stands still.

A page that follows an answer calls `refresh` from its own script: a timer's run would wait until the
answer has ended. A page that follows none looks every two seconds, only while something runs elsewhere,
and draws itself anew when a run has begun or ended; with the last one the timer ends too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import SwitchboardError
from pages.components import session
from pages.components.thread_words import mark

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.thread_filter import State

LOOK_EVERY_S = 2.0


class Marks:
    """Of one drawing of the sidebar. `covered`: a dialog lies over the page."""

    def __init__(self, runtime: Runtime, current: str | None) -> None:
        self._runtime = runtime
        self._current = current
        self._places: dict[str, Any] = {}
        self._shown: dict[str, State] = {}
        self._running: frozenset[str] = self._now_running()
        self.covered = False

    def add(self, thread_id: str, state: State) -> None:
        """Makes the place of a thread's mark where Streamlit draws now."""
        self._places[thread_id] = st.empty()
        self._draw(thread_id, state)

    def refresh(self) -> None:
        """Draws what changed since. Cheap while no run began or ended."""
        running = self._now_running()
        if running == self._running:
            return
        ended = self._running - running
        self._running = running
        try:
            if self._current in ended:
                self._runtime.thread_list.mark_seen(self._current, session.owner())
            states = self._runtime.thread_list.states(session.owner(), list(self._places))
        except SwitchboardError:  # the list is not worth an answer
            return
        for thread_id, state in states.items():
            self._draw(thread_id, state)

    def watch(self) -> None:
        """Keeps the marks up to date while this page follows no answer itself."""
        if self._running - {self._current}:
            st.fragment(self._look, run_every=LOOK_EVERY_S)()

    def _look(self) -> None:
        if self._now_running() != self._running:
            st.rerun()  # a fragment may not draw what is outside of it

    def _now_running(self) -> frozenset[str]:
        active = self._runtime.runs.active()  # a moment longer than people wait for it
        return frozenset(run.thread_id for run in active if not run.finished)

    def _draw(self, thread_id: str, state: State) -> None:
        if self._shown.get(thread_id, "idle") == state:
            return
        self._shown[thread_id] = state
        place = self._places[thread_id]
        if shown := mark(state):
            place.markdown(shown, width="content")
        else:
            place.empty()
