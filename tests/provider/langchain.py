"""Our model classes and LangChain's own, pointed at the scripted provider."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import cache
from typing import Any, TypeVar

from langchain_aws import ChatBedrockConverse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from agents.providers.bedrock import AsyncBedrock, bedrock_chat
from agents.providers.clients import ProviderClients
from agents.providers.openai import FastChatOpenAI, openai_chat
from tests.provider import ProviderServer

T = TypeVar("T")
OPENAI_KEY = "sk-test-0123456789abcdef"
NOVA = "us.amazon.nova-lite-v1:0"
AWS_KEY, AWS_SECRET = SecretStr("AKIAIOSFODNN7EXAMPLE"), SecretStr("scripted-secret")


@cache
def tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than most tests."""
    return ssl.create_default_context()


@cache
def _boto3(url: str) -> Any:
    clients = ProviderClients(verify=tls())
    return clients.bedrock(
        region="us-east-1",
        endpoint_url=url,
        access_key_id=AWS_KEY,
        secret_access_key=AWS_SECRET,
    )


class TestClients(ProviderClients):
    """One boto3 client per URL for all tests: making one takes 0.2 s."""

    __test__ = False

    def bedrock(self, **options: Any) -> Any:
        return _boto3(options["endpoint_url"])


def run(work: Callable[[ProviderClients], Awaitable[T]]) -> T:
    """Runs a coroutine function with clients that are closed after it."""

    async def main() -> T:
        clients = TestClients(verify=tls())
        try:
            return await work(clients)
        finally:
            await clients.aclose()

    return asyncio.run(main())


def fast_openai(url: str, clients: ProviderClients, **options: Any) -> FastChatOpenAI:
    key = SecretStr(options.pop("key", OPENAI_KEY))
    return openai_chat("gpt-4o-mini", clients=clients, api_key=key, base_url=url, **options)


def parent_openai(url: str, clients: ProviderClients) -> ChatOpenAI:
    # Its own default client would be shared with other tests, whose loop is closed.
    return ChatOpenAI(
        model="gpt-4o-mini",
        base_url=url,
        api_key=SecretStr(OPENAI_KEY),
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=None,
        http_async_client=clients.http(url),
    )


def async_bedrock(url: str, clients: ProviderClients, **options: Any) -> AsyncBedrock:
    model = options.pop("model", NOVA)
    return bedrock_chat(
        model,
        clients=clients,
        region="us-east-1",
        endpoint_url=url,
        access_key_id=AWS_KEY,
        secret_access_key=AWS_SECRET,
        **options,
    )


def parent_bedrock(url: str, clients: ProviderClients, model: str = NOVA) -> ChatBedrockConverse:
    client = async_bedrock(url, clients).client
    return ChatBedrockConverse(
        model=model, client=client, bedrock_client=client, disable_streaming=False
    )


def model_for(protocol: str, server: ProviderServer, clients: ProviderClients) -> BaseChatModel:
    """Our class for `openai` or `bedrock`."""
    if protocol == "openai":
        return fast_openai(server.openai_url, clients)
    return async_bedrock(server.bedrock_url, clients)


async def chunks_of(model: Any, question: Any = "Hi", **options: Any) -> list[AIMessageChunk]:
    return [chunk async for chunk in model.astream(question, **options)]


def joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


async def first_chunks(model: Any, count: int) -> list[AIMessageChunk]:
    """The first chunks of a stream that is then closed by its reader."""
    found: list[AIMessageChunk] = []
    async with aclosing(model.astream("Hi")) as stream:
        async for chunk in stream:
            found.append(chunk)
            if len(found) == count:
                break
    return found
