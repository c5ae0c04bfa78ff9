"""A real graph asks; a person answers in the terminal, or a program does."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from agents.runtime import Runtime
from api.client import Switchboard
from core.errors import NotFound
from tests.agents import asking_graphs
from tests.agents.answering_house import answering
from tests.api.serving import api_of
from tests.api.terminal_house import Terminal
from tests.provider import ProviderServer

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def mounted(runtime: Runtime) -> Iterator[str]:
    """The API of this runtime where it is in the whole server: below /api. Gives the address."""
    app = Starlette(routes=[Mount("/api", app=api_of(runtime))])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)


def test_a_waiting_run_is_opened_and_answered_in_the_terminal(
    tmp_path: Path, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking_graphs.register(monkeypatch)
    with (
        answering(tmp_path, provider) as runtime,
        mounted(runtime) as url,
        Switchboard(url) as switchboard,
    ):
        waits = switchboard.chat("Go", graph="parallel_seats")
        assert (waits.status, len(waits.interrupts)) == ("interrupted", 3)
        with Terminal(url, "--thread", waits.thread_id) as terminal:
            terminal.wait_for("Seats: ")
            terminal.type("x\n")
            answers = {}
            for one, seats in zip(waits.interrupts, "345", strict=True):
                terminal.wait_for("Seats: ")
                terminal.type(f"{seats}\n")
                answers[json.loads(one.value)["question"].removesuffix("?")] = seats
            terminal.wait_for(", ".join(f"{name}=seats={answers[name]}" for name in "abc"))
            terminal.wait_for("\n> ")
            terminal.type("/quit\n")
            assert terminal.wait() == 0
        assert "write a number" in terminal.text
        with pytest.raises(NotFound):
            switchboard.resume(waits.run_id, {waits.interrupts[0].id: {"seats": 1}})


def test_a_program_answers_what_a_run_asks(
    tmp_path: Path, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking_graphs.register(monkeypatch)
    with (
        answering(tmp_path, provider) as runtime,
        mounted(runtime) as url,
        Switchboard(url) as switchboard,
    ):
        waits = switchboard.chat("Go", graph="nested")
        went_on = switchboard.resume(waits.run_id, {one.id: "yes" for one in waits.interrupts})
        assert switchboard.events(went_on["run_id"]).text() == "deep=yes"
