"""The API over a real runtime and a real socket, without the pages."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from agents.runtime import Runtime
from api import dependencies
from api.app import make_api


@dataclass(frozen=True)
class Served:
    url: str
    """Ends with /api."""
    runtime: Runtime


@contextlib.contextmanager
def served(runtime: Runtime) -> Iterator[Served]:
    """uvicorn on a port of its own, as under `streamlit run`: the API is mounted at /api."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    api = make_api(runtime.settings)

    async def house() -> Runtime:
        return runtime

    api.dependency_overrides[dependencies._house] = house
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            Starlette(routes=[Mount("/api", app=api)]), log_level="warning", lifespan="off"
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    try:
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}/api", runtime)
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()
