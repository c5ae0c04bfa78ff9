"""A run on the page: attach, follow, detach. The page owns nothing; the run goes on without it.

`st.write_stream` gets a plain generator. About thirty frames a second, the first text at once,
finished blocks never sent again. Detaching (another widget, another page, a closed tab) leaves the
run alone; only Stop ends it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import RerunException, get_script_run_ctx

from core.transcript import Transcript
from pages.components import session
from pages.components.blocks import BREAK, BlockSplitter
from pages.components.markdown import Neutraliser

if TYPE_CHECKING:
    from agents.run import Run
    from agents.runtime import Runtime

POLL_S = 0.1
FRAMES_PER_S = (8.0, 30.0)
FAST_FRAMES_PER_S = 20.0
"""Frames when text comes faster than anyone reads: the browser's work is per frame."""
FAST_CHARS = 80
BLOCK_CHARS = 1_500
"""Smallest block that is cut off: each element costs the browser work in every frame."""
FRAME_BUDGET_PER_S = 1200.0
"""Frames a process can send per second; shared among the streams (design: cost is per frame)."""
STATUS_EVERY_S = 0.5
STOP_GRACE_S = 0.1
END_PATIENCE_S = 3.0

Piece = str | Callable[[], None]


def attach(
    runtime: Runtime,
    run: Run,
    slot: Any,
    on_status: Callable[[Transcript, float], None],
    *,
    live: bool = True,
    ticking: bool = False,
) -> Transcript:
    """Draws the run's answer into `slot` (an `st.empty`) until it ends; gives the transcript.

    `on_status(transcript, elapsed seconds)` is called about twice a second while no text comes and at
    every change of node; `ticking=True`: also while text comes. `live=False` shows the text only when
    it is complete. Raises Streamlit's StopException when the page is left.
    """
    view = _View(runtime, run, on_status, live, ticking)
    with _native_stop(runtime, run):
        while not view.ended:
            with slot.container(), contextlib.closing(view.pieces()) as pieces:
                st.write_stream(pieces)
            if view.withdrawn:
                slot.empty()
    return view.transcript


class _View:
    """What one page has shown of one run."""

    def __init__(
        self,
        runtime: Runtime,
        run: Run,
        on_status: Callable[[Transcript, float], None],
        live: bool,
        ticking: bool,
    ) -> None:
        self._live = live
        self._ticking = ticking
        self._runtime = runtime
        self._run = run
        self._on_status = on_status
        self._after = -1
        self._status_at = 0.0
        self._seen: tuple[str | None, bool] = (None, False)
        self.transcript = Transcript()
        self.ended = False
        self.withdrawn = False

    def pieces(self) -> Generator[Piece, None, None]:
        """Text and block ends for `st.write_stream`; ends with the run or when text is withdrawn."""
        neutraliser, splitter = Neutraliser(), BlockSplitter(BLOCK_CHARS)
        self.withdrawn = False
        shown = 0  # pieces of the transcript already given out
        withdrawals = self.transcript.withdrawals
        next_frame = 0.0
        while True:
            self._fold_new(next_frame)
            if not self._live and not self.ended:
                continue
            if self.transcript.withdrawals != withdrawals:
                self.withdrawn = True
                return
            fresh = "".join(self.transcript.pieces[shown:])
            shown = len(self.transcript.pieces)
            if fresh:
                yield from _stream(splitter.feed(neutraliser.feed(fresh)))
                next_frame = time.monotonic() + self._frame_s(len(fresh))
            if self.ended:
                yield from _stream(splitter.feed(neutraliser.close()))
                yield from _stream(splitter.close())
                return

    def _fold_new(self, next_frame: float) -> None:
        """Waits for news, at the latest until something must be touched; folds what came."""
        batch = self._run.read(self._after)
        if not batch:
            if not self._run.wait(self._after, POLL_S):
                st.session_state.get("_")  # a yield point: Stop and navigation are served here
            batch = self._run.read(self._after)
        pause = next_frame - time.monotonic()
        if pause > 0 and batch and batch[-1].type == "token":
            time.sleep(pause)
            batch = self._run.read(self._after)
        if batch:
            self._after = batch[-1].seq
            self.transcript.add_all(batch)
            self.ended = self.transcript.status != "running"
        self._report()

    def _report(self) -> None:
        now = time.monotonic()
        seen = (self.transcript.node, bool(self.transcript.pieces))
        reading = seen[1] and self._live and not self._ticking
        due = not reading and now - self._status_at >= STATUS_EVERY_S
        if seen != self._seen or due or self.ended:
            self._seen, self._status_at = seen, now
            self._on_status(self.transcript, self._run.elapsed_us() / 1e6)

    def _frame_s(self, fresh_chars: int) -> float:
        slowest, fastest = FRAMES_PER_S
        if fresh_chars > FAST_CHARS:
            fastest = FAST_FRAMES_PER_S
        streams = max(1, len(self._runtime.runs.active()))
        return 1.0 / min(fastest, max(slowest, FRAME_BUDGET_PER_S / streams))


def _stream(parts: list[str | None]) -> Iterator[Piece]:
    for part in parts:
        if part is BREAK:
            yield _end_block
        elif part:
            yield part


def _end_block() -> None:
    """Ends the current Markdown element of `st.write_stream`."""


@contextlib.contextmanager
def _native_stop(runtime: Runtime, run: Run) -> Iterator[None]:
    """Turns Streamlit's own Stop (in the chat input and the toolbar) into a stop of the run.

    Streamlit raises the same exception for Stop, another widget, a reload and a closed tab. Only Stop
    leaves the session connected and starts no new script run, so one looks a moment later.
    """
    ctx, clock = get_script_run_ctx(), session.clock()
    before = clock.runs
    try:
        yield
    except (Exception, RerunException):  # the second: this page's own wish
        raise
    except BaseException:
        if ctx is not None and not run.finished:
            timer = threading.Timer(
                STOP_GRACE_S, _stop_if_asked, (runtime, run, ctx.session_id, clock, before)
            )
            timer.daemon = True
            timer.start()
        raise


def _stop_if_asked(
    runtime: Runtime, run: Run, session_id: str, clock: session.ScriptClock, before: int
) -> None:
    if clock.runs != before or run.finished or _rerun_is_starting(session_id):
        return
    with contextlib.suppress(Exception):
        if get_instance().is_active_session(session_id):
            runtime.runs.cancel(run.id)
            _show_the_end(run, session_id, clock, before)


def _show_the_end(run: Run, session_id: str, clock: session.ScriptClock, before: int) -> None:
    """Runs the page once more: its script was stopped too, so nobody would say what became of the run.

    Private API; without it the page says so at the next click.
    """
    deadline = time.monotonic() + END_PATIENCE_S
    while not run.finished and time.monotonic() < deadline:
        run.wait(len(run.events) - 1, POLL_S)
    info = get_instance()._session_mgr.get_active_session_info(session_id)
    if info is not None and clock.runs == before:
        info.session.request_rerun(info.session._client_state)  # the page and thread it shows


def _rerun_is_starting(session_id: str) -> bool:
    """Whether the session already has a script runner that has not reached our frame yet.

    Private API, used as a second opinion only: under load a new run can take longer than the grace.
    """
    try:
        info = get_instance()._session_mgr.get_active_session_info(session_id)
        runner = info.session._scriptrunner if info else None
        return runner is not None and runner._requests._state.name != "STOP"
    except Exception:
        return False
