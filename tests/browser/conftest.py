"""A real server and a real Chromium."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""A folder for what each test saw last, to look into a failure."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; a missing one skips, and fails where CI is set.

    Ends with the module: as long as Playwright is open its event loop runs in this thread, and
    `asyncio.run` fails in whatever test of another file comes next.
    """
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed, and CI must run the browser tests")
        pytest.skip("Chromium is not installed: browser tests are left out")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Server:
    """`streamlit run streamlit_app.py` on a port of its own, with a data folder of its own."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
        environment |= {"SWITCHBOARD_DATA_DIR": str(self.data), **self._environment}
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with (self.data.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py"),
                 "--server.port", str(self.port), "--server.fileWatcherType", "none"],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        self.wait_until_healthy()

    def wait_until_healthy(self, timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            health = f"{self.url}/_stcore/health"
            with contextlib.suppress(OSError), urllib.request.urlopen(health, timeout=2):
                return
            time.sleep(0.05)
        raise TimeoutError(self.log())

    def log(self) -> str:
        return (self.data.parent / "server.log").read_text("utf-8", "replace")

    def stop(self, sig: int = signal.SIGTERM, timeout: float = 15.0) -> int | None:
        """Ends the server; gives its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        self.stop(signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    made: list[Server] = []

    def make(**environment: str) -> Server:
        server = Server(tmp_path / f"server{len(made)}" / "data", **environment)
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server without any key, for the tests of a module."""
    server = Server(tmp_path_factory.mktemp("keyless") / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages in contexts of their own; fails the test when one calls out."""
    contexts: list[Any] = []
    foreign: list[str] = []

    def open_(url: str, **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        host = url.split("/")[2]
        page.on(
            "request",
            lambda request: (
                foreign.append(request.url)
                if request.url.startswith("http") and request.url.split("/")[2] != host
                else None
            ),
        )
        page.goto(url)
        settled(page)
        return page

    yield open_
    for n, context in enumerate(contexts):
        if SCREENSHOTS:
            context.pages[0].screenshot(path=f"{SCREENSHOTS}/last-{n}.png")
        context.close()
    assert foreign == [], "the page called another host"


def settled(page: Any, timeout: float = 30_000) -> None:
    """Connected, no script running, nothing still loading, and so for a moment: a click that also
    leaves a text field runs the script twice, and the page rests in between."""
    page.wait_for_function(
        """asked => {
            const app = document.querySelector('[data-testid="stApp"]');
            const calm = app !== null
                && app.dataset.testConnectionState === "CONNECTED"
                && app.dataset.testScriptState === "notRunning"
                && document.querySelector('[data-testid="stSkeleton"]') === null;
            const before = window.calm?.asked === asked ? window.calm.since : performance.now();
            window.calm = calm ? {asked, since: before} : null;
            return calm && performance.now() - before > 150;
        }""",
        arg=time.monotonic(),
        timeout=timeout,
    )


def ask(page: Any, text: str) -> None:
    """Types a question and sends it."""
    box = page.locator('[data-testid="stChatInputTextArea"]')
    box.fill(text)
    box.press("Enter")
