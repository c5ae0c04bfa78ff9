"""`python -m api.cli` in a pipe, and in a terminal of its own."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
HOSTILE = "\x1b]0;owned\x07a\x1b[2Jb\x9b31mc\r\nd\u202ee\x00"
"""What a model must not do to a terminal."""
SAFE = "]0;owneda[2Jb31mc\nde"
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[78=>D])|[\x01\x02\r\x07]")


def environment(url: str, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    return kept | {"SWITCHBOARD_URL": url, "TERM": "xterm-256color", **more}


def piped(
    url: str, *arguments: str, stdin: str | bytes = b"", **more: str
) -> subprocess.CompletedProcess[bytes]:
    """The command without any terminal."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *arguments],
        cwd=ROOT, env=environment(url, **more), capture_output=True, timeout=60,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
    )  # fmt: skip


class Terminal:
    """The command in a terminal of 24 rows and 80 columns. Use as a context manager."""

    def __init__(self, url: str, *arguments: str, rows: int = 24, **more: str) -> None:
        self.raw = ""
        """Everything it wrote, with control characters."""
        self._seen = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._master, slave = pty.openpty()
        self.resize(rows, 80)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *arguments],
            cwd=ROOT, env=environment(url, **more), stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(slave)

    @property
    def text(self) -> str:
        """What it wrote, as a person could read it."""
        return _ESCAPES.sub("", self.raw)

    def wait_for(self, text: str, timeout: float = 30.0) -> str:
        """Reads until this was written after what an earlier wait found."""
        deadline = time.monotonic() + timeout
        while (at := self.text.find(text, self._seen)) < 0:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} was not written; this was:\n{self.text}")
        found = self.text[self._seen : at]
        self._seen = at + len(text)
        return found

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def press(self, key: str, until: str) -> None:
        """Presses a key as a person does, again when nothing happens: Python's readline misses a
        signal that comes just before it waits for input."""
        for _ in range(10):
            self.type(key)
            with contextlib.suppress(AssertionError):
                self.wait_for(until, timeout=2.0)
                return
        self.wait_for(until, timeout=0)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, timeout: float = 30.0) -> int:
        """The exit status."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        return self._process.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        """False at the end, or when it is late."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            found = os.read(self._master, 65536)
        except OSError:  # Linux says so when the other side has closed
            return False
        self.raw += self._decoder.decode(found)
        return bool(found)


def _take_terminal() -> None:
    """The terminal's Ctrl-C reaches only programs whose controlling terminal it is."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
