"""Pages in AppTest: the entry file, then the page, over a runtime of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from agents.runtime import Runtime
from pages.components import session

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
