"""A headless Chromium over its DevTools protocol, for measuring. Synchronous, one page at a time.

Not Playwright: it keeps the Network domain on and carries every WebSocket frame, payload included,
through its own process. Here nothing is listened to while an answer streams; probe.js does the
counting inside the page and one call waits for its end.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROBE = (Path(__file__).parent / "probe.js").read_text("utf-8")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    # Neither app may wait for the outside world, or be helped by it.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--window-size=1280,900",
    "--remote-debugging-port=0",
)
INPUT = '[data-testid="stChatInputTextArea"]'


class BrowserError(Exception):
    """Chromium refused a command, or the page did not do what was waited for."""


class Browser:
    """A Chromium process. Use as a context manager."""

    def __init__(self) -> None:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        if path is None:
            raise BrowserError("Chromium is not installed.")
        self._profile = Path(tempfile.mkdtemp(prefix="bench-chromium-"))
        self.process = subprocess.Popen(
            [path, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._ids = itertools.count(1)
        self._socket: ClientConnection = connect(self._address(), max_size=None, compression=None)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self.send("Browser.close")
            self._socket.close()
            self.process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def _address(self) -> str:
        file = self._profile / "DevToolsActivePort"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if file.exists() and len(lines := file.read_text().split()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.02)
        raise BrowserError("Chromium did not start.")

    def send(
        self, method: str, session: str | None = None, timeout: float = 30.0, **params: Any
    ) -> Any:
        """One command and its result; events in between are dropped."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        deadline = time.monotonic() + timeout
        while True:
            answer = json.loads(self._socket.recv(max(0.01, deadline - time.monotonic())))
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    @contextlib.contextmanager
    def page(self) -> Iterator[Page]:
        """A page in a window and a cookie jar of its own."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send(
            "Target.createTarget", url="about:blank", browserContextId=context, newWindow=True
        )["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        try:
            page.send("Page.enable")
            page.send("Page.addScriptToEvaluateOnNewDocument", source=PROBE)
            # CPU time and not clock time: others' work on this machine is not ours.
            page.send("Performance.enable", timeDomain="threadTicks")
            page.send("Emulation.setFocusEmulationEnabled", enabled=True)
            yield page
        finally:
            with contextlib.suppress(BrowserError, TimeoutError):
                self.send("Target.disposeBrowserContext", browserContextId=context)


class Page:
    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def send(self, method: str, timeout: float = 30.0, **params: Any) -> Any:
        return self._browser.send(method, self._session, timeout, **params)

    def run(self, expression: str, timeout: float = 30.0) -> Any:
        """The value of an expression; a promise is waited for."""
        result = self.send(
            "Runtime.evaluate",
            timeout,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def call(self, function: str, *args: Any, timeout: float = 30.0) -> Any:
        """A function of probe.js."""
        return self.run(f"__bench.{function}({', '.join(map(json.dumps, args))})", timeout)

    def open(self, url: str, timeout: float = 60.0) -> float:
        """Goes there and waits until a question can be typed; gives the monotonic time of that.

        Tries again while nothing listens yet.
        """
        deadline = time.monotonic() + timeout
        while self.send("Page.navigate", url=url).get("errorText"):
            if time.monotonic() > deadline:
                raise BrowserError(f"{url} did not open.")
            time.sleep(0.02)
        return self.wait_for(INPUT, deadline - time.monotonic())

    def wait_for(self, selector: str, timeout: float = 30.0) -> float:
        """Until the element can be used; gives the monotonic time of that."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with contextlib.suppress(BrowserError):  # the document is just being replaced
                at = self.call("usable", selector, 2000)
                if at is not None:
                    return self.monotonic(at)
        raise BrowserError(f"{selector} did not become usable.")

    def clock(self) -> tuple[float, float]:
        """(offset, error) in seconds: time.monotonic() = performance.now() / 1000 + offset.

        Both are CLOCK_MONOTONIC on Linux; the page's value lies between two readings of ours.
        """
        best = (0.0, 1.0)
        for _ in range(15):
            before = time.monotonic()
            now = self.run("performance.now()")
            after = time.monotonic()
            if (after - before) / 2 < best[1]:
                best = ((before + after) / 2 - now / 1000, (after - before) / 2)
        return best

    def monotonic(self, page_ms: float) -> float:
        return page_ms / 1000 + self.clock()[0]

    def type(self, text: str) -> None:
        self.run(f"document.querySelector({json.dumps(INPUT)}).focus()")
        self.send("Input.insertText", text=text)

    def press_enter(self) -> None:
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        self.send("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
        self.send("Input.dispatchKeyEvent", type="keyUp", **key)

    def click(self, selector: str) -> bool:
        """A real click in the middle of the element; False when it is not there."""
        middle = self.call("middle", selector)
        if middle is None:
            return False
        mouse = {"x": middle[0], "y": middle[1], "button": "left", "clickCount": 1}
        self.send("Input.dispatchMouseEvent", type="mousePressed", **mouse)
        self.send("Input.dispatchMouseEvent", type="mouseReleased", **mouse)
        return True

    def main_thread_s(self) -> float:
        """CPU seconds of the page's main thread since it was opened."""
        metrics = self.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")
