"""A key is a canary: it is in no answer, log, figure or file, whatever a provider says about it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.api.guards.everything import operations
from tests.api.serving import serving
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow
KEY = "sk-test-0123456789abcdef"


def test_a_key_that_a_provider_repeats_goes_nowhere(
    tmp_path: Path, provider: ProviderServer, caplog: pytest.LogCaptureFixture
) -> None:
    provider.default = Reply(status=401)  # repeats the key
    with (
        caplog.at_level(logging.DEBUG),
        serving(tmp_path, provider, content="full", answer_models="openai:gpt-4o-mini") as (
            _,
            client,
        ),
    ):
        told = [client.post("/chat", json={"message": "Hello", "model": "openai:gpt-4o-mini"}).text]
        told.append(client.post("/chat/stream", json={"message": "Hello"}).text)
        told += [
            client.get(one.path).text
            for one in operations(client.app)  # type: ignore[arg-type]
            if one.method == "GET" and not one.ids
        ]
    assert provider.requests
    assert any("model_auth" in text for text in told)
    for text in told:
        assert KEY not in text
    assert KEY not in caplog.text
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
