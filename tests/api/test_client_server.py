"""The clients and their documentation against the whole server: `streamlit run`, real HTTP."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.client import AsyncSwitchboard, Switchboard
from core.errors import InvalidInput, NotFound
from core.events import Event
from tests.api.command_house import variables
from tests.api.terminal_house import ROOT, Terminal, piped
from tests.browser.conftest import Server
from tests.provider import Fault, ProviderServer, Reply

pytestmark = pytest.mark.slow
TEXT = "Use --server.port, such as 9000."
PROMPT = "\n> "


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, module_server: ProviderServer
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    started = Server(folder / "data", **variables(folder, module_server))
    started.start()
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def provider(module_server: ProviderServer) -> ProviderServer:
    """Answers every question alike."""
    module_server.reset()
    module_server.default = Reply(text=TEXT)
    return module_server


@pytest.fixture
def switchboard(server: Server) -> Iterator[Switchboard]:
    with Switchboard(server.url) as client:
        yield client


def blocks(name: str, language: str) -> list[str]:
    """The examples of a document."""
    text = (ROOT / "docs" / "technical" / name).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_an_answer_has_what_the_run_has(switchboard: Switchboard) -> None:
    answer = switchboard.chat("How do I change the port?")
    assert (answer.status, answer.text) == ("completed", TEXT)
    assert answer.model == "openai:gpt-4o-mini"
    assert answer.sources
    stored = switchboard.run(answer.run_id)
    assert stored == answer
    assert switchboard.status(answer.run_id)["finished"] is True


def test_any_number_of_readers_get_the_same_events_from_any_place(
    server: Server, switchboard: Switchboard
) -> None:
    stream = switchboard.stream("How do I change the port?")
    events = list(stream)
    assert [event.seq for event in events] == list(range(len(events)))
    assert stream.run_id is not None
    for after in (-1, 0, len(events) // 2, len(events) - 2, len(events) - 1):
        assert list(switchboard.events(stream.run_id, after)) == events[after + 1 :]

    async def read(run_id: str) -> list[Event]:
        async with AsyncSwitchboard(server.url) as client:
            return [event async for event in client.events(run_id)]

    assert asyncio.run(read(stream.run_id)) == events


def test_the_same_key_is_the_same_run(switchboard: Switchboard) -> None:
    first, second = (
        switchboard.chat("How do I change the port?", idempotency_key="once") for _ in range(2)
    )
    assert first == second


def test_a_thread_is_found_exported_imported_tidied_and_deleted(switchboard: Switchboard) -> None:
    answer = switchboard.chat("How do I change the port of zebras?")
    thread = answer.thread_id
    assert [one["thread_id"] for one in switchboard.threads("zebras")] == [thread]
    assert [one["role"] for one in switchboard.history(thread)["messages"]] == ["user", "assistant"]
    file = switchboard.export(thread)
    assert switchboard.archive(thread)["archived"] is True
    assert thread in [one["thread_id"] for one in switchboard.threads(archived=True, page_size=1)]
    assert switchboard.restore(thread)["archived"] is False
    switchboard.clear(thread)
    assert switchboard.history(thread)["messages"] == []
    switchboard.delete(thread)
    with pytest.raises(NotFound):
        switchboard.history(thread)
    assert switchboard.import_(file)["imported"] == 1
    assert len(list(switchboard.threads("zebras"))) == 1


def test_what_the_server_refuses_is_its_own_error(switchboard: Switchboard) -> None:
    with pytest.raises(InvalidInput):
        switchboard.chat("x" * 30_000)
    with pytest.raises(InvalidInput):
        switchboard.chat("?", agent="nobody")
    with pytest.raises(NotFound):
        switchboard.chat("?", thread_id="0" * 32)


def test_a_pipe_gets_just_the_answer(server: Server) -> None:
    ran = piped(server.url, stdin="How do I change the port?\n")
    assert (ran.stdout.decode(), ran.stderr, ran.returncode) == (f"{TEXT}\n", b"", 0)


def test_ctrl_c_in_a_terminal_stops_the_run_on_the_server(
    server: Server, provider: ProviderServer, switchboard: Switchboard
) -> None:
    provider.default = Reply(text="Words and", fault=Fault("endless", "mid"))
    with Terminal(server.url) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type("Tell me about giraffes\n")
        terminal.wait_for("Words")
        terminal.type("\x03")
        terminal.wait_for("Stopped · ")
        terminal.wait_for(PROMPT)
        provider.default = Reply(text=TEXT)
        terminal.type("And the port?\n")
        terminal.wait_for(TEXT[:20])
        terminal.wait_for(PROMPT)
        terminal.type("/quit\n")
        assert terminal.wait() == 0
    [thread] = switchboard.threads("giraffes")
    messages = switchboard.history(thread["thread_id"])["messages"]
    assert [one["status"] for one in messages if one["role"] == "assistant"] == [
        "cancelled",
        "completed",
    ]
    assert "Words" in messages[1]["text"]


@pytest.mark.parametrize("example", blocks("python-client.md", "python"))
def test_the_examples_of_the_client_run(
    server: Server, example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here = example.replace("http://127.0.0.1:8501", server.url)
    here = here.replace("Switchboard()", f'Switchboard("{server.url}")')
    exec(compile(here, "example", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_examples_of_the_terminal_run(server: Server, tmp_path: Path) -> None:
    lines = blocks("terminal.md", "bash")[1].splitlines()
    environment = os.environ | {"SWITCHBOARD_URL": server.url, "PYTHONPATH": str(ROOT)}
    for line in lines:
        command = line.replace("python -m", f"{sys.executable} -m")
        ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=tmp_path,
                             env=environment, capture_output=True, timeout=60)  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, b""), line
        assert bool(ran.stdout) is not line.endswith("answer.txt")
    assert (tmp_path / "answer.txt").read_text("utf-8") == f"{TEXT}\n"
