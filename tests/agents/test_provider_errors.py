"""Every fault of a provider ends as one class of `core.errors`, for both protocols."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError
from langchain_core.exceptions import OutputParserException

from agents.providers import body, errors
from agents.providers.errors import classify
from agents.providers.verdicts import QUOTA_RETRY_AFTER_S, error_object, retry_after
from core.errors import (
    ContextTooLong,
    ModelAuthFailed,
    ModelFailure,
    ModelRateLimited,
    ModelRefused,
    ModelUnavailable,
    ProtocolError,
)
from tests.provider import Fault, ProviderServer, Reply, refused_url
from tests.provider.fixtures import module_server as module_server
from tests.provider.langchain import (
    AWS_KEY,
    OPENAI_KEY,
    async_bedrock,
    chunks_of,
    fast_openai,
    joined,
    model_for,
    run,
)


@pytest.fixture
def provider(module_server: ProviderServer) -> ProviderServer:
    return module_server.reset()


PROTOCOLS = ["openai", "bedrock"]
TEXT = Reply.text

STREAM_FAULTS: list[tuple[Any, type[ModelFailure]]] = [
    ("close", ModelUnavailable),
    ("reset", ModelUnavailable),
    ("error_event", ModelUnavailable),
    ("early_done", ProtocolError),
    ("clean_end", ProtocolError),
    ("not_json", ProtocolError),
    ("bad_utf8", ProtocolError),
    ("bad_checksum", ProtocolError),
    ("html_200", ProtocolError),
    ("huge_event", ProtocolError),
]
HARMLESS_AFTER_FINISH: list[Any] = [
    "close",
    "reset",
    "silence",
    "keepalive_only",
    "error_event",
    "not_json",
    "bad_utf8",
    "bad_checksum",
    "html_200",
    "huge_event",
]
STATUSES: list[tuple[Reply, type[ModelFailure], float | None]] = [
    (Reply(status=400), ModelRefused, None),
    (Reply(status=401), ModelAuthFailed, None),
    (Reply(status=403), ModelAuthFailed, None),
    (Reply(status=404), ModelRefused, None),
    (Reply(status=408), ModelUnavailable, None),
    (Reply(status=429), ModelRateLimited, None),
    (Reply(status=429, headers={"Retry-After": "7"}), ModelRateLimited, 7.0),
    (Reply(status=402), ModelRateLimited, QUOTA_RETRY_AFTER_S),
    (Reply(status=500), ModelUnavailable, None),
    (Reply(status=502, error_body="<html>Bad gateway</html>"), ModelUnavailable, None),
    (Reply(status=503, headers={"Retry-After": "3"}), ModelUnavailable, 3.0),
    (Reply(status=529, error_type="overloaded_error"), ModelUnavailable, None),
    (Reply(fault=Fault("redirect")), ProtocolError, None),
]


def failure(protocol: str, server: ProviderServer) -> tuple[ModelFailure, str]:
    """What the stream raised, and the text that came before it."""

    async def ask(clients: Any) -> tuple[ModelFailure, str]:
        text = ""
        try:
            async for chunk in model_for(protocol, server, clients).astream("Hi"):
                text += chunk.text
        except ModelFailure as exc:
            return exc, text
        raise AssertionError(f"no failure after {text!r}")

    return run(ask)


@pytest.mark.parametrize("moment", ["before_first", "mid", "before_finish"])
@pytest.mark.parametrize(("kind", "expected"), STREAM_FAULTS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_fault_before_the_finish_reason_is_a_failure(
    provider: ProviderServer, protocol: str, kind: Any, moment: Any, expected: type[ModelFailure]
) -> None:
    provider.script(Reply(fault=Fault(kind, moment)))
    exc, text = failure(protocol, provider)
    assert type(exc) is expected
    shown = {"before_first": "", "mid": "Hello from the", "before_finish": TEXT}[moment]
    assert text.rstrip("x") == shown or kind == "bad_utf8"


@pytest.mark.parametrize("kind", HARMLESS_AFTER_FINISH)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_fault_after_the_finish_reason_costs_only_the_usage(
    provider: ProviderServer, protocol: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "USAGE_GRACE_S", 0.05)
    provider.script(Reply(fault=Fault(kind, "after_last")))
    whole = joined(run(lambda clients: chunks_of(model_for(protocol, provider, clients))))
    assert whole.text.rstrip("x") in (TEXT, TEXT + "?")
    assert whole.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize("kind", ["early_done", "clean_end"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_all_the_text_without_a_finish_reason_is_a_failure(
    provider: ProviderServer, protocol: str, kind: Any
) -> None:
    provider.script(Reply(fault=Fault(kind, "after_last")))
    exc, text = failure(protocol, provider)
    assert (type(exc), text) == (ProtocolError, TEXT)
    assert exc.message == "The stream ended before the answer was complete."


@pytest.mark.parametrize("kind", ["close", "reset"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_connection_that_ends_without_a_status_line_is_unavailable(
    provider: ProviderServer, protocol: str, kind: Any
) -> None:
    provider.script(Reply(fault=Fault(kind, before_headers=True)))
    assert type(failure(protocol, provider)[0]) is ModelUnavailable


@pytest.mark.parametrize(("reply", "expected", "wait"), STATUSES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_status_decides_the_class(
    provider: ProviderServer,
    protocol: str,
    reply: Reply,
    expected: type[ModelFailure],
    wait: float | None,
) -> None:
    provider.script(reply)
    exc, _ = failure(protocol, provider)
    assert (type(exc), exc.retry_after_s) == (expected, wait)
    assert exc.http_status_seen == (reply.status if reply.status != 200 else 307)
    assert len(provider.requests) == 1, "retries belong to the failover layer"


def test_redirect_is_not_followed_to_another_host(provider: ProviderServer) -> None:
    with ProviderServer() as other:
        provider.script(Reply(fault=Fault("redirect", location=other.openai_url)))
        exc, _ = failure("openai", provider)
        assert other.requests == []
    assert "redirected" in exc.message


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_refused_connection_is_unavailable(protocol: str) -> None:
    async def ask(clients: Any) -> None:
        url = refused_url()
        model: Any = (fast_openai if protocol == "openai" else async_bedrock)(url, clients)
        with pytest.raises(ModelUnavailable, match="could not be reached"):
            await chunks_of(model)

    run(ask)


@pytest.mark.parametrize(
    ("protocol", "reply"),
    [
        ("openai", Reply(status=400, error_type="context_length_exceeded")),
        ("openai", Reply(status=400, error_body={"error": "prompt is too long"})),
        ("bedrock", Reply(status=400, error_body={"message": "Input is too long for the model."})),
    ],
)
def test_prompt_that_does_not_fit_is_told_apart(
    provider: ProviderServer, protocol: str, reply: Reply
) -> None:
    provider.script(reply)
    assert type(failure(protocol, provider)[0]) is ContextTooLong


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("throttlingException", ModelRateLimited),
        ("modelStreamErrorException", ModelUnavailable),
        ("internalServerException", ModelUnavailable),
        ("serviceUnavailableException", ModelUnavailable),
        ("validationException", ModelRefused),
    ],
)
def test_exception_in_the_event_stream_decides_the_class(
    provider: ProviderServer, code: str, expected: type[ModelFailure]
) -> None:
    provider.script(Reply(fault=Fault("error_event", "mid", code=code, message="Not now.")))
    exc, _ = failure("bedrock", provider)
    assert type(exc) is expected
    assert exc.message.endswith("Not now.")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "slow down", "code": "rate_limit_exceeded"}, ModelRateLimited),
        ({"message": "no credit", "type": "insufficient_quota"}, ModelRateLimited),
        ({"message": "upstream", "code": 502}, ModelUnavailable),
        ({"message": "Provider returned 401", "code": 401}, ModelAuthFailed),
        ({"message": "bad", "type": "invalid_request_error"}, ModelRefused),
        ("this model's maximum context length is 4096 tokens", ContextTooLong),
        ("CUDA out of memory", ModelUnavailable),
    ],
)
def test_error_object_decides_the_class(error: Any, expected: type[ModelFailure]) -> None:
    assert type(error_object(error)) is expected


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (NoCredentialsError(), ModelAuthFailed),
        (NoRegionError(), ModelAuthFailed),
        (ClientError({"Error": {"Code": "ExpiredTokenException"}}, "Converse"), ModelAuthFailed),
        (TimeoutError(), ModelUnavailable),
        (ConnectionResetError("reset"), ModelUnavailable),
        (json.JSONDecodeError("Expecting value", "<html>", 0), ProtocolError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), ProtocolError),
        (OutputParserException("not the schema"), ProtocolError),
        (ConnectionError("Incomplete Bedrock response stream: missing …"), ProtocolError),
        (RuntimeError("surprise"), ModelFailure),
    ],
)
def test_exception_decides_the_class(exc: Exception, expected: type[ModelFailure]) -> None:
    assert type(classify(exc)) is expected


@pytest.mark.parametrize("name", sorted(errors._RULES))
def test_every_rule_names_a_class_that_exists(name: str) -> None:
    """A provider package that renames an exception must not silently lose its rule."""
    module, _, cls = name.rpartition(".")
    found = getattr(importlib.import_module(module), cls)
    assert f"{found.__module__}.{found.__qualname__}" == name


def test_openai_key_in_a_401_is_redacted(provider: ProviderServer) -> None:
    provider.script(Reply(status=401))
    exc, _ = failure("openai", provider)
    assert OPENAI_KEY not in f"{exc} {exc.message} {exc.args}"
    assert exc.message.count("…cdef") == 1


def test_key_of_unknown_form_in_a_401_is_redacted(provider: ProviderServer) -> None:
    provider.script(Reply(status=401))

    async def ask(clients: Any) -> None:
        with pytest.raises(ModelAuthFailed) as caught:
            await chunks_of(
                fast_openai(provider.openai_url, clients, key="tenant7/very.secret.key")
            )
        assert "very.secret" not in caught.value.message

    run(ask)


def test_aws_key_in_a_401_is_redacted(provider: ProviderServer) -> None:
    provider.script(Reply(status=401))
    exc, _ = failure("bedrock", provider)
    assert AWS_KEY.get_secret_value() not in exc.message


def test_failure_is_returned_as_it_is() -> None:
    known = ModelRefused("no")
    assert classify(known) is known


def test_retry_after_is_read_in_every_form() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after({"retry-after-ms": "1500"}) == 1.5
    assert retry_after({"Retry-After": "3600"}) == 3600.0
    assert retry_after({"Retry-After": "-5"}) == 0.0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None
    assert 55 < (retry_after({"retry-after": in_a_minute}) or 0) <= 60
