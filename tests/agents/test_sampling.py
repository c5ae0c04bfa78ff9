"""Questions of past chats: whose, which, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from agents.evaluation.reading import read_set
from agents.evaluation.sampling import CONSENT, Asked, asked_before, consenting, draw
from agents.preference_store import PreferenceStore
from agents.tables import message, metadata, thread
from core.database import Database
from core.errors import InvalidInput
from core.ids import new_id

TEN = [Asked(question=f"Question {n}?", agent="billing" if n % 2 else None) for n in range(10)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    built = Database(f"sqlite:///{tmp_path / 'app.db'}", metadata=metadata)
    yield built
    built.close()


def chat(database: Database, owner: str, *said: str, kind: str = "chat", at_us: int = 1) -> None:
    """Questions and answers in turn."""
    thread_id = new_id()
    row = {"id": thread_id, "owner": owner, "kind": kind, "title": "", "created_at_us": at_us}
    rows = [
        {
            "id": new_id(),
            "thread_id": thread_id,
            "position": n,
            "run_id": new_id(),
            "role": "assistant" if n % 2 else "user",
            "text": text,
            "summary": {"agent": "technical"} if n % 2 else None,
            "created_at_us": at_us,
        }
        for n, text in enumerate(said)
    ]
    with database.write() as connection:
        connection.execute(insert(thread).values(row | {"updated_at_us": at_us}))
        connection.execute(insert(message), rows)


def agree(database: Database, owner: str, value: bool = True) -> None:
    PreferenceStore(database).agree(owner, CONSENT, value)


def test_only_first_questions_of_chats_of_those_who_agreed_are_used(database: Database) -> None:
    agree(database, "ann")
    agree(database, "bob", False)
    chat(database, "ann", "First?", "Yes.", "Second?", "No.")
    chat(database, "ann", "Compared?", "Yes.", kind="compare")
    chat(database, "bob", "Bob's?", "Yes.")
    chat(database, "eve", "Eve's?", "Yes.")
    assert consenting(database) == {"ann"}
    assert asked_before(database) == [Asked(question="First?", agent="technical")]


def test_a_question_nobody_answered_has_no_agent(database: Database) -> None:
    agree(database, "ann")
    chat(database, "ann", "Lost?")
    assert asked_before(database) == [Asked(question="Lost?", agent=None)]


def test_questions_that_differ_in_case_and_blanks_are_one(database: Database) -> None:
    agree(database, "ann")
    chat(database, "ann", "How do I  pay?", "So.", at_us=1)
    chat(database, "ann", "how do i pay?", "So.", at_us=2)
    assert [one.question for one in asked_before(database)] == ["how do i pay?"]


def test_chats_that_were_begun_before_are_left_out(database: Database) -> None:
    agree(database, "ann")
    chat(database, "ann", "Old?", "Yes.", at_us=10)
    chat(database, "ann", "New?", "Yes.", at_us=20)
    assert [one.question for one in asked_before(database, since_us=11)] == ["New?"]


def test_the_same_seed_draws_the_same_in_whatever_order_they_come() -> None:
    drawn = draw(TEN, 3, seed=7)
    assert drawn == draw(TEN[::-1], 3, seed=7)
    assert len({case.id for case in drawn}) == 3
    assert drawn != draw(TEN, 3, seed=8)


def test_only_what_an_agent_answered_is_drawn_and_it_is_the_tag() -> None:
    drawn = draw(TEN, 100, seed=1, agent="billing")
    assert {case.tags for case in drawn} == {("billing",)}
    assert len(drawn) == 5


def test_a_drawn_case_has_the_id_it_gets_when_it_is_read_from_a_file() -> None:
    (case,) = draw([TEN[0]], 1, seed=1)
    assert (case,) == read_set(b'{"question": "Question 0?"}', "set.jsonl").cases


@pytest.mark.parametrize("size", [0, 1_001])
def test_a_size_that_cannot_be_is_refused(size: int) -> None:
    with pytest.raises(InvalidInput, match=r"1 to 1,000 questions"):
        draw(TEN, size, seed=1)
