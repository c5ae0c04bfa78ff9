"""The probe without a login."""

from __future__ import annotations

import pytest

from tests.api.guards.probe import Probe


@pytest.fixture(scope="session")
def open_probe() -> Probe:
    return Probe()


@pytest.fixture
def probe(open_probe: Probe) -> Probe:
    return open_probe.fresh()
