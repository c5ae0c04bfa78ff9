"""Versions of the prompts: what can be kept, that it never changes, and that models are told it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.messages import HumanMessage

from agents import prompts
from agents.answering import build_prompt
from agents.context import RunContext
from agents.prompt_versions import MAX_TEXT, PromptVersion, PromptVersions
from agents.retrieval import Found
from agents.runtime import Runtime
from agents.specialists import BY_NAME, SPECIALISTS
from agents.tables import metadata
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.events import RunStarted, Source
from core.events_codec import from_dict, to_dict
from core.log_codec import decode_log, encode_log
from tests.agents.answering_house import answering, ask, sent
from tests.agents.scripted_model import ScriptedSource
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

SOURCE = Source(n=1, passage_id="p", document="d.md", title="D", area="policy", text="Text.")
RULES = {"answer": "Answer in three words."}


@pytest.fixture
def versions(tmp_path: Path) -> Iterator[PromptVersions]:
    database = Database(f"sqlite:///{tmp_path / 'app.db'}", metadata=metadata)
    yield PromptVersions(database)
    database.close()


def names(versions: PromptVersions, **options: bool) -> list[str]:
    return [version.name for version in versions.list(**options)]


def test_each_prompt_may_be_replaced_but_those_that_mend_and_judge_answers() -> None:
    files = {path.stem for path in Path(prompts.__file__).parent.glob("*.md")}
    assert files - set(prompts.TITLES) == {"continue", "judge_pair", "judge_rubric", "note"}
    assert {specialist.name for specialist in SPECIALISTS} < set(prompts.TITLES) <= files


def test_a_version_is_read_as_it_was_saved(versions: PromptVersions) -> None:
    saved = versions.save("  short\tanswers ", RULES, note="Try it.", owner="ann")
    assert versions.get("short answers") == saved
    assert versions.list() == (saved,)
    assert (saved.note, saved.base, saved.owner) == ("Try it.", None, "ann")
    assert saved.text("answer") == "Answer in three words."
    assert saved.text("billing") == prompts.load("billing")


def test_a_version_keeps_only_what_differs(versions: PromptVersions) -> None:
    texts = {name: prompts.load(name) for name in prompts.TITLES} | RULES
    saved = versions.save("v1", texts)
    assert dict(saved.texts) == RULES
    assert saved.digest == versions.save("v2", RULES, base="v1").digest


def test_a_name_never_gets_other_texts(versions: PromptVersions) -> None:
    saved = versions.save("v1", RULES)
    with pytest.raises(InvalidInput, match="'v1' with other texts") as refused:
        versions.save("v1", {"answer": "Answer in four words."})
    assert refused.value.what_to_do == "A version never changes: choose another name."
    assert versions.save("v1", RULES, note="Once more.") == saved
    assert versions.list() == (saved,)


def test_texts_are_cleaned(versions: PromptVersions) -> None:
    saved = versions.save("v1", {"answer": " one\r\ntwo\u202e\x00\n"})
    assert saved.texts["answer"] == "one\ntwo"


@pytest.mark.parametrize(
    ("name", "texts", "reason"),
    [
        ("", RULES, "1 to 60 printable characters"),
        ("n" * 61, RULES, "1 to 60 printable characters"),
        ("a\u200bb", RULES, "1 to 60 printable characters"),
        ("v", {}, "Every text is as it ships"),
        ("v", {"answer": prompts.load("answer") + "\n"}, "Every text is as it ships"),
        ("v", {"answer": " \n"}, "'Rules of answers from documents' is empty"),
        ("v", {"answer": "x" * (MAX_TEXT + 1)}, "has 20,001 characters; the limit is 20,000"),
        ("v", {"continue": "Go on."}, "cannot replace a prompt 'continue'"),
        ("v", {"../secrets": "x"}, "cannot replace a prompt '../secrets'"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    versions: PromptVersions, name: str, texts: dict[str, str], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        versions.save(name, texts)
    assert versions.list() == ()


def test_a_text_of_the_greatest_length_is_kept(versions: PromptVersions) -> None:
    assert len(versions.save("v", {"answer": "x" * MAX_TEXT}).texts["answer"]) == MAX_TEXT


def test_an_unknown_base_is_refused(versions: PromptVersions) -> None:
    with pytest.raises(NotFound, match="no prompt version 'v0'"):
        versions.save("v1", RULES, base="v0")
    assert versions.list() == ()


@pytest.mark.parametrize("name", ["v9", "", "' OR 1=1 --", "\ud800"])
def test_an_unknown_version_is_not_found(versions: PromptVersions, name: str) -> None:
    versions.save("v1", RULES)
    with pytest.raises(NotFound):
        versions.get(name)


def test_a_retired_version_is_not_offered_but_can_be_read(versions: PromptVersions) -> None:
    versions.save("v1", RULES)
    versions.retire("v1")
    assert (names(versions), names(versions, retired=True)) == ([], ["v1"])
    assert versions.get("v1").texts == RULES
    versions.restore("v1")
    assert names(versions) == ["v1"]


def test_an_erased_person_is_not_named_any_more(versions: PromptVersions) -> None:
    versions.save("v1", RULES, owner="ann")
    other = versions.save("v2", RULES, owner="bob")
    versions.forget_owner("ann")
    assert [versions.get(name).owner for name in ("v1", "v2")] == [None, other.owner]


# -- runs


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    with answering(tmp_path, provider) as built:
        yield built


def test_a_run_is_answered_with_the_prompts_of_its_version(
    runtime: Runtime, provider: ProviderServer
) -> None:
    runtime.prompts.save("short", RULES | {"react": "Be brief.", "data": "Only figures."})
    ask(runtime, "What is it?", agent="technical", prompt="short")
    ask(runtime, "What is it?", graph="react", prompt="short")
    ask(runtime, "Runs today?", agent="data", prompt="short")
    ask(runtime, "What is it?", agent="technical")
    assert [sent(provider, n)[0] for n in range(4)] == [
        ("system", f"Answer in three words.\n\n{prompts.load('technical')}"),
        ("system", "Be brief."),
        ("system", "Only figures."),
        ("system", f"{prompts.load('answer')}\n\n{prompts.load('technical')}"),
    ]


def test_the_router_is_asked_in_the_words_of_the_version(
    tmp_path: Path, provider: ProviderServer
) -> None:
    provider.script(Reply(structured={"agent": "billing", "reason": "money"}))
    with answering(tmp_path, provider, router_models="openai:gpt-4o-mini") as runtime:
        runtime.prompts.save("other", {"router": "Choose at random."})
        ask(runtime, "zzz qqq", prompt="other")
    assert sent(provider, 0)[0][1].startswith("Choose at random.\n\nSpecialists\n")


def test_versions_do_not_share_a_cached_prefix() -> None:
    keys = []
    for version in (None, made("v1", "Be brief."), made("v2", "Be long.")):
        context = RunContext(
            run_id="r", owner="local", models=ScriptedSource(), knowledge=cast("Any", None),
            metrics=cast("Any", None), answer_models=(), router_models=(), prompt_version=version,
        )  # fmt: skip
        found = Found(sources=[SOURCE], hits=[], duration_us=0, version="d1")
        rules = build_prompt(context, BY_NAME["policy"], [HumanMessage("q")], found, [])[0]
        keys.append(rules.additional_kwargs["cache_key"])
    assert keys[0] == "policy:d1"
    assert len(set(keys)) == 3


def made(name: str, text: str) -> PromptVersion:
    return PromptVersion(
        name=name, texts={"policy": text}, digest=hashlib.sha256(text.encode()).hexdigest(),
        base=None, note="", owner=None, created_at_us=0, retired_at_us=None,
    )  # fmt: skip


def test_a_retired_version_still_answers(runtime: Runtime, provider: ProviderServer) -> None:
    runtime.prompts.save("short", RULES)
    runtime.prompts.retire("short")
    ask(runtime, "What is it?", agent="technical", prompt="short")
    assert sent(provider)[0][1].startswith("Answer in three words.")


def test_an_unknown_version_starts_nothing(runtime: Runtime) -> None:
    with pytest.raises(NotFound, match="no prompt version 'v9'"):
        ask(runtime, "What is it?", prompt="v9")
    assert runtime.threads.counts() == {"thread": 0, "message": 0, "run": 0}


def test_what_was_asked_for_is_part_of_the_log(runtime: Runtime) -> None:
    runtime.prompts.save("short", RULES)
    asked = {"agent": "technical", "prompt": "short", "retrieval": "cag", "temperature": 0.5}
    run, _ = ask(runtime, "What is it?", **asked)
    started = next(e for e in runtime.events(run.id, "local") if e.type == "run_started")
    assert (started.prompt, started.retrieval, started.temperature) == ("short", "cag", 0.5)


def test_a_log_of_before_there_were_versions_loads() -> None:
    event = RunStarted(thread_id="t", message_id="m", graph="supervisor", run_id="r", seq=0)
    stored = to_dict(event)
    assert {"prompt", "retrieval", "temperature"}.isdisjoint(stored), "as it was stored then"
    assert from_dict(stored) == event
    assert (event.prompt, event.retrieval, event.temperature) == (None, None, None)
    assert decode_log(encode_log([event]), run_id="r", started_at_us=0) == [event]
