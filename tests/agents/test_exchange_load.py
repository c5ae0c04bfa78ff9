"""An import is whole or it is not there; the same file twice brings nothing the second time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from agents.exchange import load as loading
from agents.exchange.desk import Exchange
from agents.exchange.load import Loaded, load, sweep
from agents.exchange.preview import preview
from agents.exchange.reading import Entry, Reading
from agents.migrations import make_or_migrate
from agents.tables import message, run, thread
from agents.threads import ThreadStore
from core.database import Database
from core.errors import InvalidInput, StorageError
from tests.agents.exchanging import FILES, bring, chatgpt, everything, written


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
    yield db
    db.close()


def many(folder: Path, count: int, name: str = "many.json") -> Path:
    return written(folder, [chatgpt(f"Chat {n}", 1_721_000_000.0 + n) for n in range(count)], name)


def kinds(database: Database) -> dict[str, int]:
    query = select(thread.c.kind, func.count()).group_by(thread.c.kind)
    with database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def rows(database: Database) -> int:
    with database.read() as connection:
        return sum(
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (thread, message, run)
        )


def test_the_good_ones_come_in_and_the_same_file_again_brings_nothing(database: Database) -> None:
    path = FILES / "chatgpt.json"
    assert bring(database, path) == Loaded(imported=2, known=0, broken=1, messages=8)
    assert bring(database, path) == Loaded(imported=0, known=2, broken=1, messages=0)
    titles = [one.title for one in ThreadStore(database).recent("local")]
    assert titles == ["Sourdough", "Weekend in Lisbon"]


def test_the_same_chat_twice_in_a_file_comes_in_once(database: Database, tmp_path: Path) -> None:
    path = written(
        tmp_path, [chatgpt(), chatgpt(title="Renamed") | {"mapping": chatgpt()["mapping"]}]
    )
    assert bring(database, path) == Loaded(imported=1, known=1, broken=0, messages=2)


def test_what_one_person_has_is_new_to_another(database: Database) -> None:
    bring(database, FILES / "open_webui.json")
    assert bring(database, FILES / "open_webui.json", owner="alice").imported == 1
    assert len(ThreadStore(database).recent("alice")) == 1


def test_an_imported_thread_shows_its_branch_and_its_versions(database: Database) -> None:
    bring(database, FILES / "chatgpt.json")
    threads = ThreadStore(database)
    shown = threads.messages(threads.recent("local")[1].id, "local")
    assert [one.text for one in shown] == [
        "Where was this taken?\n[Attached: tram.jpg]", "In Lisbon [1].", "What does a ticket cost?",
        "About three euros.",
    ]  # fmt: skip
    assert [len(one.versions) for one in shown] == [1, 2, 2, 1]


def test_only_what_was_chosen_comes_in(database: Database, tmp_path: Path) -> None:
    loaded = load(database, Reading(many(tmp_path, 5), owner="local"), "local", only={2, 4})
    assert loaded.imported == 2
    assert {one.title for one in ThreadStore(database).recent("local")} == {"Chat 1", "Chat 3"}


def test_a_stop_takes_back_what_came_in(database: Database, tmp_path: Path) -> None:
    asked = iter(range(1_000))
    loaded = load(
        database, Reading(many(tmp_path, 130), owner="local"), "local",
        stopped=lambda: next(asked) > 120,
    )  # fmt: skip
    assert (loaded.complete, rows(database)) == (False, 0)


def test_an_error_in_the_middle_leaves_nothing(database: Database, tmp_path: Path) -> None:
    def breaks() -> Iterator[Entry]:
        yield from Reading(many(tmp_path, 60), owner="local")
        raise InvalidInput("The file holds more than 2,000 MB.")

    with pytest.raises(InvalidInput):
        load(database, breaks(), "local")
    assert rows(database) == 0


def test_nobody_sees_an_import_before_all_of_it_is_there(
    database: Database, tmp_path: Path
) -> None:
    seen: list[int] = []

    def watched() -> Iterator[Entry]:
        for entry in Reading(many(tmp_path, 120), owner="local"):
            seen.append(len(ThreadStore(database).recent("local")))
            yield entry

    load(database, watched(), "local")
    assert set(seen) == {0}
    assert kinds(database) == {"chat": 120}


def test_a_chat_can_be_saved_between_two_batches(database: Database, tmp_path: Path) -> None:
    def with_a_chat() -> Iterator[Entry]:
        for entry in Reading(many(tmp_path, 120), owner="local"):
            if entry.number == 75:
                with database.write() as connection:
                    connection.execute(
                        insert(thread).values(
                            id="c" * 32, owner="local", kind="chat", title="Meanwhile",
                            created_at_us=1, updated_at_us=1,
                        )
                    )  # fmt: skip
            yield entry

    load(database, with_a_chat(), "local")
    assert kinds(database) == {"chat": 121}


KILLED = """
import os, signal, sys
from agents.exchange import load as loading
from agents.exchange.reading import Reading
from agents.migrations import make_or_migrate
from core.database import Database
real, written = loading._write, []
def write(database, waiting):
    real(database, waiting)
    written.append(1)
    if len(written) == {after}:
        os.kill(os.getpid(), signal.SIGKILL)
loading._write = write
real_show = loading._show
def show(database, import_id):
    if {after} == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real_show(database, import_id)
loading._show = show
database = Database("sqlite:///{db}", prepare=make_or_migrate)
loading.load(database, Reading(__import__("pathlib").Path("{path}"), owner="local"), "local")
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 3, 0])
def test_a_kill_in_the_middle_leaves_nothing_after_the_next_start(
    tmp_path: Path, after: int
) -> None:
    db, path = tmp_path / "app.db", many(tmp_path, 220)
    code = KILLED.format(after=after, db=db, path=path)
    done = subprocess.run([sys.executable, "-c", code], timeout=60, cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    database = Database(f"sqlite:///{db}", prepare=make_or_migrate)
    try:
        assert set(kinds(database)) == {loading.KIND}
        assert sweep(database) >= 50
        assert rows(database) == 0
        assert bring(database, path).imported == 220
    finally:
        database.close()


def test_the_runtime_sweeps_at_its_start(tmp_path: Path) -> None:
    from agents.runtime import Runtime
    from core.settings import load_settings

    settings = load_settings(env_file=None, data_dir=tmp_path / "data")
    database = Database(f"sqlite:///{settings.path('app.db')}", prepare=make_or_migrate)
    with database.write() as connection:
        connection.execute(
            insert(thread).values(
                id="d" * 32, owner="local", kind=loading.KIND, title="Half", created_at_us=1,
                updated_at_us=1,
            )
        )  # fmt: skip
    database.close()
    left = settings.path("import") / ".working"
    left.mkdir(parents=True)
    (left / "half").write_text("half an upload")
    runtime = Runtime(settings)
    try:
        assert kinds(runtime.database) == {}
        assert list(left.iterdir()) == []
    finally:
        runtime.close(2.0)


def test_a_preview_tells_what_comes_in_and_writes_nothing(database: Database) -> None:
    found = preview(database, Reading(FILES / "chatgpt.json", owner="local"), "local")
    assert found is not None
    assert (found.new, found.known, found.broken, found.messages) == (2, 0, 1, 8)
    assert [(one.number, one.state, one.versions) for one in found.rows] == [
        (1, "new", 2), (2, "broken", 0), (3, "new", 0),
    ]  # fmt: skip
    assert [(one.number, one.title, one.lost) for one in found.problems] == [
        (2, "Half an entry", True), (3, "Sourdough", False),
    ]  # fmt: skip
    assert found.since_us == 1_721_310_000_250_000
    assert rows(database) == 0


def test_a_preview_knows_what_is_there_and_whose_it_was(database: Database, tmp_path: Path) -> None:
    bring(database, FILES / "open_webui.json")
    chats: Any = __import__("json").loads((FILES / "open_webui.json").read_text())
    other = chats[0] | {"user_id": "somebody else", "title": "Other", "created_at": 1_700_000_000}
    path = written(tmp_path, [chats[0], other])
    found = preview(database, Reading(path, owner="local"), "local")
    assert found is not None
    assert ([one.state for one in found.rows], found.owners) == (["known", "new"], 2)


@pytest.fixture
def exchange(database: Database, tmp_path: Path) -> Iterator[Exchange]:
    built = Exchange(database, tmp_path / "import")
    yield built
    built.close()


def test_a_file_is_looked_at_then_imported_then_gone(
    exchange: Exchange, database: Database
) -> None:
    with (FILES / "librechat.json").open("rb") as file:
        path = exchange.stage(file)
    exchange.look("local", path, "librechat.json")
    assert exchange.wait("local", 10)
    job = exchange.job("local")
    assert job is not None
    assert job.found is not None
    assert job.found.new == 1
    exchange.start_import("local")
    assert exchange.wait("local", 10)
    job = exchange.job("local")
    assert job is not None
    assert job.loaded is not None
    assert job.loaded.imported == 1
    assert not path.exists()
    assert kinds(database) == {"chat": 1}


def test_a_file_in_the_folder_is_found_and_never_removed(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.folder.mkdir()
    path = many(exchange.folder, 2, "big.json")
    (exchange.folder / "notes.txt").write_text("not for us")
    (exchange.folder / "link.json").symlink_to("/etc/passwd")
    assert [one.name for one in exchange.waiting()] == ["big.json"]
    exchange.look("local", path, path.name)
    assert exchange.wait("local", 10)
    exchange.start_import("local")
    assert exchange.wait("local", 10)
    exchange.forget("local")
    assert path.exists()


def test_an_import_without_a_look_is_refused(exchange: Exchange) -> None:
    with pytest.raises(InvalidInput, match="No file was looked at"):
        exchange.start_import("local")


def test_a_file_that_cannot_be_used_ends_the_look_with_a_sentence(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.look("local", written(tmp_path, b"Dear diary, today"), "diary.json")
    assert exchange.wait("local", 10)
    job = exchange.job("local")
    assert job is not None
    assert job.error is not None
    assert (job.running, job.error.message) == (False, "The file is not JSON.")


def test_one_job_at_a_time_for_each_person(exchange: Exchange, tmp_path: Path) -> None:
    path = many(tmp_path, 2)
    go_on = threading.Event()
    real = exchange._db.read
    exchange._db.read = lambda: (go_on.wait(10), real())[1]  # type: ignore[method-assign]
    exchange.look("local", path, "a")
    with pytest.raises(InvalidInput, match="Another file"):
        exchange.look("local", path, "b")
    exchange.look("alice", path, "c")
    go_on.set()
    assert exchange.wait("local", 10)
    assert exchange.wait("alice", 10)


def test_all_chats_are_written_in_the_background(
    exchange: Exchange, database: Database, tmp_path: Path
) -> None:
    bring(database, many(tmp_path, 45))
    exchange.start_export("local", "json")
    assert exchange.wait("local", 10)
    job = exchange.job("local")
    assert job is not None
    assert (job.exported, job.path.read_bytes()) == (45, everything(database))
    exchange.forget("local")
    assert not job.path.exists()


def test_a_foreign_thread_cannot_be_taken_away(exchange: Exchange, database: Database) -> None:
    from core.errors import NotFound

    bring(database, FILES / "librechat.json", owner="alice")
    (theirs,) = ThreadStore(database).recent("alice")
    assert b"green tea" in exchange.file_of("alice", [theirs.id], "json")
    for thread_id in (theirs.id, "e" * 32, "../x"):
        with pytest.raises(NotFound):
            exchange.file_of("local", [thread_id], "json")
    assert b"green tea" not in everything(database)


def test_a_folder_that_cannot_be_made_is_named(database: Database, tmp_path: Path) -> None:
    (tmp_path / "import").write_text("in the way")
    with (
        pytest.raises(StorageError, match="cannot be read or written"),
        (FILES / "librechat.json").open("rb") as file,
    ):
        Exchange(database, tmp_path / "import").stage(file)
