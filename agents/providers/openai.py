"""ChatOpenAI with a cheaper stream: the SDK's requests and errors, our own reading of the answer.

Only `_astream` of Chat Completions differs (and errors leave as `ModelFailure`); everything else,
and every option the fast path does not know, is the parent's. A contract test compares the two
chunk by chunk. Written against langchain-openai 1.7.3 and openai 3.54.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Self, cast

import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import Field, SecretStr, model_validator

from agents.providers.body import Body, SseEvents
from agents.providers.clients import TIMEOUT, ProviderClients, ServerQuirks
from agents.providers.errors import classify
from agents.providers.openai_events import OpenAIAnswer
from core.errors import ProtocolError, redact

log = logging.getLogger(__name__)
OPENAI_HOST = "api.openai.com"


class FastChatOpenAI(ChatOpenAI):
    """Every failure leaves as a `ModelFailure`; a cancel passes untouched and closes the socket.

    The last chunk carries the usage (`usage_metadata`, the provider's own object as
    `response_metadata["usage"]`) and the response id. Reasoning text of compatible servers is in
    `additional_kwargs["reasoning_content"]`.
    """

    # Retries and deadlines belong to our failover layer; wait_for per chunk costs a task per token.
    max_retries: int | None = 0
    stream_chunk_timeout: float | None = None
    stream_usage: bool | None = True
    quirks: ServerQuirks = Field(default_factory=ServerQuirks, exclude=True, repr=False)

    @model_validator(mode="after")
    def _own_timeouts(self) -> Self:
        # The parent hands an unset timeout to the SDK as None, which means none at all, not even
        # for connecting. Given to the parent instead, it would build an HTTP client per model.
        if self.request_timeout is None and self.root_async_client is not None:
            self.root_async_client.timeout = TIMEOUT
        return self

    @property
    def is_openai(self) -> bool:
        """Whether requests go to OpenAI itself and not to a compatible server."""
        return bool(self.root_async_client.base_url.host == OPENAI_HOST)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        stream_usage: bool | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        try:
            kwargs = self._with_cache_key(messages, kwargs)
            fast = self._fast_payload(messages, stop, stream_usage, kwargs)
            if fast is None:
                chunks = self._parent_stream(messages, stop, stream_usage, kwargs)
            else:
                chunks = self._fast_stream(fast)
            async with aclosing(chunks):
                async for chunk in chunks:
                    if run_manager is not None:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        except Exception as exc:
            raise classify(exc, secrets=self._secrets()) from exc

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        try:
            return await super()._agenerate(*args, **kwargs)
        except Exception as exc:
            raise classify(exc, secrets=self._secrets()) from exc

    def _fast_payload(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        stream_usage: bool | None,
        kwargs: Mapping[str, Any],
    ) -> dict[str, Any] | None:
        """The request, or None for what only the parent knows how to read."""
        if (
            self._use_responses_api({**kwargs, **self.model_kwargs})
            or self.include_response_headers
            or self._uses_gateway
            or self.output_version == "v1"
        ):
            return None
        payload = self._get_request_payload(messages, stop=stop, **{**kwargs, "stream": True})
        if "response_format" in payload or payload.get("logprobs") or (payload.get("n") or 1) > 1:
            return None
        if self._should_stream_usage(stream_usage, **kwargs) and self.quirks.stream_options:
            payload["stream_options"] = {"include_usage": True}
        return payload

    async def _parent_stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        stream_usage: bool | None,
        kwargs: dict[str, Any],
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        finished = self._use_responses_api({**kwargs, **self.model_kwargs})
        source = super()._astream(messages, stop=stop, stream_usage=stream_usage, **kwargs)
        async with aclosing(cast("AsyncGenerator[ChatGenerationChunk, None]", source)):
            async for chunk in source:
                finished = finished or bool((chunk.generation_info or {}).get("finish_reason"))
                yield chunk
        if not finished:
            raise _ended_early()

    async def _fast_stream(
        self, payload: dict[str, Any]
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        answer = OpenAIAnswer(self._convert_chunk_to_generation_chunk)
        response = await self._open(payload)
        try:
            body = Body(response)
            try:
                async with aclosing(body.reads()) as reads:
                    events = SseEvents()
                    async for data in reads:
                        for event in events.feed(data):
                            if (chunk := answer.chunk(event, body)) is not None:
                                yield chunk
                    for event in events.flush():
                        if (chunk := answer.chunk(event, body)) is not None:
                            yield chunk
            except Exception as exc:
                if not body.finished:
                    raise
                log.warning("A finished answer broke off before its usage: %s", redact(str(exc)))
            if not body.finished:
                raise _ended_early(response if not answer.any_event else None)
            yield answer.last()
        finally:
            await response.aclose()

    async def _open(self, payload: dict[str, Any]) -> httpx2.Response:
        """Sends the request. The SDK's stream object is only asked for the response inside it."""
        try:
            stream = await self.async_client.create(**payload)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as exc:
            if "stream_options" not in payload or "stream_options" not in str(exc):
                raise
            log.info("%s does not know stream_options; no usage from it", self.openai_api_base)
            self.quirks.stream_options = False
            del payload["stream_options"]
            stream = await self.async_client.create(**payload)
        response: httpx2.Response = stream.response
        return response

    def _with_cache_key(
        self, messages: list[BaseMessage], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Compatible servers may refuse a parameter they do not know, so only OpenAI gets it."""
        for message in messages:
            key = isinstance(message, SystemMessage) and message.additional_kwargs.get("cache_key")
            if key and self.is_openai:
                return {"prompt_cache_key": key, **kwargs}
        return kwargs

    def _secrets(self) -> tuple[str, ...]:
        key = self.openai_api_key
        return (key.get_secret_value(),) if isinstance(key, SecretStr) else ()


def openai_chat(
    model: str,
    *,
    clients: ProviderClients,
    api_key: SecretStr,
    base_url: str | None = None,
    **options: Any,
) -> FastChatOpenAI:
    """The model over the shared connections. Takes about a millisecond after the first."""
    url = base_url or f"https://{OPENAI_HOST}/v1"
    if httpx2.URL(url).host != OPENAI_HOST:
        options.setdefault("use_responses_api", False)
    return FastChatOpenAI(
        model=model,
        api_key=api_key,
        base_url=url,
        http_async_client=clients.http(url),
        quirks=clients.quirks(url),
        **options,
    )


def _ended_early(response: httpx2.Response | None = None) -> ProtocolError:
    kind = response.headers.get("content-type", "") if response is not None else ""
    if kind and "event-stream" not in kind:
        return ProtocolError(f"The server answered with {redact(kind, 60)} and not with a stream.")
    return ProtocolError("The stream ended before the answer was complete.")
