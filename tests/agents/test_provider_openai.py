"""FastChatOpenAI: the parent's chunks at a fraction of the price, and what the parent gets wrong."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel, SecretStr

from agents.providers.body import Body, SseEvents
from agents.providers.clients import ProviderClients
from agents.providers.openai import FastChatOpenAI, openai_chat
from agents.providers.openai_events import OpenAIAnswer
from core.errors import ProtocolError
from tests.provider import Fault, ProviderServer, Reply, ToolCall, Usage
from tests.provider.langchain import (
    chunks_of,
    fast_openai,
    first_chunks,
    joined,
    parent_openai,
    run,
)

CONTRACT = {
    "text": Reply(text="A plain answer."),
    "unicode": Reply(chunks=("Zür", "ich 🏔", "\n\n- ", "日本")),
    "tools": Reply(tool_calls=(ToolCall(name="look", args={"q": "refund policy"}),)),
    "text and two tools": Reply(
        text="Let me look.",
        tool_calls=(ToolCall(name="a", args={"x": 1}), ToolCall(name="b", args={}, id="call_b")),
    ),
    "broken tool arguments": Reply(tool_calls=(ToolCall(name="look", args='{"q": "ref'),)),
    "length": Reply(text="Cut off", finish_reason="length"),
    "content filter": Reply(text="I", finish_reason="content_filter"),
    "cached": Reply(usage=Usage(input=90, output=5, cache_read=64, cache_write=8, reasoning=2)),
    "no usage": Reply(usage=None),
    "usage with choices": Reply(usage_with_choices=True),
    "usage before the finish": Reply(usage_at="before_finish"),
    "empty": Reply(chunks=()),
}


class Route(BaseModel):
    """Where a question goes."""

    agent: str


def essence(chunks: list[AIMessageChunk]) -> list[tuple[str, Any]]:
    """What a reader sees, chunk by chunk; empty chunks say nothing."""
    seen = [(chunk.text, chunk.tool_call_chunks) for chunk in chunks]
    return [(text, tools) for text, tools in seen if text or tools]


@pytest.mark.parametrize("name", CONTRACT)
def test_chunks_are_those_of_the_parent(provider: ProviderServer, name: str) -> None:
    provider.default = CONTRACT[name]

    async def both(clients: ProviderClients) -> tuple[Any, Any]:
        ours = await chunks_of(fast_openai(provider.openai_url, clients))
        theirs = await chunks_of(parent_openai(provider.openai_url, clients))
        return ours, theirs

    ours, theirs = run(both)
    assert essence(ours) == essence(theirs)
    mine, parent = joined(ours), joined(theirs)
    assert (mine.content, mine.tool_calls) == (parent.content, parent.tool_calls)
    assert mine.invalid_tool_calls == parent.invalid_tool_calls
    assert mine.usage_metadata == parent.usage_metadata
    for key in ("finish_reason", "model_name", "model_provider"):
        assert mine.response_metadata[key] == parent.response_metadata[key]
    assert provider.requests[0].body == provider.requests[1].body


def test_usage_repeated_in_every_chunk_is_counted_once(provider: ProviderServer) -> None:
    """LangChain adds up the usage of the chunks it joins; vLLM sends a running total in each."""
    provider.script(Reply(usage_at="every_chunk", usage=Usage(input=10, output=5)))
    whole = joined(run(lambda c: chunks_of(fast_openai(provider.openai_url, c))))
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == 15
    assert provider.ledger["gpt-4o-mini"].output == 5


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 10**15},
        {"prompt_tokens": "many", "completion_tokens": None},
        {"prompt_tokens": 3, "prompt_tokens_details": "none"},
        {"prompt_tokens": 2.5},
    ],
)
def test_absurd_usage_never_costs_the_answer(provider: ProviderServer, usage: Any) -> None:
    provider.script(Reply(text="Fine.", usage=usage))
    whole = joined(run(lambda c: chunks_of(fast_openai(provider.openai_url, c))))
    assert whole.text == "Fine."
    assert whole.response_metadata["usage"] == usage


def test_reasoning_is_kept_apart_from_the_answer(provider: ProviderServer) -> None:
    provider.script(Reply(text="Yes.", reasoning=("Let me", " think.")))
    whole = joined(run(lambda c: chunks_of(fast_openai(provider.openai_url, c))))
    assert whole.content == "Yes."
    assert whole.additional_kwargs == {"reasoning_content": "Let me think."}


def test_last_chunk_names_the_response(provider: ProviderServer) -> None:
    provider.script(Reply(response_model="gpt-4o-mini-2024-07-18"))
    chunks = run(lambda c: chunks_of(fast_openai(provider.openai_url, c)))
    assert chunks[-1].chunk_position == "last"
    assert chunks[-1].response_metadata["id"] == "chatcmpl-1"
    assert joined(chunks).response_metadata["model_name"] == "gpt-4o-mini-2024-07-18"


def test_server_that_refuses_stream_options_is_asked_without_and_remembered(
    provider: ProviderServer,
) -> None:
    provider.refuse_stream_options = True

    async def twice(clients: ProviderClients) -> list[str]:
        return [
            joined(await chunks_of(fast_openai(provider.openai_url, clients))).text
            for _ in range(2)
        ]

    assert run(twice) == [Reply.text, Reply.text]
    assert ["stream_options" in r.body for r in provider.requests] == [True, False, False]


def test_turns_share_one_connection(provider: ProviderServer) -> None:
    async def thrice(clients: ProviderClients) -> None:
        for _ in range(3):
            await chunks_of(fast_openai(provider.openai_url, clients))

    run(thrice)
    assert (len(provider.requests), provider.connections) == (3, 1)


@pytest.mark.parametrize(
    "reply",
    [Reply(text="word " * 500, per_token_ms=2), Reply(first_ms=5000)],
    ids=["mid-stream", "waiting for the first token"],
)
def test_cancel_closes_the_connection_at_once(provider: ProviderServer, reply: Reply) -> None:
    provider.script(reply)

    async def cancel(clients: ProviderClients) -> float:
        task = asyncio.create_task(chunks_of(fast_openai(provider.openai_url, clients)))
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
    assert gone.tokens_sent < 500


def test_reader_that_leaves_closes_the_connection(provider: ProviderServer) -> None:
    provider.script(Reply(fault=Fault("endless"), per_token_ms=1))
    chunks = run(lambda c: first_chunks(fast_openai(provider.openai_url, c), 5))
    assert len(chunks) == 5
    assert provider.wait_for_disconnect().tokens_sent < 1000


def test_second_finish_reason_is_not_joined_to_the_first() -> None:
    """Some servers repeat it on the usage chunk; joined chunks would say "stopstop"."""
    whole = _whole_of(
        b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n'
    )
    assert whole.generation_info == {"finish_reason": "stop"}
    assert whole.text == "Hi"


def test_chunk_with_role_and_empty_fields_is_plain_text() -> None:
    delta = b'{"role":"assistant","content":"Hi","tool_calls":null,"reasoning_content":null}'
    whole = _whole_of(b'data: {"choices":[{"delta":' + delta + b',"finish_reason":null}]}\n\n')
    assert (whole.message.content, whole.message.additional_kwargs) == ("Hi", {})


# The parent's stream warns about its own `parsed` field; our fast path does not read schemas.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_works_in_both_ways(provider: ProviderServer, method: Any) -> None:
    provider.default = Reply(structured={"agent": "billing"})

    async def ask(clients: ProviderClients) -> tuple[Any, Any]:
        model = fast_openai(provider.openai_url, clients)
        routed = model.with_structured_output(Route, method=method)
        streamed = [part async for part in routed.astream("Where?")]
        return await routed.ainvoke("Where?"), streamed[-1]

    assert run(ask) == (Route(agent="billing"), Route(agent="billing"))


def test_failure_of_a_call_without_stream_is_classified(provider: ProviderServer) -> None:
    provider.script(Reply(fault=Fault("html_200")))

    async def ask(clients: ProviderClients) -> None:
        with pytest.raises(ProtocolError):
            await fast_openai(provider.openai_url, clients).ainvoke("Hi")

    run(ask)


def test_html_where_a_stream_was_expected_is_named(provider: ProviderServer) -> None:
    provider.script(Reply(fault=Fault("html_200")))

    async def ask(clients: ProviderClients) -> None:
        with pytest.raises(ProtocolError, match="answered with text/html"):
            await chunks_of(fast_openai(provider.openai_url, clients))

    run(ask)


def test_cache_key_is_sent_to_openai_only(provider: ProviderServer) -> None:
    marked = SystemMessage("Rules", additional_kwargs={"cache_key": "policy:1"})

    async def ask(clients: ProviderClients) -> FastChatOpenAI:
        await chunks_of(fast_openai(provider.openai_url, clients), [marked, HumanMessage("Hi")])
        return openai_chat("gpt-4o-mini", clients=clients, api_key=SecretStr("sk-test"))

    own = run(ask)
    assert "cache_key" not in str(provider.requests[0].body)
    assert own.is_openai
    assert own._with_cache_key([marked], {}) == {"prompt_cache_key": "policy:1"}
    assert own._with_cache_key([SystemMessage("Rules")], {}) == {}


def test_connecting_has_a_deadline_and_retries_are_off() -> None:
    async def make(clients: ProviderClients) -> FastChatOpenAI:
        return fast_openai("http://127.0.0.1:9/v1", clients)

    client = run(make).root_async_client
    assert (client.timeout.connect, client.max_retries) == (3.0, 0)
    assert client._client.follow_redirects is False


def test_options_only_the_parent_reads_go_through_it(provider: ProviderServer) -> None:
    async def ask(clients: ProviderClients) -> AIMessageChunk:
        model = fast_openai(provider.openai_url, clients)
        return joined(await chunks_of(model, logprobs=True))

    whole = run(ask)
    assert whole.text == Reply.text
    assert provider.requests[0].body["logprobs"] is True


def test_server_sent_events_are_read_in_every_spelling() -> None:
    events = SseEvents()
    assert events.feed(b'data: {"a":1}\r\n\r\n: ping\n\ndata:{"b":2}\n\n') == [
        b'{"a":1}',
        b'{"b":2}',
    ]
    assert events.feed(b'event: x\nid: 1\ndata: {\ndata: "c":3}\n') == []
    assert events.feed(b"\n") == [b'{\n"c":3}']
    assert events.feed(b"data: [DONE]") == []
    assert events.flush() == [b"[DONE]"]


@given(st.lists(st.integers(0, 60)))
def test_events_do_not_depend_on_how_the_network_cuts_them(cuts: list[int]) -> None:
    raw = 'data: {"a":"é"}\n\n: hi\n\ndata: 2\r\n\r\ndata: 3\ndata: 4\n\n'.encode()
    events = SseEvents()
    found = []
    for start, end in pairwise(sorted({0, *(c for c in cuts if c < len(raw)), len(raw)})):
        found += events.feed(raw[start:end])
    assert found == ['{"a":"é"}'.encode(), b"2", b"3\n4"]


def test_event_over_the_limit_is_refused_before_it_is_complete() -> None:
    events = SseEvents(limit=100)
    with pytest.raises(ProtocolError, match="more than"):
        for _ in range(11):
            events.feed(b"x" * 10)


def _whole_of(raw: bytes) -> ChatGenerationChunk:
    """What the class makes of a body, without a server."""

    async def read(clients: ProviderClients) -> ChatGenerationChunk:
        model = fast_openai("http://127.0.0.1:9/v1", clients)
        answer = OpenAIAnswer(model._convert_chunk_to_generation_chunk)
        state = Body(httpx2.Response(200))
        chunks = [answer.chunk(event, state) for event in SseEvents().feed(raw)]
        first, *others = [chunk for chunk in (*chunks, answer.last()) if chunk is not None]
        return first + others

    return run(read)
