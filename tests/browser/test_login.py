"""Accounts in a browser: the way in, whose things are shown, and the end of a login or a right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Server, ask, settled
from tests.browser.people import add_people, fill_in, identity_of
from tests.provider import ProviderServer
from tests.provider.reply import Reply

pytestmark = pytest.mark.slow

WITHIN_MS = 60_000
MESSAGE = '[data-testid="stChatMessage"]'
LOGIN_SCREEN = ".st-key-login_screen"
ENDLESS = " ".join(f"word{n}" for n in range(3000))


@pytest.fixture(scope="module")
def provider_of_all() -> Iterator[ProviderServer]:
    with ProviderServer() as server:
        yield server


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, provider_of_all: ProviderServer
) -> Iterator[Server]:
    made = Server(
        tmp_path_factory.mktemp("login") / "data",
        SWITCHBOARD_AUTH="accounts",
        OPENAI_API_KEY="sk-test-1234567890",
        OPENAI_BASE_URL=provider_of_all.openai_url,
        SWITCHBOARD_ROUTER_MODELS="local:extractive",
    )
    add_people(made.data)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def come(browser: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """A person in a browser of their own, at a path, logged in."""
    contexts: list[Any] = []

    def come_(login: str, path: str = "/") -> Any:
        context = browser.new_context(viewport={"width": 1200, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{server.url}{path}")
        fill_in(page, login)
        settled(page)
        return page

    yield come_
    for context in contexts:
        context.close()


def says(provider: ProviderServer, text: str, **reply: Any) -> None:
    provider.reset().default = Reply(text=text, **reply)


def second_tab(page: Any, url: str | None = None) -> Any:
    tab = page.context.new_page()
    tab.goto(url or page.url)
    return tab


def log_out(page: Any) -> None:
    page.locator(".st-key-log_out button").click()
    page.wait_for_url("**/login")


def test_a_deep_link_lands_where_it_was_meant_after_a_wrong_and_a_right_password(
    server: Server, browser: Any
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/settings?settings_tab=API+keys")
    assert page.url.startswith(f"{server.url}/login?next=")
    assert page.evaluate("document.activeElement.id") == "login"
    fill_in(page, "ada", "not-her-password")
    page.get_by_role("alert").get_by_text("The name or the password is not right.").wait_for()
    assert page.get_by_label("Name").input_value() == "ada"
    assert page.get_by_label("Password").input_value() == ""
    fill_in(page, "ada")
    settled(page)
    assert page.url == f"{server.url}/settings?settings_tab=API+keys"
    page.get_by_role("heading", name="API keys").wait_for()
    assert page.evaluate("document.cookie").find("switchboard") == -1  # no script reads it
    context.close()


def test_two_people_see_only_their_own_threads(
    server: Server, provider_of_all: ProviderServer, come: Callable[..., Any]
) -> None:
    says(provider_of_all, "Forty-two, said the provider.")
    ada, bob = come("ada"), come("bob")
    ask(ada, "What did Ada ask in private?")
    ada.locator(MESSAGE).last.get_by_text("tokens in").first.wait_for()
    bob.goto(f"{server.url}/threads")
    settled(bob)
    assert "private" not in bob.inner_text("body")
    bob.goto(ada.url)
    bob.get_by_text("There is no such thread").wait_for()
    assert "Forty-two" not in bob.inner_text("body")
    assert "private" not in bob.inner_text("body")


def test_log_out_in_one_tab_ends_the_other_while_its_answer_streams_and_the_run_goes_on(
    provider_of_all: ProviderServer, come: Callable[..., Any]
) -> None:
    says(provider_of_all, ENDLESS, per_token_ms=40)
    streaming = come("bob")
    ask(streaming, "Count for a long time please")
    streaming.wait_for_url("**thread=*")
    thread = streaming.url
    streaming.locator(MESSAGE).last.get_by_text("word20 ").first.wait_for()
    # The row moved up when "Temporary chat" went, and stood there twice as long as the answer came.
    assert streaming.locator(".st-key-log_out button").count() == 1
    other = second_tab(streaming)
    other.locator(MESSAGE).last.get_by_text("word20 ").first.wait_for()
    log_out(other)
    streaming.wait_for_selector(LOGIN_SCREEN, timeout=WITHIN_MS)
    settled(streaming)
    assert streaming.locator(MESSAGE).count() == 0
    assert streaming.get_by_role("link", name="Dashboard").count() == 0
    assert [r.closed_by_client_at for r in provider_of_all.requests] == [None]
    streaming.get_by_role("button", name="Log in").click()
    fill_in(streaming, "bob")
    streaming.wait_for_url(thread)
    streaming.locator(MESSAGE).last.get_by_text("word60 ").first.wait_for()
    streaming.get_by_role("button", name="Stop").first.click()
    assert len(provider_of_all.requests) == 1


def test_an_idle_page_follows_promotion_demotion_and_the_end_of_access(
    server: Server, come: Callable[..., Any]
) -> None:
    page = come("eve", "/settings")
    people = page.get_by_role("tab", name="People")
    assert people.count() == 0
    with identity_of(server.data) as identity:
        identity.accounts.set_role("eve", "admin")
    people.wait_for(timeout=WITHIN_MS)
    with identity_of(server.data) as identity:
        identity.accounts.set_role("eve", "user")
    page.wait_for_selector(LOGIN_SCREEN, timeout=WITHIN_MS)
    page.get_by_role("button", name="Log in").click()
    fill_in(page, "eve")
    settled(page)
    assert page.get_by_role("tab", name="Account").count() == 1
    assert people.count() == 0
    with identity_of(server.data) as identity:
        identity.accounts.disable("eve")
    page.wait_for_selector(LOGIN_SCREEN, timeout=WITHIN_MS)
    page.get_by_role("button", name="Log in").click()
    fill_in(page, "eve")
    page.get_by_role("alert").get_by_text("The name or the password is not right.").wait_for()


def test_a_fresh_servers_first_deep_link_shows_nothing_to_a_stranger(
    make_server: Callable[..., Server], browser: Any
) -> None:
    """With a folder named pages, Streamlit can run the page file without the entry file."""
    fresh = make_server(SWITCHBOARD_AUTH="accounts")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{fresh.url}/dashboard")
    assert page.url == f"{fresh.url}/login?next=/dashboard"
    page.get_by_text("python -m api.accounts add NAME --role admin").wait_for()
    code = page.evaluate(
        """url => new Promise(done => {
            const socket = new WebSocket(url.replace('http', 'ws') + '/_stcore/stream', ['streamlit']);
            socket.onopen = () => done('open');
            socket.onclose = () => done('closed');
        })""",
        fresh.url,
    )
    assert code == "closed"
    assert "python -m api.accounts add NAME --role admin" in fresh.log()
    context.close()


def test_the_end_of_a_login_reaches_a_comparison_whose_columns_stream(
    server: Server, provider_of_all: ProviderServer, come: Callable[..., Any]
) -> None:
    says(provider_of_all, ENDLESS, per_token_ms=40)
    page = come("ada", "/compare")
    ask(page, "Count in two columns please")
    page.get_by_text("word20 ").first.wait_for()
    with identity_of(server.data) as identity:
        identity.sessions.end_all("ada")
    page.wait_for_selector(LOGIN_SCREEN, timeout=WITHIN_MS)
    settled(page)
    assert page.get_by_text("word20 ").count() == 0
    assert {r.closed_by_client_at for r in provider_of_all.requests} == {None}
