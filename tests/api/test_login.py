"""The login page: what it sets, what it says, where it leads, and whom it believes."""

from __future__ import annotations

import pytest

from agents.identity.login_limit import LoginLimit
from api.login.local_path import local_path
from api.login.routes import WRONG, in_words
from core.identity import SESSION_COOKIE
from tests.api.login_house import ADA, FROM_HERE, House, browser_of, log_in, make_house


@pytest.fixture
def house() -> House:
    return make_house()


def test_the_right_password_sets_an_http_only_cookie_and_leads_where_it_was_meant(
    house: House,
) -> None:
    browser = browser_of(house)
    answer = log_in(browser, next="/dashboard?range=7d")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard?range=7d")
    attributes = set(answer.headers["set-cookie"].lower().split("; ")[1:])
    assert attributes == {"httponly", "samesite=lax", "path=/", f"max-age={12 * 3600}"}
    found = house.identity.from_session(browser.cookies[SESSION_COOKIE])
    assert found is not None
    assert (found.owner, found.role, found.via) == ("ada", "admin", "password")


def test_over_https_the_cookie_is_secure(house: House) -> None:
    browser = browser_of(house, base_url="https://testserver")
    answer = browser.post("/login", data=ADA, headers={"origin": "https://testserver"})
    assert "secure" in answer.headers["set-cookie"].lower().split("; ")


def test_an_unknown_name_and_a_wrong_password_get_the_same_page(house: House) -> None:
    browser = browser_of(house)
    wrong = log_in(browser, password="not-her-password")
    unknown = log_in(browser, login="eve")
    assert WRONG in wrong.text
    assert wrong.text.replace('value="ada"', 'value="eve"') == unknown.text
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    assert "set-cookie" not in wrong.headers


def test_too_many_attempts_say_how_long_to_wait() -> None:
    house = make_house()
    house.identity.accounts._limit = LoginLimit(per_login="2 per hour")
    browser = browser_of(house)
    for _ in range(2):
        log_in(browser, password="not-her-password")
    answer = log_in(browser)  # the right one, too late
    assert answer.status_code == 429
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    assert "Wait 60 minutes, then try again." in answer.text
    assert SESSION_COOKIE not in browser.cookies


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "1 second"), (89, "89 seconds"), (90, "2 minutes"), (240, "4 minutes")],
)
def test_a_time_to_wait_is_said_in_words(seconds: int, said: str) -> None:
    assert in_words(seconds) == said


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "http://testserver:8080"},
        {"referer": "http://evil.example/testserver"},
        {"origin": "file://testserver"},
        {"origin": "http://[::1"},
        FROM_HERE | {"sec-fetch-site": "cross-site"},
        FROM_HERE | {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_a_form_of_another_page_changes_nothing(
    house: House, path: str, headers: dict[str, str]
) -> None:
    browser = browser_of(house)
    log_in(browser)
    before = browser.cookies[SESSION_COOKIE]
    answer = browser.post(path, data=ADA, headers=headers)
    assert answer.status_code == 403
    assert browser.cookies[SESSION_COOKIE] == before
    assert house.identity.from_session(before) is not None


@pytest.mark.parametrize(
    "headers",
    [
        FROM_HERE,
        {"origin": "http://TESTSERVER:80"},
        {"referer": "http://testserver/login?next=/x"},
        FROM_HERE | {"sec-fetch-site": "same-origin"},
    ],
)
def test_a_form_of_this_host_is_believed(house: House, headers: dict[str, str]) -> None:
    assert browser_of(house).post("/login", data=ADA, headers=headers).status_code == 303


@pytest.mark.parametrize(
    "asked",
    [
        "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "evil.example",
        "/\t/evil.example", "/\n/evil.example", " //evil.example", "/a\r\nset-cookie: x=y", "///evil.example",
        "javascript:alert(1)", "", "/login", "/login?next=/login", "/logout", "/auth/login", "/api/me",
        "/oauth2callback?code=1", "/" + "x" * 3000, "/a\x00b", "http:/evil.example", "/_stcore/health",
    ],
)  # fmt: skip
def test_a_login_leads_nowhere_else(house: House, asked: str) -> None:
    assert local_path(asked) == "/"
    assert log_in(browser_of(house), next=asked).headers["location"] == "/"


@pytest.mark.parametrize(
    "asked", ["/", "/dashboard", "/start?thread=0123", "/logins", "/run?id=1&with=2", "/a%2Fb"]
)
def test_a_login_leads_to_a_page_here(asked: str) -> None:
    assert local_path(asked) == asked


def test_what_was_typed_is_shown_as_text(house: House) -> None:
    answer = log_in(browser_of(house), login='"><script>alert(1)</script>', next='/x?"><b>')
    assert "<script" not in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"login=ada&password=" + b"x" * 9000, "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=1" % n for n in range(20)), "application/x-www-form-urlencoded"),
        (b"login=\xff\xfe", "application/x-www-form-urlencoded"),
        (b'{"login": "ada"}', "application/json"),
        (b"login=ada", "text/plain"),
    ],
)
def test_a_body_that_is_no_such_form_is_refused(house: House, body: bytes, kind: str) -> None:
    answer = browser_of(house).post(
        "/login", content=body, headers=FROM_HERE | {"content-type": kind}
    )
    assert answer.status_code == 400
    assert "alert" in answer.text  # the role of the sentence, for who cannot see it


def test_a_new_login_ends_the_one_this_browser_had(house: House) -> None:
    browser = browser_of(house)
    log_in(browser)
    before = browser.cookies[SESSION_COOKIE]
    log_in(browser)
    assert browser.cookies[SESSION_COOKIE] != before
    assert house.identity.from_session(before) is None


def test_log_out_ends_the_session_on_the_server_and_drops_the_cookie(house: House) -> None:
    browser = browser_of(house)
    log_in(browser)
    token = browser.cookies[SESSION_COOKIE]
    browser.get("/logout")  # a link logs nobody out
    assert house.identity.from_session(token) is not None
    answer = browser.post("/logout", headers=FROM_HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert SESSION_COOKIE not in browser.cookies
    assert house.identity.from_session(token) is None


def test_whoever_is_logged_in_may_go_on_or_log_out(house: House) -> None:
    browser = browser_of(house)
    log_in(browser)
    shown = browser.get("/login?next=/threads").text
    assert "Ada &lt;b&gt;" in shown
    assert 'href="/threads"' in shown
    assert 'action="/logout"' in shown
    assert "password" not in shown


def test_a_dead_cookie_is_dropped_by_the_login_page(house: House) -> None:
    browser = browser_of(house)
    browser.cookies.set(SESSION_COOKIE, "gone", domain="testserver.local")
    assert f'{SESSION_COOKIE}="";' in browser.get("/login").headers["set-cookie"]


def test_without_any_account_the_page_says_how_to_add_one() -> None:
    command = "python -m api.accounts add NAME --role admin"
    assert command in browser_of(make_house(people=False)).get("/login").text
    assert command not in browser_of(make_house()).get("/login").text


def test_the_page_is_not_kept_and_sends_its_origin_with_the_form(house: House) -> None:
    headers = browser_of(house).get("/login").headers
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "same-origin")


def test_a_page_without_a_script_and_with_labels(house: House) -> None:
    html = browser_of(house).get("/login").text
    assert "<script" not in html
    assert html.count("<label for=") == 2
    assert 'autocomplete="current-password"' in html


def test_passwords_are_of_no_use_where_accounts_are_no_way_in() -> None:
    house = make_house(auth=("oidc",))
    assert log_in(browser_of(house)).status_code == 403
