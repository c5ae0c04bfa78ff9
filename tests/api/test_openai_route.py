"""What of OpenAI's protocol is taken, what is refused, and in which words."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from api.completions.errors import UNSUPPORTED
from core.errors import RateLimited
from core.identity import Principal
from tests.agents.answering_house import answering
from tests.api.door import ANSWER, Door
from tests.api.served import served
from tests.provider import Fault, ProviderServer, Reply, ToolCall

USER = {"role": "user", "content": "How do I set the port?"}


def ask(door: Door, *messages: dict[str, Any], **more: Any) -> Any:
    body = {"model": "technical", "messages": [*messages] or [USER], **more}
    return door.post("/v1/chat/completions", body)


def error_of(answer: Any) -> tuple[int, str, str | None, str]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["code"], error["param"], error["message"]


def png() -> str:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def with_image(url: str) -> dict[str, Any]:
    image = {"type": "image_url", "image_url": {"url": url}}
    return {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}


@pytest.mark.parametrize(
    ("messages", "code", "param"),
    [
        ([], "invalid_value", "messages"),
        ([{"role": "assistant", "content": "Hi"}], "invalid_value", "messages.0.role"),
        ([{"role": "tool", "content": "x"}], "unsupported_value", "messages.0"),
        (
            [USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, USER],
            "unsupported_parameter",
            "messages.1.tool_calls",
        ),
        ([{"role": "user", "content": "x", "wat": 1}], "unknown_parameter", "messages.0.wat"),
        (
            [{"role": "system", "content": "x" * 4_001}, USER],
            "string_above_max_length",
            "messages",
        ),
        ([with_image("https://example.org/a.png")], "unsupported_value", "messages"),
        ([with_image("data:image/png;base64,%%%")], "invalid_base64", "messages"),
        (
            [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}],
            "unsupported_value",
            "messages.0.content.0",
        ),
    ],
)
def test_messages_that_cannot_be_used_are_named(
    door: Door, messages: list[dict[str, Any]], code: str, param: str
) -> None:
    body = {"model": "technical", "messages": messages}
    found = error_of(door.post("/v1/chat/completions", body))
    assert found[:3] == (400, code, param)


@pytest.mark.parametrize("wrong", [{"stream": 0}, {"max_tokens": "5"}, {"store": "yes"}])
def test_a_value_of_another_type_is_refused(door: Door, wrong: dict[str, Any]) -> None:
    assert error_of(ask(door, **wrong))[:3] == (400, "invalid_value", next(iter(wrong)))


def test_what_a_client_leaves_empty_is_as_good_as_not_there(door: Door) -> None:
    """Clients that write every field they know, and so null for what nobody chose."""
    names = set(UNSUPPORTED) - {"best_of", "tool_calls", "input_audio", "file"}
    assert ask(door, **dict.fromkeys(names)).status_code == 200
    empty = {"tools": [], "functions": [], "logit_bias": {}, "top_logprobs": 0}
    assert ask(door, **empty, parallel_tool_calls=True).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [{"functions": [{"name": "f"}]}, {"logit_bias": {"50256": -100}}, {"top_logprobs": 3}],
    ids=lambda asked: next(iter(asked)),
)
def test_what_would_change_an_answer_is_refused_by_name(door: Door, asked: dict[str, Any]) -> None:
    found = error_of(ask(door, **asked))
    assert found[:3] == (400, "unsupported_parameter", next(iter(asked)))


def test_an_image_reaches_a_model_that_sees(door: Door) -> None:
    answer = ask(door, with_image(png()), {"role": "user", "content": "And its colour?"})
    assert answer.status_code == 200
    assert "image_url" in json.dumps(door.provider.requests[-1].body["messages"])


def test_an_image_for_a_model_that_reads_only_is_refused(door: Door) -> None:
    answer = ask(door, with_image(png()), model="local:extractive")
    status, code, param, message = error_of(answer)
    assert (status, code, param) == (400, "unsupported_value", "messages")
    assert "cannot see images" in message


def test_an_image_that_is_none_is_refused(door: Door) -> None:
    junk = "data:image/png;base64," + base64.b64encode(b"no image at all").decode()
    assert error_of(ask(door, with_image(junk)))[0] == 400


def test_a_length_limit_is_the_finish_reason(door: Door) -> None:
    door.provider.default = Reply(text="cut off", finish_reason="length")
    assert ask(door).json()["choices"][0]["finish_reason"] == "length"


def test_text_that_was_withdrawn_is_parted_from_what_comes_instead(door: Door) -> None:
    """This protocol cannot take back what was sent."""
    cut = Reply(
        chunks=("Let me look. ",),
        tool_calls=(ToolCall(name="search_documents", args={"query": "port"}),),
        fault=Fault("close", "before_finish"),
    )
    door.provider.script(cut, Reply(text=ANSWER))
    body = {"model": "react", "messages": [USER], "stream": True}
    lines = door.post("/v1/chat/completions", body).text.splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    text = "".join(one["choices"][0]["delta"].get("content", "") for one in chunks)
    assert text.startswith("Let me look.")
    assert "\n\n---\n\n" in text
    assert text.endswith(ANSWER)


@pytest.fixture
def alone(tmp_path: Path, provider: ProviderServer) -> Iterator[Door]:
    """No model stands behind the one that answers, and that one has no key that holds."""
    provider.default = Reply(status=401)
    settings = {"answer_models": "openai:gpt-4o-mini"}
    with answering(tmp_path, provider, **settings) as runtime, served(runtime) as api:
        yield Door(api.url, runtime, provider)


@pytest.mark.slow
def test_an_answer_that_failed_is_an_error_without_the_key(alone: Door) -> None:
    answer = ask(alone)
    status, code, _, message = error_of(answer)
    assert (status, code) == (502, "model_auth")
    assert "sk-test-0123456789abcdef" not in message
    streamed = ask(alone, stream=True).text
    assert json.loads(streamed.strip().splitlines()[-1].removeprefix("data: "))["error"]["code"]
    assert "[DONE]" not in streamed


def test_too_many_requests_say_when_to_come_back(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(principal: Principal) -> None:
        raise RateLimited("Too many requests.", retry_after_s=7)

    monkeypatch.setattr(door.runtime.limits, "request", refuse)
    answer = ask(door)
    assert error_of(answer)[:2] == (429, "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nope", 404),
        ("GET", "/v1/chat/completions", 405),
        ("GET", "/v1/models/a:b", 404),
    ],
)
def test_addresses_that_are_none_answer_in_openais_form(
    door: Door, method: str, path: str, status: int
) -> None:
    assert error_of(httpx.request(method, door.url + path))[0] == status


def test_a_body_that_is_no_json_answers_in_openais_form(door: Door) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{door.url}/v1/chat/completions", content=b"{", headers=headers)
    assert error_of(answer)[0] in (400, 422)


def test_an_address_or_method_that_does_not_exist_is_said_in_sentences(door: Door) -> None:
    """It said "Not Found See /api/docs for what there is."."""
    unknown, method = (door.get(path).json() for path in ("/v1/nope", "/v1/chat/completions"))
    see = "See /api/docs for what there is."
    assert unknown["error"]["message"] == f"There is nothing under this address. {see}"
    assert method["error"]["message"] == f"This address has no such method. {see}"
