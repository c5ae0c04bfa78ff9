"""The probe without a login."""

from __future__ import annotations

import pytest

from tests.api.guards.probe import Probe


@pytest.fixture
def probe() -> Probe:
    return Probe()
