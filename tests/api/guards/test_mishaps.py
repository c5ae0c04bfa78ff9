"""What nobody expected: no trace, key, path or value reaches the caller, and no key the log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from starlette.responses import StreamingResponse

from api.guards.mishaps import BrokenOff
from core.errors import StorageError
from tests.api.guards.probe import Probe

KEY = "sk-live-CANARY0123456789"


@pytest.fixture
def breaking(probe: Probe) -> Probe:
    @probe.api.get("/probe/breaks")
    async def breaks() -> None:
        try:
            raise ValueError(f"401 Incorrect API key provided: {KEY}")
        except ValueError as exc:
            raise RuntimeError(f"Authorization: Bearer {KEY} at /home/ann/secret.db") from exc

    @probe.api.get("/probe/storage")
    async def storage() -> None:
        raise StorageError("The data folder cannot be written.")

    @probe.api.get("/probe/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            raise RuntimeError(KEY)

        return StreamingResponse(parts())

    return probe


def test_the_caller_gets_a_number_and_the_log_a_trace_without_keys(
    breaking: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = breaking.ask("GET", "/probe/breaks")
    assert (answer.status, answer.code) == (500, "internal")
    number = answer.json()["error"]["what_to_do"].split()[-1].rstrip(".")
    for word in (b"CANARY", b"Traceback", b"RuntimeError", b"/home", b".py"):
        assert word not in answer.raw
    assert number in caplog.text
    assert "RuntimeError" in caplog.text
    assert "ValueError" in caplog.text
    assert "in breaks" in caplog.text
    assert "CANARY" not in caplog.text
    assert "sk-…6789" in caplog.text


def test_an_error_on_purpose_is_answered_as_itself(breaking: Probe) -> None:
    answer = breaking.ask("GET", "/probe/storage")
    assert (answer.status, answer.code) == (507, "storage")


def test_an_answer_under_way_is_broken_off_without_the_reason(
    breaking: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BrokenOff) as raised:
        breaking.ask("GET", "/probe/stream")
    assert raised.value.__suppress_context__
    assert "CANARY" not in str(raised.value)
    assert "RuntimeError" in caplog.text


def test_a_runtime_that_cannot_start_is_told_with_its_sentence(probe: Probe) -> None:
    from api import dependencies

    async def house() -> object:
        raise StorageError("The data folder cannot be written.")

    probe.api.dependency_overrides[dependencies._house] = house
    answer = probe.ask("GET", "/probe/search")
    assert (answer.status, answer.code) == (507, "storage")
    assert probe.ask("GET", "/health").status == 200


@pytest.mark.parametrize("target", ["/probe/search", "/probe/search?x=1", "/nothing", "/health"])
def test_every_answer_says_what_it_is_and_is_kept_by_nobody(probe: Probe, target: str) -> None:
    answer = probe.ask("GET", target)
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("content-type") == "application/json"
    assert "default-src 'none'" in (answer.header("content-security-policy") or "")
