"""Pages in AppTest: the entry file, then the page, over a runtime of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from agents.identity.passwords import Passwords
from agents.runtime import Runtime
from pages.components import session, who
from tests.pages.people import Team, add_people

ENTRY = Path(__file__).parents[2] / "streamlit_app.py"
OpenPage = Callable[..., AppTest]
# Each AppTest reads the metadata of all installed packages, for a quarter of a second; once is enough.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture
def runtime(data_dir: Path) -> Iterator[Runtime]:
    """The runtime the pages of this test use. Settings are read here: set variables before."""
    built = session.runtime()
    yield built
    built.close(timeout=2)


@pytest.fixture
def new_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server half of the entry file does before the first session.

    AppTest forgets before each run that `st.navigation` was used; with a folder named `pages` it
    would then run a page without its frame. Here it forgets in a class of its own.
    """
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr(app_test, "PagesManager", type("Forgetful", (PagesManager,), {}))


@pytest.fixture
def open_page(runtime: Runtime, new_navigation: None) -> OpenPage:
    """Opens a page in a fresh browser session; keyword arguments become the URL's query."""

    def open_(name: str, **query: str) -> AppTest:
        at = AppTest.from_file(str(ENTRY), default_timeout=20)
        at.run()
        at.switch_page(f"pages/{name}.py")
        for key, value in query.items():
            at.query_params[key] = value
        return checked(at.run())

    return open_


def checked(at: AppTest) -> AppTest:
    """The page drew without an exception."""
    assert not at.exception, [e.value for e in at.exception]
    return at


@pytest.fixture
def team(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """Four people who log in; `team.at_the_screen` says whose cookie the browser has."""
    monkeypatch.setenv("SWITCHBOARD_AUTH", "accounts")
    monkeypatch.setenv("SWITCHBOARD_CONTENT", "full")
    built = session.runtime()
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setattr(built.identity.accounts, "_passwords", quick)
    made = add_people(built)
    monkeypatch.setattr(who, "session_token", made.token)
    yield made
    built.close(timeout=2)


@pytest.fixture
def open_as(team: Team, new_navigation: None) -> OpenPage:
    """Opens a page in a fresh browser session of somebody."""

    def open_(login: str, name: str, **query: str) -> AppTest:
        team.at_the_screen = login
        at = AppTest.from_file(str(ENTRY), default_timeout=20)
        at.run()
        at.switch_page(f"pages/{name}.py")
        for key, value in query.items():
            at.query_params[key] = value
        return checked(at.run())

    return open_
