"""The API over a real runtime: called in this process, or through a real server in a thread."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from agents.runtime import Runtime
from api import dependencies
from api.app import make_api
from core.identity import Principal
from tests.agents.answering_house import answering
from tests.provider import ProviderServer

MODEL = "openai:gpt-4o-mini"


def api_of(runtime: Runtime) -> FastAPI:
    async def house() -> Runtime:
        return runtime

    api = make_api(runtime.settings)
    api.dependency_overrides[dependencies._house] = house
    return api


@contextlib.contextmanager
def serving(
    folder: Path, server: ProviderServer, **settings: Any
) -> Iterator[tuple[Runtime, TestClient]]:
    """The runtime and a client in this process, with one loop for all its requests."""
    with (
        answering(folder, server, **settings) as runtime,
        TestClient(api_of(runtime), base_url="http://localhost") as client,
    ):
        yield runtime, client


@contextlib.contextmanager
def listening(runtime: Runtime) -> Iterator[str]:
    """A real server on a free port; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(api_of(runtime), log_level="warning", ws="websockets-sansio")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)


class NoAudit:
    """An audit log that keeps nothing."""

    def note(self, *_deed: object, **_more: object) -> None:
        pass


class People:
    """Identity in which the bearer token names the person. `out`: who may not go on."""

    required = True

    def __init__(self) -> None:
        self.out: set[str] = set()
        self.audit = NoAudit()

    def from_bearer(self, authorization: str | None) -> Principal:
        return self.check(Principal(owner=(authorization or "").removeprefix("Bearer "), name="x"))

    def check(self, principal: Principal) -> Principal:
        from core.errors import NotLoggedIn

        if not principal.owner or principal.owner in self.out:
            raise NotLoggedIn("This credential does not hold any more.")
        return principal


def bearer(owner: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {owner}"}


def owner_of(client: TestClient) -> str:
    """Whose requests a client sends."""
    return client.headers["authorization"].removeprefix("Bearer ")


def messages(text: str | Iterable[str]) -> list[dict[str, Any]]:
    """The messages of an event stream: `id`, `event` and `data` of each; comments are left out."""
    whole = text if isinstance(text, str) else "".join(text)
    found = []
    for part in whole.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in part.split("\n") if line and not line.startswith(":")
        )
        if "data" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def ask_stream(client: TestClient | httpx2.Client, **body: Any) -> list[dict[str, Any]]:
    """All events of a streamed answer."""
    response = client.post("/chat/stream", json={"message": "How do I set the port?"} | body)
    assert response.status_code == 200, response.text
    return [one["data"] for one in messages(response.text)]
