"""Answers given again: when, as what, and above all when not."""

from __future__ import annotations

import dataclasses
import functools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import prompts
from agents.answer_cache.desk import worth_keeping
from agents.answer_cache.question import normalised, same_numbers
from agents.answer_cache.store import CacheStore, Key, Meaning
from agents.migrations import make_or_migrate
from agents.run import TurnRequest
from agents.runtime import Runtime
from core.comparison import Configuration
from core.database import Database
from core.errors import ConfigError
from core.events_codec import from_dict, to_dict
from core.settings import Settings
from core.transcript import AnswerSummary
from tests.agents.answer_cache.houses import ANSWER, MINI, QUESTION, ask, house, repeated
from tests.provider import ProviderServer, Reply, Usage

pytestmark = pytest.mark.slow

HOUR_US = 3_600_000_000


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = ANSWER
    with house(tmp_path, provider) as built:
        yield built


def test_a_hit_is_a_whole_run_that_asks_no_model(
    runtime: Runtime, provider: ProviderServer
) -> None:
    first, text, before = ask(runtime)
    run, again, summary = ask(runtime, "  when are ROSES cut ")
    assert len(provider.requests) == 1
    assert again == text == "Roses are cut in March [1]."
    assert [event.type for event in run.events] == [
        "run_started", "attempt", "sources", "token", "attempt", "usage", "completed",
    ]  # fmt: skip
    assert [e.seq for e in run.events] == list(range(7))
    assert (summary.input_tokens, summary.output_tokens, summary.cost_pusd) == (0, 0, 0)
    assert summary.cost_complete
    assert (summary.model, summary.agent) == (MINI, "general")
    assert summary.sources == before.sources
    assert summary.earlier is not None
    assert summary.earlier["run_id"] == first.id
    assert summary.earlier["kind"] == "exact"
    assert summary.earlier["cost_pusd"] == before.cost_pusd
    assert [from_dict(to_dict(event)) for event in run.events] == run.events
    assert runtime.events(run.id, "ann") == run.events


def test_a_long_answer_comes_in_pieces(runtime: Runtime, provider: ProviderServer) -> None:
    provider.default = replace(ANSWER, text=f"{'Roses are cut in March. ' * 40}[1]")
    _, text, _ = ask(runtime)
    run, again, _ = ask(runtime)
    pieces = [event.text for event in run.events if event.type == "token"]
    assert len(pieces) > 15
    assert "".join(pieces) == again == text


def test_analytics_tells_hits_and_what_they_saved_from_answers_of_models(
    runtime: Runtime, tmp_path: Path
) -> None:
    _, _, before = ask(runtime)
    ask(runtime)
    assert runtime.recorder.flush()
    with closing(sqlite3.connect(tmp_path / "data" / "analytics.db")) as db:
        runs = db.execute(
            "SELECT status, answer_cache, saved_pusd, answer_model, cost_pusd, retrievals"
            " FROM run ORDER BY started_at_us"
        ).fetchall()
        calls = db.execute(
            "SELECT request_model, provider_name, status, cost_pusd FROM llm_call"
            " ORDER BY started_at_us"
        ).fetchall()
    assert runs == [
        ("ok", None, None, MINI, before.cost_pusd, 1),
        ("ok", "exact", before.cost_pusd, "cache:exact", 0, 0),
    ]
    assert calls[0][0] == MINI
    assert calls[1:] == [("cache:exact", "cache", "ok", 0)]


def test_a_hit_counts_for_no_quota(tmp_path: Path, provider: ProviderServer) -> None:
    provider.default = ANSWER
    with house(tmp_path, provider, quota_tokens_per_day=50_000) as runtime:
        ask(runtime)
        assert repeated(runtime)
        found = runtime.limits.usage("ann")
        assert found is not None
        assert found.used.tokens == 3_000


def test_the_conversation_goes_on_from_a_repeated_answer(
    runtime: Runtime, provider: ProviderServer
) -> None:
    """The agents know what was said although none of them said it."""
    ask(runtime)
    run, _, _ = ask(runtime)
    _, _, summary = ask(runtime, "And tulips?", thread_id=run.thread_id)
    assert summary.earlier is None
    sent = [message["content"] for message in provider.requests[-1].body["messages"]]
    assert QUESTION in sent
    assert "Roses are cut in March [1]." in sent


def test_asking_again_asks_the_model_and_keeps_its_answer(
    runtime: Runtime, provider: ProviderServer
) -> None:
    ask(runtime)
    run, _, _ = ask(runtime)
    provider.default = replace(ANSWER, text="In early March [1].")
    _, text, summary = ask(runtime, answers=run.place.question_id)
    assert (text, summary.earlier) == ("In early March [1].", None)
    assert ask(runtime)[1] == "In early March [1]."
    assert not repeated(runtime, fresh=True)
    assert len(provider.requests) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"text": "When are roses planted?"},
        {"owner": "bob"},
        {"agent": "policy"},
        {"agent": None},
        {"graph": "react", "agent": None},
        {"model": "openai:gpt-4o"},
        {"model": MINI, "fallback": False},
        {"temperature": 0.9},
        {"note": "Answer in German."},
        {"retrieval": "none"},
        {"temporary": True},
        {"entry_point": "eval", "thread_kind": "eval"},
        {"entry_point": "compare", "thread_kind": "compare"},
    ],
    ids=str,
)
def test_another_question_or_other_options_ask_the_model(
    runtime: Runtime, other: dict[str, Any]
) -> None:
    ask(runtime)
    assert not repeated(runtime, **other)
    assert repeated(runtime)


@pytest.mark.parametrize("options", [{"temporary": True}, {"thread_kind": "eval", "entry_point": "eval"}])  # fmt: skip
def test_what_must_not_be_kept_is_not(runtime: Runtime, options: dict[str, Any]) -> None:
    ask(runtime, **options)
    assert not repeated(runtime)


def test_the_door_does_not_matter(runtime: Runtime) -> None:
    ask(runtime, entry_point="api")
    assert repeated(runtime)


def test_a_question_with_a_past_asks_the_model(runtime: Runtime, provider: ProviderServer) -> None:
    ask(runtime)
    provider.default = Reply(text="Hello [1].", usage=Usage(input=10, output=10))
    run, _, _ = ask(runtime, "Hello, about tulips")
    assert not repeated(runtime, thread_id=run.thread_id)
    assert ask(runtime)[1] == "Roses are cut in March [1]."


def test_a_changed_first_question_is_a_first_question(runtime: Runtime) -> None:
    ask(runtime)
    run, _, _ = ask(runtime, "When are tulips cut?")
    assert repeated(runtime, thread_id=run.thread_id, edits=run.place.question_id)


def test_a_changed_document_makes_every_answer_old(runtime: Runtime, tmp_path: Path) -> None:
    ask(runtime)
    (tmp_path / "docs" / "general" / "tulips.md").write_text("# Tulips\n\nIn May.\n", "utf-8")
    runtime.knowledge.sync(embed=False)
    assert not repeated(runtime)
    assert repeated(runtime)


def test_an_answer_is_not_kept_when_documents_changed_while_it_was_made(
    runtime: Runtime, provider: ProviderServer, tmp_path: Path
) -> None:
    """With the old documents back again, it would be taken for an answer from those."""
    tulips = tmp_path / "docs" / "general" / "tulips.md"

    def meanwhile(_: object) -> None:
        tulips.write_text("# Tulips\n\nIn May.\n", "utf-8")
        runtime.knowledge.sync(embed=False)

    provider.respond = meanwhile
    ask(runtime)
    provider.respond = None
    tulips.unlink()
    runtime.knowledge.sync(embed=False)
    assert not repeated(runtime)


def test_a_note_makes_old_what_its_owner_asked_and_nothing_else(runtime: Runtime) -> None:
    ask(runtime)
    ask(runtime, owner="bob")
    assert runtime.knowledge.notes is not None
    runtime.knowledge.notes.save("ann", "Roses", "Mine are cut in April.")
    runtime.knowledge.sync_notes()
    assert not repeated(runtime)
    assert repeated(runtime, owner="bob")


def test_a_thread_with_files_has_answers_of_its_own(runtime: Runtime) -> None:
    ask(runtime)
    run, _, _ = ask(runtime, "When are tulips cut?")
    with runtime.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO attachment (id, thread_id, owner, name, media_type, sha256, size_bytes,"
            " content, created_at_us) VALUES ('f', ?, 'ann', 'a.md', 'text/markdown', 'x', 1, x'00', 1)",
            (run.thread_id,),
        )
    assert not repeated(runtime, thread_id=run.thread_id, edits=run.place.question_id)


def test_a_comparison_measures_models_and_never_memory(
    runtime: Runtime, provider: ProviderServer
) -> None:
    ask(runtime)
    columns = [Configuration(model=MINI, agent="general")] * 2
    found, problems = runtime.comparisons.ask(QUESTION, columns, owner="ann")
    assert not problems
    for answer in found.turns[0].answers:
        run = runtime.runs.get(str(answer.run_id))
        assert run is not None
        for _ in run.follow():
            pass
    assert len(provider.requests) == 3


def test_it_is_gone_with_its_thread(runtime: Runtime) -> None:
    run, _, _ = ask(runtime)
    runtime.delete_thread(run.thread_id, "ann")
    assert runtime.answers._store.count() == 0
    assert not repeated(runtime)


def test_it_is_gone_with_its_person(runtime: Runtime) -> None:
    ask(runtime)
    ask(runtime, owner="bob")
    runtime.erase_person("ann")
    assert runtime.answers._store.count() == 1
    assert repeated(runtime, owner="bob")


def test_an_answer_somebody_disliked_is_not_given_again(runtime: Runtime) -> None:
    run, _, _ = ask(runtime)
    end = run.events[-1]
    assert end.type == "completed"
    runtime.rate(end.message_id, "ann", -1)
    assert not repeated(runtime)


def test_it_survives_a_restart(tmp_path: Path, provider: ProviderServer) -> None:
    provider.default = ANSWER
    with house(tmp_path, provider) as runtime:
        ask(runtime)
    with house(tmp_path, provider) as runtime:
        assert repeated(runtime)


def test_an_answer_to_other_prompts_of_ours_is_not_given_again(
    tmp_path: Path, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade that changed what the agents are told, answers to the old words came back."""
    provider.default = ANSWER
    with house(tmp_path, provider) as before:
        ask(before)
    monkeypatch.setattr("agents.prompts.load", lambda name: f"Upgraded: {name}")
    prompts.digest.cache_clear()
    try:
        with house(tmp_path, provider) as after:
            ask(after)
    finally:
        prompts.digest.cache_clear()
    assert len(provider.requests) == 2


def test_an_old_answer_is_not_given_again(runtime: Runtime) -> None:
    ask(runtime)
    with runtime.database.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE cached_answer SET made_at_us = made_at_us - {24 * HOUR_US}"
        )
    assert not repeated(runtime)


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path, provider: ProviderServer) -> None:
    provider.default = ANSWER
    with house(tmp_path, provider, answer_cache="off") as runtime:
        ask(runtime)
        assert not repeated(runtime)
        assert runtime.answers._store.count() == 0


def test_a_cache_that_cannot_be_read_costs_nobody_an_answer(runtime: Runtime) -> None:
    with runtime.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE cached_answer RENAME TO lost")
    assert ask(runtime)[2].status == "completed"
    assert runtime.answers.errors > 0


GOOD = AnswerSummary(
    status="completed", model=MINI, finish_reason="stop", source_mode="rag", sources=[{"n": 1}]
)


@pytest.mark.parametrize(
    "flaw",
    [
        {"status": "error"},
        {"status": "cancelled"},
        {"status": "interrupted"},
        {"finish_reason": "length"},
        {"finish_reason": "content_filter"},
        {"notice": "The answer reached a length limit and ends early."},
        {"fallbacks": [{"model": "openai:gpt-4o"}]},
        {"tools": [{"name": "query_metrics"}]},
        {"source_mode": "metrics"},
        {"model": "local:extractive"},
        {"model": None},
        {"earlier": {"kind": "exact"}},
    ],
    ids=str,
)
def test_an_answer_with_a_flaw_is_not_kept(flaw: dict[str, Any]) -> None:
    assert worth_keeping(GOOD, "In March [1].")
    assert not worth_keeping(replace(GOOD, **flaw), "In March [1].")


def test_an_answer_that_cites_nothing_it_was_given_is_not_kept() -> None:
    assert not worth_keeping(GOOD, "The passages do not say when roses are cut.")
    assert not worth_keeping(GOOD, "  ")
    assert worth_keeping(replace(GOOD, sources=[], source_mode="none"), "In March.")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("When are roses cut?", "  when  are ROSES cut", True),
        ("What is IT?!", "what is it …", True),
        ("What is C++?", "What is C?", False),
        ("What is 10 % of it?", "What is 100 % of it?", False),
    ],
)
def test_what_counts_as_the_same_question(one: str, other: str, same: bool) -> None:
    assert (normalised(one) == normalised(other)) is same


def test_numbers_tell_questions_apart() -> None:
    assert same_numbers("from 2 to 3.5", "3.5 down to 2")
    assert not same_numbers("for 10 people", "for 100 people")


# -- nobody gets another's


NAMES = st.sampled_from(["ann", "Ann", "ann ", "bob", "local", "", "a%", "_nn"])
SMALL_KEYS = st.sampled_from(["q1", "q2"])
STEPS = st.lists(st.tuples(NAMES, SMALL_KEYS, SMALL_KEYS), min_size=1, max_size=12)


@settings(max_examples=60)
@given(steps=STEPS, asker=NAMES, scope=SMALL_KEYS, question=SMALL_KEYS)
def test_no_search_ever_gives_the_answer_of_another_person_or_scope(
    steps: list[tuple[str, str, str]], asker: str, scope: str, question: str
) -> None:
    database, meaning = in_memory(), Meaning.of("m", [1.0, 0.0])
    store = CacheStore(database, most=100)
    assert meaning is not None
    expected: dict[tuple[str, str, str], str] = {}
    for n, (owner, of, key) in enumerate(steps):
        answer_to(database, f"{n:032x}", owner)
        store.keep(Key(owner=owner, scope=of, question=key), f"{n:032x}", meaning, n + 1)
        expected[owner, of, key] = f"answer of {owner!r}"
    exact = store.exact(Key(owner=asker, scope=scope, question=question), 0)
    assert (exact.text if exact else None) == expected.get((asker, scope, question))
    alike = store.similar(
        Key(owner=asker, scope=scope, question="unknown"), "asked", meaning, 0.9, 0
    )
    mine = {text for (owner, of, _), text in expected.items() if (owner, of) == (asker, scope)}
    assert ({alike.text} if alike else set()) == mine


@functools.cache
def _database() -> Database:
    return Database("sqlite://", prepare=make_or_migrate)


def in_memory() -> Database:
    """One for all examples: making its tables takes longer than the example."""
    with _database().write() as connection:
        connection.exec_driver_sql("DELETE FROM thread")
    return _database()


def answer_to(database: Database, number: str, owner: str) -> None:
    """A thread with a question and its answer, under the answer's id."""
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO thread (id, owner, kind, title, created_at_us, updated_at_us)"
            " VALUES (?, ?, 'chat', 't', 1, 1)", (number, owner),
        )  # fmt: skip
        for message_id, parent, role, text, position in (
            (f"q{number[1:]}", None, "user", "asked", 0),
            (number, f"q{number[1:]}", "assistant", f"answer of {owner!r}", 1),
        ):
            connection.exec_driver_sql(
                "INSERT INTO message (id, thread_id, parent_id, position, run_id, role, text,"
                " created_at_us) VALUES (?, ?, ?, ?, 'r', ?, ?, 1)",
                (message_id, number, parent, position, role, text),
            )


def test_the_least_used_make_room() -> None:
    database = Database("sqlite://", prepare=make_or_migrate)
    store = CacheStore(database, most=3)
    for n in range(5):
        answer_to(database, f"{n:032x}", "ann")
        store.keep(Key(owner="ann", scope="s", question=f"q{n}"), f"{n:032x}", None, 10 + n)
    store.note_use(Key(owner="ann", scope="s", question="q0"), 99)
    store.trim(0)
    there = [n for n in range(5) if store.exact(Key(owner="ann", scope="s", question=f"q{n}"), 0)]
    assert there == [0, 3, 4]
    store.trim(13)
    assert store.count() == 2
    database.close()


def test_semantic_without_an_embedding_model_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no embedding model") as refused:
        Runtime(Settings(data_dir=tmp_path, answer_cache="semantic"))
    assert "SWITCHBOARD_EMBEDDING_MODEL" in refused.value.what_to_do
    Runtime(Settings(data_dir=tmp_path)).close(1.0)  # and the folder is free again


DECIDES = {"owner", "graph", "agent", "model", "fallback", "temperature", "note", "retrieval", "prompt", "text", "max_tokens", "stop"}  # fmt: skip
"""Part of the key, by itself or by what is made of it."""
FORBIDS = {"attachments", "continues", "resumes", "decisions", "temporary", "thread_kind", "entry_point", "thread_id", "edits", "answers", "fresh", "earlier", "one_off"}  # fmt: skip
"""Such a turn is not served, or only where its question stands alone."""
TELLS_NOTHING = {"stream", "group_id", "run_id", "new_thread_id", "queued_id", "metadata", "once", "figures"}  # fmt: skip
"""`figures`: only tools read them, and what a tool was called for is not kept."""


def test_a_new_option_of_a_turn_must_be_thought_of_here() -> None:
    """Else an answer made with it would be given to a question without it."""
    names = {field.name for field in dataclasses.fields(TurnRequest)}
    assert names - DECIDES - FORBIDS - TELLS_NOTHING == set()
