"""The gate: what a browser gets before and after a login."""

from __future__ import annotations

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api.login.cookies import NEXT_COOKIE
from api.login.gate import Gate
from core.identity import SESSION_COOKIE
from tests.api.login_house import HTML, House, browser_of, log_in, make_house


@pytest.fixture
def house() -> House:
    return make_house()


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/", "/login"),
        ("/dashboard", "/login?next=/dashboard"),
        ("/start?thread=1&x=a%26b", "/login?next=/start%3Fthread%3D1%26x%3Da%2526b"),
        ("//evil.example/", "/login"),
        ("/_stcore/metrics", "/login"),
    ],
)
def test_a_page_without_a_login_leads_to_the_login_page(house: House, path: str, to: str) -> None:
    answer = browser_of(house).get(f"http://testserver{path}", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, to)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/static/js/index.js", "/favicon.png", "/_stcore/health", "/_stcore/host-config",
     "/component/x/index.html", "/auth/login", "/oauth2callback?code=1", "/api/health"],
)  # fmt: skip
def test_files_health_and_other_doors_stay_open(house: House, path: str) -> None:
    answer = browser_of(house).get(path, headers={"accept": "*/*"})
    assert (answer.status_code, house.looks) == (200, 0)


@pytest.mark.parametrize(
    "path", ["/media/0123.png", "/_stcore/upload_file/1/2", "/base/media/1.png"]
)
def test_what_belongs_to_people_needs_a_login(house: House, path: str) -> None:
    browser = browser_of(house)
    assert browser.put(path).status_code == 401
    assert browser.get(path, headers=HTML).status_code == 401
    log_in(browser)
    assert browser.put(path).text == f"page {path}"


def test_the_figures_of_the_pages_server_need_a_login(house: House) -> None:
    """A stranger who did not ask for HTML was told how many people were connected, and how long."""
    browser = browser_of(house)
    assert browser.get("/_stcore/metrics", headers={"accept": "*/*"}).status_code == 401
    log_in(browser)
    assert browser.get("/_stcore/metrics").text == "page /_stcore/metrics"


def test_the_pages_socket_needs_a_login_and_the_apis_has_its_own(house: House) -> None:
    browser = browser_of(house)
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        browser.websocket_connect("/_stcore/stream"),
    ):
        pass
    assert refused.value.code == 1008
    with browser.websocket_connect("/api/ws/chat") as socket:
        assert socket.receive_text() == "in"
    log_in(browser)
    with browser.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "in"


def test_a_session_that_ended_opens_nothing(house: House) -> None:
    browser = browser_of(house)
    log_in(browser)
    house.identity.sessions.end(browser.cookies[SESSION_COOKIE])
    assert browser.get("/dashboard", headers=HTML).status_code == 303


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_cookie_is_looked_up_once_in_a_second(house: House) -> None:
    clock = Clock()
    browser = browser_of(house, clock)
    log_in(browser)
    for _ in range(20):
        assert browser.get("/", headers=HTML).status_code == 200
    assert house.looks == 1
    house.identity.sessions.end(browser.cookies[SESSION_COOKIE])
    clock.now = 1.0
    assert browser.get("/", headers=HTML).status_code == 303
    assert house.looks == 2


def test_other_cookies_cost_no_look_up(house: House) -> None:
    browser = browser_of(house)
    browser.cookies.set("other", "1")
    browser.get("/", headers=HTML)
    assert house.looks == 0


def test_guesses_do_not_fill_the_memory() -> None:
    gate = Gate(PlainTextResponse("in"), knows=lambda cookies: False, remembered=10)
    browser = TestClient(gate, follow_redirects=False)
    for n in range(25):
        browser.get("/", headers=HTML | {"cookie": f"{SESSION_COOKIE}=guess{n}"})
    assert len(gate._remembered) == 5


def test_back_from_the_provider_home_leads_where_it_was_meant(house: House) -> None:
    browser = browser_of(house)
    log_in(browser)
    browser.cookies.set(NEXT_COOKIE, "/dashboard?range=7d", domain="testserver.local")
    answer = browser.get("/", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard?range=7d")
    assert f'{NEXT_COOKIE}="";' in answer.headers["set-cookie"]
    browser.cookies.set(NEXT_COOKIE, "//evil.example", domain="testserver.local")
    assert browser.get("/", headers=HTML).headers["location"] == "/"
