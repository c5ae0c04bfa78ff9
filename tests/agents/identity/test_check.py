"""Asking once a second whether somebody may go on."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from agents.identity.changes import FRESH_S, Changes
from agents.identity.values import COARSE_US
from core.errors import NotLoggedIn, StorageError
from core.identity import Principal
from tests.agents.identity.house import House

SOMEBODY = Principal(owner="alice", name="A", via="password", credential_id="1")


class Monotonic:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_what_was_found_is_kept_for_a_moment() -> None:
    clock, looked = Monotonic(), []

    def look(asked: Principal) -> Principal:
        looked.append(asked)
        return replace(asked, role="admin")

    changes = Changes(clock)
    for _ in range(5):
        assert changes.fresh(SOMEBODY, look).role == "admin"
    assert len(looked) == 1
    clock.now += FRESH_S
    changes.fresh(SOMEBODY, look)
    changes.fresh(replace(SOMEBODY, credential_id="2"), look)
    changes.made()
    changes.fresh(SOMEBODY, look)
    assert len(looked) == 4


def test_what_was_read_before_a_change_is_not_kept() -> None:
    changes = Changes(Monotonic())

    def look_while_somebody_changes_it(asked: Principal) -> Principal:
        changes.made()
        return asked

    assert changes.fresh(SOMEBODY, look_while_somebody_changes_it) == SOMEBODY
    assert changes.fresh(SOMEBODY, lambda asked: replace(asked, role="admin")).role == "admin"


def test_a_refusal_is_not_kept() -> None:
    def refuse(asked: Principal) -> Principal:
        raise NotLoggedIn("no")

    changes = Changes(Monotonic())
    with pytest.raises(NotLoggedIn):
        changes.fresh(SOMEBODY, refuse)
    assert changes.fresh(SOMEBODY, lambda asked: asked) == SOMEBODY


def test_a_change_in_this_process_is_seen_at_once(house: House) -> None:
    house.add(role="admin")
    principal = house.identity.from_session(house.log_in())
    assert principal is not None
    house.identity.check(principal)
    house.identity.accounts.disable("alice")
    with pytest.raises(NotLoggedIn):
        house.identity.check(principal)


def test_a_session_of_one_person_never_passes_for_another(house: House) -> None:
    house.add("alice")
    house.add("bob", "admin")
    principal = house.identity.from_session(house.log_in("bob"))
    assert principal is not None
    with pytest.raises(NotLoggedIn):
        house.identity.check(replace(principal, owner="alice"))
    assert house.identity.check(replace(principal, role="user")).role == "admin"


def test_nobody_is_kept_out_by_a_database_that_cannot_be_written(house: House) -> None:
    """When it was last used is written every five minutes; with a full disk that ended every page
    and every stream of everybody."""
    house.add()
    session = house.identity.from_session(house.log_in())
    assert session is not None
    _, secret = house.identity.keys.create(session, "cron")
    key = house.identity.from_bearer(f"Bearer {secret}")
    house.clock.forward(2 * COARSE_US)
    house.folder.joinpath("app.db").rename(house.folder / "away.db")
    with pytest.raises(StorageError):
        house.identity.sessions.end_one(session)
    assert house.identity.check(session) == session
    assert house.identity.check(key) == key
    assert house.identity.from_bearer(f"Bearer {secret}") == key


def test_checking_from_many_threads_while_it_ends(house: House) -> None:
    house.add()
    principal = house.identity.from_session(house.log_in())
    assert principal is not None
    ended, late, together = threading.Event(), [], threading.Barrier(5)

    def ask() -> None:
        together.wait()
        for _ in range(200):
            was_ended = ended.is_set()
            try:
                house.identity.check(principal)
            except NotLoggedIn:
                return
            if was_ended:
                late.append(1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    together.wait()
    house.identity.sessions.end_all("alice")
    ended.set()
    for thread in threads:
        thread.join()
    assert late == []
    with pytest.raises(NotLoggedIn):
        house.identity.check(principal)
