"""One served runtime for the tests of a module, with a scripted provider that starts afresh for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.runtime import Runtime
from tests.agents.answering_house import answering
from tests.api.served import served
from tests.provider import ProviderServer, Reply

ANSWER = "Set the port in the settings [1]."


@dataclass(frozen=True)
class Door:
    url: str
    runtime: Runtime
    provider: ProviderServer

    def get(self, path: str, **more: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, **more)

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=30, **more)


@pytest.fixture(scope="module")
def module_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder: Path = tmp_path_factory.mktemp("door")
    with ProviderServer() as server, answering(folder, server) as runtime, served(runtime) as api:
        runtime.warm_up.start()
        runtime.warm_up.hurry()
        runtime.warm_up.ready.wait(60)
        yield Door(api.url, runtime, server)


@pytest.fixture
def door(module_door: Door) -> Door:
    module_door.provider.reset().default = Reply(text=ANSWER)
    return module_door
