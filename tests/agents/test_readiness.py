"""Readiness: every part by name, within its time, without words that must not leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from agents.readiness import NotYet, Part, Readiness
from agents.runtime import Runtime
from core.errors import StorageError
from core.settings import load_settings


def one(check: Callable[[], str], **more: float) -> Part:
    return Readiness({"part": check}, **more).parts()[0]


def fails(exc: Exception) -> Callable[[], str]:
    def check() -> str:
        raise exc

    return check


def test_a_part_is_ok_waiting_or_failed() -> None:
    assert one(lambda: "5 documents.") == Part(name="part", status="ok", detail="5 documents.")
    waiting = one(fails(NotYet("It is being loaded.")))
    assert (waiting.status, waiting.detail, waiting.ok) == ("waiting", "It is being loaded.", False)


def test_why_a_part_failed_is_told_without_its_words() -> None:
    assert one(fails(StorageError("/home/me/data/app.db is broken"))).detail == "storage"
    assert one(fails(OSError("/home/me/data"))).detail == "OSError"


def test_a_part_that_hangs_is_failed_and_not_asked_again_until_it_comes_back() -> None:
    go, asked = threading.Event(), []

    def hangs() -> str:
        asked.append(1)
        go.wait(30)
        return ""

    readiness = Readiness({"slow": hangs, "fine": lambda: ""}, limit_s=0.05)
    assert [part.status for part in readiness.parts()] == ["failed", "ok"]
    readiness._last = None
    assert readiness.parts()[0].detail == "It does not answer."
    assert len(asked) == 1
    go.set()
    readiness._looks[0]._done.wait(10)
    readiness._last = None
    assert readiness.parts()[0].status == "ok"


def test_a_house_that_closes_is_not_ready(tmp_path: Path) -> None:
    settings = load_settings(env_file=None, data_dir=tmp_path, knowledge_dir=tmp_path / "none")
    runtime = Runtime(settings)
    try:
        found = {part.name: part.status for part in runtime.readiness.parts()}
        assert found["warm_up"] == "waiting"
        assert found["app_database"] == "ok"
    finally:
        runtime.close(2.0)
    runtime.readiness._last = None
    closed = {part.name: part.status for part in runtime.readiness.parts()}
    assert closed["draining"] == "waiting"
