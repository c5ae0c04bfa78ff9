"""Whether the house can take work, part by part, within a time limit and without asking a provider.

Each part is looked at by a thread of its own: a disk that hangs delays nobody and is named. A part
whose last look has not come back is not looked at again.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.errors import SwitchboardError

if TYPE_CHECKING:
    from agents.runtime import Runtime

Status = Literal["ok", "waiting", "failed"]
LIMIT_S = 1.5
SAME_FOR_S = 0.5
"""How long an answer is given again, so that nobody makes work by asking."""
LEAST_FREE_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    name: str
    status: Status
    detail: str = ""
    """One sentence without paths, hosts or keys."""

    @property
    def ok(self) -> bool:
        return self.status == "ok"


class NotYet(Exception):
    """A part that will be ready by itself."""


class Readiness:
    """One per runtime. Any thread may ask; never blocks longer than its limit."""

    def __init__(self, checks: dict[str, Callable[[], str]], *, limit_s: float = LIMIT_S) -> None:
        """A check gives a detail, or raises NotYet or whatever went wrong."""
        self._looks = [_Look(name, check) for name, check in checks.items()]
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._last: tuple[float, list[Part]] | None = None

    def parts(self) -> list[Part]:
        """In a fixed order."""
        with self._lock:
            now = time.monotonic()
            if self._last is None or now - self._last[0] > SAME_FOR_S:
                for look in self._looks:
                    look.begin()
                found = [look.result(now + self._limit_s) for look in self._looks]
                self._last = (time.monotonic(), found)
            return self._last[1]


class _Look:
    def __init__(self, name: str, check: Callable[[], str]) -> None:
        self._name = name
        self._check = check
        self._done = threading.Event()
        self._done.set()
        self._part = Part(name=name, status="waiting")

    def begin(self) -> None:
        if self._done.is_set():
            self._done.clear()
            threading.Thread(target=self._run, name=f"ready-{self._name}", daemon=True).start()

    def result(self, deadline: float) -> Part:
        if self._done.wait(max(0.0, deadline - time.monotonic())):
            return self._part
        return Part(name=self._name, status="failed", detail="It does not answer.")

    def _run(self) -> None:
        try:
            self._part = Part(name=self._name, status="ok", detail=self._check())
        except NotYet as exc:
            self._part = Part(name=self._name, status="waiting", detail=str(exc))
        except SwitchboardError as exc:
            self._part = Part(name=self._name, status="failed", detail=exc.code)
        except Exception as exc:  # whatever it is, this part does not work
            self._part = Part(name=self._name, status="failed", detail=type(exc).__name__)
        finally:
            self._done.set()


def checks_of(runtime: Runtime) -> dict[str, Callable[[], str]]:
    """Name to check, of every part that work needs."""
    return {
        "app_database": lambda: _app_database(runtime),
        "analytics_database": lambda: _analytics_database(runtime),
        "checkpoints": lambda: _checkpoints(runtime),
        "knowledge_index": lambda: _knowledge(runtime),
        "models": lambda: _models(runtime),
        "disk_space": lambda: _disk_space(runtime),
        "warm_up": lambda: _warm_up(runtime),
        "draining": lambda: _draining(runtime),
    }


def _app_database(runtime: Runtime) -> str:
    runtime.threads.state(None, "")
    if not runtime.closed:
        runtime.database.check_writable()
    return ""


def _analytics_database(runtime: Runtime) -> str:
    runtime.queries.data_version()
    health = runtime.recorder.health()
    if health.failing:  # answers come all the same, and what could not be written is counted
        return "It is read, but not written at the moment."
    return ""


def _checkpoints(runtime: Runtime) -> str:
    path = runtime.settings.path("checkpoints.db")
    if not path.exists():
        return "Made by the first answer."
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as db:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return ""


def _knowledge(runtime: Runtime) -> str:
    if not runtime.warm_up.indexed.is_set():
        raise NotYet("The documents are being read.")
    documents = sum(area.documents for area in runtime.knowledge.areas())
    return f"{documents:,} documents."


def _models(runtime: Runtime) -> str:
    usable = runtime.models.usable(runtime.settings.answer_models)
    if not usable:
        raise RuntimeError("no model of the chain that answers is configured")
    return f"{len(usable)} of {len(runtime.settings.answer_models)} that answer are configured."


def _disk_space(runtime: Runtime) -> str:
    free = shutil.disk_usage(runtime.settings.data_dir).free
    if free < LEAST_FREE_BYTES:
        raise OSError("disk full")
    return f"{free // (1024 * 1024):,} MB free."


def _warm_up(runtime: Runtime) -> str:
    took = runtime.warm_up.took_s
    if took is None:
        raise NotYet("What the first answer needs is being loaded.")
    return f"Took {took:.1f} s."


def _draining(runtime: Runtime) -> str:
    if runtime.closed or runtime.runs.closing:
        raise NotYet("It is shutting down and takes no new work.")
    return ""
