"""The two apps that are compared and the provider they call: start, freeze, CPU, stop."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FOREIGN = ("OPENAI_", "AWS_", "SWITCHBOARD_", "STREAMLIT_", "LANGSMITH_", "LANGCHAIN_")
"""Variables of the person who runs the benchmark that would change what is measured."""


class Process:
    """A child in a process group of its own."""

    def __init__(self, command: list[str], log: Path, cwd: Path = ROOT, **environment: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        self._log = log
        self.started_at = time.monotonic()
        with log.open("ab") as out:
            self._child = subprocess.Popen(
                command,
                cwd=cwd,
                env=inherited | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        return self._child.pid

    def cpu_s(self) -> float:
        """CPU seconds of the process and its descendants so far."""
        return tree_cpu_s(self._child.pid)

    def freeze(self) -> None:
        """Stopped while the other app is measured."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.thaw()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGTERM)
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()


class App(Process):
    """A Streamlit server. `stop_selector` is what a person clicks to end an answer."""

    name = ""
    script = Path()
    stop_selector = ""
    at_root = True
    """Whether it runs in the checkout, where `.streamlit/config.toml` is."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "browser.gatherUsageStats": "false",
        }
        for option, value in options.items():
            command += [f"--{option}", str(value)]
        cwd = ROOT if self.at_root else folder
        super().__init__(command, folder / "server.log", cwd, **environment)

    def wait_for_port(self, timeout: float = 60.0) -> float:
        """The monotonic time at which the port took a connection."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.alive:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return time.monotonic()
            time.sleep(0.005)
        raise RuntimeError(f"{self.name} did not start:\n{self.log[-2000:]}")


class Switchboard(App):
    """This checkout, as `make run` starts it, with a data folder of its own."""

    name = "switchboard"
    script = ROOT / "streamlit_app.py"
    stop_selector = ".st-key-stop button"

    def __init__(self, folder: Path, **environment: str) -> None:
        super().__init__(folder, SWITCHBOARD_DATA_DIR=str(folder / "data"), **environment)


class Tutorial(App):
    """The plain tutorial app with Streamlit's defaults; its only stop button is the toolbar's."""

    name = "tutorial"
    script = ROOT / "bench" / "tutorial_app.py"
    stop_selector = '[data-testid="stStatusWidget"] button'
    at_root = False


class Provider(Process):
    """bench/paced_provider.py in a process of its own."""

    def __init__(self, folder: Path) -> None:
        log = folder / "provider.log"
        super().__init__([sys.executable, "-m", "bench.paced_provider"], log)
        deadline = time.monotonic() + 20
        while not self.log.endswith("\n"):
            if time.monotonic() > deadline or not self.alive:
                raise RuntimeError(f"the provider did not start:\n{self.log}")
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{int(self.log)}"
        self.environment = {"OPENAI_BASE_URL": f"{self.url}/v1", "OPENAI_API_KEY": "bench"}

    def arm(self, answer_id: str, tokens: int, rate: int, wait_ms: int) -> None:
        """Says what the requests from now on get; `rate` 0 means at once."""
        url = f"{self.url}/arm/{answer_id}?n={tokens}&r={rate}&t={wait_ms}"
        with urllib.request.urlopen(url, timeout=5):
            pass

    def records(self, answer_id: str, until: str) -> list[dict[str, Any]]:
        """The requests of an answer, once its request has come (`come`) or has ended (`done`)."""
        url = f"{self.url}/record/{answer_id}?until={until}"
        with urllib.request.urlopen(url, timeout=90) as answer:
            records: list[dict[str, Any]] = json.load(answer)
        if not any(record["kind"] == "answer" for record in records):
            raise RuntimeError(f"the provider never got the question {answer_id}")
        return records


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """A temporary folder; kept when something fails, because the logs are in it."""
    folder = Path(tempfile.mkdtemp(prefix="switchboard-bench-"))
    try:
        yield folder
    except BaseException:
        print(f"logs: {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.stop()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def machine_busy_s() -> float:
    """CPU seconds the whole machine has worked so far."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _wait, irq, soft, steal = map(int, fields[1:9])
    return (user + nice + system + irq + soft + steal) / TICKS_PER_S


def wait_for_quiet(share: float, patience_s: float) -> None:
    """Until others leave the machine alone, but not for ever."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        before = machine_busy_s()
        time.sleep(0.5)
        if machine_busy_s() - before < share * 0.5 * (os.cpu_count() or 1):
            return


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process and its descendants so far."""
    return sum(map(_cpu_s, _tree(pid)))


def _tree(pid: int) -> list[int]:
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            pids += [found for child in task.read_text().split() for found in _tree(int(child))]
    return pids


def _cpu_s(pid: int) -> float:
    """Of a process and its ended children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_S
