"""Pages where people log in: who sees what, what they can change, and what happens when it ends."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from core.errors import Forbidden, NotLoggedIn, StorageError
from pages.components import settings_audit, who
from pages.components.login_screen import ROLES
from pages.components.markdown import escape
from tests.pages.conftest import OpenPage, checked

pytestmark = pytest.mark.slow

SECRET = "several-words-of-{}"
LogIn = Callable[[str], None]


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Runtime:
    """A runtime with three people in it."""
    monkeypatch.setenv("SWITCHBOARD_AUTH", "accounts")
    runtime: Runtime = request.getfixturevalue("runtime")
    for login, name, role in (
        ("ada", "Ada *Lovelace*", "admin"),
        ("bob", "=Bob", "user"),
        ("eve", "Eve", "analyst"),
    ):
        runtime.identity.accounts.add(login, name=name, role=role, password=SECRET.format(login))
    return runtime


@pytest.fixture
def log_in(accounts: Runtime, monkeypatch: pytest.MonkeyPatch) -> LogIn:
    """Gives the browser a cookie; AppTest has none of its own."""

    def log_in_(login: str) -> None:
        token = accounts.identity.accounts.log_in(login, SECRET.format(login))
        monkeypatch.setattr(who, "session_token", lambda: token)

    return log_in_


def titles(at: AppTest) -> list[str]:
    return [one.value for one in at.title]


def subheads(at: AppTest) -> list[str]:
    return [one.value for one in at.subheader]


def tab(open_page: OpenPage, name: str) -> AppTest:
    return open_page("settings", settings_tab=name)


# -- nobody, and everybody


@pytest.mark.parametrize(
    "page", ["chat", "dashboard", "settings", "threads", "compare", "evaluations", "run", "inbox"]
)
def test_without_a_login_a_page_shows_the_way_in_and_nothing_else(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch, open_page: OpenPage, page: str
) -> None:
    log_in("ada")
    at = open_page(page)
    monkeypatch.setattr(who, "session_token", lambda: None)
    checked(at.run())
    assert titles(at) == ["Log in"]
    assert [button.label for button in at.button] == ["Log in"]
    assert (len(at.sidebar), len(at.get("page_link")), len(at.error)) == (0, 0, 0)


def test_where_nobody_logs_in_the_settings_say_how_to_turn_it_on(open_page: OpenPage) -> None:
    at = open_page("settings")
    assert "People" not in subheads(at)
    assert [c.value for c in at.caption if "SWITCHBOARD_AUTH=accounts" in c.value]
    assert not [button for button in at.button if button.label == "Log out"]


def test_the_sidebar_says_who_is_logged_in_and_logs_out(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    log_in("ada")
    at = open_page("chat")
    assert r"Ada \*Lovelace\*" in [one.value for one in at.sidebar.caption]
    checked(at.button(key="log_out").click().run())
    assert titles(at) == ["Log in"]
    assert accounts.identity.sessions.of("ada") == []


def test_a_session_that_ended_elsewhere_shows_the_way_in_and_does_nothing_more(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    log_in("bob")
    at = open_page("chat")
    accounts.identity.sessions.end_all("bob")
    at.button(key="starter_0").click()
    checked(at.run())
    assert titles(at) == ["Log in"]
    assert accounts.runs.active() == []


def test_what_a_browser_session_held_is_gone_for_the_next_person(
    log_in: LogIn, open_page: OpenPage
) -> None:
    log_in("ada")
    at = open_page("chat")
    at.session_state["left_by_ada"] = "secret"
    log_in("bob")
    checked(at.run())
    assert "left_by_ada" not in at.session_state
    assert escape("=Bob") in [one.value for one in at.sidebar.caption]


@pytest.mark.parametrize(
    ("login", "shown"),
    [("bob", False), ("eve", False), ("ada", True)],
)
def test_people_and_audit_log_are_for_administrators(
    log_in: LogIn, open_page: OpenPage, login: str, shown: bool
) -> None:
    log_in(login)
    labels = [one.label for one in open_page("settings").tabs]
    assert {"Account", "API keys"} <= set(labels)
    assert ("People" in labels, "Audit log" in labels) == (shown, shown)


def test_a_store_that_cannot_be_read_for_a_moment_logs_nobody_out(
    log_in: LogIn, accounts: Runtime, monkeypatch: pytest.MonkeyPatch, open_page: OpenPage
) -> None:
    """The tick draws nothing then, and the answer that is followed goes on."""
    log_in("bob")
    at = open_page("chat")

    def unreadable(_: object) -> None:
        raise StorageError("app.db cannot be read.")

    monkeypatch.setattr(accounts.identity, "check", unreadable)
    checked(at.chat_input[0].set_value("What is Switchboard?").run())
    assert [one.name for one in at.chat_message] == ["user", "assistant"]


# -- people


def test_an_administrator_adds_a_person_with_a_made_password_shown_once(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    log_in("ada")
    at = tab(open_page, "People")
    at.text_input(key="new_login").set_value("grace")
    at.text_input(key="new_name").set_value("Grace")
    at.selectbox(key="new_role").set_value("analyst")
    checked(button(at, "Add").click().run())
    password = at.code[0].value
    assert accounts.identity.accounts.log_in("grace", password)
    assert accounts.identity.accounts.get("grace").role == "analyst"
    assert password not in repr(at.session_state)
    checked(at.run())
    assert password not in [one.value for one in at.code]


def test_a_login_name_that_is_taken_says_so(log_in: LogIn, open_page: OpenPage) -> None:
    log_in("ada")
    at = tab(open_page, "People")
    at.text_input(key="new_login").set_value("bob")
    checked(button(at, "Add").click().run())
    assert "There is an account" in at.error[0].value


def test_role_access_and_password_of_another_can_be_changed(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    log_in("ada")
    people = accounts.identity.accounts
    at = tab(open_page, "People")
    checked(at.selectbox(key="person").set_value("bob").run())
    checked(at.selectbox(key="role_bob").set_value("analyst").run())
    assert people.get("bob").role == "analyst"
    checked(at.button(key="disable_person").click().run())
    assert people.get("bob").disabled
    checked(at.button(key="enable_person").click().run())
    assert not people.get("bob").disabled
    checked(at.button(key="new_password").click().run())
    assert people.log_in("bob", at.code[0].value)
    checked(at.button(key="end_person").click().run())
    assert accounts.identity.sessions.of("bob") == []


def test_nobody_changes_their_own_role(log_in: LogIn, open_page: OpenPage) -> None:
    log_in("ada")
    at = tab(open_page, "People")
    checked(at.selectbox(key="person").set_value("ada").run())
    assert not [one for one in at.selectbox if one.label == "Role" and one.key != "new_role"]
    assert not [one for one in at.button if one.key == "disable_person"]


def test_an_administrator_who_is_none_any_more_changes_nothing(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    """The page was drawn before; the click comes after."""
    log_in("ada")
    at = tab(open_page, "People")
    checked(at.selectbox(key="person").set_value("bob").run())
    accounts.identity.accounts.set_role("ada", "user")
    checked(at.button(key="disable_person").click().run())
    assert not accounts.identity.accounts.get("bob").disabled
    assert titles(at) == ["Log in"]


def test_names_are_shown_as_they_are(log_in: LogIn, open_page: OpenPage) -> None:
    log_in("ada")
    table = tab(open_page, "People").table[0].value
    assert r"Ada \*Lovelace\*" in list(table["Name"])
    assert set(table["Role"]) == set(ROLES.values())


# -- keys


def test_a_key_is_shown_once_and_listed_by_its_last_four(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    log_in("eve")
    at = tab(open_page, "API keys")
    at.text_input(key="key_name").set_value("nightly report")
    at.multiselect(key="key_scopes").set_value(["chat", "analytics"])
    at.selectbox(key="key_days").set_value(30)
    checked(button(at, "Create key").click().run())
    secret = at.code[0].value
    caller = accounts.identity.from_bearer(f"Bearer {secret}")
    assert (caller.owner, caller.scopes) == ("eve", {"chat", "analytics"})
    assert secret not in repr(at.session_state)
    checked(at.run())
    shown = "".join(one.value for one in [*at.markdown, *at.code])
    assert secret not in shown
    assert secret[-4:] in shown
    checked(button(at, "Revoke").click().run())
    with pytest.raises(NotLoggedIn):
        accounts.identity.from_bearer(f"Bearer {secret}")


def test_scopes_beyond_the_role_are_not_offered(log_in: LogIn, open_page: OpenPage) -> None:
    log_in("bob")
    offered = tab(open_page, "API keys").multiselect(key="key_scopes").options
    assert [one.split(":")[0] for one in offered] == ["Chat", "Analytics"]


def test_a_key_without_a_name_is_refused_with_the_reason(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    log_in("bob")
    at = tab(open_page, "API keys")
    checked(button(at, "Create key").click().run())
    assert "A key has a name" in at.error[0].value
    assert accounts.identity.keys.of("bob") == []


# -- one's own account


def test_the_own_password_is_changed_with_the_old_one_and_ends_every_login(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    log_in("bob")
    at = tab(open_page, "Account")
    change(at, "wrong", "a-fresh-long-password")
    assert "The current password is not right" in at.error[0].value
    change(at, SECRET.format("bob"), "a-fresh-long-password", again="another-long-password")
    assert "differ" in at.error[0].value
    change(at, SECRET.format("bob"), "short")
    assert "A password has" in at.error[0].value
    change(at, SECRET.format("bob"), "a-fresh-long-password")
    assert accounts.identity.accounts.log_in("bob", "a-fresh-long-password")
    checked(at.run())
    assert titles(at) == ["Log in"]


def test_another_login_of_mine_can_be_ended_and_a_foreign_one_not(
    log_in: LogIn, accounts: Runtime, open_page: OpenPage
) -> None:
    elsewhere = accounts.identity.accounts.log_in("bob", SECRET.format("bob"))
    foreign = accounts.identity.accounts.log_in("eve", SECRET.format("eve"))
    log_in("bob")
    at = tab(open_page, "Account")
    checked(button(at, "End").click().run())
    assert accounts.identity.from_session(elsewhere) is None
    assert accounts.identity.from_session(foreign) is not None
    assert len(accounts.identity.sessions.of("bob")) == 1
    checked(at.button(key="end_all_mine").click().run())
    assert accounts.identity.sessions.of("bob") == []
    assert titles(at) == ["Log in"]


# -- the audit log


def test_the_audit_log_is_filtered_by_who_and_what(log_in: LogIn, open_page: OpenPage) -> None:
    log_in("bob")
    log_in("ada")
    at = tab(open_page, "Audit log")
    assert {"Log\u00a0in", "Account\u00a0added"} <= set(at.table[0].value["What"])
    checked(at.selectbox(key="audit_action").set_value("log_in").run())
    assert set(at.table[0].value["What"]) == {"Log\u00a0in"}
    checked(at.selectbox(key="audit_who").set_value("bob").run())
    assert list(at.table[0].value["Who"]) == [escape("=Bob")]


def test_a_row_of_the_audit_log_is_one_line_and_long_words_are_not(
    log_in: LogIn, open_page: OpenPage, accounts: Runtime
) -> None:
    """On a phone every cell was a tower: the time alone took three lines."""
    log_in("ada")
    me = accounts.identity.from_session(who.session_token())
    assert me is not None
    accounts.identity.audit.note(me, "thread_deleted", "t1", "a word " * 20)
    rows = tab(open_page, "Audit log").table[0].value
    assert list(rows) == ["When", "Who", "What", "Of", "Detail", "By"]
    cells = [str(cell) for name in rows for cell in rows[name]]
    assert [cell for cell in cells if set(" -") & set(cell)] == [("a word " * 20).strip()]


def test_the_export_holds_every_page_and_no_formula(
    log_in: LogIn, accounts: Runtime, tmp_path: Path
) -> None:
    log_in("ada")
    me = accounts.identity.from_session(who.session_token())
    assert me is not None
    for n in range(600):
        accounts.identity.audit.note(me, "thread_deleted", f"t{n}")
    accounts.identity.audit.note(me, "thread_deleted", "=1+1")
    body = settings_audit.export(accounts, me, {"action": "thread_deleted"}, accounts.queries.zone)
    rows = list(csv.DictReader(body.decode("utf-8-sig").splitlines()))
    assert [row["target"] for row in rows] == ["'=1+1", *(f"t{n}" for n in reversed(range(600)))]
    accounts.identity.accounts.set_role("ada", "user")
    with pytest.raises((Forbidden, NotLoggedIn)):
        settings_audit.export(accounts, me, {}, accounts.queries.zone)


# -- helpers


def button(at: AppTest, label: str) -> Any:
    return next(one for one in at.button if one.label == label)


def change(at: AppTest, now: str, new: str, again: str | None = None) -> None:
    at.text_input(key="password_now").set_value(now)
    at.text_input(key="password_new").set_value(new)
    at.text_input(key="password_again").set_value(new if again is None else again)
    checked(button(at, "Change password").click().run())
