"""A run's log played again with its own timing, through the view the chat uses.

Not in a fragment: a click would wait for its end there. In the page any click ends it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import streamlit as st

from agents.run import Run, TurnRequest
from core.events import Cancelled
from core.events_codec import is_terminal
from core.transcript import summarise
from pages.components import who
from pages.components.answer import (
    assistant_message,
    show_question,
    show_summary,
    waiting_line,
)
from pages.components.format import duration
from pages.components.stream import attach

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from core.events import Event
    from core.transcript import Transcript
    from pages.components.run_reading import KnownRun

SPEEDS: Final = {1.0: "1x", 2.0: "2x", 5.0: "5x", float("inf"): "Instant"}
_PLAYING = "_replay"


class PlayedRun(Run):
    """A log that grows as it did then, times `speed`. Reads like a run that goes on."""

    def __init__(self, events: list[Event], speed: float) -> None:
        super().__init__(request=TurnRequest(text=""), thread_id="")
        self.events = _ended(events)
        self._speed = speed

    def read(self, after: int = -1) -> list[Event]:
        """What had happened by now."""
        now = self.elapsed_us()
        return [event for event in self.events[after + 1 :] if event.elapsed_us <= now]

    def wait(self, after: int, timeout: float) -> bool:
        if after + 1 >= len(self.events):
            return False
        left_s = (self.events[after + 1].elapsed_us - self.elapsed_us()) / 1e6 / self._speed
        time.sleep(max(0.0, min(timeout, left_s)))
        return left_s <= timeout

    def elapsed_us(self) -> int:
        """Microseconds of the run that was, not of the one that watches."""
        if self._speed == float("inf"):
            return self.events[-1].elapsed_us
        return int(super().elapsed_us() * self._speed)

    @property
    def finished(self) -> bool:
        """Nothing is left to stop: a click must not cancel what ended long ago."""
        return True


def show_replay(runtime: Runtime, known: KnownRun) -> None:
    """Speed, Play and Stop; plays at once when Play was clicked. Blocks this script until its end."""
    if not known.events:
        st.info(
            "The log of this run is gone, so it cannot be played again.",
            icon=":material/videocam_off:",
        )
        return
    length = known.events[-1].elapsed_us
    with st.container(horizontal=True, vertical_alignment="center", key="replay_bar"):
        st.segmented_control(
            "Speed", list(SPEEDS), key="replay_speed", default=1.0, required=True,
            format_func=SPEEDS.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
        st.button(
            "Play",
            key="replay_play",
            icon=":material/play_arrow:",
            on_click=_play,
            args=(known.run_id,),
        )
        stop = st.empty()
        st.caption(f"{len(known.events)} events in {duration(length)}", width="content")
    # Asked for once: another click must not begin it again.
    if st.session_state.pop(_PLAYING, None) != known.run_id:
        return
    stop.button("Stop", key="replay_stop", icon=":material/stop_circle:")
    speed = st.session_state.get("replay_speed", 1.0)
    _draw(runtime, known, speed if speed in SPEEDS else 1.0)
    stop.empty()


def _draw(runtime: Runtime, known: KnownRun, speed: float) -> None:
    if known.question is not None:
        show_question(known.question)
    with assistant_message():
        status, slot = st.empty(), st.empty()

        def on_status(transcript: Transcript, elapsed_s: float) -> None:
            who.rerun_if_changed(runtime)
            if transcript.status != "running":
                status.empty()
            elif transcript.pieces:
                status.markdown(f":gray[{elapsed_s:.1f} s, {SPEEDS[speed]}]")
            else:
                status.markdown(waiting_line(transcript, elapsed_s))

        played = PlayedRun(known.events, speed)
        transcript = attach(runtime, played, slot, on_status, ticking=True)
        if transcript.stopped_by == "shutdown" and not is_terminal(known.events[-1]):
            st.caption("Here the log of this run ends.")
        else:
            show_summary(
                transcript.text, summarise(transcript), runtime.catalog, f"replay_{known.run_id}"
            )


def _play(run_id: str) -> None:
    """A callback."""
    st.session_state[_PLAYING] = run_id


def _ended(events: list[Event]) -> list[Event]:
    """With an end, so that playing ends; and numbered by place, as a view counts."""
    listed = [replace(event, seq=place) for place, event in enumerate(events)]
    if is_terminal(listed[-1]):
        return listed
    last = listed[-1]
    return [
        *listed,
        Cancelled(by="shutdown", run_id=last.run_id, seq=len(listed), elapsed_us=last.elapsed_us),
    ]
