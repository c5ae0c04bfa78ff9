"""Temporary chats: everything works in them, and nothing but counters reaches the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agents.run import TurnRequest
from agents.runtime import Runtime
from core.errors import NotFound
from tests.agents.answering_house import answering, ask, sent
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

AGENT = {"graph": "react", "retrieval": "none"}
SECRET = "xyzzy-plugh-4711"


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    with answering(tmp_path, provider, content="full") as built:
        yield built


def test_a_temporary_chat_leaves_no_word_on_the_disk(
    runtime: Runtime, provider: ProviderServer, tmp_path: Path
) -> None:
    provider.default = Reply(text=f"You said {SECRET}.")
    run, _ = ask(runtime, f"Say {SECRET}", temporary=True, **AGENT)
    ask(runtime, f"Again {SECRET}", thread_id=run.thread_id, **AGENT)
    runtime.recorder.flush()
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


def test_its_runs_are_counted(runtime: Runtime, tmp_path: Path) -> None:
    ask(runtime, "hello", temporary=True, **AGENT)
    runtime.recorder.flush()
    with closing(sqlite3.connect(tmp_path / "data" / "analytics.db")) as db:
        rows = db.execute("SELECT status, content_mode FROM run").fetchall()
    assert rows == [("ok", "off")]


def test_it_remembers_branches_and_reloads_like_any_other(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.default = Reply(text="first")
    run, _ = ask(runtime, "one", temporary=True, **AGENT)
    ask(runtime, "two", thread_id=run.thread_id, edits=run.place.question_id, **AGENT)
    ask(runtime, "three", thread_id=run.thread_id, **AGENT)
    assert [text for role, text in sent(provider) if role != "system"] == ["two", "first", "three"]
    thread = runtime.threads.get(run.thread_id, "local")
    assert thread.temporary
    shown = runtime.threads.messages(thread.id, "local")
    assert [m.text for m in shown] == ["two", "first", "three", "first"]
    assert len(shown[0].versions) == 2


def test_it_is_not_listed_and_gone_after_a_restart(
    tmp_path: Path, provider: ProviderServer
) -> None:
    with answering(tmp_path, provider) as first:
        run, _ = ask(first, "hello", temporary=True, **AGENT)
        assert first.threads.recent("local") == []
    with answering(tmp_path, provider) as again, pytest.raises(NotFound):
        again.threads.get(run.thread_id, "local")


def test_a_thread_on_disk_does_not_become_temporary(runtime: Runtime) -> None:
    run, _ = ask(runtime, "hello", **AGENT)
    ask(runtime, "more", thread_id=run.thread_id, temporary=True, **AGENT)
    assert not runtime.threads.get(run.thread_id, "local").temporary
    assert len(runtime.threads.messages(run.thread_id, "local")) == 4


def test_deleting_it_forgets_it(runtime: Runtime) -> None:
    run, _ = ask(runtime, "hello", temporary=True, **AGENT)
    runtime.delete_thread(run.thread_id, "local")
    with pytest.raises(NotFound):
        runtime.start(TurnRequest(text="q", thread_id=run.thread_id))
