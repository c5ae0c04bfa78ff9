"""What a run says reaches analytics as the setting asks, and goes when its thread goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from agents.content import prompt_messages
from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from analytics.content import KeptItem, kept, of_run
from analytics.queries.reading import Reader
from core.settings import load_settings

pytestmark = pytest.mark.slow

QUESTION = "What is Switchboard? Write to ann@example.com."


@pytest.fixture
def reader(data_dir: Path) -> Iterator[Reader]:
    made = Reader(data_dir / "analytics.db")
    yield made
    made.close()


@pytest.fixture
def runtime(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[Runtime]:
    made = Runtime(load_settings(env_file=None, content=getattr(request, "param", "full")))
    yield made
    made.close(2.0)


def ask(runtime: Runtime, text: str = QUESTION, **more: str) -> Run:
    run = runtime.start(TurnRequest(text=text, **more))  # type: ignore[arg-type]
    for _ in run.follow():
        pass
    assert run.events[-1].type == "completed"
    assert runtime.recorder.flush()
    return run


def by_kind(reader: Reader, run: Run) -> dict[str, list[KeptItem]]:
    found: dict[str, list[KeptItem]] = {}
    for item in of_run(reader, run.id):
        found.setdefault(item.kind, []).append(item)
    return found


@pytest.mark.parametrize("runtime", ["off"], indirect=True)
def test_by_default_nothing_is_kept(runtime: Runtime, reader: Reader) -> None:
    run = ask(runtime)
    assert of_run(reader, run.id) == ()
    assert load_settings(env_file=None).content == "off"


def test_full_keeps_question_answer_and_the_prompt_of_each_call(
    runtime: Runtime, reader: Reader
) -> None:
    run = ask(runtime)
    found = by_kind(reader, run)
    assert [item.text for item in found["question"]] == [QUESTION]
    answer = runtime.threads.messages(run.thread_id, "local")[-1].text
    assert [item.text for item in found["answer"]] == [answer]
    detail = runtime.queries.run_detail(run.id)
    assert detail is not None
    assert {item.item for item in found["prompt"]} == {call.call_id for call in detail.calls}
    messages = json.loads(found["prompt"][0].text)
    assert messages[0]["role"] == "system"
    assert QUESTION in messages[-1]["parts"][0]["content"]


@pytest.mark.parametrize("agent", ["data", "policy"])
@pytest.mark.parametrize("graph", ["supervisor"])
def test_every_model_call_of_every_agent_has_its_prompt(
    runtime: Runtime, reader: Reader, graph: str, agent: str
) -> None:
    run = ask(runtime, "How many runs were there today?", graph=graph, agent=agent)
    detail = runtime.queries.run_detail(run.id)
    assert detail is not None
    assert detail.calls
    prompts = {item.item for item in by_kind(reader, run)["prompt"]}
    assert prompts == {call.call_id for call in detail.calls}


@pytest.mark.parametrize("runtime", ["masked"], indirect=True)
def test_masked_words_hold_no_address_in_the_file(
    runtime: Runtime, reader: Reader, data_dir: Path
) -> None:
    run = ask(runtime)
    assert by_kind(reader, run)["question"][0].text == "What is Switchboard? Write to [email]."
    for path in data_dir.glob("analytics.db*"):
        assert b"ann@example" not in path.read_bytes()


@pytest.mark.parametrize("runtime", ["hashed"], indirect=True)
def test_hashed_words_are_equal_for_equal_questions(runtime: Runtime, reader: Reader) -> None:
    first, second = (by_kind(reader, ask(runtime))["question"][0].text for _ in range(2))
    other = by_kind(reader, ask(runtime, "What is a run?"))["question"][0].text
    assert first == second != other
    assert QUESTION not in first


def test_deleting_a_thread_deletes_what_was_kept_of_it_and_leaves_its_figures(
    runtime: Runtime, reader: Reader, data_dir: Path
) -> None:
    gone, other = ask(runtime), ask(runtime, "What does a run cost?")
    runtime.delete_thread(gone.thread_id, "local")
    assert of_run(reader, gone.id) == ()
    assert of_run(reader, other.id) != ()
    assert runtime.queries.run_detail(gone.id) is not None
    for path in data_dir.glob("analytics.db*"):
        assert b"ann@example" not in path.read_bytes(), path.name


def test_a_thread_deleted_while_it_is_answered_leaves_no_words(
    runtime: Runtime, reader: Reader
) -> None:
    run = runtime.start(TurnRequest(text=QUESTION))
    runtime.delete_thread(run.thread_id, "local")
    assert runtime.recorder.flush()
    assert kept(reader) == ()


def test_erasing_a_person_leaves_nothing_in_any_database(runtime: Runtime, data_dir: Path) -> None:
    name = "ann-4711-nobody-else"
    run = ask(runtime, owner=name)
    runtime.preferences.set(name, "model", "local:extractive")
    assert ask(runtime, owner="bob").events
    erased = runtime.erase_person(name)
    assert (erased.runs, runtime.threads.recent(name)) == (1, [])
    detail = runtime.queries.run_detail(run.id)
    assert detail is not None
    assert (detail.run.user_id, detail.run.status) == (None, "ok")
    assert detail.run.conversation_id != run.thread_id
    for path in data_dir.glob("a*.db*"):
        assert name.encode() not in path.read_bytes(), path.name
        assert run.thread_id.encode() not in path.read_bytes(), path.name
    assert len(runtime.threads.recent("bob")) == 1


def test_a_prompt_is_written_in_opentelemetrys_form() -> None:
    call = {"name": "look", "args": {"q": "x"}, "id": "t1"}
    messages = prompt_messages(
        [
            SystemMessage("Be brief."),
            HumanMessage([{"type": "text", "text": "Hi"}, "there"]),
            AIMessage("", tool_calls=[call]),
            ToolMessage("found", tool_call_id="t1"),
        ]
    )
    assert messages == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {
            "role": "user",
            "parts": [{"type": "text", "content": "Hi"}, {"type": "text", "content": "there"}],
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "t1", "name": "look", "arguments": {"q": "x"}}],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "t1", "response": "found"}],
        },
    ]
