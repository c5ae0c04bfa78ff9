"""One question and its answer: for scripts, pipes and a quick look."""

from __future__ import annotations

import json
import sys
from typing import Literal

from api.client import Answer, Stream, Switchboard
from api.client.calls import Options
from api.terminal.answering import show, stoppable
from api.terminal.screen import Screen
from api.terminal.wording import sentence, summary
from core.errors import InvalidInput
from core.text import clean

ANSWERED, FAILED, STOPPED = 0, 1, 130


def once(
    switchboard: Switchboard,
    screen: Screen,
    question: str,
    options: Options,
    *,
    form: Literal["stream", "whole", "json"],
) -> int:
    """The exit status. Raises SwitchboardError."""
    question = clean(question).strip()
    if not question:
        raise InvalidInput("There is no question.", what_to_do="Give one, or write it to stdin.")
    with switchboard.stream(question, **options) as stream:
        if form == "json":
            return _status(_as_json(stream, switchboard, screen))
        if form == "stream" and sys.stdout.isatty():
            return _status(show(stream, switchboard, screen), said=True)
        # Text that a model withdraws could not be taken back from a pipe.
        with stoppable(stream, switchboard):
            answer = stream.answer()
    if answer.text:
        screen.line(answer.text)
    if sys.stdout.isatty():
        screen.line(summary(answer), "dim")
    return _status(answer)


def _as_json(stream: Stream, switchboard: Switchboard, screen: Screen) -> Answer:
    with stoppable(stream, switchboard):
        for _ in stream:
            screen.line(json.dumps(stream.wire))
    return stream.answer()


def _status(answer: Answer, *, said: bool = False) -> int:
    if answer.status == "completed":
        return ANSWERED
    if answer.status == "cancelled":
        return STOPPED
    if answer.interrupts:
        sys.stderr.write(
            "The agent asks a question before it goes on. "
            f"Answer it with `python -m api.cli --thread {answer.thread_id}`, or on the page.\n"
        )
    elif answer.error is not None and not said:
        sys.stderr.write(f"{sentence(answer.error)}\n")
    return FAILED
