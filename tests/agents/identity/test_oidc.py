"""People an identity provider logs in on the pages."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from core.errors import NotLoggedIn
from core.identity import Principal
from tests.agents.identity.house import HOUR_US, House
from tests.agents.identity.test_jwt import AUDIENCE, BY_SECRET, ISSUER, SECRET

pytestmark = pytest.mark.slow

SECOND_US = 1_000_000


def claims(house: House, **changed: Any) -> dict[str, Any]:
    now = house.clock.now // SECOND_US
    made = {
        "iss": ISSUER, "sub": "u-1", "iat": now, "exp": now + 300, "name": "Bob B.",
        "email": "bob@corp.example", "email_verified": True, **changed,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not ...}


def come(house: House, **changed: Any) -> Principal:
    return house.identity.from_oidc(claims(house, **changed))


def test_the_first_login_makes_the_account(house: House) -> None:
    found = come(house)
    assert (found.name, found.role, found.via) == ("Bob B.", "user", "oidc")
    (account,) = house.identity.accounts.all()
    assert (account.owner, account.login, account.issuer) == (found.owner, None, ISSUER)
    assert house.identity.check(found) == found


def test_the_same_claims_are_the_same_session(house: House) -> None:
    same = claims(house)
    first = house.identity.from_oidc(same)
    house.clock.forward(HOUR_US)
    assert house.identity.from_oidc(same) == first
    assert len(house.identity.sessions.of(first.owner)) == 1
    assert come(house).credential_id != first.credential_id


def test_claims_are_used_before_they_expire_and_the_session_goes_on_after(house: House) -> None:
    old = claims(house)
    house.identity.from_oidc(old)
    unused = claims(house, sub="u-2")
    house.clock.forward(331 * SECOND_US)
    assert house.identity.from_oidc(old).name == "Bob B."
    with pytest.raises(NotLoggedIn):
        house.identity.from_oidc(unused)


def test_a_session_lasts_some_hours_from_the_login_at_the_provider(house: House) -> None:
    old = claims(house, exp=house.clock.now // SECOND_US + 10**6)
    found = house.identity.from_oidc(old)
    house.clock.forward(12 * HOUR_US - 2 * SECOND_US)
    assert house.identity.check(found)
    house.clock.forward(2 * SECOND_US)
    for work in (lambda: house.identity.check(found), lambda: house.identity.from_oidc(old)):
        with pytest.raises(NotLoggedIn):
            work()


def test_an_open_page_does_not_make_a_removed_account_again(house: House) -> None:
    """A second after everything of a person was deleted, their open tab had made the account anew."""
    same = claims(house)
    found = house.identity.from_oidc(same)
    house.identity.erase(found.owner, account=True)
    with pytest.raises(NotLoggedIn):
        house.identity.from_oidc(same)
    assert house.identity.accounts.all() == []
    house.clock.forward(2 * SECOND_US)
    back = come(house)
    assert (back.owner, back.name) == (found.owner, found.name)
    assert house.identity.check(back) == back


def test_a_login_that_was_logged_out_does_not_come_back_with_its_cookie(house: House) -> None:
    """Streamlit keeps its cookie for thirty days, whatever happens here."""
    same = claims(house)
    found = house.identity.from_oidc(same)
    house.identity.sessions.end_one(found)
    with pytest.raises(NotLoggedIn):
        house.identity.from_oidc(same)
    house.clock.forward(SECOND_US)
    assert come(house).owner == found.owner


def test_ending_all_sessions_ends_those_that_were_never_used(house: House) -> None:
    found, unused = come(house), claims(house, nonce="other browser")
    house.identity.sessions.end_all(found.owner)
    with pytest.raises(NotLoggedIn):
        house.identity.from_oidc(unused)


def test_somebody_disabled_is_refused(house: House) -> None:
    found = come(house)
    house.identity.accounts.disable(found.owner)
    house.clock.forward(2 * SECOND_US)
    with pytest.raises(NotLoggedIn):
        come(house)
    assert [one.action for one in house.identity.audit.page().deeds].count("log_in") == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": ...}, {"iss": ""}, {"iss": 7}, {"sub": ...}, {"sub": ""}, {"sub": "a\nb"}, {"sub": ["a"]},
        {"iat": ...}, {"iat": "yesterday"}, {"iat": 10**10}, {"iat": 1}, {"exp": ...}, {"exp": 1},
        {"exp": "never"}, {"exp": float("nan")}, {"iat": True},
    ],
    ids=str,
)  # fmt: skip
def test_claims_without_what_is_needed_are_nobody(house: House, changed: dict[str, Any]) -> None:
    with pytest.raises(NotLoggedIn) as caught:
        come(house, **changed)
    assert str(caught.value) == "This needs a login or a key that holds."
    assert house.identity.accounts.all() == []


def test_claims_count_only_where_they_are_set_up(house: House) -> None:
    house.again(auth="accounts")
    with pytest.raises(NotLoggedIn):
        come(house)


# -- roles


@pytest.mark.parametrize(
    ("admins", "changed", "role"),
    [
        ("bob@corp.example", {}, "admin"),
        ("BOB@Corp.Example", {"email": "Bob@CORP.example"}, "admin"),
        ("bob@corp.example", {"email_verified": "true"}, "admin"),
        ("bob@corp.example", {"email_verified": False}, "user"),
        ("bob@corp.example", {"email_verified": ...}, "user"),
        ("bob@corp.example", {"email_verified": "false"}, "user"),
        ("bob@corp.example", {"email_verified": 1}, "user"),
        ("bob@corp.example", {"email": "other@corp.example"}, "user"),
        ("bob@corp.example", {"email": ..., "sub": "bob@corp.example"}, "user"),
        ("u-1", {"email": ...}, "admin"),
        ("u-1,x@y.z", {"sub": "u-2"}, "user"),
        ("", {"email": ""}, "user"),
    ],
)
def test_who_is_an_administrator_is_in_the_settings(
    house: House, admins: str, changed: dict[str, Any], role: str
) -> None:
    house.again(oidc_admins=admins)
    assert come(house, **changed).role == role


def test_who_was_taken_out_of_the_settings_is_no_administrator_any_more(house: House) -> None:
    house.again(oidc_admins="u-1")
    found = come(house)
    assert found.role == "admin"
    house.again(oidc_admins="")
    assert house.identity.check(found).role == "user"


def test_a_claim_names_the_role_and_the_newest_login_counts(house: House) -> None:
    house.again(oidc_role_claim="groups")
    old = claims(house, groups=["staff", "admin"])
    first = house.identity.from_oidc(old)
    assert first.role == "admin"
    house.clock.forward(SECOND_US)
    assert come(house, groups=["staff"]).role == "user"
    assert house.identity.check(first).role == "user"
    assert house.identity.from_oidc(old).role == "user", "the older browser does not undo it"


def test_a_role_given_here_counts_where_the_provider_names_none(house: House) -> None:
    house.again(oidc_role_claim="groups")
    found = come(house)
    house.identity.accounts.set_role(found.owner, "analyst")
    assert house.identity.check(found).role == "analyst"
    house.clock.forward(SECOND_US)
    assert come(house, groups="admin").role == "admin"


def test_a_key_follows_the_role_of_the_provider(house: House) -> None:
    house.again(oidc_role_claim="groups")
    boss = come(house, groups="admin")
    _, secret = house.identity.keys.create(boss, "ci", ["chat", "admin"])
    house.clock.forward(SECOND_US)
    come(house, groups="user")
    assert not house.identity.from_bearer(f"Bearer {secret}").may("settings")


# -- one person, one owner


def test_pages_and_api_of_one_issuer_know_the_same_person(house: House) -> None:
    house.again(**BY_SECRET)
    on_pages = come(house)
    token = jwt.encode(claims(house, aud=AUDIENCE), SECRET, "HS256")
    in_api = house.identity.from_bearer(f"Bearer {token}")
    assert in_api.owner == on_pages.owner
    assert len(house.identity.accounts.all()) == 1


def test_the_same_subject_of_two_issuers_is_two_people(house: House) -> None:
    house.again(**{**BY_SECRET, "jwt_secret": SecretStr(SECRET)}, oidc_admins="u-1")
    boss = come(house, iss="https://other.example")
    token = jwt.encode(claims(house, aud=AUDIENCE), SECRET, "HS256")
    stranger = house.identity.from_bearer(f"Bearer {token}")
    assert (boss.role, stranger.role) == ("admin", "user")
    assert boss.owner != stranger.owner
