"""Imported by tests/conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.provider import ProviderServer


@pytest.fixture(scope="module")
def module_server() -> Iterator[ProviderServer]:
    """One server for all tests of a module: what a test class of its own may build `provider` on
    when a new port per test would be dear (a boto3 client per port)."""
    with ProviderServer() as server:
        yield server


@pytest.fixture
def provider() -> Iterator[ProviderServer]:
    """A fresh scripted provider on a loopback port."""
    with ProviderServer() as server:
        yield server
