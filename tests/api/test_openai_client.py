"""The official client and LangChain's, pointed at Switchboard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletionMessageParam

from core.errors import NotFound
from tests.agents.answering_house import sent
from tests.api.door import ANSWER, Door
from tests.provider import Reply, Usage

pytestmark = pytest.mark.slow

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How do I set the port?"}]


_made: list[openai.OpenAI] = []


def client(door: Door, **more: Any) -> openai.OpenAI:
    one = openai.OpenAI(base_url=f"{door.url}/v1", api_key="sk-not-needed", max_retries=0, **more)
    _made.append(one)
    return one


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    """Their sockets would be complained about in a later test."""
    yield
    while _made:
        _made.pop().close()


def test_the_client_lists_what_can_be_asked(door: Door) -> None:
    ids = [one.id for one in client(door).models.list()]
    assert ids[:4] == ["switchboard", "supervisor", "react", "technical"]
    assert {"openai:gpt-4o-mini", "local:extractive"} <= set(ids)
    assert client(door).models.retrieve("local:extractive").owned_by == "local"


def test_the_client_gets_a_whole_answer_with_usage_and_sources(door: Door) -> None:
    door.provider.default = Reply(
        text=ANSWER, usage=Usage(input=40, output=9, cache_read=10, reasoning=2)
    )
    got = client(door).chat.completions.create(model="technical", messages=ASKED)
    choice = got.choices[0]
    assert (got.object, got.model, choice.finish_reason) == ("chat.completion", "technical", "stop")
    assert (choice.message.role, choice.message.content) == ("assistant", ANSWER)
    assert got.usage is not None
    assert got.usage.model_dump(include={"prompt_tokens", "completion_tokens", "total_tokens"}) == {
        "prompt_tokens": 40,
        "completion_tokens": 9,
        "total_tokens": 49,
    }
    assert got.usage.prompt_tokens_details is not None
    assert got.usage.prompt_tokens_details.cached_tokens == 10
    extension = got.model_extra["switchboard"] if got.model_extra else {}
    assert (extension["agent"], extension["model"]) == ("technical", "openai:gpt-4o-mini")
    assert extension["cost_usd"] > 0
    assert extension["cached"] is None
    assert extension["sources"][0]["document"].startswith("technical/")


def test_a_stream_begins_with_the_role_and_ends_with_the_reason_then_usage(door: Door) -> None:
    chunks = list(
        client(door).chat.completions.create(
            model="technical", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    first, *middle, last, usage = chunks
    assert first.choices[0].delta.role == "assistant"
    text = "".join(one.choices[0].delta.content or "" for one in [first, *middle, last])
    assert text == ANSWER
    assert [one.choices[0].finish_reason for one in middle] == [None] * len(middle)
    assert last.choices[0].finish_reason == "stop"
    assert (usage.choices, usage.usage is not None) == ([], True)
    assert {one.id for one in chunks} == {first.id}


def test_the_raw_stream_is_what_the_protocol_says(door: Door) -> None:
    raw = client(door).chat.completions.with_streaming_response.create(
        model="technical", messages=ASKED, stream=True
    )
    with raw as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line and not line.startswith(":")]
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: ") for line in lines)
    assert not any("usage" in line for line in lines)


def test_the_async_client_asks_several_at_once(door: Door) -> None:
    async def ask() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key="x") as several:
            made = [
                several.chat.completions.create(model="technical", messages=ASKED) for _ in range(4)
            ]
            return [one.choices[0].message.content for one in await asyncio.gather(*made)]

    assert asyncio.run(ask()) == [ANSWER] * 4


def test_the_conversation_and_the_instructions_reach_the_model(door: Door) -> None:
    client(door).chat.completions.create(
        model="technical",
        messages=[
            {"role": "system", "content": "Answer like a pirate."},
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "One."},
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "And the second?"}]},
        ],
        temperature=1.5,
        max_completion_tokens=50,
        stop="END",
    )
    messages = sent(door.provider)
    assert "Answer like a pirate.\n\nBe brief." in messages[0][1]
    said = [one for one in messages if one[1] in ("First?", "One.", "And the second?")]
    assert said == [("user", "First?"), ("assistant", "One."), ("user", "And the second?")]
    body = door.provider.requests[-1].body
    assert (body["temperature"], body["max_completion_tokens"], body["stop"]) == (1.5, 50, ["END"])


def test_an_answer_can_be_sent_back_as_it_came(door: Door) -> None:
    talk = client(door)
    got = talk.chat.completions.create(model="technical", messages=ASKED).choices[0].message
    again: list[Any] = [*ASKED, got, {"role": "user", "content": "And then?"}]
    answer = talk.chat.completions.create(model="technical", messages=again)
    assert answer.choices[0].message.content == ANSWER
    assert ("assistant", ANSWER) in sent(door.provider)


def test_a_model_id_asks_that_model(door: Door) -> None:
    got = client(door).chat.completions.create(model="gpt-4o-mini", messages=ASKED)
    assert got.model == "gpt-4o-mini"
    local = client(door).chat.completions.create(model="local:extractive", messages=ASKED)
    assert local.model_extra is not None
    assert local.model_extra["switchboard"]["model"] == "local:extractive"


@pytest.mark.parametrize(
    ("given", "error", "param", "code"),
    [
        ({"model": "no-such"}, openai.NotFoundError, "model", "model_not_found"),
        ({"n": 2}, openai.BadRequestError, "n", "unsupported_parameter"),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            openai.BadRequestError,
            "tools",
            "unsupported_parameter",
        ),
        ({"logprobs": True}, openai.BadRequestError, "logprobs", "unsupported_parameter"),
        (
            {"response_format": {"type": "json_object"}},
            openai.BadRequestError,
            "response_format.type",
            "unsupported_parameter",
        ),
        ({"extra_body": {"wat": 1}}, openai.BadRequestError, "wat", "unknown_parameter"),
    ],
)
def test_the_client_raises_its_own_error_with_the_parameter(
    door: Door, given: dict[str, Any], error: type[openai.APIStatusError], param: str, code: str
) -> None:
    with pytest.raises(error) as caught:
        client(door).chat.completions.create(**{"model": "switchboard", "messages": ASKED} | given)
    assert (caught.value.param, caught.value.code) == (param, code)


def test_langchain_talks_to_an_agent_as_to_a_model(door: Door) -> None:
    chat = ChatOpenAI(model="switchboard", base_url=f"{door.url}/v1", api_key="x")  # type: ignore[arg-type]
    question = [SystemMessage("Be brief."), HumanMessage("How do I set the port?")]
    answer = chat.invoke(question)
    assert answer.text == ANSWER
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0
    assert "".join(chunk.text for chunk in chat.stream(question)) == ANSWER


def test_a_client_that_leaves_stops_the_run(door: Door) -> None:
    door.provider.default = Reply(text="word " * 400, per_token_ms=20)
    body = {"model": "openai:gpt-4o-mini", "messages": ASKED, "stream": True}
    with httpx.stream("POST", f"{door.url}/v1/chat/completions", json=body, timeout=30) as response:
        for line in response.iter_lines():
            if "word" in line:
                break
    door.provider.wait_for_disconnect(10)


def test_a_client_that_leaves_while_it_waits_for_all_stops_the_run(door: Door) -> None:
    door.provider.default = Reply(text="word " * 400, per_token_ms=20)
    with pytest.raises(httpx.ReadTimeout):
        door_post(door, {"model": "openai:gpt-4o-mini", "messages": ASKED}, timeout=0.7)
    door.provider.wait_for_disconnect(10)


def door_post(door: Door, body: dict[str, Any], timeout: float) -> httpx.Response:
    return httpx.post(f"{door.url}/v1/chat/completions", json=body, timeout=timeout)


def test_nothing_of_a_conversation_stays_unless_it_is_stored(door: Door) -> None:
    before = door.runtime.threads.counts()
    got = client(door).chat.completions.create(model="technical", messages=ASKED)
    assert got.model_extra is not None
    run_id = got.model_extra["switchboard"]["run_id"]
    deadline = time.monotonic() + 10
    while door.runtime.store.is_temporary(run_id) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert door.runtime.threads.counts() == before
    with pytest.raises(NotFound):
        door.runtime.store.log(run_id, "local")
    kept = client(door).chat.completions.create(model="technical", messages=ASKED, store=True)
    assert kept.model_extra is not None
    thread_id = kept.model_extra["switchboard"]["thread_id"]
    texts = [one.text for one in door.runtime.threads.messages(thread_id, "local")]
    assert texts == ["How do I set the port?", ANSWER]
