"""Texts in, vectors out: the two protocols of embedding models. Every failure is a `ModelFailure`.

Texts are sent as they are: no tokenizer, nothing downloaded. What comes back is read in a thread,
because a batch is a megabyte of JSON. Deadlines belong to the caller.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents.providers.errors import classify, redacted
from agents.providers.verdicts import error_object, failure_of
from core.errors import ModelFailure, ProtocolError

if TYPE_CHECKING:
    import httpx2
    from pydantic import SecretStr

    from agents.providers.clients import ProviderClients

Embed = Callable[[Sequence[str]], Awaitable[list[list[float]]]]
"""One vector per text, in their order. On the run loop; raises ModelFailure."""
OPENAI_URL = "https://api.openai.com/v1"
TITAN = "amazon.titan-embed"
TITAN_AT_ONCE = 4
"""Titan takes one text per request; so many requests of a batch are under way together."""


def openai_embed(
    model: str, *, clients: ProviderClients, api_key: SecretStr, base_url: str | None = None
) -> Embed:
    """`POST {base_url}/embeddings` of OpenAI or a compatible server, over the shared connections."""
    url = f"{(base_url or OPENAI_URL).rstrip('/')}/embeddings"
    http, key = clients.http(url), api_key.get_secret_value()

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        try:
            response = await http.post(
                url,
                json={"model": model, "input": list(texts), "encoding_format": "float"},
                headers={"Authorization": f"Bearer {key}"},
            )
            if response.status_code != 200:
                raise _refusal(response)
            return await asyncio.to_thread(_vectors, response.content, len(texts))
        except Exception as exc:
            raise redacted(classify(exc), (key,)) from exc

    return embed


def titan_embed(
    model: str, *, clients: ProviderClients, region: str | None, endpoint_url: str | None = None
) -> Embed:
    """Amazon Titan on Bedrock, by boto3 in threads. Blocking to make: call it off the loop."""
    if TITAN not in model:
        raise ModelFailure(
            f"{model} cannot be used for vector search.",
            what_to_do="On Bedrock use amazon.titan-embed-text-v2:0.",
        )
    try:
        runtime = clients.bedrock(region=region, endpoint_url=endpoint_url)
    except Exception as exc:  # LangChain says everything as a ValueError; the reason is its cause
        raise classify(exc.__cause__ or exc) from exc

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        places = asyncio.Semaphore(TITAN_AT_ONCE)

        async def one(text: str) -> list[float]:
            async with places:
                return await asyncio.to_thread(_titan, runtime, model, text)

        try:
            return await asyncio.gather(*(one(text) for text in texts))
        except Exception as exc:
            raise classify(exc) from exc

    return embed


def _titan(runtime: Any, model: str, text: str) -> list[float]:
    answer = runtime.invoke_model(
        modelId=model,
        body=json.dumps({"inputText": text}),
        contentType="application/json",
        accept="application/json",
    )
    vector = json.loads(answer["body"].read())["embedding"]
    return [float(number) for number in vector]


def _refusal(response: httpx2.Response) -> ModelFailure:
    try:
        error = response.json().get("error")
    except (ValueError, AttributeError):
        error = None
    if isinstance(error, (str, Mapping)):
        failure = error_object(error, response.status_code)
        wait = failure_of("", status=response.status_code, headers=response.headers).retry_after_s
        failure.retry_after_s = failure.retry_after_s if wait is None else wait
        return failure
    return failure_of(
        response.text[:300] or "no reason given",
        status=response.status_code,
        headers=response.headers,
    )


def _vectors(content: bytes, count: int) -> list[list[float]]:
    rows = json.loads(content)["data"]
    vectors = {int(row["index"]): [float(n) for n in row["embedding"]] for row in rows}
    if sorted(vectors) != list(range(count)):
        raise ProtocolError(f"The server gave {len(rows)} vectors for {count} texts.")
    return [vectors[n] for n in range(count)]
