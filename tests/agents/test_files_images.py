"""Images: what a model that sees is sent, in both dialects, and what happens with one that does not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.errors import InvalidInput
from core.settings import load_settings
from tests.agents import file_samples as samples
from tests.agents.test_files import read
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

MINI = "openai:gpt-4o-mini"
LITE = "bedrock_converse:us.amazon.nova-lite-v1:0"
MICRO = "bedrock_converse:us.amazon.nova-micro-v1:0"
RED, BLUE = samples.image(color="red"), samples.image(color="blue")


@pytest.fixture
def runtime(
    tmp_path: Path, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Runtime]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    made = Runtime(
        load_settings(
            env_file=None,
            data_dir=tmp_path / "data",
            openai_api_key="sk-test-0123456789abcdef",
            openai_base_url=provider.openai_url,
            aws_region="us-east-1",
            bedrock_endpoint_url=provider.bedrock_url,
            router_models="local:extractive",
            answer_models=f"{MICRO},{MINI},local:extractive",
        )
    )
    provider.default = Reply(text="It is a plain colour.")
    try:
        yield made
    finally:
        made.close(2.0)


def ask(runtime: Runtime, text: str, *images: bytes, **request: Any) -> Run:
    named = [(f"picture {n}.png", raw) for n, raw in enumerate(images, start=1)]
    ids = tuple(one.id for one in read(runtime.files, *named))
    run = runtime.start(TurnRequest(text=text, attachments=ids, **request))
    for _ in run.follow():
        pass
    return run


def openai_images(provider: ProviderServer, number: int = -1) -> list[bytes]:
    """The images of a request, in their order."""
    found = []
    for message in provider.requests[number].body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block["type"] == "image_url":
                head, _, data = block["image_url"]["url"].partition(",")
                assert head == "data:image/png;base64"
                found.append(base64.b64decode(data))
    return found


def bedrock_images(provider: ProviderServer) -> list[bytes]:
    messages = provider.requests[-1].body["messages"]
    blocks = [block["image"] for m in messages for block in m["content"] if "image" in block]
    assert all(image["format"] == "png" for image in blocks)
    return [base64.b64decode(image["source"]["bytes"]) for image in blocks]


def test_openai_gets_the_image_in_the_question(runtime: Runtime, provider: ProviderServer) -> None:
    ask(runtime, "Which colour is this?", RED, model=MINI)
    assert openai_images(provider) == [RED]
    last = provider.requests[-1].body["messages"][-1]
    assert last["role"] == "user"
    assert last["content"][0] == {"type": "text", "text": "Which colour is this?"}


def test_bedrock_gets_the_image_in_the_question(runtime: Runtime, provider: ProviderServer) -> None:
    ask(runtime, "Which colour is this?", RED, BLUE, model=LITE)
    assert bedrock_images(provider) == [RED, BLUE]


def test_the_react_graph_needs_to_know_nothing(runtime: Runtime, provider: ProviderServer) -> None:
    ask(runtime, "Which colour is this?", RED, model=MINI, graph="react")
    assert openai_images(provider) == [RED]


def test_a_later_turn_and_a_second_answer_see_it_too(
    runtime: Runtime, provider: ProviderServer
) -> None:
    run = ask(runtime, "Which colour is this?", RED, model=MINI)
    ask(runtime, "And is it bright?", thread_id=run.thread_id, model=MINI)
    assert openai_images(provider) == [RED]
    ask(runtime, "", answers=run.place.question_id, model=MINI)
    assert openai_images(provider) == [RED]
    ask(runtime, "Which one?", thread_id=run.thread_id, edits=run.place.question_id, model=LITE)
    assert bedrock_images(provider) == [RED]


def test_only_the_newest_images_are_sent_again(runtime: Runtime, provider: ProviderServer) -> None:
    shades = [samples.image(color=f"#{n:02x}0000") for n in range(10)]
    run = ask(runtime, "What are these?", *shades[:5], model=MINI)
    ask(runtime, "And these?", *shades[5:], thread_id=run.thread_id, model=MINI)
    assert openai_images(provider) == shades[2:]
    first = next(m for m in provider.requests[-1].body["messages"] if m["role"] == "user")
    assert "2 images were attached here that you cannot see" in str(first["content"])


def test_a_chosen_model_that_cannot_see_is_refused_before_it_is_asked(
    runtime: Runtime, provider: ProviderServer
) -> None:
    with pytest.raises(InvalidInput, match="Nova Micro cannot see images") as refused:
        ask(runtime, "Which colour?", RED, model=MICRO)
    assert "GPT-4o mini" in refused.value.what_to_do or "Nova" in refused.value.what_to_do
    assert provider.requests == []
    assert runtime.threads.recent("local") == []
    run = ask(runtime, "Which colour?", RED, model=MINI)
    with pytest.raises(InvalidInput, match="cannot see images"):
        ask(runtime, "", answers=run.place.question_id, model=MICRO)


def test_automatic_choice_passes_over_models_that_do_not_see(
    runtime: Runtime, provider: ProviderServer
) -> None:
    run = ask(runtime, "Which colour is this?", RED)
    assert [request.model for request in provider.requests] == ["gpt-4o-mini"]
    assert run.events[-1].type == "completed"
    assert run.events[-1].notice is None


def test_an_answer_of_a_model_that_did_not_see_says_so(
    runtime: Runtime, provider: ProviderServer
) -> None:
    run = ask(runtime, "Which colour is this?", RED, model=MINI)
    later = ask(runtime, "What is the capital of France?", thread_id=run.thread_id, model=MICRO)
    end = later.events[-1]
    assert end.type == "completed"
    assert "1 image was not seen by Nova Micro" in str(end.notice)
    assert "image" not in {
        k for m in provider.requests[-1].body["messages"] for b in m["content"] for k in b
    }


def test_without_a_model_that_sees_the_built_in_answerer_says_what_it_did_not_see(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.default = Reply(status=500)
    end = ask(runtime, "Which colour is this?", RED).events[-1]
    assert end.type == "completed"
    assert "1 image was not seen by Built-in answerer" in str(end.notice)


def test_checkpoints_and_kept_prompts_hold_no_image(tmp_path: Path, runtime: Runtime) -> None:
    ask(runtime, "Which colour is this?", RED, model=MINI)
    held = (tmp_path / "data" / "checkpoints.db").read_bytes()
    for suffix in ("-wal",):
        held += (tmp_path / "data" / f"checkpoints.db{suffix}").read_bytes()
    assert base64.b64encode(RED)[:60] not in held
    assert RED[:60] not in held


def test_a_deleted_image_is_said_to_be_gone(runtime: Runtime, provider: ProviderServer) -> None:
    run = ask(runtime, "Which colour is this?", RED, model=MINI)
    [kept] = runtime.files.store.of_thread(run.thread_id, "local")
    runtime.files.delete(kept.id, "local")
    ask(runtime, "And is it bright?", thread_id=run.thread_id, model=MINI)
    assert openai_images(provider) == []
    assert "An image was attached here that you cannot see" in str(provider.requests[-1].body)
