"""Accounts, passwords and sessions of people who log in here."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from agents.identity.owners import external_owner, login_name
from agents.identity.passwords import Passwords
from core.errors import InvalidInput, NotFound, NotLoggedIn
from core.identity import LOCAL, Principal
from tests.agents.identity.house import HOUR_US, PASSWORD, House, fast


def test_who_logs_in_is_who_the_session_names(house: House) -> None:
    house.identity.accounts.add("Alice", name="Alice A.", role="analyst", password=PASSWORD)
    found = house.identity.from_session(house.log_in(" ALICE "))
    assert found is not None
    assert (found.owner, found.name, found.role, found.via) == (
        "alice", "Alice A.", "analyst", "password",
    )  # fmt: skip
    assert house.identity.check(found) == found


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("alice", "another password"),
        ("alice", ""),
        ("alice", PASSWORD + "x" * 2000),
        ("alice", "\ud800" * 12),
        ("nobody-here", PASSWORD),
        ("", PASSWORD),
        ("local", PASSWORD),
        ("x" * 100_000, PASSWORD),
        ("alice' OR 1=1 --", PASSWORD),
        ("disabled", PASSWORD),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(house: House, login: str, password: str) -> None:
    house.add()
    house.add("disabled")
    house.identity.accounts.disable("disabled")
    with pytest.raises(NotLoggedIn) as caught:
        house.log_in(login, password)
    assert str(caught.value) == "The name or the password is not right."


class Counting(PasswordHasher):
    """Counts what takes the time."""

    checks = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        type(self).checks += 1
        assert self.check_needs_rehash(hash) is False  # as costly as every other
        return super().verify(hash, password)


@pytest.mark.parametrize("login", ["alice", "unknown", "", "local", "disabled"])
def test_a_name_that_does_not_exist_costs_as_much_as_one_that_does(
    tmp_path: Path, login: str
) -> None:
    counting = Counting(time_cost=1, memory_cost=8, parallelism=1)
    house = House(tmp_path, passwords=Passwords(counting))
    house.add()
    house.add("disabled")
    house.identity.accounts.disable("disabled")
    Counting.checks = 0
    with pytest.raises(NotLoggedIn):
        house.log_in(login, "a wrong password")
    assert Counting.checks == 1
    house.database.close()


def test_a_provider_account_has_no_password_to_guess(house: House) -> None:
    now = house.clock.now // 1_000_000
    claims = {"iss": "https://idp", "sub": "bob", "iat": now, "exp": now + 60}
    owner = house.identity.from_oidc(claims).owner
    for login in ("bob", owner):
        with pytest.raises(NotLoggedIn):
            house.log_in(login, "")
    with pytest.raises(InvalidInput):
        house.identity.accounts.set_password(owner, PASSWORD)


@pytest.mark.parametrize(
    "password",
    ["", "eleven chars"[:11], "x" * 1001, "password1234", "PASSWORD1234", "aaaaaaaaaaab",
     "frederickson", "\ud800aaaabbbbccccdddd"],
)  # fmt: skip
def test_a_weak_password_is_refused(house: House, password: str) -> None:
    with pytest.raises(InvalidInput):
        house.identity.accounts.add("frederickson", password=password)
    assert house.identity.accounts.all() == []


def test_the_longest_password_and_one_of_other_letters_work(house: House) -> None:
    for login, password in (("long", "äb cd" * 200), ("greek", "συνθηματικό φράση")):
        house.identity.accounts.add(login, password=password)
        assert house.log_in(login, password)


def test_one_password_typed_on_two_keyboards_is_the_same(house: House) -> None:
    house.identity.accounts.add("zoe", password="cafe\u0301 au lait 12")
    assert house.log_in("zoe", "caf\u00e9 au lait 12")


def test_a_hash_with_old_parameters_is_made_anew_at_the_next_login(house: House) -> None:
    house.add()
    before = _password_of(house)
    house.passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    house.again()
    house.log_in()
    after = _password_of(house)
    assert ("t=1," in before, "t=2," in after) == (True, True)
    assert house.log_in()


def _password_of(house: House) -> str:
    with sqlite3.connect(house.folder / "app.db") as connection:
        (kept,) = connection.execute("SELECT password FROM account").fetchone()
    connection.close()
    return str(kept)


def test_no_secret_is_in_the_database(house: House) -> None:
    house.add(role="admin")
    token = house.log_in()
    principal = house.identity.from_session(token)
    assert principal is not None
    _, secret = house.identity.keys.create(principal, "ci", ["chat"], 1)
    house.database.close()
    stored = b"".join(file.read_bytes() for file in house.folder.glob("app.db*"))
    assert principal.credential_id is not None
    assert principal.credential_id.encode() in stored  # what is looked for would be found
    for clear in (token, secret, secret[3:], PASSWORD):
        assert clear.encode() not in stored


def test_a_new_password_ends_what_the_old_one_opened(house: House) -> None:
    owner = house.add()
    token = house.log_in()
    principal = house.identity.from_session(token)
    assert principal is not None
    _, secret = house.identity.keys.create(principal, "ci")
    house.identity.accounts.set_password(owner, "another five words in a row")
    assert house.identity.from_session(token) is None
    with pytest.raises(NotLoggedIn):
        house.identity.from_bearer(f"Bearer {secret}")
    with pytest.raises(NotLoggedIn):
        house.log_in()
    assert house.identity.from_session(house.log_in("alice", "another five words in a row"))


def test_a_password_that_is_changed_while_somebody_logs_in_with_the_old_one(tmp_path: Path) -> None:
    """The old password was right when it was looked at; its session must not outlive the change."""

    class Slow(Passwords):
        def fits(self, kept: str | None, password: object) -> bool:
            right = super().fits(kept, password)
            house.identity.accounts.set_password("alice", "changed in the meantime")
            return right

    house = House(tmp_path)
    house.add()
    house.passwords = Slow(fast())
    house.again()
    token = house.log_in()
    assert house.identity.from_session(token) is None
    house.database.close()


def test_a_lower_role_ends_credentials_and_a_higher_one_does_not(house: House) -> None:
    owner = house.add(role="analyst")
    token = house.log_in()
    house.identity.accounts.set_role(owner, "admin")
    found = house.identity.from_session(token)
    assert found is not None
    assert found.role == "admin"
    house.identity.accounts.set_role(owner, "user")
    assert house.identity.from_session(token) is None
    again = house.identity.from_session(house.log_in())
    assert again is not None
    assert again.role == "user"


def test_an_administrator_cannot_take_their_own_rights_away(house: House) -> None:
    owner = house.add(role="admin")
    me = house.identity.from_session(house.log_in())
    assert me is not None
    for work in (
        lambda: house.identity.accounts.disable(owner, by=me),
        lambda: house.identity.accounts.set_role(owner, "user", by=me),
    ):
        with pytest.raises(InvalidInput):
            work()
    assert house.identity.check(me).role == "admin"


def test_a_login_that_is_taken_in_other_letters_is_refused(house: House) -> None:
    house.add("alice")
    with pytest.raises(InvalidInput):
        house.add("ALICE")
    assert [one.owner for one in house.identity.accounts.all()] == ["alice"]


def test_unknown_people_are_not_found(house: House) -> None:
    accounts = house.identity.accounts
    for work in (accounts.get, accounts.disable, accounts.enable, accounts.delete):
        with pytest.raises(NotFound):
            work("nobody")


def test_a_disabled_person_comes_back_but_no_old_session(house: House) -> None:
    owner = house.add()
    token = house.log_in()
    house.identity.accounts.disable(owner)
    assert house.identity.from_session(token) is None
    house.identity.accounts.enable(owner)
    assert house.identity.from_session(token) is None
    assert house.identity.from_session(house.log_in())


# -- sessions


def test_a_session_ends_by_time(house: House) -> None:
    house.add()
    token = house.log_in()
    found = house.identity.from_session(token)
    assert found is not None
    house.clock.forward(12 * HOUR_US - 1_000_000)
    assert house.identity.from_session(token) is not None
    house.clock.forward(1_000_000)
    assert house.identity.from_session(token) is None
    with pytest.raises(NotLoggedIn):
        house.identity.check(found)


def test_logging_out_ends_this_session_and_no_other(house: House) -> None:
    house.add()
    first, second = house.log_in(), house.log_in()
    house.identity.sessions.end(first)
    house.identity.sessions.end(first)
    assert house.identity.from_session(first) is None
    assert house.identity.from_session(second) is not None
    assert len(house.identity.sessions.of("alice")) == 1


def test_all_sessions_of_one_person_end_at_once(house: House) -> None:
    house.add()
    house.add("bob")
    tokens = [house.log_in() for _ in range(3)]
    other = house.log_in("bob")
    house.identity.sessions.end_all("alice")
    assert [house.identity.from_session(one) for one in tokens] == [None] * 3
    assert house.identity.from_session(other) is not None
    assert house.identity.from_session(house.log_in()) is not None


def test_a_clock_that_is_set_back_locks_nobody_out_and_lets_nobody_in(house: House) -> None:
    owner = house.add()
    house.identity.sessions.end_all(owner)
    house.clock.forward(-HOUR_US)
    token = house.log_in()
    principal = house.identity.from_session(token)
    assert principal is not None
    _, secret = house.identity.keys.create(principal, "ci")
    assert house.identity.from_bearer(f"Bearer {secret}").owner == owner
    house.identity.sessions.end_all(owner)
    assert house.identity.from_session(token) is None
    with pytest.raises(NotLoggedIn):
        house.identity.from_bearer(f"Bearer {secret}")


def test_what_was_seen_is_written_now_and_then(house: House) -> None:
    house.add()
    token = house.log_in()
    begun = house.identity.sessions.of("alice")[0].seen_at_us
    house.identity.from_session(token)
    assert house.identity.sessions.of("alice")[0].seen_at_us == begun
    house.clock.forward(HOUR_US)
    house.identity.from_session(token)
    assert house.identity.sessions.of("alice")[0].seen_at_us > begun + HOUR_US


def test_sessions_of_a_way_in_that_was_closed_do_not_count(house: House) -> None:
    house.add()
    token = house.log_in()
    principal = house.identity.from_session(token)
    assert principal is not None
    house.again(auth="oidc")
    assert house.identity.from_session(token) is None
    with pytest.raises(NotLoggedIn):
        house.identity.check(principal)
    with pytest.raises(NotLoggedIn):
        house.log_in()


def test_old_sessions_are_removed(house: House) -> None:
    house.add()
    house.log_in()
    house.clock.forward(24 * 40 * HOUR_US)
    kept = house.log_in()
    house.identity.sessions.tidy()
    with house.database.read() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM login_session").scalar_one()
    assert count == 1
    assert house.identity.from_session(kept) is not None


@given(
    token=st.one_of(
        st.none(),
        st.text(),
        st.binary(),
        st.integers(),
        st.from_regex(r"[\w-]{43}", fullmatch=True),
    )
)
def test_no_other_token_is_a_session(
    tmp_path_factory: pytest.TempPathFactory, token: object
) -> None:
    house = _shared(tmp_path_factory)
    assert house.identity.from_session(token) is None  # type: ignore[arg-type]


_HOUSES: list[House] = []


def _shared(factory: pytest.TempPathFactory) -> House:
    """One for all examples."""
    if not _HOUSES:
        _HOUSES.append(House(factory.mktemp("shared")))
        _HOUSES[0].add()
        _HOUSES[0].log_in()
    return _HOUSES[0]


# -- where nobody logs in


def test_where_nobody_logs_in_everybody_is_the_one_person(house: House) -> None:
    identity = house.again(auth="")
    assert identity.from_bearer(None) == LOCAL
    assert identity.from_bearer("Bearer whatever") == LOCAL
    assert identity.check(LOCAL) == LOCAL
    assert identity.from_session("x" * 43) is None


def test_the_one_person_of_before_is_nobody_once_people_log_in(house: House) -> None:
    with pytest.raises(NotLoggedIn):
        house.identity.check(LOCAL)


# -- names that must not meet


def test_no_account_can_have_the_name_of_somebody_from_a_provider() -> None:
    for taken in ("local", "ext:0123456789abcdef:bob", "extsha:a:b", "a:b", "erased", "judge"):
        with pytest.raises(InvalidInput):
            login_name(taken)


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_two_people_of_providers_never_share_an_owner(
    issuer: str, subject: str, other_issuer: str, other: str
) -> None:
    mine, theirs = external_owner(issuer, subject), external_owner(other_issuer, other)
    if mine is not None and theirs is not None:
        assert (mine == theirs) == ((issuer, subject) == (other_issuer, other))
        assert len(mine) <= 255
        with pytest.raises(InvalidInput):
            login_name(mine)


@pytest.mark.parametrize("length", [1, 233, 234, 235, 236, 255])
def test_a_long_subject_has_an_owner_that_fits(length: int) -> None:
    first, second = external_owner("i", "a" * length), external_owner("i", "a" * (length - 1) + "b")
    assert first is not None
    assert second is not None
    assert first != second
    assert max(len(first), len(second)) <= 255


@pytest.mark.parametrize(
    "subject",
    [None, "", " ", "a ", "a\0b", "a\nb", "\ud800", "a\u202eb", "x" * 256, 7, ["a"], True],
)
def test_what_cannot_be_a_subject_is_nobody(subject: object) -> None:
    assert external_owner("https://idp", subject) is None


def test_a_principal_without_an_account_is_nobody(house: House) -> None:
    made_up = Principal(owner="alice", name="A", role="admin", via="password", credential_id="x")
    with pytest.raises(NotLoggedIn):
        house.identity.check(made_up)


def test_a_login_and_a_key_that_is_used_say_when_somebody_was_last_seen(house: House) -> None:
    """It was noted five minutes after a login only, and never of those who use nothing but keys."""
    house.add()
    house.add("bob")
    house.log_in()
    _, text = house.identity.keys.create_by_command("bob", "script")
    house.identity.from_bearer(f"Bearer {text}")
    seen = {one.owner: one.seen_at_us for one in house.identity.accounts.all()}
    assert seen["alice"] is not None
    assert seen["bob"] is not None
