"""ChatBedrockConverse with a native async stream: boto3 makes the request, httpx2 sends it.

The parent runs boto3 in the executor: a thread per stream, and a cancel that waits for the next
event. Here the parent still builds the request and boto3 still validates, resolves and signs it
(in a thread, because credentials may have to be refreshed), but it is caught just before it would
be sent. Written against langchain-aws 1.9.1 and botocore 1.44.5.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserFactory
from langchain_aws import ChatBedrockConverse
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field, SecretStr, model_validator

from agents.providers.bedrock_events import BedrockAnswer
from agents.providers.body import Body
from agents.providers.clients import ProviderClients
from agents.providers.errors import classify
from core.errors import ProtocolError, redact

if TYPE_CHECKING:
    import httpx2
    from botocore.awsrequest import AWSPreparedRequest
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun

log = logging.getLogger(__name__)
OPERATION = "ConverseStream"
_catching: ContextVar[bool] = ContextVar("catching", default=False)


class _Signed(BaseException):
    """Carries the signed request out of boto3. Not an Exception: botocore would retry those."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        self.request = request


def _catch(request: AWSPreparedRequest, **_: Any) -> None:
    if _catching.get():
        raise _Signed(request)


class AsyncBedrock(ChatBedrockConverse):
    """Every failure leaves as a `ModelFailure`; a cancel passes untouched and closes the socket.

    The last chunk carries the usage (`usage_metadata`, Bedrock's own object as
    `response_metadata["usage"]`). `stopReason` is Bedrock's word, `finish_reason` OpenAI's for it.
    Non-streaming calls are made of the stream too, so they can be cancelled.
    """

    clients: ProviderClients = Field(exclude=True, repr=False)
    cache_points: bool = False
    """Put a cache point after the `cache_prefix_chars` of a system message."""

    @model_validator(mode="after")
    def _catch_requests(self) -> Self:
        # The client is shared with others, who go on as before: `_catching` is False for them.
        self.client.meta.events.register_last(
            f"before-send.bedrock-runtime.{OPERATION}", _catch, unique_id="switchboard-catch"
        )
        return self

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        try:
            request = await asyncio.to_thread(self._signed_request, messages, stop, kwargs)
            async with aclosing(self._exchange(request)) as chunks:
                async for chunk in chunks:
                    if run_manager is not None:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        except Exception as exc:
            raise classify(exc) from exc

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self._streaming_disabled(**kwargs):
            try:
                return await super()._agenerate(messages, stop, run_manager, **kwargs)
            except Exception as exc:
                raise classify(exc) from exc
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _signed_request(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AWSPreparedRequest:
        """What boto3 would send. Blocking; in a thread of its own context."""
        _catching.set(True)
        try:
            for _ in self._stream(self._with_cache_points(messages), stop=stop, **kwargs):
                break
        except _Signed as caught:
            return caught.request
        finally:
            _catching.set(False)
        raise RuntimeError("boto3 sent a request that should have been caught")

    async def _exchange(
        self, request: AWSPreparedRequest
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        http = self.clients.http(request.url)
        headers = {name: _text(value) for name, value in request.headers.items()}
        # Compressed frames would wait in the decoder until it has enough of them.
        headers["Accept-Encoding"] = "identity"
        outgoing = http.build_request("POST", request.url, headers=headers, content=request.body)
        response = await http.send(outgoing, stream=True)
        try:
            if response.status_code != 200:
                raise _client_error(response, await response.aread())
            body = Body(response)
            answer = BedrockAnswer(
                body,
                model_name=self.base_model_id or self.model_id,
                request_id=response.headers.get("x-amzn-requestid"),
                thinking_tags=self._inline_reasoning_tags_for_model(),
                keep_reasoning_blocks=self.provider == "anthropic",
            )
            try:
                async with aclosing(body.reads()) as reads:
                    async for piece in reads:
                        for chunk in answer.feed(piece):
                            yield chunk
            except Exception as exc:
                if not body.finished:
                    raise
                log.warning("A finished answer broke off before its usage: %s", redact(str(exc)))
            if not body.finished:
                raise _ended_early(None if answer.any_event else response)
            yield answer.last()
        finally:
            await response.aclose()

    def _with_cache_points(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """A copy of the list (the parent changes it) in which marked prefixes end in a point."""
        return [self._marked(m) if isinstance(m, SystemMessage) else m for m in messages]

    def _marked(self, message: SystemMessage) -> SystemMessage:
        size = message.additional_kwargs.get("cache_prefix_chars")
        text = message.content
        if not self.cache_points or not isinstance(size, int) or not isinstance(text, str):
            return message
        if not 0 < size <= len(text):
            return message
        rest = [{"type": "text", "text": text[size:]}] if text[size:].strip() else []
        prefix = {"type": "text", "text": text[:size]}
        return SystemMessage(content=[prefix, self.create_cache_point(), *rest])


def bedrock_chat(
    model: str,
    *,
    clients: ProviderClients,
    region: str | None = None,
    endpoint_url: str | None = None,
    access_key_id: SecretStr | None = None,
    secret_access_key: SecretStr | None = None,
    session_token: SecretStr | None = None,
    **options: Any,
) -> AsyncBedrock:
    """The model over shared connections and one shared boto3 client. The first call per region
    takes 0.2 s and may block on files or metadata services: call it off the loop. Raises ModelAuthFailed without a region."""
    try:
        runtime = clients.bedrock(
            region=region,
            endpoint_url=endpoint_url,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            session_token=session_token,
        )
    except Exception as exc:  # LangChain says everything as a ValueError; the reason is its cause
        raise classify(exc.__cause__ or exc) from exc
    if "application-inference-profile" not in model:
        # The control plane is asked only about such profiles; without a client the parent would
        # make one, which takes as long again.
        options.setdefault("bedrock_client", runtime)
    options.setdefault("disable_streaming", False)
    return AsyncBedrock(model=model, region_name=region, client=runtime, clients=clients, **options)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _client_error(response: httpx2.Response, body: bytes) -> ClientError:
    """What boto3 would raise for this answer."""
    parser = ResponseParserFactory().create_parser("rest-json")
    given = {
        "status_code": response.status_code,
        "headers": response.headers,
        "body": body,
    }
    error: ClientError = ClientError(parser.parse(given, None), OPERATION)
    return error


def _ended_early(response: httpx2.Response | None) -> ProtocolError:
    kind = response.headers.get("content-type", "") if response is not None else ""
    if kind and "eventstream" not in kind:
        return ProtocolError(f"The server answered with {redact(kind, 60)} and not with a stream.")
    return ProtocolError("The stream ended before the answer was complete.")
