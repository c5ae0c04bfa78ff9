"""Edit, answer again, go on, fork: what a thread shows and what the model is sent then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.errors import InvalidInput, NotFound
from core.transcript import Transcript, summarise
from tests.agents.answering_house import answering, ask, sent
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

AGENT = {"graph": "react", "retrieval": "none"}


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    with answering(tmp_path, provider) as built:
        yield built


@pytest.fixture
def say(runtime: Runtime, provider: ProviderServer) -> Callable[..., Run]:
    def one_turn(text: str, answer: str, **request: object) -> Run:
        provider.default = Reply(text=answer)
        run, events = ask(runtime, text, **(AGENT | request))
        assert events[-1].type == "completed", events[-1]
        return run

    return one_turn


def texts(runtime: Runtime, run: Run) -> list[str]:
    return [m.text for m in runtime.threads.messages(run.thread_id, "local")]


def dialogue(provider: ProviderServer) -> list[str]:
    """What the last request said without its instructions."""
    return [text for role, text in sent(provider) if role != "system"]


def test_an_edited_question_starts_a_branch_from_the_state_before_it(
    runtime: Runtime, provider: ProviderServer, say: Callable[..., Run]
) -> None:
    first = say("one", "first")
    second = say("two", "second", thread_id=first.thread_id)
    say("three", "third", thread_id=first.thread_id)
    edited = say("zwei", "zweite", thread_id=first.thread_id, edits=second.place.question_id)
    assert dialogue(provider) == ["one", "first", "zwei"]
    assert texts(runtime, first) == ["one", "first", "zwei", "zweite"]
    say("drei", "dritte", thread_id=first.thread_id)
    assert dialogue(provider) == ["one", "first", "zwei", "zweite", "drei"]
    shown = runtime.threads.messages(first.thread_id, "local")
    assert shown[2].versions == (second.place.question_id, edited.place.question_id)


def test_one_can_go_back_to_the_other_branch_and_on_from_there(
    runtime: Runtime, provider: ProviderServer, say: Callable[..., Run]
) -> None:
    first = say("one", "first")
    second = say("two", "second", thread_id=first.thread_id)
    say("three", "third", thread_id=first.thread_id)
    say("zwei", "zweite", thread_id=first.thread_id, edits=second.place.question_id)
    runtime.threads.show(second.place.question_id, "local")
    assert texts(runtime, first) == ["one", "first", "two", "second", "three", "third"]
    say("four", "fourth", thread_id=first.thread_id)
    assert dialogue(provider) == ["one", "first", "two", "second", "three", "third", "four"]


def test_an_answer_made_again_knows_nothing_of_the_first(
    runtime: Runtime, provider: ProviderServer, say: Callable[..., Run]
) -> None:
    first = say("one", "first")
    say("", "other", answers=first.place.question_id)
    assert dialogue(provider) == ["one"]
    assert texts(runtime, first) == ["one", "other"]
    answer = runtime.threads.messages(first.thread_id, "local")[-1]
    assert len(answer.versions) == 2
    runtime.threads.show(answer.versions[0], "local")
    assert texts(runtime, first) == ["one", "first"]


def test_the_first_question_can_be_edited(
    runtime: Runtime, provider: ProviderServer, say: Callable[..., Run]
) -> None:
    first = say("one", "first")
    say("eins", "erste", thread_id=first.thread_id, edits=first.place.question_id)
    assert dialogue(provider) == ["eins"]
    assert texts(runtime, first) == ["eins", "erste"]


def test_a_stopped_answer_is_gone_on_with(
    runtime: Runtime, provider: ProviderServer, say: Callable[..., Run]
) -> None:
    provider.default = Reply(text="one two three four five six", per_token_ms=100)
    request = TurnRequest(text="count", model="openai:gpt-4o-mini", fallback=False, **AGENT)
    run = runtime.start(request)
    for batch in run.follow():
        if any(event.type == "token" for event in batch):
            runtime.runs.cancel(run.id)
    half = runtime.threads.messages(run.thread_id, "local")[-1]
    assert half.summary is not None
    assert half.summary.status == "cancelled"
    more = say("", " and the rest", continues=half.id)
    assert dialogue(provider)[:2] == ["count", half.text.rstrip()]
    whole = runtime.threads.messages(run.thread_id, "local")[-1]
    assert whole.text == half.text + " and the rest"
    assert whole.versions == (half.id, whole.id)
    transcript = Transcript()
    transcript.add_all(runtime.events(more.id, "local"))
    assert (transcript.text, summarise(transcript).status) == (whole.text, "completed")


def test_the_embedded_answerer_goes_on_where_it_was_stopped(runtime: Runtime) -> None:
    local = {"model": "local:extractive", "fallback": False, "graph": "supervisor"}
    run, _ = ask(runtime, "How do I install Switchboard?", **local)
    thread, owner = run.thread_id, "local"
    whole = runtime.threads.messages(thread, owner)[-1]
    assert whole.summary is not None
    half = whole.text[: len(whole.text) // 2]
    runtime.store.finish(run.id, whole.id, half, whole.summary, checkpoint=None)
    ask(runtime, "", continues=whole.id, agent=whole.summary.agent, **local)
    assert runtime.threads.messages(thread, owner)[-1].text == whole.text


def test_a_fork_has_the_branch_up_to_a_message_and_its_memory(
    runtime: Runtime, provider: ProviderServer, say: Callable[..., Run]
) -> None:
    first = say("one", "first")
    say("two", "second", thread_id=first.thread_id)
    upto = runtime.threads.messages(first.thread_id, "local")[1].id
    fork = runtime.threads.copy(first.thread_id, "local", upto=upto)
    say("three", "third", thread_id=fork)
    assert dialogue(provider) == ["one", "first", "three"]
    assert texts(runtime, first) == ["one", "first", "two", "second"]
    runtime.delete_thread(first.thread_id, "local")
    say("four", "fourth", thread_id=fork)
    assert dialogue(provider) == ["one", "first", "three", "third", "four"]


def test_another_agent_that_answers_again_gets_the_same_history(
    runtime: Runtime, provider: ProviderServer, say: Callable[..., Run]
) -> None:
    first = say("one", "first")
    second = say("two", "second", thread_id=first.thread_id)
    say("", "other", answers=second.place.question_id, graph="supervisor", agent="general")
    assert dialogue(provider) == ["one", "first", "two"]


@pytest.mark.parametrize("what", ["edits", "answers", "continues", "resumes"])
def test_a_message_that_is_not_there_or_somebody_elses_is_not_found(
    runtime: Runtime, say: Callable[..., Run], what: str
) -> None:
    run = say("one", "first")
    own = {"edits": run.place.question_id, "answers": run.place.question_id, "resumes": run.id}
    answer = runtime.threads.messages(run.thread_id, "local")[-1].id
    for message_id in ("x", "f" * 32, own.get(what, answer)):
        request = TurnRequest(
            text="q", owner="mallory", thread_id=run.thread_id, **{what: message_id}
        )
        with pytest.raises(NotFound):
            runtime.start(request)
    assert texts(runtime, run) == ["one", "first"]


def test_a_message_of_another_thread_cannot_be_edited_here(
    runtime: Runtime, say: Callable[..., Run]
) -> None:
    one, other = say("one", "first"), say("two", "second")
    with pytest.raises(NotFound):
        say("q", "a", thread_id=one.thread_id, edits=other.place.question_id)
    assert texts(runtime, one) == ["one", "first"]


def test_an_answer_without_text_cannot_be_gone_on_with(
    runtime: Runtime, say: Callable[..., Run]
) -> None:
    run = say("one", "")
    answer = runtime.threads.messages(run.thread_id, "local")[-1]
    with pytest.raises(InvalidInput):
        say("", "more", continues=answer.id)
