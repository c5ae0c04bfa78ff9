"""The scripted provider speaks the real protocols: plain HTTP and LangChain's own classes agree."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from langchain_aws import ChatBedrockConverse
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from tests.provider import Fault, ProviderServer, Reply, ToolCall, Usage

NOVA = "us.amazon.nova-lite-v1:0"
ASK = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


class Route(BaseModel):
    """Where a question goes."""

    agent: str


def post(server: ProviderServer, path: str, body: Any) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request("POST", path, json.dumps(body), {"authorization": "Bearer sk-test123"})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def data_lines(raw: bytes) -> Iterator[Any]:
    for line in raw.splitlines():
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


def chat_openai(server: ProviderServer, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model="gpt-4o-mini",
        base_url=server.openai_url,
        api_key=SecretStr("sk-test123"),
        max_retries=0,
        stream_usage=True,
        **more,
    )


def chat_bedrock(server: ProviderServer) -> ChatBedrockConverse:
    return ChatBedrockConverse(
        model="us.amazon.nova-lite-v1:0",
        base_url=server.bedrock_url,
        region_name="us-east-1",
        aws_access_key_id=SecretStr("AKIAIOSFODNN7EXAMPLE"),
        aws_secret_access_key=SecretStr("secret"),
        max_retries=0,
    )


def test_chat_completion_is_streamed_as_server_sent_events(provider: ProviderServer) -> None:
    provider.script(Reply(chunks=("Hel", "lo"), usage=Usage(input=7, output=2, cache_read=4)))
    status, headers, raw = post(
        provider, "/v1/chat/completions", {**ASK, "stream_options": {"include_usage": True}}
    )
    chunks = list(data_lines(raw))
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert raw.endswith(b"data: [DONE]\n\n")
    deltas = [c["choices"][0]["delta"].get("content") for c in chunks if c["choices"]]
    assert deltas == ["", "Hel", "lo", None]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 4


def test_usage_is_sent_only_when_asked_for(provider: ProviderServer) -> None:
    _, _, raw = post(provider, "/v1/chat/completions", ASK)
    assert not any(chunk.get("usage") for chunk in data_lines(raw))


def test_refused_key_is_repeated_in_the_answer(provider: ProviderServer) -> None:
    provider.script(Reply(status=401))
    status, _, raw = post(provider, "/v1/chat/completions", ASK)
    assert status == 401
    assert b"sk-test123" in raw
    assert provider.requests[0].key == "sk-test123"


def test_replies_come_by_rule_then_model_then_script_then_default(provider: ProviderServer) -> None:
    provider.default = Reply(text="default")
    provider.respond = lambda r: Reply(text="by rule") if r.model == "rule" else None
    provider.by_model["other"] = Reply(text="by model")
    provider.script(Reply(text="scripted"))
    said = []
    for model in ("rule", "other", "gpt-4o-mini", "gpt-4o-mini"):
        _, _, raw = post(provider, "/v1/chat/completions", {**ASK, "model": model, "stream": False})
        said.append(json.loads(raw)["choices"][0]["message"]["content"])
    assert said == ["by rule", "by model", "scripted", "default"]


def test_a_client_that_hangs_up_is_noticed_at_once(provider: ProviderServer) -> None:
    provider.script(Reply(text="word " * 1000, per_token_ms=1))
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=5)
    connection.request("POST", "/v1/chat/completions", json.dumps(ASK))
    response = connection.getresponse()
    response.read(100)
    left = time.monotonic()
    response.close()
    connection.close()
    gone = provider.wait_for_disconnect()
    assert gone.closed_by_client_at is not None
    assert gone.closed_by_client_at - left < 0.2
    assert 0 < gone.tokens_sent < 1000


def test_reset_and_close_look_different(provider: ProviderServer) -> None:
    provider.script(Reply(fault=Fault("reset", "mid")), Reply(fault=Fault("close", "mid")))
    with pytest.raises(ConnectionResetError):
        post(provider, "/v1/chat/completions", ASK)
    with pytest.raises(http.client.IncompleteRead):
        post(provider, "/v1/chat/completions", ASK)


def test_event_stream_frames_pass_the_checks_of_botocore(provider: ProviderServer) -> None:
    provider.script(
        Reply(chunks=("Hel", "lo"), reasoning=("hm",), tool_calls=(ToolCall(name="t"),))
    )
    _, headers, raw = post(provider, "/model/us.amazon.nova-lite-v1%3A0/converse-stream", {})
    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    kinds = [message.headers[":event-type"] for message in buffer]
    block = ["contentBlockDelta", "contentBlockStop"]
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert kinds == [
        "messageStart",
        *block,
        "contentBlockDelta",
        *block,
        "contentBlockStart",
        *block,
        "messageStop",
        "metadata",
    ]
    assert provider.requests[0].model == "us.amazon.nova-lite-v1:0"


def test_parent_openai_class_reads_text_tools_and_usage(provider: ProviderServer) -> None:
    provider.script(
        Reply(text="Hello there", tool_calls=(ToolCall(name="look", args={"q": "refund"}),))
    )

    async def ask() -> Any:
        whole = None
        async for chunk in chat_openai(provider).astream("Hi"):
            whole = chunk if whole is None else whole + chunk
        return whole

    answer = asyncio.run(ask())
    assert answer.content == "Hello there"
    assert [(c["name"], c["args"]) for c in answer.tool_calls] == [("look", {"q": "refund"})]
    ledger = provider.ledger["gpt-4o-mini"]
    usage = answer.usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"]) == (ledger.input, ledger.output)


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_parent_openai_class_gets_structured_output(provider: ProviderServer, method: Any) -> None:
    provider.script(Reply(structured={"agent": "billing"}))
    routed = chat_openai(provider).with_structured_output(Route, method=method)
    assert routed.invoke("Where?") == Route(agent="billing")


def test_parent_bedrock_class_reads_text_tools_and_usage(provider: ProviderServer) -> None:
    provider.script(
        Reply(
            text="Hello there",
            tool_calls=(ToolCall(name="look", args={"q": "refund"}),),
            usage=Usage(input=100, output=9, cache_read=60, cache_write=10),
        )
    )
    whole: Any = None
    for chunk in chat_bedrock(provider).stream("Hi"):
        whole = chunk if whole is None else whole + chunk
    assert whole.text == "Hello there"
    assert [(c["name"], c["args"]) for c in whole.tool_calls] == [("look", {"q": "refund"})]
    assert whole.usage_metadata["input_tokens"] == provider.ledger[NOVA].input == 100
    assert whole.response_metadata["stopReason"] == "tool_use"


def test_parent_bedrock_class_gets_structured_output(provider: ProviderServer) -> None:
    provider.script(Reply(structured={"agent": "billing"}))
    routed = chat_bedrock(provider).with_structured_output(Route)
    assert routed.invoke("Where?") == Route(agent="billing")


def test_equal_texts_have_equal_embeddings(provider: ProviderServer) -> None:
    embed = OpenAIEmbeddings(
        base_url=provider.openai_url,
        api_key=SecretStr("sk-test123"),
        check_embedding_ctx_length=False,
        dimensions=16,
    )
    first, second, other = embed.embed_documents(["refund policy", "refund policy", "api key"])
    assert len(first) == 16
    assert first == second != other
