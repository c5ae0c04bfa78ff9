"""A bounded run of Schemathesis, with and without a login. The long one: tests/api/guards/schema_run.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.guards.schema_run import generated, run
from tests.provider import ProviderServer

pytestmark = pytest.mark.slow(seconds=60)


@pytest.mark.parametrize("login", [False, True], ids=["without a login", "with a login"])
def test_the_api_keeps_what_its_document_says(
    tmp_path: Path, provider: ProviderServer, login: bool
) -> None:
    status, printed = run(tmp_path, provider, login=login, examples=2, seed=7)
    assert status == 0, printed[-20_000:]
    assert generated(printed) > 500
