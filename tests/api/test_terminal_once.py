"""One question at a time: what scripts and pipes get."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.events import Attempt, Cancelled, Failed, Interrupt, Interrupted, Token
from tests.api.scripted_api import (
    RUN,
    STARTED,
    THREAD,
    Events,
    Reply,
    ScriptedApi,
    answer_log,
    numbered,
)
from tests.api.terminal_house import HOSTILE, ROOT, SAFE, environment, piped

LOG = answer_log("Use ", "--server.port", ".")

pytestmark = pytest.mark.slow


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as server:
        yield server


def test_a_piped_question_prints_just_the_answer(api: ScriptedApi) -> None:
    api.script(Events(events=LOG))
    ran = piped(api.url, stdin="How do I change the port?\n")
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"Use --server.port.\n", b"", 0)
    assert api.seen[-1].body == {"message": "How do I change the port?"}


def test_bytes_that_are_no_text_are_asked_as_well_as_can_be(api: ScriptedApi) -> None:
    """A locale such as en_US.UTF-8 reads strictly: the command ended with a trace."""
    api.script(Events(events=LOG))
    ran = piped(api.url, stdin=b"Which caf\xe9?\n", PYTHONIOENCODING="utf-8:strict")
    assert (ran.stderr, ran.returncode) == (b"", 0)
    assert api.seen[-1].body == {"message": "Which caf\ufffd?"}


def test_the_options_reach_the_server(api: ScriptedApi) -> None:
    api.script(Events(events=LOG))
    piped(
        api.url, "And?", "--thread", THREAD, "--agent", "technical", "--model", "local:extractive"
    )
    assert api.seen[-1].body == {
        "message": "And?", "thread_id": THREAD, "agent": "technical", "model": "local:extractive",
    }  # fmt: skip


def test_json_is_the_events_as_lines(api: ScriptedApi) -> None:
    api.script(Events(events=LOG))
    ran = piped(api.url, "?", "--json")
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["run_started", *["token"] * 3, "completed"]
    assert {line["thread_id"] for line in lines} == {THREAD}


def test_text_a_model_withdraws_never_reaches_a_pipe(api: ScriptedApi) -> None:
    broken = Attempt(call_id="1", logical_call_id="1", attempt=1, purpose="answer", model="m",
                     provider="p", outcome="broke_midstream", reset=True)  # fmt: skip
    log = numbered(STARTED, Token(text="Wrong"), broken, Token(text="Right."), LOG[-1])
    api.script(Events(events=log))
    assert piped(api.url, "?").stdout == b"Right.\n"


def test_control_characters_of_a_model_are_taken_out(api: ScriptedApi) -> None:
    api.script(*[Events(events=answer_log(HOSTILE))] * 2)
    assert piped(api.url, "?").stdout.decode() == f"{SAFE}\n"
    assert b"\x1b" not in piped(api.url, "?", "--json").stdout


def test_a_failed_answer_has_status_1_and_says_why(api: ScriptedApi) -> None:
    failed = Failed(code="model_auth", message="The key is wrong.", what_to_do="Look.", retryable=False)  # fmt: skip
    api.script(Events(events=numbered(STARTED, Token(text="Half"), failed)))
    ran = piped(api.url, "?")
    assert (ran.stdout, ran.stderr) == (b"Half\n", b"The key is wrong. Look.\n")
    assert ran.returncode == 1


def test_an_agent_that_asks_is_told_about(api: ScriptedApi) -> None:
    asks = Interrupted(interrupts=(Interrupt(id="i", value='"Sure?"'),))
    api.script(Events(events=numbered(STARTED, asks)))
    ran = piped(api.url, "?")
    assert (ran.stdout, ran.returncode) == (b"", 1)
    assert f"--thread {THREAD}" in ran.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [(["--bad"], ""), ([], " \n"), (["?", "--json", "--no-stream"], ""), (["?", "--url", "x"], ""),
     (["?", "--key-file", "/nowhere/at/all"], "")],
)  # fmt: skip
def test_a_wrong_call_has_status_2(api: ScriptedApi, arguments: list[str], stdin: str) -> None:
    ran = piped(api.url, *arguments, stdin=stdin)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"Traceback" not in ran.stderr
    assert ran.stderr


def test_nothing_that_answers_has_status_3_and_says_what_to_do() -> None:
    with ScriptedApi() as gone:
        url = gone.url
    ran = piped(url, "?")
    said = f"Nothing answers at {url}. Start it with `make run`, or give another address.\n"
    assert (ran.returncode, ran.stdout, ran.stderr.decode()) == (3, b"", said)


def test_a_missing_login_has_status_3(api: ScriptedApi) -> None:
    error = {"code": "not_logged_in", "message": "Who are you?", "what_to_do": "Log in."}
    api.me = Reply(status=401, body={"error": error})
    ran = piped(api.url, "?", SWITCHBOARD_KEY="sb-wrong")
    assert (ran.returncode, ran.stderr) == (3, b"Who are you? Log in.\n")
    assert api.seen[0].headers["authorization"] == "Bearer sb-wrong"


def test_the_key_can_stand_in_a_file(api: ScriptedApi, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sb-of-the-file\n")
    api.script(Events(events=LOG))
    assert piped(api.url, "?", "--key-file", str(file), SWITCHBOARD_KEY="sb-other").returncode == 0
    assert {one.headers["authorization"] for one in api.seen} == {"Bearer sb-of-the-file"}


def test_a_reader_that_has_enough_is_no_error(api: ScriptedApi) -> None:
    api.script(Events(events=answer_log(*["line\n"] * 20_000)))
    command = f"{sys.executable} -m api.cli '?' | head -1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment(api.url),
                         capture_output=True, timeout=60)  # fmt: skip
    assert (ran.stdout, ran.stderr) == (b"line\n0\n", b"")


def test_a_lost_connection_is_resumed_unseen(api: ScriptedApi) -> None:
    api.script(Events(events=LOG[:2], end="cut"), Events(events=LOG[2:]))
    ran = piped(api.url, "?")
    assert (ran.stdout, ran.returncode) == (b"Use --server.port.\n", 0)
    assert api.paths()[-1] == f"GET /api/runs/{RUN}/events"


def test_ctrl_c_stops_the_run_and_has_status_130(api: ScriptedApi) -> None:
    stopped = numbered(STARTED, Token(text="Half"), Cancelled(by="api"))
    api.script(Events(events=stopped, hold=2), Reply(body={}))
    with subprocess.Popen(
        [sys.executable, "-m", "api.cli", "?"], cwd=ROOT, env=environment(api.url),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        api.wait_for("/chat/stream")
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    assert (out, errors, process.returncode) == (b"Half\n", b"", 130)
    assert api.paths()[-1] == f"POST /api/runs/{RUN}/cancel"
