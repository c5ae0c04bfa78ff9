"""The list of chats: pages, filters, states, what people do with threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from agents.tables import thread
from agents.thread_filter import ThreadFilter
from agents.thread_list import MAX_TITLE, ThreadList
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from tests.agents.threads_house import BEGIN_US, MINUTE_US, Chats, open_database

pytestmark = pytest.mark.slow


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def chats(database: Database) -> Chats:
    return Chats(database)


@pytest.fixture
def running() -> set[str]:
    return set()


@pytest.fixture
def threads(database: Database, running: set[str]) -> ThreadList:
    return ThreadList(database, lambda: running)


def titles(threads: ThreadList, **wanted: Any) -> list[str]:
    return [one.title for one in threads.page("local", ThreadFilter(**wanted)).threads]


def test_newest_change_comes_first(chats: Chats, threads: ThreadList) -> None:
    for name in ("old", "middle", "new"):
        chats.add(name)
    assert titles(threads) == ["new", "middle", "old"]


def test_pages_follow_each_other_without_gap_or_repetition(
    chats: Chats, threads: ThreadList
) -> None:
    for n in range(7):
        chats.add(str(n))
    seen, after = [], None
    while True:
        page = threads.page("local", after=after, limit=3)
        seen += [one.title for one in page.threads]
        after = page.after
        if after is None:
            break
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_threads_of_the_same_moment_are_each_listed_once(chats: Chats, threads: ThreadList) -> None:
    for n in range(4):
        chats.clock_us = BEGIN_US
        chats.add(str(n))
    first = threads.page("local", limit=2)
    second = threads.page("local", limit=2, after=first.after)
    assert sorted(one.title for one in (*first.threads, *second.threads)) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("after", ["", "x", "1", "1.x", "1.' OR 1=1", "9" * 40 + "." + "0" * 32])
def test_a_forged_place_in_the_list_is_refused(threads: ThreadList, after: str) -> None:
    with pytest.raises(InvalidInput):
        threads.page("local", after=after)


def test_threads_of_others_and_of_other_kinds_are_not_listed(
    chats: Chats, threads: ThreadList
) -> None:
    chats.add("hers", owner="hers")
    chats.add("compared", kind="compare")
    assert titles(threads) == []


def test_an_archived_thread_is_in_the_archive_and_comes_back(
    chats: Chats, threads: ThreadList
) -> None:
    one = chats.add("kept")
    threads.archive([one], "local")
    assert (titles(threads), titles(threads, archived=True)) == ([], ["kept"])
    threads.restore([one], "local")
    assert (titles(threads), titles(threads, archived=True)) == (["kept"], [])


def test_pinned_threads_are_listed_apart_newest_pin_first(
    chats: Chats, threads: ThreadList
) -> None:
    first, second = chats.add("first"), chats.add("second")
    threads.pin([second], "local")
    threads.pin([first], "local")
    assert [one.title for one in threads.pinned("local")] == ["first", "second"]
    assert titles(threads, pinned=False) == []
    threads.pin([first, second], "local", pinned=False)
    assert threads.pinned("local") == []


def test_a_title_is_kept_as_one_line_of_what_was_typed(chats: Chats, threads: ThreadList) -> None:
    one = chats.add()
    assert threads.rename(one, "local", "  Q1. Plans\nand <b>more</b> \u202e ") == (
        "Q1. Plans and <b>more</b>"
    )
    assert len(threads.rename(one, "local", "x" * 1000)) == MAX_TITLE


def test_a_title_without_anything_to_see_is_refused(chats: Chats, threads: ThreadList) -> None:
    one = chats.add("before")
    with pytest.raises(InvalidInput):
        threads.rename(one, "local", " \n\x00")
    assert titles(threads) == ["before"]


def test_tags_are_cleaned_and_kept_once(chats: Chats, threads: ThreadList) -> None:
    one = chats.add()
    threads.add_tags([one], "local", [" #Finance ", "finance", "q3\n2026"])
    assert threads.page("local").threads[0].tags == ("Finance", "q3 2026")
    threads.add_tags([one], "local", ["FINANCE"])
    assert threads.tags("local") == {"Finance": 1, "q3 2026": 1}


@pytest.mark.parametrize("tags", [[""], ["  #"], ["x" * 61], [str(n) for n in range(21)]])
def test_tags_that_cannot_be_used_are_refused(
    chats: Chats, threads: ThreadList, tags: list[str]
) -> None:
    one = chats.add()
    with pytest.raises(InvalidInput):
        threads.add_tags([one], "local", tags)
    assert threads.tags("local") == {}


def test_a_tag_too_many_for_one_thread_tags_none_of_them(chats: Chats, threads: ThreadList) -> None:
    full, empty = chats.add(), chats.add()
    threads.add_tags([full], "local", [str(n) for n in range(20)])
    with pytest.raises(InvalidInput):
        threads.add_tags([empty, full], "local", ["one more"])
    assert "one more" not in threads.tags("local")


def test_tags_are_set_counted_and_removed(chats: Chats, threads: ThreadList) -> None:
    one, two = chats.add(), chats.add()
    threads.set_tags(one, "local", ["b", "a"])
    threads.set_tags(one, "local", ["a", "c"])
    threads.add_tags([two], "local", ["a"])
    assert threads.tags("local") == {"a": 2, "c": 1}
    threads.remove_tags([one, two], "local", ["a"])
    assert threads.tags("local") == {"c": 1}


CHANGES: list[Callable[[ThreadList, list[str]], object]] = [
    lambda threads, ids: threads.pin(ids, "local"),
    lambda threads, ids: threads.archive(ids, "local"),
    lambda threads, ids: threads.restore(ids, "local"),
    lambda threads, ids: threads.add_tags(ids, "local", ["x"]),
    lambda threads, ids: threads.remove_tags(ids, "local", ["theirs"]),
    lambda threads, ids: threads.rename(ids[-1], "local", "x"),
    lambda threads, ids: threads.set_tags(ids[-1], "local", ["x"]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_one_foreign_thread_among_many_changes_nothing(
    chats: Chats, threads: ThreadList, change: Callable[[ThreadList, list[str]], object]
) -> None:
    mine, hers = chats.add("mine"), chats.add("hers", owner="hers")
    threads.add_tags([hers], "hers", ["theirs"])
    before = threads.page("local"), threads.page("hers")
    with pytest.raises(NotFound) as foreign:
        change(threads, [mine, hers])
    with pytest.raises(NotFound) as unknown:
        change(threads, [mine, new_id()])
    assert foreign.value.message == unknown.value.message
    assert (threads.page("local"), threads.page("hers")) == before


@pytest.mark.parametrize("forged", ["", "' OR 1=1 --", "0" * 31, None, "../etc/passwd"])
def test_a_forged_id_answers_like_an_unknown_one(threads: ThreadList, forged: Any) -> None:
    with pytest.raises(NotFound):
        threads.pin([forged], "local")
    assert threads.mark_seen(forged, "local") is False


def test_the_state_is_the_first_that_is_true(
    chats: Chats, threads: ThreadList, running: set[str]
) -> None:
    names = ("idle", "unread", "failed", "waiting", "running")
    ids = {name: chats.add(name, seen=name == "idle") for name in names}
    failed = {name: chats.add(name, status="error") for name in ("failed", "waiting", "running")}
    ids |= failed
    for name in ("waiting", "running"):
        chats.ask_people(ids[name])
    running.add(ids["running"])
    assert threads.states("local", [*ids.values(), new_id()]) == {
        one: name for name, one in ids.items()
    }
    for name in ("waiting", "running", "failed"):
        assert titles(threads, state=name) == [name]


def test_a_question_that_was_decided_is_waiting_no_more(chats: Chats, threads: ThreadList) -> None:
    chats.ask_people(one := chats.add(), answered=True)
    assert threads.states("local", [one]) == {one: "idle"}


def test_looking_at_an_unread_thread_makes_it_seen(chats: Chats, threads: ThreadList) -> None:
    one = chats.add(seen=False)
    assert titles(threads, state="unread") == ["A chat"]
    assert threads.mark_seen(one, "hers") is False
    assert [threads.mark_seen(one, "local"), threads.mark_seen(one, "local")] == [True, False]
    assert titles(threads, state="unread") == []


def test_an_imported_thread_counts_as_seen(chats: Chats, threads: ThreadList) -> None:
    one = chats.add(seen=False, source="chatgpt")
    assert threads.states("local", [one]) == {one: "idle"}


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"agent": "policy"}, ["lost", "policy"]),
    ({"model": "gpt"}, ["failed", "policy"]),
    ({"agent": "policy", "model": "gpt"}, ["policy"]),
    ({"error": "any"}, ["lost", "failed"]),
    ({"error": "model_auth"}, ["failed"]),
    ({"error": "lost"}, ["lost"]),
    ({"rating": -1}, ["failed"]),
    ({"rating": 1}, ["policy"]),
    ({"tags": ("a",)}, ["lost", "policy"]),
    ({"tags": ("a", "b")}, ["policy"]),
    ({"tags": ("' OR 1=1",)}, []),
    ({"since_us": BEGIN_US + 2 * MINUTE_US}, ["lost", "failed"]),
    ({"before_us": BEGIN_US + 2 * MINUTE_US}, ["policy"]),
    ({"agent": "policy", "rating": 1, "tags": ("b",)}, ["policy"]),
]


@pytest.mark.parametrize(("wanted", "expected"), FILTERS)
def test_filters(
    chats: Chats, threads: ThreadList, wanted: dict[str, Any], expected: list[str]
) -> None:
    policy = chats.add("policy", agent="policy", model="gpt")
    failed = chats.add("failed", agent="billing", model="gpt", status="error",
                       error={"code": "model_auth"})  # fmt: skip
    lost = chats.add("lost", agent="policy", model="opus", status="lost")
    chats.rate(policy, 1)
    chats.rate(failed, -1)
    threads.set_tags(policy, "local", ["a", "b"])
    threads.set_tags(lost, "local", ["a"])
    assert titles(threads, **wanted) == expected
    assert threads.count("local", ThreadFilter(**wanted)) == len(expected)


def test_filters_offer_what_answers_of_the_person_have(chats: Chats, threads: ThreadList) -> None:
    chats.add(agent="policy", model="gpt", status="error", error={"code": "storage"})
    chats.add(agent="react", model="gpt")
    chats.add(owner="hers", agent="secret")
    facts = threads.facts("local")
    assert (facts.agents, facts.models, facts.errors) == (
        ("policy", "react"),
        ("gpt",),
        ("storage",),
    )


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "thread_listed"),
        ({"archived": True}, "thread_archived"),
        ({"pinned": False}, "thread_listed"),
        ({"since_us": 1}, "thread_listed"),
        ({"agent": "policy"}, "message_facts"),
        ({"error": "any"}, "message_facts"),
        ({"rating": 1}, "message_rating_by_owner"),
        ({"tags": ("a",)}, "sqlite_autoindex_thread_tag_1"),
    ],
)
def test_a_page_of_ten_thousand_threads_is_read_through_an_index(
    database: Database, threads: ThreadList, wanted: dict[str, Any], index: str
) -> None:
    with database.write() as connection:
        connection.execute(
            thread.insert(),
            [
                {"id": f"{n:032x}", "owner": "local", "kind": "chat", "title": str(n),
                 "created_at_us": n, "updated_at_us": n}
                for n in range(10_000)
            ],
        )  # fmt: skip
    plan = plans_of(database, lambda: threads.page("local", ThreadFilter(**wanted)))[0]
    assert index in plan
    assert "SCAN thread" not in plan
    assert "SCAN message" not in plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan


def plans_of(database: Database, read: Callable[[], object]) -> list[str]:
    """What SQLite says about each query of `read`."""
    said: list[tuple[str, Any]] = []
    engine = database._readers

    def note(_connection: Any, _cursor: Any, sql: str, values: Any, *_: Any) -> None:
        said.append((sql, values))

    event.listen(engine, "before_cursor_execute", note)
    read()
    event.remove(engine, "before_cursor_execute", note)
    with database.read() as connection:
        return [
            "\n".join(
                row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
            )
            for sql, values in said
            if sql.startswith("SELECT")
        ]
