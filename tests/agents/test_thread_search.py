"""Search in chats: what is found, what a hit shows, what is gone after a deletion."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from agents.search_cleaning import SearchCleaning
from agents.search_words import snippet
from agents.tables import message, thread
from agents.thread_filter import ThreadFilter
from agents.thread_list import ThreadList
from agents.thread_search import ThreadSearch
from agents.threads import ThreadStore
from core.database import Database
from tests.agents.threads_house import Chats, open_database

TOOL = {"name": "query_metrics", "input": '{"of": "toolinput"}', "output": "tooloutput"}
SOURCE = {"title": "Refunds", "heading": "Deadlines", "text": "within fourteen days of citedword"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def chats(database: Database) -> Chats:
    return Chats(database)


@pytest.fixture(params=[True, False], ids=["index", "text"])
def search(request: pytest.FixtureRequest, database: Database) -> ThreadSearch:
    """Both ways of searching answer alike."""
    return ThreadSearch(database, set, index=request.param)


@pytest.fixture
def indexed(database: Database) -> ThreadSearch:
    return ThreadSearch(database, set)


def titles(search: ThreadSearch, query: str, **wanted: Any) -> list[str]:
    found = search.find("local", query, ThreadFilter(**wanted))
    return [hit.thread.title for hit in found.hits]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("questionword", "message"),
        ("answerword", "message"),
        ("toolinput", "tool"),
        ("tooloutput", "tool"),
        ("query_metrics", "tool"),
        ("citedword", "source"),
        ("deadlines", "source"),
        ("titleword", "title"),
        ("tagword", "tag"),
    ],
)
def test_a_word_is_found_wherever_it_is(
    chats: Chats, database: Database, search: ThreadSearch, query: str, where: str
) -> None:
    one = chats.add("Titleword", "questionword?", "answerword.", tools=[TOOL], sources=[SOURCE])
    ThreadList(database, set).add_tags([one], "local", ["tagword"])
    chats.add("Another")
    (hit,) = search.find("local", query).hits
    assert (hit.thread.id, hit.where) == (one, where)
    assert any(piece.matched for piece in hit.snippet)


def test_all_words_must_be_there_in_any_order(chats: Chats, search: ThreadSearch) -> None:
    chats.add("both", answer="alpha then beta")
    chats.add("one", answer="alpha alone")
    assert titles(search, "beta alpha") == ["both"]


def test_the_last_word_may_be_a_beginning(chats: Chats, search: ThreadSearch) -> None:
    chats.add("whole", answer="reimbursement of travel")
    assert titles(search, "travel reimb") == ["whole"]


def test_capitals_and_accents_make_no_difference(chats: Chats, indexed: ThreadSearch) -> None:
    chats.add("café", answer="Crème brûlée in ZÜRICH")
    assert titles(indexed, "creme BRULEE zurich") == ["café"]
    (hit,) = indexed.find("local", "zurich").hits
    assert [piece.text for piece in hit.snippet if piece.matched] == ["ZÜRICH"]


@pytest.mark.parametrize("query", ["数据保护", "保护", "ระยะเวลา"])
def test_writing_without_spaces_is_found_inside(
    chats: Chats, indexed: ThreadSearch, query: str
) -> None:
    chats.add(
        "zh", answer="我们的数据保护政策。", sources=[{"title": "", "text": "เกี่ยวกับระยะเวลาคืนเงิน"}]
    )
    assert titles(indexed, query) == ["zh"]


def test_newest_hit_comes_first_and_each_thread_once(chats: Chats, search: ThreadSearch) -> None:
    for name in ("old", "new"):
        chats.add(name, "word?", "word, word.")
    assert titles(search, "word") == ["new", "old"]


def test_the_limit_says_that_there_are_more(chats: Chats, search: ThreadSearch) -> None:
    for n in range(3):
        chats.add(str(n), answer="word")
    found = search.find("local", "word", limit=2)
    assert (len(found.hits), found.more) == (2, True)
    assert not search.find("local", "word", limit=3).more


def test_hits_are_found_beyond_the_first_documents(chats: Chats, indexed: ThreadSearch) -> None:
    chats.add("mine", answer="word")
    for n in range(150):
        chats.add(str(n), "word", "word", owner="hers")
    assert titles(indexed, "word") == ["mine"]


def test_what_is_not_listed_is_not_found(chats: Chats, search: ThreadSearch) -> None:
    chats.add("hers", answer="word", owner="hers")
    chats.add("compared", answer="word", kind="compare")
    assert titles(search, "word") == []


def test_a_comparison_that_became_a_chat_is_found(
    chats: Chats, database: Database, indexed: ThreadSearch
) -> None:
    one = chats.add("kept", answer="word", kind="compare")
    ThreadStore(database).promote(one, "local")
    assert titles(indexed, "word") == ["kept"]


def test_filters_narrow_a_search(chats: Chats, database: Database, search: ThreadSearch) -> None:
    chats.add("a", answer="word", agent="policy")
    b = chats.add("b", answer="word", agent="billing")
    ThreadList(database, set).archive([b], "local")
    assert titles(search, "word") == ["a"]
    assert titles(search, "word", archived=True) == ["b"]
    assert titles(search, "word", agent="billing") == []


@pytest.mark.parametrize(
    "query",
    [
        '"', '""', "*", "^", "a AND", "NEAR(", "said:word", "(", ")", "-", "word OR", "NOT",
        "{said}: x", "'; DROP TABLE message; --", "%", "_", "\\", "word*", "\x00", "AND OR NOT",
        "💥", "é" * 5000, "- - -", "said : ^ *",
    ],
)  # fmt: skip
def test_what_people_type_is_never_a_query_language(
    chats: Chats, search: ThreadSearch, query: str
) -> None:
    chats.add("other", answer="nothing of it")
    assert titles(search, query) in ([], ["other"])


def test_a_percent_sign_is_not_a_wildcard(chats: Chats, search: ThreadSearch) -> None:
    chats.add(answer="a hundred")
    assert titles(search, "a%d") == []
    assert titles(search, "h_ndred") == []


def test_a_snippet_is_plain_text_in_pieces(chats: Chats, search: ThreadSearch) -> None:
    chats.add(answer="<script>alert(1)</script> ![x](http://evil) needle $5 **after**")
    (hit,) = search.find("local", "needle").hits
    assert [piece.text for piece in hit.snippet if piece.matched] == ["needle"]
    assert "".join(piece.text for piece in hit.snippet).startswith("<script>alert(1)")


def test_a_snippet_begins_shortly_before_the_first_hit() -> None:
    pieces = snippet("start " * 100 + "needle " + "end " * 100, ["needle"])
    shown = "".join(piece.text for piece in pieces)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 200
    assert "needle" in shown


def test_a_changed_title_and_a_removed_tag_are_found_no_more(
    chats: Chats, database: Database, indexed: ThreadSearch
) -> None:
    threads, one = ThreadList(database, set), chats.add("Before")
    threads.set_tags(one, "local", ["finance"])
    threads.rename(one, "local", "After")
    threads.set_tags(one, "local", [])
    assert [titles(indexed, word) for word in ("before", "after", "finance")] == [[], ["After"], []]


def test_an_answer_that_is_written_again_is_found_by_its_new_words(
    chats: Chats, database: Database, indexed: ThreadSearch
) -> None:
    one = chats.add("one", answer="oldword")
    with database.write() as connection:
        changed = update(message).where(message.c.id == chats.answer_of(one))
        connection.execute(changed.values(text="newword"))
    assert (titles(indexed, "oldword"), titles(indexed, "newword")) == ([], ["one"])


def test_a_summary_that_is_no_json_does_not_keep_an_answer_from_being_saved(
    chats: Chats, database: Database
) -> None:
    one = chats.add()
    with database.write() as connection:
        connection.execute(
            text("UPDATE message SET summary = '{NaN' WHERE id = :id"),
            {"id": chats.answer_of(one)},
        )


@pytest.mark.parametrize("by", ["store", "cascade"])
def test_deleted_words_are_nowhere_in_the_file(
    chats: Chats, database: Database, indexed: ThreadSearch, by: str
) -> None:
    """FTS5 keeps the words of removed documents until its parts are merged."""
    for n in range(50):
        chats.add(str(n), answer="kept word")
    gone = chats.add(
        "zebratitle",
        "zebraquestion",
        "zebraanswer",
        tools=[{"name": "t", "output": "zebratool"}],
        sources=[{"title": "s", "text": "zebrasource"}],
    )
    ThreadList(database, set).add_tags([gone], "local", ["zebratag"])
    database.empty_log()
    assert database.path is not None
    assert b"zebra" in database.path.read_bytes()
    if by == "store":
        ThreadStore(database).delete(gone, "local")
    else:
        with database.write() as connection:
            connection.execute(delete(thread).where(thread.c.id == gone))
    assert SearchCleaning(database).now()
    database.empty_log()
    for part in database.path.parent.iterdir():
        assert b"zebra" not in part.read_bytes(), part
    assert titles(indexed, "zebraanswer") == []
    assert len(titles(indexed, "kept")) == 30


def test_cleaning_in_the_background_ends_with_its_work(chats: Chats, database: Database) -> None:
    one = chats.add(answer="zebraanswer")
    ThreadStore(database).delete(one, "local")
    cleaning = SearchCleaning(database)
    cleaning.soon()
    cleaning.soon()
    thread_ = cleaning._thread
    if thread_ is not None:
        thread_.join(10)
    assert cleaning._thread is None
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM search_dirty")) == 0
    cleaning.close()


def test_the_index_agrees_with_the_text_after_all_kinds_of_changes(
    chats: Chats, database: Database
) -> None:
    threads = ThreadList(database, set)
    ids = [chats.add(str(n), answer=f"word{n}", tools=[TOOL]) for n in range(20)]
    threads.add_tags(ids, "local", ["a", "b"])
    threads.remove_tags(ids[:5], "local", ["a"])
    threads.rename(ids[3], "local", "renamed")
    for one in ids[10:]:
        ThreadStore(database).delete(one, "local")
    SearchCleaning(database).now()
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO message_search (message_search) VALUES ('integrity-check')")
        )
        assert connection.scalar(text("SELECT count(*) FROM search_doc")) == 10 * 5 - 5


def test_many_messages_of_one_second_are_all_numbered(chats: Chats, database: Database) -> None:
    """The numbers of a second can be used up."""
    one = chats.add()
    with database.write() as connection:
        connection.execute(
            message.insert(),
            [
                {"id": f"{n:032x}", "thread_id": one, "position": n + 2, "run_id": "r",
                 "role": "user", "text": "crowd", "created_at_us": chats.clock_us}
                for n in range(4_200)
            ],
        )  # fmt: skip
    found = ThreadSearch(database, set).find("local", "crowd")
    assert [hit.thread.id for hit in found.hits] == [one]
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM search_doc")) == 4_203


OLD_SCHEMA = """
CREATE TABLE thread (id VARCHAR(32) PRIMARY KEY, owner VARCHAR(255) NOT NULL, kind VARCHAR(16) NOT NULL,
 group_id VARCHAR(32), title TEXT NOT NULL, created_at_us BIGINT NOT NULL, updated_at_us BIGINT NOT NULL);
CREATE TABLE message (id VARCHAR(32) PRIMARY KEY, thread_id VARCHAR(32) NOT NULL REFERENCES thread (id)
 ON DELETE CASCADE, position INTEGER NOT NULL, run_id VARCHAR(32) NOT NULL, role VARCHAR(16) NOT NULL,
 text TEXT NOT NULL, summary JSON, created_at_us BIGINT NOT NULL);
CREATE TABLE run (id VARCHAR(32) PRIMARY KEY, thread_id VARCHAR(32) NOT NULL REFERENCES thread (id)
 ON DELETE CASCADE, owner VARCHAR(255) NOT NULL, graph VARCHAR(64) NOT NULL, status VARCHAR(16) NOT NULL,
 request JSON NOT NULL, question_id VARCHAR(32) NOT NULL, answer_id VARCHAR(32),
 started_at_us BIGINT NOT NULL, checkpointed INTEGER NOT NULL);
INSERT INTO thread VALUES ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'local', 'chat', NULL, 'Old title', 1, 2);
INSERT INTO message VALUES ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 0,
 'r', 'user', 'oldquestion', 'null', 1);
INSERT INTO message VALUES ('cccccccccccccccccccccccccccccccc', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1,
 'r', 'assistant', 'oldanswer', '{"status": "completed", "sources": [{"text": "oldsource"}]}', 2);
"""


@pytest.mark.parametrize("query", ["oldquestion", "oldanswer", "oldsource", "old title"])
def test_what_was_said_before_the_index_is_found(tmp_path: Path, query: str) -> None:
    with sqlite3.connect(tmp_path / "app.db") as old:
        old.executescript(OLD_SCHEMA)
    old.close()
    database = open_database(tmp_path)
    assert titles(ThreadSearch(database, set), query) == ["Old title"]
    states = ThreadList(database, set).states("local", ["a" * 32])
    assert states == {"a" * 32: "idle"}
    database.close()
