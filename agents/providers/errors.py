"""One classifier for every provider: any exception in, the `ModelFailure` that says the same out.

Rules are looked up along the exception's class hierarchy by qualified name, so the most specific
one wins and nothing is imported: a process without Bedrock never loads botocore because of this
file. tests/agents/test_provider_errors.py resolves every name and plays every fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents.providers.verdicts import error_object, failure_of
from core.errors import (
    ContextTooLong,
    ModelAuthFailed,
    ModelFailure,
    ModelRefused,
    ModelUnavailable,
    ProtocolError,
    redact,
)


def classify(exc: BaseException, *, secrets: tuple[str, ...] = ()) -> ModelFailure:
    """The failure an exception stands for. `secrets` are cut out of its message literally, because
    a server may repeat a key that has none of the known forms. Use `raise classify(e) from e`."""
    if isinstance(exc, ModelFailure):
        return exc
    failure: ModelFailure | None = None
    for cls in type(exc).__mro__:
        rule = _RULES.get(f"{cls.__module__}.{cls.__qualname__}")
        if rule is not None:
            failure = rule(exc)
            break
    if failure is None:
        failure = ModelFailure(f"The model call failed ({type(exc).__name__}): {exc}")
    return redacted(failure, secrets)


def redacted(failure: ModelFailure, secrets: tuple[str, ...]) -> ModelFailure:
    """The same failure without keys in its message; `secrets` are cut out literally."""
    text = redact(failure.message, limit=100_000)
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, f"…{secret[-4:]}" if len(secret) >= 12 else "…")
    failure.message = redact(text)
    failure.args = (failure.message,)
    return failure


def _openai_status(exc: Any) -> ModelFailure:
    body = exc.body if isinstance(exc.body, Mapping) else {}
    codes = (exc.code, exc.type, body.get("code"), body.get("type"))
    said = body.get("message") or (exc.body if isinstance(exc.body, str) else exc.message)
    headers = dict(exc.response.headers)
    return failure_of(str(said), status=exc.status_code, codes=codes, headers=headers)


def _openai_event(exc: Any) -> ModelFailure:
    return error_object(exc.body if isinstance(exc.body, Mapping) else {"message": exc.message})


def _openai_connection(exc: BaseException) -> ModelFailure:
    cause = exc.__cause__
    return classify(cause) if cause is not None else _unreachable(exc)


def _openai_other(exc: BaseException) -> ModelFailure:
    # Raised before anything is sent, mostly "Missing credentials" and its relatives.
    text = str(exc)
    known = "credential" in text.lower() or "api_key" in text
    return (ModelAuthFailed if known else ModelFailure)(f"The request could not be made: {text}")


def _aws_client_error(exc: Any) -> ModelFailure:
    response: Mapping[str, Any] = exc.response
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    return failure_of(
        str(error.get("Message") or error.get("message") or "no reason given"),
        status=metadata.get("HTTPStatusCode"),
        codes=(error.get("Code"),),
        headers=metadata.get("HTTPHeaders"),
    )


def _langchain(exc: BaseException) -> ModelFailure:
    """langchain-core's own taxonomy, for classes without a provider's exception inside."""
    if type(exc).__name__.endswith("ContextOverflowError"):
        return ContextTooLong(f"The conversation does not fit the model: {exc}")
    retryable = getattr(exc, "is_retryable", False)
    return (ModelUnavailable if retryable else ModelRefused)(f"The model call failed: {exc}")


def _timed_out(exc: BaseException) -> ModelFailure:
    return ModelUnavailable(f"The provider did not answer in time ({type(exc).__name__}).")


def _unreachable(exc: BaseException) -> ModelFailure:
    return ModelUnavailable(f"The provider could not be reached: {exc or type(exc).__name__}")


def _broken_off(exc: BaseException) -> ModelFailure:
    return ModelUnavailable(f"The connection to the provider broke: {exc or type(exc).__name__}")


def _connection(exc: BaseException) -> ModelFailure:
    if "Incomplete Bedrock response stream" in str(exc):
        return ProtocolError("The stream ended before the answer was complete.")
    return _broken_off(exc)


def _unreadable(exc: BaseException) -> ModelFailure:
    return ProtocolError(f"What the provider sent cannot be read ({type(exc).__name__}): {exc}")


def _credentials(exc: BaseException) -> ModelFailure:
    return ModelAuthFailed(f"There are no usable AWS credentials: {exc}")


def _region(exc: BaseException) -> ModelFailure:
    return ModelAuthFailed(f"{exc}", what_to_do="Set AWS_REGION and try again.")


def _bad_request(exc: BaseException) -> ModelFailure:
    return ModelRefused(f"The request could not be built: {exc}")


def _finish_length(exc: BaseException) -> ModelFailure:
    return ProtocolError(f"The answer was cut before it was complete: {exc}")


_RULES: dict[str, Callable[[Any], ModelFailure]] = {
    "openai.APIStatusError": _openai_status,
    "openai.APIConnectionError": _openai_connection,
    "openai.APITimeoutError": _timed_out,
    "openai.APIResponseValidationError": _unreadable,
    "openai.LengthFinishReasonError": _finish_length,
    "openai.ContentFilterFinishReasonError": _bad_request,
    "openai.APIError": _openai_event,
    "openai.OpenAIError": _openai_other,
    "botocore.exceptions.ClientError": _aws_client_error,
    "botocore.exceptions.NoCredentialsError": _credentials,
    "botocore.exceptions.PartialCredentialsError": _credentials,
    "botocore.exceptions.CredentialRetrievalError": _credentials,
    "botocore.exceptions.TokenRetrievalError": _credentials,
    "botocore.exceptions.SSOError": _credentials,
    "botocore.exceptions.ProfileNotFound": _credentials,
    "botocore.exceptions.NoAuthTokenError": _credentials,
    "botocore.exceptions.NoRegionError": _region,
    "botocore.exceptions.ParamValidationError": _bad_request,
    "botocore.exceptions.ConnectTimeoutError": _timed_out,
    "botocore.exceptions.ReadTimeoutError": _timed_out,
    "botocore.exceptions.HTTPClientError": _broken_off,
    "botocore.exceptions.BotoCoreError": _bad_request,
    "botocore.eventstream.ParserError": _unreadable,
    "botocore.parsers.ResponseParserError": _unreadable,
    "httpx2.TimeoutException": _timed_out,
    "httpx2.ConnectError": _unreachable,
    "httpx2.ProxyError": _unreachable,
    "httpx2.UnsupportedProtocol": _bad_request,
    "httpx2.LocalProtocolError": _bad_request,
    "httpx2.InvalidURL": _bad_request,
    "httpx2.DecodingError": _unreadable,
    "httpx2.HTTPError": _broken_off,
    "httpx2.StreamError": _broken_off,
    "urllib3.exceptions.TimeoutError": _timed_out,
    "urllib3.exceptions.HTTPError": _broken_off,
    "langchain_core.exceptions.ModelError": _langchain,
    "langchain_core.exceptions.OutputParserException": _unreadable,
    "builtins.TimeoutError": _timed_out,
    "builtins.ConnectionError": _connection,
    "builtins.OSError": _broken_off,
    "builtins.ValueError": _unreadable,  # JSON and Unicode errors, LangChain's "No generation…"
    "builtins.TypeError": _unreadable,
    "builtins.LookupError": _unreadable,
    "builtins.AttributeError": _unreadable,
}
