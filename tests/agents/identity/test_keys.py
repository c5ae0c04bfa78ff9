"""API keys, and the one header they may come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.identity.credentials import is_api_key, new_api_key, new_session_token
from core.errors import InvalidInput, NotFound, NotLoggedIn, redact
from core.identity import LOCAL, Principal
from tests.agents.identity.house import HOUR_US, House

DAY_US = 24 * HOUR_US


def logged_in(house: House, login: str = "alice", role: str = "admin") -> Principal:
    house.add(login, role)
    found = house.identity.from_session(house.log_in(login))
    assert found is not None
    return found


def bearer(house: House, secret: str) -> Principal:
    return house.identity.from_bearer(f"Bearer {secret}")


def test_a_key_names_its_owner_with_its_scopes(house: House) -> None:
    alice = logged_in(house)
    key, secret = house.identity.keys.create(alice, "ci", ["chat", "analytics"], 30)
    found = bearer(house, secret)
    assert (found.owner, found.role, found.via, found.scopes, found.credential_id) == (
        "alice", "admin", "api_key", {"chat", "analytics"}, key.id,
    )  # fmt: skip
    assert not found.may("settings")
    assert not found.may("people")
    assert found.may("all_figures")
    assert house.identity.check(found) == found


def test_a_key_is_shown_once_and_then_only_its_ends(house: House) -> None:
    key, secret = house.identity.keys.create(logged_in(house), "ci")
    assert house.identity.keys.of("alice") == [key]
    assert key.hint == f"{secret[:7]}…{secret[-4:]}"
    assert secret not in repr(key)


def test_a_key_is_never_worth_more_than_the_role_of_its_owner(house: House) -> None:
    alice = logged_in(house, role="user")
    for beyond in ("admin",):
        with pytest.raises(InvalidInput):
            house.identity.keys.create(alice, "too much", [beyond])
    _, secret = house.identity.keys.create_by_command(
        "alice", "all", ["chat", "analytics", "admin"]
    )
    found = bearer(house, secret)
    assert [r for r in ("all_figures", "settings", "people") if found.may(r)] == []  # type: ignore[arg-type]
    house.identity.accounts.set_role("alice", "admin")
    assert bearer(house, secret).may("people")
    house.identity.accounts.set_role("alice", "analyst")
    with pytest.raises(NotLoggedIn):
        bearer(house, secret)


def test_a_key_cannot_make_a_key_with_more_scopes(house: House) -> None:
    alice = logged_in(house)
    _, secret = house.identity.keys.create(alice, "chat only", ["chat"])
    with pytest.raises(InvalidInput):
        house.identity.keys.create(bearer(house, secret), "more", ["admin"])


def test_a_revoked_key_ends_at_once(house: House) -> None:
    alice = logged_in(house)
    key, secret = house.identity.keys.create(alice, "ci")
    found = house.identity.check(bearer(house, secret))
    house.identity.keys.revoke(key.id, alice)
    house.identity.keys.revoke(key.id, alice)
    with pytest.raises(NotLoggedIn):
        house.identity.check(found)
    with pytest.raises(NotLoggedIn):
        bearer(house, secret)
    assert house.identity.keys.of("alice")[0].state(house.clock()) == "revoked"


def test_a_key_ends_with_its_days(house: House) -> None:
    key, secret = house.identity.keys.create(logged_in(house), "ci", ["chat"], 2)
    found = bearer(house, secret)
    house.clock.forward(2 * DAY_US - HOUR_US)
    bearer(house, secret)
    house.clock.forward(HOUR_US)
    with pytest.raises(NotLoggedIn):
        bearer(house, secret)
    with pytest.raises(NotLoggedIn):
        house.identity.check(found)
    assert key.state(house.clock()) == "expired"


def test_a_key_of_somebody_disabled_is_worth_nothing(house: House) -> None:
    _, secret = house.identity.keys.create(logged_in(house), "ci")
    house.identity.accounts.disable("alice")
    house.identity.accounts.enable("alice")
    with pytest.raises(NotLoggedIn):
        bearer(house, secret)


def test_a_foreign_key_is_revoked_by_administrators_only(house: House) -> None:
    key, secret = house.identity.keys.create(logged_in(house), "ci")
    bob = logged_in(house, "bob", "user")
    with pytest.raises(NotFound) as foreign:
        house.identity.keys.revoke(key.id, bob)
    with pytest.raises(NotFound) as unknown:
        house.identity.keys.revoke("0" * 32, bob)
    assert str(foreign.value) == str(unknown.value)
    assert bearer(house, secret)
    house.identity.keys.revoke(key.id, logged_in(house, "carol"))
    with pytest.raises(NotLoggedIn):
        bearer(house, secret)


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", ["chat"], None),
        ("x" * 61, ["chat"], None),
        ("\u200b\n", [], None),
        ("ci", [], None),
        ("ci", ["everything"], None),
        ("ci", ["chat"], 0),
        ("ci", ["chat"], 3651),
    ],
)
def test_a_key_that_cannot_be_is_not_made(
    house: House, name: str, scopes: list[str], days: int | None
) -> None:
    alice = logged_in(house)
    with pytest.raises(InvalidInput):
        house.identity.keys.create(alice, name, scopes, days)
    assert house.identity.keys.all() == []


def test_nobody_without_an_account_has_keys(house: House) -> None:
    with pytest.raises(NotFound):
        house.identity.keys.create(LOCAL, "ci")


def test_when_a_key_was_used_is_noted_now_and_then(house: House) -> None:
    _, secret = house.identity.keys.create(logged_in(house), "ci")
    bearer(house, secret)
    first = house.identity.keys.of("alice")[0].used_at_us
    assert first is not None
    bearer(house, secret)
    assert house.identity.keys.of("alice")[0].used_at_us == first
    house.clock.forward(HOUR_US)
    bearer(house, secret)
    assert (house.identity.keys.of("alice")[0].used_at_us or 0) > first + HOUR_US


# -- the header


@pytest.mark.parametrize(
    "header",
    [
        None, "", "null", "Bearer", "Bearer ", "Bearer null", "Bearer  {key}", "{key}",
        "Basic {key}", "Token {key}", "Bearer {key} ", "Bearer {key},Bearer {key}", " Bearer {key}",
        "Bearer {key}\n", "Bearer {key}x", "Bearer {short}", "Bearer sb-", "Bearer sb-' OR 1=1 --",
        "Bearer " + "x" * 100_000, "Bearer {key}\0", "Bearer \ud800", "Bearer {other}",
    ],
)  # fmt: skip
def test_only_a_bearer_token_that_holds_is_somebody(house: House, header: str | None) -> None:
    _, secret = house.identity.keys.create(logged_in(house), "ci")
    assert bearer(house, secret)
    if header is not None:
        for name, value in (
            ("{key}", secret),
            ("{short}", secret[:-1]),
            ("{other}", new_api_key()),
        ):
            header = header.replace(name, value)
    with pytest.raises(NotLoggedIn) as caught:
        house.identity.from_bearer(header)
    assert str(caught.value) == "This needs a login or a key that holds."


def test_the_token_of_a_session_is_no_bearer_token(house: House) -> None:
    house.add()
    with pytest.raises(NotLoggedIn):
        bearer(house, house.log_in())


def test_a_key_is_no_session(house: House) -> None:
    _, secret = house.identity.keys.create(logged_in(house), "ci")
    assert house.identity.from_session(secret) is None


def test_why_it_was_refused_is_in_the_log_without_the_key(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    secret = new_api_key()
    with pytest.raises(NotLoggedIn):
        bearer(house, secret)
    assert "an API key that is unknown or has ended" in caplog.text
    assert secret not in caplog.text


@given(
    text=st.one_of(st.text(), st.from_regex(r"sb-[A-Za-z0-9]{40,46}"), st.from_regex(r"Bearer .*"))
)
def test_hardly_any_text_is_a_key(text: str) -> None:
    assert is_api_key(text) == (
        len(text) == 46 and text.startswith("sb-") and text[3:].isascii() and text[3:].isalnum()
    )


@given(before=st.sampled_from(["", "key=", "Authorization: Bearer ", '"', "x "]), after=st.text())
def test_no_secret_is_written_into_a_message(before: str, after: str) -> None:
    key = new_api_key()
    assert key[3:-4] not in redact(f"{before}{key} {after}", 10_000)
    token = new_session_token()
    assert token not in redact(f"switchboard_session={token}; path=/", 10_000)


def test_secrets_never_repeat() -> None:
    made = {new_api_key() for _ in range(500)} | {new_session_token() for _ in range(500)}
    assert len(made) == 1000
