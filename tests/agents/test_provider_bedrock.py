"""AsyncBedrock: the parent's answers over a native async connection."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from pydantic import BaseModel

from agents.providers.bedrock import AsyncBedrock, bedrock_chat
from agents.providers.body import EventStreamFrames
from agents.providers.clients import ProviderClients
from core.errors import ModelAuthFailed, ProtocolError
from tests.provider import Fault, ProviderServer, Recorded, Reply, ToolCall, Usage, eventstream
from tests.provider.fixtures import module_server as module_server
from tests.provider.langchain import (
    AWS_KEY,
    AWS_SECRET,
    NOVA,
    async_bedrock,
    chunks_of,
    first_chunks,
    joined,
    parent_bedrock,
    run,
)

CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
CONTRACT = {
    "text": Reply(text="A plain answer."),
    "unicode": Reply(chunks=("Zür", "ich 🏔", "\n\n- ", "日本")),
    "tools": Reply(tool_calls=(ToolCall(name="look", args={"q": "refund policy"}),)),
    "text and two tools": Reply(
        text="Let me look.",
        tool_calls=(ToolCall(name="a", args={"x": 1}), ToolCall(name="b", args={}, id="t_b")),
    ),
    "broken tool arguments": Reply(tool_calls=(ToolCall(name="look", args='{"q": "ref'),)),
    "length": Reply(text="Cut off", finish_reason="length"),
    "cached": Reply(usage=Usage(input=90, output=5, cache_read=64, cache_write=8)),
}


class Route(BaseModel):
    """Where a question goes."""

    agent: str


@pytest.fixture
def provider(module_server: ProviderServer) -> ProviderServer:
    return module_server.reset()


def essence(chunks: list[AIMessageChunk]) -> list[tuple[str, Any]]:
    seen = [(chunk.text, chunk.tool_call_chunks) for chunk in chunks]
    return [(text, tools) for text, tools in seen if text or tools]


def answer(provider: ProviderServer, question: Any = "Hi", **options: Any) -> AIMessageChunk:
    async def ask(clients: ProviderClients) -> AIMessageChunk:
        model = async_bedrock(provider.bedrock_url, clients, **options)
        return joined(await chunks_of(model, question))

    return run(ask)


@pytest.mark.parametrize("name", CONTRACT)
def test_chunks_are_those_of_the_parent(provider: ProviderServer, name: str) -> None:
    provider.default = CONTRACT[name]

    async def both(clients: ProviderClients) -> tuple[Any, Any]:
        ours = await chunks_of(async_bedrock(provider.bedrock_url, clients))
        theirs = await chunks_of(parent_bedrock(provider.bedrock_url, clients))
        return ours, theirs

    ours, theirs = run(both)
    assert essence(ours) == essence(theirs)
    mine, parent = joined(ours), joined(theirs)
    assert (mine.text, mine.tool_calls) == (parent.text, parent.tool_calls)
    assert mine.invalid_tool_calls == parent.invalid_tool_calls
    assert mine.usage_metadata == parent.usage_metadata
    for key in ("stopReason", "model_name", "model_provider", "metrics"):
        assert mine.response_metadata[key] == parent.response_metadata[key]
    assert provider.requests[0].body == provider.requests[1].body
    assert provider.requests[0].path == provider.requests[1].path


def test_request_is_signed_as_aws_demands(provider: ProviderServer) -> None:
    """The signature is made again from what arrived: any byte changed on the way would show."""
    provider.default = Reply()

    async def ask(clients: ProviderClients) -> None:
        await chunks_of(async_bedrock(provider.bedrock_url, clients), "Zürich?")

    run(ask)
    assert _signature_made_again(provider.requests[0], provider.port)


def test_usage_includes_what_was_cached(provider: ProviderServer) -> None:
    provider.script(Reply(usage=Usage(input=100, output=9, cache_read=60, cache_write=10)))
    whole = answer(provider)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["input_tokens"] == provider.ledger[NOVA].input == 100
    assert whole.response_metadata["usage"]["inputTokens"] == 30


@pytest.mark.parametrize("usage", [None, {"inputTokens": "many"}, {"inputTokens": None}])
def test_missing_or_absurd_usage_never_costs_the_answer(
    provider: ProviderServer, usage: Any
) -> None:
    provider.script(Reply(text="Fine.", usage=usage))
    whole = answer(provider)
    assert (whole.text, whole.usage_metadata) == ("Fine.", None)


def test_finish_reason_is_said_in_both_languages(provider: ProviderServer) -> None:
    provider.script(Reply(finish_reason="length"))
    metadata = answer(provider).response_metadata
    assert (metadata["stopReason"], metadata["finish_reason"]) == ("max_tokens", "length")


def test_thinking_of_nova_is_taken_out_of_the_text(provider: ProviderServer) -> None:
    provider.script(Reply(chunks=("<thi", "nking>Plan.</think", "ing>\n", "Hello", " you")))
    whole = answer(provider)
    assert whole.content == "Hello you"
    assert whole.additional_kwargs == {"reasoning_content": "Plan."}


def test_tags_of_other_models_are_their_own(provider: ProviderServer) -> None:
    provider.script(Reply(chunks=("<thinking>Plan.</thinking>", "Hello")))
    assert answer(provider, model=CLAUDE).content == "<thinking>Plan.</thinking>Hello"


def test_reasoning_is_kept_apart_from_the_answer(provider: ProviderServer) -> None:
    provider.script(Reply(text="Yes.", reasoning=("Let me", " think.")))
    whole = answer(provider)
    assert (whole.content, whole.additional_kwargs) == (
        "Yes.",
        {"reasoning_content": "Let me think."},
    )


def test_reasoning_of_claude_can_be_sent_back(provider: ProviderServer) -> None:
    provider.default = Reply(text="Yes.", reasoning=("Let me", " think."))
    whole = answer(provider, model=CLAUDE)
    assert whole.text == "Yes."
    assert whole.additional_kwargs == {"reasoning_content": "Let me think."}
    block: Any = whole.content[0]
    assert block["reasoning_content"]["text"] == "Let me think."


@pytest.mark.parametrize("supported", [True, False])
def test_cache_point_follows_the_marked_prefix(provider: ProviderServer, supported: bool) -> None:
    rules, rest = "All the policies.", "Today's date."
    mark = {"cache_prefix_chars": len(rules), "cache_key": "policy:1"}
    system = SystemMessage(rules + rest, additional_kwargs=mark)
    answer(provider, [system, HumanMessage("Hi")], cache_points=supported)
    point = {"cachePoint": {"type": "default"}}
    split = [{"text": rules}, point, {"text": rest}]
    assert provider.requests[0].body["system"] == (split if supported else [{"text": rules + rest}])


@pytest.mark.parametrize(
    "reply",
    [Reply(text="word " * 500, per_token_ms=2), Reply(first_ms=5000)],
    ids=["mid-stream", "waiting for the first token"],
)
def test_cancel_closes_the_connection_at_once(provider: ProviderServer, reply: Reply) -> None:
    provider.script(reply)

    async def cancel(clients: ProviderClients) -> float:
        task = asyncio.create_task(chunks_of(async_bedrock(provider.bedrock_url, clients)))
        await asyncio.to_thread(provider.wait_for_request)
        await asyncio.sleep(0.05)
        at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return at

    at = run(cancel)
    gone = provider.wait_for_disconnect()
    assert gone.closed_by_client_at is not None
    assert gone.closed_by_client_at - at < 0.2


def test_reader_that_leaves_closes_the_connection(provider: ProviderServer) -> None:
    provider.script(Reply(fault=Fault("endless"), per_token_ms=1))
    chunks = run(lambda c: first_chunks(async_bedrock(provider.bedrock_url, c), 5))
    assert len(chunks) == 5
    assert provider.wait_for_disconnect().tokens_sent < 1000


def test_forty_streams_wait_for_their_first_token_together(provider: ProviderServer) -> None:
    """The parent needs a thread for each: on two cores the seventh waits for the first."""
    provider.default = Reply(first_ms=300)

    async def many(clients: ProviderClients) -> float:
        model = async_bedrock(provider.bedrock_url, clients)
        start = time.monotonic()
        await asyncio.gather(*(chunks_of(model) for _ in range(40)))
        return time.monotonic() - start

    assert run(many) < 1.5


def test_turns_share_one_connection(provider: ProviderServer) -> None:
    async def thrice(clients: ProviderClients) -> None:
        for _ in range(3):
            await chunks_of(async_bedrock(provider.bedrock_url, clients))

    run(thrice)
    assert (len(provider.requests), provider.connections) == (3, 1)


def test_structured_output_is_made_of_the_stream(provider: ProviderServer) -> None:
    provider.script(Reply(structured={"agent": "billing"}))

    async def ask(clients: ProviderClients) -> Any:
        model = async_bedrock(provider.bedrock_url, clients)
        return await model.with_structured_output(Route).ainvoke("Where?")

    assert run(ask) == Route(agent="billing")
    assert provider.requests[0].path.endswith("/converse-stream")


def test_model_that_cannot_stream_is_asked_without(provider: ProviderServer) -> None:
    async def ask(clients: ProviderClients) -> AIMessage:
        model = async_bedrock(provider.bedrock_url, clients, disable_streaming=True)
        return await model.ainvoke("Hi")

    assert run(ask).text == Reply.text
    assert provider.requests[0].path.endswith("/converse")


def test_tool_calls_survive_the_next_turn(provider: ProviderServer) -> None:
    """Our chunks have no tool blocks in their content; the request must have them all the same."""
    provider.default = Reply(tool_calls=(ToolCall(name="look", args={"q": 1}, id="t1"),))
    called = answer(provider)
    tools = [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}]

    async def ask(clients: ProviderClients) -> None:
        model = async_bedrock(provider.bedrock_url, clients).bind_tools(tools)
        result = {"role": "tool", "content": "found", "tool_call_id": "t1"}
        await chunks_of(model, [HumanMessage("Hi"), called, result])

    run(ask)
    said, back = provider.requests[1].body["messages"][1:]
    use = {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"q": 1}}}
    assert said == {"role": "assistant", "content": [use]}
    assert back["content"][0]["toolResult"]["toolUseId"] == "t1"


def test_second_model_shares_the_client_and_is_made_at_once(provider: ProviderServer) -> None:
    async def make(clients: ProviderClients) -> tuple[AsyncBedrock, AsyncBedrock, float]:
        first = async_bedrock(provider.bedrock_url, clients)
        start = time.thread_time()
        return first, async_bedrock(provider.bedrock_url, clients), time.thread_time() - start

    first, second, cpu_s = run(make)
    assert first.client is second.client is second.bedrock_client
    assert cpu_s < 0.01


def test_missing_region_says_what_to_set() -> None:
    with pytest.raises(ModelAuthFailed) as caught:
        bedrock_chat(NOVA, clients=ProviderClients())
    assert "AWS_REGION" in caught.value.what_to_do


def test_missing_credentials_are_an_auth_failure_of_the_call() -> None:
    async def ask(_: ProviderClients) -> None:
        clients = ProviderClients()
        with pytest.raises(ModelAuthFailed, match="credentials"):
            await chunks_of(bedrock_chat(NOVA, clients=clients, region="us-east-1"))
        await clients.aclose()

    run(ask)


@given(st.lists(st.integers(0, 400)))
def test_messages_do_not_depend_on_how_the_network_cuts_them(cuts: list[int]) -> None:
    sent = [eventstream.event("messageStart", {"role": "assistant"}), eventstream.event("ping", {})]
    raw = b"".join(sent)
    frames = EventStreamFrames()
    found = []
    for start, end in pairwise(sorted({0, *(c for c in cuts if c < len(raw)), len(raw)})):
        found += frames.feed(raw[start:end])
    assert found == sent


def test_message_over_the_limit_is_refused_before_it_arrives() -> None:
    with pytest.raises(ProtocolError, match="more than"):
        EventStreamFrames(limit=1000).feed(b"\x00\x00\x10\x00")


def _signature_made_again(request: Recorded, port: int) -> bool:
    authorization = request.headers["authorization"]
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    date = request.headers["x-amz-date"]
    again = AWSRequest(
        method="POST",
        url=f"http://127.0.0.1:{port}{request.path}",
        headers={name: request.headers[name] for name in signed},
        data=request.raw,
    )
    again.context["timestamp"] = date
    auth = SigV4Auth(
        Credentials(AWS_KEY.get_secret_value(), AWS_SECRET.get_secret_value()),
        "bedrock",
        "us-east-1",
    )
    text = auth.string_to_sign(again, auth.canonical_request(again))
    return authorization.endswith(f"Signature={auth.signature(text, again)}")
