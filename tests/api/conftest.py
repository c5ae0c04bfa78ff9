"""One runtime for the tests of a module; every test is another person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from agents.runtime import Runtime
from core.ids import new_id
from tests.api.door import door as door
from tests.api.door import module_door as module_door
from tests.api.serving import People, bearer, serving
from tests.provider import ProviderServer
from tests.provider.fixtures import module_server as module_server

House = tuple[Runtime, TestClient]


@pytest.fixture(scope="module")
def module_house(
    tmp_path_factory: pytest.TempPathFactory, module_server: ProviderServer
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with serving(folder, module_server, max_import_bytes=5_000_000) as (runtime, client):
        runtime.identity = People()  # type: ignore[assignment]
        yield runtime, client


@pytest.fixture
def scripted(module_server: ProviderServer) -> ProviderServer:
    """The provider of the module's runtime, as new."""
    return module_server.reset()


@pytest.fixture
def house(module_house: House, scripted: ProviderServer) -> Iterator[House]:
    """The module's runtime and a client of a new person."""
    runtime, client = module_house
    client.headers.update(bearer(new_id()))
    return runtime, client
