"""The interactive chat in a terminal of its own, against a scripted server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.events import Cancelled, Heartbeat, Interrupt, Interrupted, Token
from tests.api.scripted_api import (
    ANSWER,
    DONE,
    RUN,
    STARTED,
    THREAD,
    Events,
    Reply,
    ScriptedApi,
    answer_log,
    numbered,
)
from tests.api.terminal_house import HOSTILE, SAFE, Terminal
from tests.api.tiny_terminal import TinyTerminal

pytestmark = pytest.mark.slow
LOG = answer_log("Use ", "--server.port", ".")
STOPPED = numbered(STARTED, Token(text="Half"), Cancelled(by="api", message_id=ANSWER))
PROMPT = "> "


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as server:
        yield server


@pytest.fixture
def terminal(api: ScriptedApi) -> Iterator[Terminal]:
    with Terminal(api.url) as made:
        made.wait_for(PROMPT)
        yield made


def test_a_chat_goes_on_in_its_thread(api: ScriptedApi, terminal: Terminal) -> None:
    api.script(Events(events=LOG), Events(events=answer_log("Dark.")))
    terminal.type("How do I change the port?\n")
    terminal.wait_for("Use --server.port.")
    terminal.wait_for("cost unknown")
    terminal.wait_for(PROMPT)
    terminal.type("And the theme?\n")
    terminal.wait_for("Dark.")
    terminal.type("/quit\n")
    assert terminal.wait() == 0
    assert [one.body.get("thread_id") for one in api.seen[1:]] == [None, THREAD]


def test_lines_can_be_edited_and_called_back(api: ScriptedApi, terminal: Terminal) -> None:
    api.script(Events(events=LOG), Events(events=LOG))
    terminal.type("porx\x7ft\n")
    terminal.wait_for("cost unknown")
    terminal.wait_for(PROMPT)
    terminal.type("\x1b[A\n")
    terminal.wait_for("cost unknown")
    assert [one.body["message"] for one in api.seen[1:]] == ["port", "port"]


def test_the_live_line_shows_the_place_in_the_queue_and_goes_away(
    api: ScriptedApi, terminal: Terminal
) -> None:
    queued = Heartbeat(state="queued", queue_position=7)
    api.script(Events(events=numbered(queued, STARTED, Token(text="Hi"), DONE), hold=1, until="/x"))
    terminal.type("?\n")
    terminal.wait_for("place 7 in the queue")
    terminal.resize(10, 40)
    terminal.resize(50, 120)
    api.ask("/x")
    terminal.wait_for("Hi")
    terminal.wait_for(PROMPT)
    at = terminal.raw.rindex("\x1b[r")
    assert "\x1b[1;" not in terminal.raw[at:], "the scroll region is given back at the end"


def test_ctrl_c_stops_the_run_and_keeps_the_chat(api: ScriptedApi, terminal: Terminal) -> None:
    held = Events(events=STOPPED, hold=2)
    api.script(held, Reply(body={"run_id": RUN, "status": "cancelled"}), Events(events=LOG))
    terminal.type("?\n")
    terminal.wait_for("Half")
    terminal.type("\x03")
    terminal.wait_for("Stopped · ")
    terminal.wait_for(PROMPT)
    assert f"POST /api/runs/{RUN}/cancel" in api.paths()
    terminal.type("again\n")
    terminal.wait_for("Use --server.port.")
    terminal.wait_for(PROMPT)
    terminal.press("\x03", until="/quit leaves")
    terminal.wait_for(PROMPT)
    terminal.type("\x04")
    assert terminal.wait() == 0


def test_ctrl_c_twice_leaves(api: ScriptedApi, terminal: Terminal) -> None:
    api.script(Events(events=STOPPED, hold=2, until="/never"), Reply(body={}))
    terminal.type("?\n")
    terminal.wait_for("Half")
    terminal.type("\x03")
    api.wait_for("/cancel")
    terminal.type("\x03")
    assert terminal.wait() == 130
    assert "Traceback" not in terminal.raw


def test_a_form_is_filled_in_and_the_run_goes_on(api: ScriptedApi, terminal: Terminal) -> None:
    value = '{"action_requests": [{"name": "save_note", "args": {"text": "Hello"}}]}'
    asks = Interrupted(interrupts=(Interrupt(id="i1", value=value),))
    waiting = {"run_id": RUN, "thread_id": THREAD, "status": "interrupted",
               "interrupts": [{"id": "i1", "value": {"action_requests": [{"name": "save_note", "args": {"text": "Hello"}}]}}]}  # fmt: skip
    next_run = "0" * 31 + "9"
    api.script(
        Events(events=numbered(STARTED, asks)),
        Reply(body=waiting),
        Reply(body={"run_id": next_run}),
        Events(events=answer_log("Saved.", run_id=next_run)),
    )
    terminal.type("Note it\n")
    terminal.wait_for("text: Hello")
    terminal.type("e\n")
    terminal.wait_for("Text [Hello]: ")
    terminal.type("Good day\n")
    terminal.wait_for("Saved.")
    edited = {"name": "save_note", "args": {"text": "Good day"}}
    decision = {"decisions": [{"type": "edit", "edited_action": edited}]}
    posted = next(one for one in api.seen if one.path.endswith("/resume"))
    assert posted.body == {"decisions": {"i1": decision}}
    assert api.paths()[-1] == f"GET /api/runs/{next_run}/events"


def test_threads_are_listed_opened_and_deleted(api: ScriptedApi, terminal: Terminal) -> None:
    listed = [{"thread_id": THREAD, "title": "Ports", "state": "idle"}]
    messages = [{"role": "user", "text": "Port?"}, {"role": "assistant", "text": "8501."}]
    api.script(
        Reply(body={"threads": listed, "after": None}),
        Reply(body=listed[0]),
        Reply(body={"messages": messages}),
        Reply(status=204),
    )
    terminal.type("/threads port\n")
    terminal.wait_for("1. Ports")
    terminal.type("/open 1\n")
    terminal.wait_for("8501.")
    terminal.type("/delete\n")
    terminal.wait_for("(y/n)")
    terminal.type("y\n")
    terminal.wait_for("A new thread.")
    assert api.paths()[-1] == f"DELETE /api/threads/{THREAD}"


def test_a_problem_is_a_sentence_and_the_chat_goes_on(api: ScriptedApi, terminal: Terminal) -> None:
    error = {"code": "overloaded_differently", "message": "Too full.", "what_to_do": "Wait."}
    api.script(Reply(status=500, body={"error": error}), Events(events=LOG))
    terminal.type("?\n")
    terminal.wait_for("Too full. Wait.")
    terminal.wait_for(PROMPT)
    terminal.type("/retry\n")
    terminal.wait_for("Use --server.port.")


def test_a_model_cannot_speak_to_the_terminal(api: ScriptedApi, terminal: Terminal) -> None:
    api.script(Events(events=answer_log(HOSTILE)))
    terminal.type("?\n")
    terminal.wait_for(SAFE.split("\n")[0])
    terminal.wait_for(PROMPT)
    assert "\x1b]0" not in terminal.raw
    assert "\x1b[2J" not in terminal.raw
    assert "\u202e" not in terminal.raw


@pytest.mark.parametrize("rows", [8, 24, 60])
def test_the_live_line_costs_no_line_of_what_is_written(api: ScriptedApi, rows: int) -> None:
    said = [f"Line {n}." for n in range(30)]
    pieces = [Token(text=f"{line}\n") for line in said]
    begun = replace(STARTED, begun="Begun: ")  # the cursor stands in the middle of a line
    api.script(Events(events=numbered(begun, *pieces, DONE), hold=15, until="/x"))
    with Terminal(api.url, "?", rows=rows) as terminal:
        terminal.wait_for(said[13])
        api.ask("/x")
        assert terminal.wait() == 0
    assert "Ctrl-C stops" in terminal.text
    for above in (0, rows - 1, rows):  # lines of the shell; then the cursor is in the last row
        shown = TinyTerminal(rows, 80).feed("$\r\n" * above + terminal.raw).lines()[above:]
        assert shown[:-1] == ["Begun: Line 0.", *said[1:]]
        assert "cost unknown" in shown[-1]


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_gets_plain_text(api: ScriptedApi, term: str) -> None:
    api.script(Events(events=LOG))
    with Terminal(api.url, TERM=term) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type("?\n")
        terminal.wait_for("Use --server.port.")
        terminal.type("\x04")
        assert terminal.wait() == 0
        assert "\x1b" not in terminal.raw


def test_no_color_means_no_colours(api: ScriptedApi) -> None:
    api.script(*[Events(events=LOG)] * 2)
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with Terminal(api.url, "?", **more) as terminal:
            assert terminal.wait() == 0
            assert ("\x1b[2m" in terminal.raw) is coloured


def test_a_terminal_that_hangs_up_ends_the_chat(api: ScriptedApi, terminal: Terminal) -> None:
    terminal.send(signal.SIGHUP)
    assert terminal.wait() == -signal.SIGHUP
