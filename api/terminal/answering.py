"""One answer on the screen while it is written; Ctrl-C stops the run, not the program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from api.client import Answer, Stream, Switchboard
from api.terminal.screen import Screen
from api.terminal.wording import progress, sentence, summary
from core.errors import SwitchboardError


def show(stream: Stream, switchboard: Switchboard, screen: Screen) -> Answer:
    """The answer, written as it comes, with a line about it below.

    Raises what the stream raises; KeyboardInterrupt after a second Ctrl-C.
    """
    now = stream.transcript
    written, withdrawn = 0, 0
    try:
        with stoppable(stream, switchboard):
            for event in stream:
                if now.withdrawals != withdrawn:
                    withdrawn, written = now.withdrawals, 0
                    screen.line("(The model broke off. It starts again.)", "dim")
                screen.write("".join(now.pieces[written:]))
                written = len(now.pieces)
                screen.status(progress(stream, event.elapsed_us))
    finally:
        screen.end_status()
    answer = stream.answer()
    conclude(answer, screen)
    return answer


def conclude(answer: Answer, screen: Screen) -> None:
    """What stands under an answer."""
    screen.end_line()
    if answer.error is not None:
        screen.line(sentence(answer.error), "red")
    if answer.notice:
        screen.line(answer.notice, "dim")
    screen.line(summary(answer), "dim")


@contextmanager
def stoppable(stream: Stream, switchboard: Switchboard) -> Iterator[None]:
    """The first Ctrl-C stops the run, and its end is still read; the second raises KeyboardInterrupt."""
    pressed = threading.Event()
    done = threading.Event()

    def stop() -> None:
        while stream.run_id is None and not done.wait(0.05):
            pass  # the server has not said yet which run it is
        if stream.run_id is not None and not stream.ended:
            with suppress(SwitchboardError):  # it ended by itself
                switchboard.cancel(stream.run_id)

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        # Not here: the signal may have come while the connection pool was locked.
        threading.Thread(target=stop, name="stop", daemon=True).start()

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        done.set()
        signal.signal(signal.SIGINT, before)
