"""The log of who did what."""

from __future__ import annotations

from typing import Any

import pytest

from agents.identity.audit import ACTIONS, Audit
from agents.identity.tables import audit
from core.database import Database
from core.errors import NotLoggedIn
from core.identity import Principal
from tests.agents.identity.house import House

ALICE = Principal(owner="alice", name="Alice", via="api_key", credential_id="k1")


def written(house: House) -> list[tuple[Any, ...]]:
    """Oldest first."""
    return [
        (one.who, one.via, one.action, one.target)
        for one in reversed(house.identity.audit.page().deeds)
    ]


def test_what_happens_to_accounts_is_written(house: House) -> None:
    accounts = house.identity.accounts
    house.add("alice", "admin")
    with pytest.raises(NotLoggedIn):
        house.log_in("alice", "wrong password")
    token = house.log_in()
    boss = house.identity.from_session(token)
    assert boss is not None
    accounts.add("bob", password="five words in a row", by=boss)
    accounts.set_role("bob", "analyst", by=boss)
    accounts.set_password("bob", "six words in a row", by=boss)
    key, _ = house.identity.keys.create(boss, "ci")
    house.identity.keys.revoke(key.id, boss)
    house.identity.sessions.end_all("bob", by=boss)
    accounts.disable("bob", by=boss)
    accounts.enable("bob", by=boss)
    house.identity.sessions.end(token)
    mine = ("alice", "password")
    assert written(house) == [
        (None, "command", "account_added", "alice"),
        (None, "password", "log_in_failed", "alice"),
        (*mine, "log_in", "alice"),
        (*mine, "account_added", "bob"),
        (*mine, "role_changed", "bob"),
        (*mine, "password_set", "bob"),
        (*mine, "key_created", key.id),
        (*mine, "key_revoked", key.id),
        (*mine, "sessions_ended", "bob"),
        (*mine, "account_disabled", "bob"),
        (*mine, "account_enabled", "bob"),
        (*mine, "log_out", ""),
    ]
    failed = house.identity.audit.page(action="log_in_failed").deeds[0]
    assert failed.detail == "wrong password 10.0.0.1"


def test_nothing_secret_or_long_gets_into_it(house: House) -> None:
    secret = "sb-" + "Ab3" * 14 + "x"
    house.identity.audit.note(
        ALICE, "settings_changed", "t" * 900, f"key {secret}\n\x00" + "d" * 900
    )
    (deed,) = house.identity.audit.page().deeds
    assert secret not in deed.detail
    assert (len(deed.target), len(deed.detail)) == (255, 300)
    assert "\n" not in deed.detail


def test_pages_follow_each_other_while_rows_are_added(house: House) -> None:
    log = house.identity.audit
    for number in range(25):
        log.note(ALICE, "thread_deleted", str(number))
    first = log.page(limit=10)
    log.note(ALICE, "thread_deleted", "new")
    second = log.page(limit=10, before=first.before)
    third = log.page(limit=10, before=second.before)
    shown = [deed.target for page in (first, second, third) for deed in page.deeds]
    assert shown == [str(number) for number in range(24, -1, -1)]
    assert third.before is None


def test_it_is_filtered_by_who_what_and_when(house: House) -> None:
    log = house.identity.audit
    bob = Principal(owner="bob", name="Bob", via="oidc")
    log.note(ALICE, "thread_deleted", "1")
    log.note(bob, "thread_deleted", "2")
    log.note(bob, "thread_exported", "3")
    second = log.page().deeds[1]
    assert [d.target for d in log.page(who="bob").deeds] == ["3", "2"]
    assert [d.target for d in log.page(action="thread_deleted").deeds] == ["2", "1"]
    assert [d.target for d in log.page(since_us=second.at_us).deeds] == ["3", "2"]
    assert [d.target for d in log.page(until_us=second.at_us).deeds] == ["1"]
    assert [d.target for d in log.page(who="bob", action="thread_exported").deeds] == ["3"]
    assert log.page(who="x' OR 1=1 --").deeds == ()


def test_a_row_that_cannot_be_written_is_counted_and_nobody_is_stopped(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Database("sqlite://")  # without tables
    log = Audit(broken)
    log.note(ALICE, "thread_deleted", "1")
    log.note(ALICE, "no such action", "1")  # type: ignore[arg-type]
    assert log.lost == 2
    assert "not in the audit log: thread_deleted 1" in caplog.text
    broken.close()


def test_who_is_erased_is_no_longer_named(house: House) -> None:
    house.add("alice", "admin")
    with pytest.raises(NotLoggedIn):
        house.log_in("alice", "wrong password")
    house.log_in()
    house.identity.keys.create_by_command("alice", "ci")
    house.identity.erase("alice", account=True)
    deeds = house.identity.audit.page().deeds
    assert len(deeds) == 6
    assert not any("alice" in f"{d.who} {d.target} {d.detail}" for d in deeds)


def test_every_action_fits_its_column() -> None:
    assert max(len(one) for one in ACTIONS) <= audit.c.action.type.length  # type: ignore[attr-defined]


def test_old_rows_are_removed_and_their_numbers_not_used_again(house: House) -> None:
    log = house.identity.audit
    log.note(ALICE, "thread_deleted", "1")
    house.clock.forward(729 * 86_400_000_000)
    log.note(ALICE, "thread_deleted", "2")
    assert log.tidy() == 0
    house.clock.forward(2 * 86_400_000_000)
    assert log.tidy() == 1
    house.clock.forward(730 * 86_400_000_000)
    house.identity.tidy()
    log.note(ALICE, "thread_deleted", "3")
    assert [(d.number, d.target) for d in log.page().deeds] == [(3, "3")]
