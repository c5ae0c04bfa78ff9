"""Questions of programs that keep the conversation themselves, and how an answer is made to end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.one_off import MOST_EARLIER
from agents.run import Said, TurnRequest
from agents.runtime import Runtime
from core.errors import InvalidInput, NotFound
from tests.agents.answering_house import answering, ask, only, sent
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

TALK = (Said(role="user", text="First?"), Said(role="assistant", text="One."))


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = Reply(text="Two, as you know.")
    with answering(tmp_path, provider) as built:
        yield built


def test_the_conversation_that_came_along_reaches_the_model_in_its_order(
    runtime: Runtime, provider: ProviderServer
) -> None:
    ask(runtime, "And then?", agent="technical", temporary=True, one_off=True, earlier=TALK)
    said = [one for one in sent(provider) if one[1] in ("First?", "One.", "And then?")]
    assert said == [("user", "First?"), ("assistant", "One."), ("user", "And then?")]


def test_its_thread_is_gone_when_the_answer_has_ended(runtime: Runtime) -> None:
    run, _ = ask(runtime, "And then?", agent="technical", temporary=True, one_off=True)
    deadline = time.monotonic() + 10
    while runtime._databases.is_temporary(run.id) and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(NotFound):
        runtime.threads.get(run.thread_id, "local")
    with pytest.raises(NotFound):
        runtime.store.log(run.id, "local")
    assert not runtime._databases.is_temporary(run.thread_id)


def test_a_kept_thread_begins_with_what_was_said_before(runtime: Runtime) -> None:
    run, _ = ask(runtime, "And then?", agent="technical", earlier=TALK)
    messages = runtime.threads.messages(run.thread_id, "local")
    assert [(one.role, one.text) for one in messages] == [
        ("user", "First?"),
        ("assistant", "One."),
        ("user", "And then?"),
        ("assistant", "Two, as you know."),
    ]
    kept = runtime.store.request_of(run.id)
    assert kept is not None
    assert kept.earlier == ()


def test_the_next_turn_of_that_thread_knows_all_of_it(
    runtime: Runtime, provider: ProviderServer
) -> None:
    run, _ = ask(runtime, "And then?", agent="technical", earlier=TALK)
    ask(runtime, "And now?", agent="technical", thread_id=run.thread_id)
    assert ("user", "First?") in sent(provider)
    assert ("assistant", "Two, as you know.") in sent(provider)


def test_what_ends_an_answer_reaches_the_provider(
    runtime: Runtime, provider: ProviderServer
) -> None:
    ask(runtime, "Go on", agent="technical", max_tokens=7, stop=("END",))
    body = provider.requests[-1].body
    assert (body["max_completion_tokens"], body["stop"]) == (7, ["END"])


def test_the_embedded_answerer_ends_at_the_same_limits(runtime: Runtime) -> None:
    question = "How do I use Postgres as storage?"
    _, whole = ask(runtime, question, model="local:extractive", agent="technical")
    text = "".join(one.text for one in only(whole, "token"))
    _, short = ask(runtime, question, model="local:extractive", agent="technical", max_tokens=4)
    cut = "".join(one.text for one in only(short, "token"))
    assert (short[-1].type, getattr(short[-1], "finish_reason", "")) == ("completed", "length")
    assert cut
    assert text.startswith(cut)
    assert len(cut.rstrip()) <= 16 < len(text)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_tokens": 0}, "at least one token"),
        ({"stop": ("a",) * 5}, "4 texts"),
        ({"stop": ("",)}, "1 to 200"),
        ({"one_off": True}, "temporary"),
        ({"earlier": TALK * MOST_EARLIER}, "earlier messages"),
    ],
)
def test_what_cannot_be_used_is_refused(
    runtime: Runtime, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        runtime.checked(TurnRequest(text="Go", **wrong))


def test_a_thread_that_exists_is_not_given_other_earlier_messages(runtime: Runtime) -> None:
    run, _ = ask(runtime, "Hello", agent="technical")
    with pytest.raises(InvalidInput, match="its own earlier messages"):
        runtime.checked(TurnRequest(text="Go", thread_id=run.thread_id, earlier=TALK))
