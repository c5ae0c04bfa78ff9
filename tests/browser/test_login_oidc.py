"""Logging in at an identity provider: through Streamlit's own flow, against a provider of the test's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as NotThere

from tests.browser.conftest import Server, settled
from tests.browser.oidc_provider import OidcProvider
from tests.browser.people import add_people, fill_in, identity_of

pytestmark = pytest.mark.slow

LOGIN_SCREEN = ".st-key-login_screen"
WITH_PROVIDER = "Log in with your organisation"
GRACE = {"sub": "grace-1", "name": "Grace Hopper", "email": "grace@example.org"}


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as made:
        made.person = GRACE
        yield made


@pytest.fixture
def serve(tmp_path: Path, provider: OidcProvider) -> Iterator[Callable[..., Server]]:
    """A server that logs people in at the provider. Streamlit finds its secrets in the home folder."""
    made: list[Server] = []

    def serve_(auth: str = "oidc", **environment: str) -> Server:
        home = tmp_path / "home"
        server = Server(home / "data", SWITCHBOARD_AUTH=auth, HOME=str(home), **environment)
        (home / ".streamlit").mkdir(parents=True)
        (home / ".streamlit" / "secrets.toml").write_text(provider.secrets(server.url))
        if "accounts" in auth:
            add_people(server.data)
        server.start()
        made.append(server)
        return server

    yield serve_
    for server in made:
        server.stop()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


def test_login_role_by_claim_and_logout_at_the_provider(
    serve: Callable[..., Server], provider: OidcProvider, page: Any
) -> None:
    server = serve(SWITCHBOARD_OIDC_ROLE_CLAIM="role")
    provider.person = GRACE | {"role": "admin"}
    page.goto(f"{server.url}/settings?settings_tab=People")
    assert page.get_by_label("Password").count() == 0
    page.get_by_role("link", name=WITH_PROVIDER).click()
    page.wait_for_url(f"{server.url}/settings?settings_tab=People")
    settled(page)
    page.get_by_role("heading", name="People").wait_for()
    page.get_by_role("cell", name="Grace Hopper").wait_for()
    stolen = [one for one in page.context.cookies() if one["name"].startswith("_streamlit_user")]
    page.goto(server.url)
    settled(page)
    page.locator(".st-key-log_out button").click()
    page.wait_for_url("**/login")
    assert provider.logouts == 1
    names = {one["name"] for one in page.context.cookies()}
    assert "_streamlit_user" not in names
    page.context.add_cookies(stolen)  # a copy of the cookie from before is of no use
    for _ in range(20):  # the gate asks again within a second
        page.goto(f"{server.url}/settings")
        if page.url.startswith(f"{server.url}/login"):
            break
        # The page itself knows at once; where its socket is refused first, it is loaded again.
        with contextlib.suppress(NotThere):
            page.wait_for_selector(LOGIN_SCREEN, timeout=3_000)
    page.get_by_role("alert").wait_for()


def test_logout_on_the_login_page_reaches_the_provider(
    serve: Callable[..., Server], provider: OidcProvider, page: Any
) -> None:
    """The form's way leads over two redirects to another host, which `form-action` forbade: nothing
    was seen to happen, and the provider's own login went on."""
    server = serve()
    page.goto(server.url)
    page.get_by_role("link", name=WITH_PROVIDER).click()
    page.wait_for_url(f"{server.url}/")
    page.goto(f"{server.url}/login")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name=WITH_PROVIDER).wait_for()
    assert provider.logouts == 1


def test_a_login_ends_with_its_time_although_the_cookie_lives_on(
    serve: Callable[..., Server], page: Any
) -> None:
    server = serve(SWITCHBOARD_SESSION_HOURS=str(12 / 3600))
    page.goto(f"{server.url}/threads")
    page.get_by_role("link", name=WITH_PROVIDER).click()
    page.wait_for_url(f"{server.url}/threads")
    settled(page)
    page.wait_for_selector(LOGIN_SCREEN, timeout=60_000)
    assert any(one["name"] == "_streamlit_user" for one in page.context.cookies())
    page.goto(f"{server.url}/threads")
    page.get_by_role("alert").wait_for()  # says why, and offers the way in again
    page.get_by_role("link", name=WITH_PROVIDER).click()
    page.wait_for_url(f"{server.url}/threads")


def test_somebody_who_was_disabled_here_is_told_so_and_gets_no_further(
    serve: Callable[..., Server], page: Any
) -> None:
    server = serve()
    page.goto(server.url)
    page.get_by_role("link", name=WITH_PROVIDER).click()
    page.wait_for_url(f"{server.url}/")
    settled(page)
    with identity_of(server.data) as identity:
        identity.accounts.disable(identity.accounts.all()[0].owner)
    page.wait_for_selector(LOGIN_SCREEN, timeout=60_000)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=WITH_PROVIDER).click()
    page.get_by_role("alert").wait_for()
    assert page.url.startswith(f"{server.url}/login")


def test_both_ways_in_side_by_side(serve: Callable[..., Server], page: Any) -> None:
    server = serve("accounts,oidc")
    page.goto(f"{server.url}/threads")
    assert page.get_by_role("link", name=WITH_PROVIDER).count() == 1
    fill_in(page, "bob")
    page.wait_for_url(f"{server.url}/threads")
    settled(page)
    forged = {"name": "_streamlit_user", "value": "forged", "url": server.url}
    page.context.clear_cookies()
    page.context.add_cookies([forged])
    page.goto(f"{server.url}/threads")
    assert page.url == f"{server.url}/login?next=/threads"
