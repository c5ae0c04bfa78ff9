"""What was exported comes back as it was: whatever was said, however often it was asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from agents.exchange import own
from agents.exchange.load import load
from agents.exchange.reading import Entry
from agents.migrations import make_or_migrate
from agents.runtime import Runtime
from agents.tables import attachment, message, message_rating, run, thread, thread_tag
from core.conversation import Conversation, KeptFile, Message, Rating, RunRecord
from core.database import IN_MEMORY, Database
from core.errors import InvalidInput
from core.transcript import AnswerSummary
from tests.agents.answering_house import answering, ask
from tests.agents.exchanging import (
    bring,
    entries,
    everything,
    one_conversation,
    problems,
    written,
)
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

AGENT = {"graph": "react", "retrieval": "none"}
TIMES = st.integers(1, 4_000_000_000_000_000)
TEXTS = st.text(max_size=40)
LINES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=30)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
    yield db
    db.close()


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    messages: list[Message] = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        parent = draw(st.sampled_from([None, *(one.key for one in messages)]))
        role = draw(st.sampled_from(["user", "assistant"]))
        rating = st.builds(
            Rating, thumb=st.just(-1), comment=TEXTS, rated_at_us=TIMES,
            reasons=st.sampled_from([(), ("wrong",), ("wrong", "slow")]),
        )  # fmt: skip
        summary = st.builds(
            AnswerSummary, model=st.none() | LINES, thinking=TEXTS, cost_pusd=st.none() | TIMES,
            tokens_per_s=st.none() | st.floats(0, 1e6), agent=st.none() | LINES,
        )  # fmt: skip
        file = st.builds(
            KeptFile, name=LINES, media_type=st.sampled_from(["text/plain", "image/png"]), content=st.binary(max_size=30),
            created_at_us=TIMES,
        )  # fmt: skip
        messages.append(
            Message(
                key=f"m{number}",
                parent=parent,
                role=role,
                text=draw(LINES if role == "user" else TEXTS),
                created_at_us=draw(TIMES),
                summary=draw(summary) if role == "assistant" else None,
                rating=draw(st.none() | rating) if role == "assistant" else None,
                files=tuple(
                    sorted(draw(st.lists(file, max_size=2)), key=lambda one: one.created_at_us or 0)
                ),
            )
        )
    created = draw(TIMES)
    return Conversation(
        title=draw(LINES),
        messages=tuple(messages),
        created_at_us=created,
        updated_at_us=created + draw(st.integers(0, 10**12)),
        head=draw(st.sampled_from([None, *(one.key for one in messages)])),
        tags=tuple(sorted(draw(st.sets(LINES, max_size=3)))),
        pinned_at_us=draw(st.none() | TIMES),
        archived_at_us=draw(st.none() | TIMES),
        source=draw(st.sampled_from([None, "chatgpt"])),
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.lists(conversations(), min_size=1, max_size=3, unique_by=lambda one: one.digest()))
def test_any_conversations_exported_imported_and_exported_are_the_same_bytes(
    tmp_path: Path, found: list[Conversation]
) -> None:
    first, second = (Database(IN_MEMORY, prepare=make_or_migrate) for _ in range(2))
    try:
        given_ = [Entry(number=n, conversation=one) for n, one in enumerate(found, 1)]
        load(first, given_, "local")
        exported = everything(first)
        path = written(tmp_path, exported)
        assert bring(second, path).imported == len(found)
        assert everything(second) == exported
        assert bring(second, path).imported == 0
    finally:
        first.close()
        second.close()


@pytest.fixture
def lived(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    """A thread with two versions of a question, a rating, a file and a tag."""
    with answering(tmp_path, provider) as built:
        provider.default = Reply(text="first")
        one, _ = ask(built, "one", **AGENT)
        two, _ = ask(built, "two", thread_id=one.thread_id, **AGENT)
        provider.default = Reply(text="second")
        again, _ = ask(built, "zwei", thread_id=one.thread_id, edits=two.place.question_id, **AGENT)
        with built.database.write() as connection:
            connection.execute(insert(thread_tag).values(thread_id=one.thread_id, tag="work"))
            connection.execute(
                insert(message_rating).values(
                    message_id=again.events[-1].message_id, owner="local", thumb=-1, reasons=["wrong"],
                    comment="no", rated_at_us=5,
                )
            )  # fmt: skip
            connection.execute(
                insert(attachment).values(
                    id="f" * 32, thread_id=one.thread_id, message_id=one.place.question_id,
                    owner="local", name="a.txt", media_type="text/plain", sha256="0" * 64,
                    size_bytes=3, content=b"abc", created_at_us=7,
                )
            )  # fmt: skip
        yield built


def test_a_thread_with_its_runs_comes_back_the_same(
    lived: Runtime, database: Database, tmp_path: Path
) -> None:
    exported = everything(lived.database)
    bring(database, written(tmp_path, exported, "out.json"))
    assert everything(database) == exported
    (told,) = json.loads(exported)["conversations"]
    assert [one["text"] for one in told["messages"]] == [
        "one",
        "first",
        "two",
        "first",
        "zwei",
        "second",
    ]
    assert (told["head"], told["messages"][4]["parent"]) == ("m6", "m2")
    assert [run_["answer"] for run_ in told["runs"]] == ["m2", "m4", "m6"]
    assert told["runs"][0]["events"][-1]["type"] == "completed"


def test_the_log_of_an_imported_run_can_be_read_and_names_its_new_ids(
    lived: Runtime, database: Database, tmp_path: Path
) -> None:
    from agents.run_store import RunStore

    bring(database, written(tmp_path, everything(lived.database), "out.json"))
    with database.read() as connection:
        rows = connection.execute(select(run).order_by(run.c.started_at_us)).all()
    events = RunStore(database).log(rows[0].id, "local")
    assert (events[0].type, events[0].thread_id) == ("run_started", rows[0].thread_id)  # type: ignore[union-attr]
    assert (events[-1].type, events[-1].message_id) == ("completed", rows[0].answer_id)  # type: ignore[union-attr]
    assert [event.seq for event in events] == list(range(len(events)))


def test_imported_runs_are_counted_in_no_figures(
    lived: Runtime, database: Database, tmp_path: Path
) -> None:
    from agents.run_store import RunStore

    bring(database, written(tmp_path, everything(lived.database), "out.json"))
    assert len(RunStore(lived.database).ended_ids(0, 10)) == 3
    assert RunStore(database).ended_ids(0, 10) == []


def test_an_imported_thread_can_be_gone_on_with(
    lived: Runtime, provider: ProviderServer, tmp_path: Path
) -> None:
    from tests.agents.answering_house import sent

    conversation = replace(
        one_conversation(written(tmp_path, everything(lived.database), "out.json")), created_at_us=9
    )
    load(lived.database, [Entry(number=1, conversation=conversation)], "local")
    with lived.database.read() as connection:
        imported = connection.scalar(select(thread.c.id).where(thread.c.created_at_us == 9))
    ask(lived, "and now?", thread_id=imported, **AGENT)
    said = [text for role, text in sent(provider) if role != "system"]
    assert said == ["one", "first", "zwei", "second", "and now?"]


def test_an_export_that_comes_home_brings_nothing(lived: Runtime, tmp_path: Path) -> None:
    path = written(tmp_path, everything(lived.database), "out.json")
    with lived.database.write() as connection:
        connection.execute(update(thread).values(title="Renamed meanwhile"))
    found = bring(lived.database, path)
    assert (found.imported, found.known) == (0, 1)


def ours() -> dict[str, Any]:
    """A conversation with two answers, one of them with its run."""
    started = {"type": "run_started", "elapsed_us": 0, "thread_id": "@thread", "message_id": "@m1",
               "graph": "react"}  # fmt: skip
    said = {"type": "token", "elapsed_us": 5, "text": "a", "message_id": "x"}
    end = {"type": "completed", "elapsed_us": 9, "message_id": "@m2"}
    run_ = RunRecord(
        key="r1", graph="react", question="m1", parent="m1", answer="m2", started_at_us=5,
        events=[started, said, [7, "b"], end], request={"model": "openai:gpt-4o-mini"},
    )  # fmt: skip
    messages = (
        Message(key="m1", parent=None, role="user", text="q", created_at_us=5, run="r1"),
        Message(key="m2", parent="m1", role="assistant", text="ab", created_at_us=6, run="r1",
                summary=AnswerSummary(model="m")),
        Message(key="m3", parent="m1", role="assistant", text="c", created_at_us=7,
                summary=AnswerSummary()),
    )  # fmt: skip
    return own.to_dict(
        Conversation(title="T", messages=messages, created_at_us=5, head="m2", runs=(run_,))
    )


def spoiled(**changes: Any) -> dict[str, Any]:
    """An own file in which these places hold something else."""
    data = ours()
    for path, value in changes.items():
        inside: Any = data
        *steps, last = path.split("__")
        for step in steps:
            inside = inside[int(step) if step.isdigit() else step]
        inside[int(last) if last.isdigit() else last] = value
    return {
        "switchboard": {"format": 1, "owner": "local"},
        "conversations": [json.loads(json.dumps(data))],
    }


def test_the_conversation_of_these_tests_is_whole(tmp_path: Path) -> None:
    assert own.to_dict(one_conversation(written(tmp_path, spoiled()))) == ours()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"messages__1__summary__sources": [{"n": "x"}]}, "facts of one of its answers"),
        ({"messages__1__summary__tools": "none"}, "facts of one of its answers"),
        ({"messages__1__summary__duration_us": "long"}, "facts of one of its answers"),
        ({"messages__0__parent": "m2"}, "no tree"),
        ({"messages__1__parent": "nobody"}, "no tree"),
        ({"messages__0__role": "system"}, "neither user nor assistant"),
        ({"messages__0__created_at_us": 10**30}, "not a time"),
        ({"messages__2__key": "m1"}, "same key"),
        ({"runs__0__events__0": {"type": "run_started"}}, "event 1"),
        ({"runs__0__events__1": 5}, "event 2"),
        ({"runs__0__answer": "m99"}, "not in it"),
        ({"runs__0__started_at_us": None}, "not a time"),
        ({"head": "m99"}, "not in it"),
        ({"messages": [1, 2]}, "is none"),
    ],
)
def test_our_own_format_is_not_trusted(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    assert problem in problems(written(tmp_path, spoiled(**change)))[1]


def test_ids_and_owners_in_a_file_are_never_taken(database: Database, tmp_path: Path) -> None:
    foreign = "a" * 32
    data = spoiled(
        id=foreign, owner="bob", runs__0__request__owner="bob", runs__0__id=foreign,
        messages__0__id=foreign, runs__0__request__thread_id=foreign,
        runs__0__request__edits=foreign,
    )  # fmt: skip
    assert bring(database, written(tmp_path, data)).imported == 1
    with database.read() as connection:
        rows = [list(connection.execute(select(table))) for table in (thread, message, run)]
    assert {row.owner for row in (*rows[0], *rows[2])} == {"local"}
    assert foreign not in str(rows)
    assert "bob" not in str(rows)


def test_an_own_file_without_its_header_is_refused(tmp_path: Path) -> None:
    data = spoiled()
    del data["switchboard"]
    with pytest.raises(InvalidInput, match="not the header"):
        entries(written(tmp_path, {"other": 1} | data))


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    data = spoiled() | {"switchboard": {"format": 2}}
    with pytest.raises(InvalidInput, match="has the format 2; this Switchboard reads 1"):
        entries(written(tmp_path, data))


def test_the_file_of_somebody_else_is_refused_as_a_whole(tmp_path: Path) -> None:
    data = spoiled() | {"switchboard": {"format": 1, "owner": "alice"}}
    with pytest.raises(InvalidInput, match="of somebody else"):
        entries(written(tmp_path, data))
