"""What was there before anybody logged in becomes somebody's; and somebody who leaves is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from agents.comparing.tables import vote
from agents.evaluation.question_set import Case
from agents.identity.tables import TABLES
from agents.run import TurnRequest
from agents.runtime import Runtime
from agents.runtime.adopting import adopt
from agents.tables import metadata, queued_message, run, thread
from analytics.adoption import adopt_user
from analytics.queries import Filter
from analytics.queries.people import top_people
from analytics.schema import feedback, label, saved_view
from analytics.schema import run as recorded
from analytics.views import save_view
from core.comparison import Configuration
from core.errors import NotFound, NotLoggedIn
from core.settings import load_settings
from tests.agents.identity.house import PASSWORD

pytestmark = pytest.mark.slow

PAIR = [Configuration(model="local:extractive"), Configuration(model="openai:gpt-4o-mini")]


@pytest.fixture
def runtime(data_dir: Path) -> Iterator[Runtime]:
    made = Runtime(load_settings(env_file=None, auth="accounts"))
    yield made
    made.close(2.0)


def ask(runtime: Runtime, owner: str) -> str:
    """The thread of a finished turn."""
    started = runtime.start(TurnRequest(text="What is Switchboard?", owner=owner))
    for _ in started.follow():
        pass
    assert started.events[-1].type == "completed"
    answer = runtime.threads.messages(started.thread_id, owner)[-1]
    runtime.rate(answer.id, owner, 1)
    assert runtime.recorder.flush()
    return started.thread_id


def ballot(connection: Connection, number: int, voter: str, source: str = "page") -> None:
    connection.execute(
        insert(vote).values(
            id=f"{number:032x}", source=source, voter=voter, outcome="a", judged={}, flags="",
            reasons=[], question="", at_us=1, changed_at_us=1,
        )
    )  # fmt: skip


def fill(runtime: Runtime, owner: str, name: str) -> str:
    """Something of every kind."""
    runtime.comparisons.lineups.save(owner, name, PAIR)
    runtime.evaluations.sets.save(owner, name, [Case(id="1", question=f"Why, {owner}?")])
    runtime.preferences.set(owner, "model", "local:extractive")
    assert runtime.knowledge.notes is not None
    runtime.knowledge.notes.save(owner, "A note", f"of {owner}")
    runtime.recorder.write(lambda c: save_view(c, owner, name, f"?user={owner}"))
    return ask(runtime, owner)


def owners(runtime: Runtime) -> dict[str, set[str]]:
    """Everybody a table of app.db names."""
    found: dict[str, set[str]] = {}
    with runtime.database.read() as connection:
        for table in metadata.sorted_tables:
            for name in ("owner", "voter", "answered_by"):
                if name in table.c and table not in TABLES:
                    values = connection.execute(select(table.c[name]).distinct()).scalars()
                    found.setdefault(table.name, set()).update(one for one in values if one)
    return {table: names for table, names in found.items() if names}


def analytics(runtime: Runtime, column: Any) -> set[Any]:
    return runtime.recorder.write(lambda c: set(c.execute(select(column)).scalars()))


def waiting_thread(connection: Connection, thread_id: str) -> str:
    connection.execute(
        insert(thread).values(
            id=thread_id, owner="local", kind="chat", title="T", created_at_us=1, updated_at_us=1
        )
    )
    return thread_id


def test_everything_of_before_becomes_the_accounts(runtime: Runtime) -> None:
    thread_id = fill(runtime, "local", "Mine")
    runtime.identity.accounts.add("alice", password=PASSWORD)
    adopted = adopt(runtime, "alice")
    assert set(adopted.rows) >= {"thread", "run", "message_rating", "preference", "lineup"}
    assert (adopted.runs, adopted.notes) == (1, 1)
    assert set().union(*owners(runtime).values()) == {"alice"}
    assert runtime.threads.get(thread_id, "alice").id == thread_id
    assert [one.name for one in runtime.comparisons.lineups.list("alice")] == ["Mine"]
    assert runtime.knowledge.notes is not None
    assert runtime.knowledge.notes.count("alice") == 1
    for column in (recorded.c.user_id, feedback.c.user_id, saved_view.c.owner):
        assert analytics(runtime, column) == {"alice"}
    again = adopt(runtime, "alice")
    assert (again.rows, again.runs, again.notes) == ({}, 0, 0)


def test_where_both_have_something_nothing_is_lost(runtime: Runtime) -> None:
    runtime.identity.accounts.add("alice", password=PASSWORD)
    first, second = fill(runtime, "local", "Port"), fill(runtime, "alice", "Port")
    runtime.preferences.set("local", "note", "from before")
    adopt(runtime, "alice")
    assert set().union(*owners(runtime).values()) == {"alice"}
    assert {t.id for t in runtime.threads.recent("alice")} == {first, second}
    assert [one.name for one in runtime.comparisons.lineups.list("alice")] == ["Port", "Port (2)"]
    assert {one.name for one in runtime.evaluations.sets.list("alice")} == {"Port", "Port (2)"}
    assert analytics(runtime, saved_view.c.name) == {"Port", "Port (2)"}
    assert analytics(runtime, recorded.c.user_id) == {"alice"}
    assert runtime.preferences.load("alice").note == "from before"
    people = runtime.queries.ask(top_people, Filter(range="24h"))
    assert [(one.user, one.runs) for one in people.rows] == [("alice", 2)]


def test_votes_of_others_and_of_models_stay_theirs(runtime: Runtime) -> None:
    runtime.identity.accounts.add("alice", password=PASSWORD)
    with runtime.database.write() as connection:
        ballot(connection, 1, "local")
        ballot(connection, 2, "local", "import:1")
        ballot(connection, 3, "openai:gpt-4o", "judge:openai:gpt-4o")
    assert adopt(runtime, "alice").rows == {"vote": 1}
    assert owners(runtime)["vote"] == {"alice", "local", "openai:gpt-4o"}


def test_a_message_that_waits_is_sent_for_its_new_owner(runtime: Runtime) -> None:
    runtime.identity.accounts.add("alice", password=PASSWORD)
    kept = {"owner": "local", "model": None}
    with runtime.database.write() as connection:
        connection.execute(
            insert(queued_message).values(
                id="1" * 32, thread_id=waiting_thread(connection, "0" * 32), owner="local", text="Hi", request=kept,
                created_at_us=1,
            )
        )  # fmt: skip
    adopt(runtime, "alice")
    with runtime.database.read() as connection:
        assert connection.execute(select(queued_message.c.request)).scalar_one() == {
            "owner": "alice",
            "model": None,
        }


def test_nothing_is_given_to_somebody_unknown(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        adopt(runtime, "alice")


def test_figures_made_ready_follow_by_name_when_the_person_is_new(runtime: Runtime) -> None:
    def known(names: set[str]) -> None:
        def write(connection: Connection) -> None:
            for code, name in enumerate(sorted(names), 1):
                connection.execute(insert(label).values(kind="user", code=code, name=name))

        runtime.recorder.write(write)

    known({"local", "zoe"})
    adopt_user(runtime.recorder, "local", "alice")
    assert {"alice", "zoe"} <= analytics(runtime, label.c.name)
    assert "local" not in analytics(runtime, label.c.name)


# -- somebody who leaves


def test_an_erased_person_is_logged_out_and_the_account_can_go_too(
    runtime: Runtime, data_dir: Path
) -> None:
    name = "ann-4711-nobody-else"
    identity = runtime.identity
    identity.accounts.add(name, password=PASSWORD)
    token = identity.accounts.log_in(name, PASSWORD, "")
    principal = identity.from_session(token)
    assert principal is not None
    _, secret = identity.keys.create(principal, "ci")
    ask(runtime, name)

    runtime.erase_person(name)
    assert identity.from_session(token) is None
    with pytest.raises(NotLoggedIn):
        identity.from_bearer(f"Bearer {secret}")
    assert identity.accounts.get(name).owner == name

    runtime.erase_person(name, account=True)
    with pytest.raises(NotFound):
        identity.accounts.get(name)
    for path in data_dir.glob("a*.db*"):
        assert name.encode() not in path.read_bytes(), path.name
    assert [one for one in identity.audit.page().deeds if name in json.dumps(str(one))] == []


def test_the_file_of_all_chats_goes_with_its_person(runtime: Runtime, data_dir: Path) -> None:
    """It stayed on the disk, and whoever got the same login name next was offered it."""
    ask(runtime, "ann")
    runtime.exchange.start_export("ann", "json")
    assert runtime.exchange.wait("ann", 10)
    job = runtime.exchange.job("ann")
    assert job is not None
    assert job.path.exists()
    runtime.erase_person("ann")
    assert runtime.exchange.job("ann") is None
    assert not job.path.exists()


def test_erasing_somebody_without_an_account_works_as_before(runtime: Runtime) -> None:
    runtime.preferences.set("bob", "model", "local:extractive")
    runtime.erase_person("bob", account=True)
    assert runtime.preferences.values("bob") == {}
    assert runtime.identity.audit.page().deeds == ()


def test_requests_of_runs_name_their_new_owner(runtime: Runtime) -> None:
    runtime.identity.accounts.add("alice", password=PASSWORD)
    with runtime.database.write() as connection:
        thread_id = waiting_thread(connection, "0" * 32)
        for number in range(3):
            connection.execute(
                insert(run).values(
                    id=f"{number:032x}", thread_id=thread_id, owner="local", graph="supervisor",
                    status="completed", request={"owner": "local", "n": number}, question_id="q",
                    parent_id="p", position=1, started_at_us=number,
                )
            )  # fmt: skip
    adopt(runtime, "alice")
    with runtime.database.read() as connection:
        found = connection.execute(select(run.c.request).order_by(run.c.id)).scalars().all()
    assert found == [{"owner": "alice", "n": number} for number in range(3)]
