"""The index keeps step with its folder, survives damage and crashes, and serves many threads."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.knowledge import sync as sync_module
from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.search import Retriever
from core.errors import NotFound, StorageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    write(root / "billing" / "invoices.md", "# Invoices\n\nAn invoice is sent each month.")
    write(root / "technical" / "setup" / "ssh.md", "# SSH\n\nCreate a key with ssh-keygen.")
    write(root / "readme.md", "# Welcome\n\nStart here.")
    return root


@pytest.fixture
def index(tmp_path: Path) -> Iterator[KnowledgeIndex]:
    with KnowledgeIndex(tmp_path / "data" / "knowledge.db") as index:
        yield index


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def counts(index: KnowledgeIndex, root: Path) -> tuple[int, int, int, int]:
    report = index.sync(root)
    return report.added, report.changed, report.removed, report.unchanged


def found(index: KnowledgeIndex, query: str) -> list[str]:
    return [hit.passage.path for hit in Retriever(index).search(query)]


def test_folders_are_areas_and_files_in_the_root_are_general(
    index: KnowledgeIndex, root: Path
) -> None:
    report = index.sync(root)
    assert (report.added, report.passages, report.problems) == (3, 3, ())
    assert [(a.area, a.documents, a.passages) for a in index.areas()] == [
        ("billing", 1, 1),
        ("general", 1, 1),
        ("technical", 1, 1),
    ]
    assert [d.path for d in index.documents("technical")] == ["technical/setup/ssh.md"]
    assert [d.path for d in index.documents()] == [
        "billing/invoices.md",
        "readme.md",
        "technical/setup/ssh.md",
    ]


def test_only_what_changed_is_indexed_again(index: KnowledgeIndex, root: Path) -> None:
    assert counts(index, root) == (3, 0, 0, 0)
    assert counts(index, root) == (0, 0, 0, 3)
    write(root / "readme.md", "# Welcome\n\nBegin with the tutorial.")
    (root / "billing" / "invoices.md").unlink()
    write(root / "policy" / "privacy.md", "# Privacy\n\nWe keep little.")
    assert counts(index, root) == (1, 1, 1, 1)
    assert found(index, "tutorial") == ["readme.md"]
    assert found(index, "invoice") == []
    assert [a.area for a in index.areas()] == ["general", "policy", "technical"]


def test_passages_that_stay_keep_their_row(index: KnowledgeIndex, root: Path) -> None:
    long = "# T\n\n## A\n\n" + "alpha " * 150 + "\n\n## B\n\n" + "beta " * 150
    write(root / "t.md", long)
    index.sync(root)
    with index.reader() as db:
        before = dict(
            db.execute("SELECT passage_id, id FROM passages WHERE title = 'T'").fetchall()
        )
    write(root / "t.md", long + "gamma")
    index.sync(root)
    with index.reader() as db:
        after = dict(db.execute("SELECT passage_id, id FROM passages WHERE title = 'T'").fetchall())
    assert [p for p in after if after[p] == before.get(p)] == [p for p in after if p in before]
    assert len(set(before) & set(after)) == 1


def test_what_is_left_out_is_named_with_its_reason(
    index: KnowledgeIndex, root: Path, tmp_path: Path
) -> None:
    write(tmp_path / "secret.md", "# Secret")
    (root / "link.md").symlink_to(tmp_path / "secret.md")
    (root / "billing" / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to(root)
    (root / "dangling.md").symlink_to(root / "nowhere.md")
    write(root / "huge.txt", "x " * 2_600_000)
    write(root / "empty.md", "")
    write(root / ".hidden.md", "# Hidden")
    write(root / ".git" / "x.md", "# Hidden")
    write(root / "picture.png", "no document")
    os.mkfifo(root / "pipe.md")
    report = index.sync(root)
    assert dict(report.problems) == {
        "link.md": "a link that leads outside the knowledge folder",
        "billing/up": "a link that leads outside the knowledge folder",
        "dangling.md": "a link that leads outside the knowledge folder",
        "huge.txt": "larger than 5 MB",
        "empty.md": "holds no text",
        "pipe.md": "not a regular file",
    }
    assert report.added == 4  # the three of the fixture, and the empty one
    assert dict(index.sync(root).problems) == dict(report.problems)


def test_a_document_that_grew_too_large_cannot_be_found_any_more(
    index: KnowledgeIndex, root: Path
) -> None:
    index.sync(root)
    write(root / "readme.md", "welcome " * 800_000)
    assert (index.sync(root).removed, found(index, "welcome")) == (1, [])


def test_a_missing_folder_empties_nothing(index: KnowledgeIndex, root: Path) -> None:
    index.sync(root)
    report = index.sync(root / "not mounted")
    assert report.problems[0][1].startswith("the folder cannot be read")
    assert (report.passages, found(index, "invoice")) == (3, ["billing/invoices.md"])


def test_odd_file_names_are_indexed(index: KnowledgeIndex, root: Path) -> None:
    write(root / "billing" / 'we"ird % name\n.md', "# Odd\n\nquaint")
    (root / "billing" / os.fsdecode(b"bad-\xff.md")).write_text("# Bytes\n\npeculiar")
    index.sync(root)
    assert found(index, "quaint") == ['billing/we"ird % name\n.md']
    assert found(index, "peculiar") == ["billing/bad-\ufffd.md"]


def test_progress_counts_to_the_end(index: KnowledgeIndex, root: Path) -> None:
    seen: list[tuple[int, int]] = []
    index.sync(root, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_documents_and_passages_are_handed_out(index: KnowledgeIndex, root: Path) -> None:
    index.sync(root)
    document = index.document("billing/invoices.md")
    assert (document.area, document.title) == ("billing", "Invoices")
    assert document.text == "# Invoices\n\nAn invoice is sent each month."
    [hit] = Retriever(index).search("invoice")
    assert index.passage(hit.passage.passage_id) == hit.passage
    for missing in ("nope", "../../etc/passwd", "' OR 1=1", ""):
        with pytest.raises(NotFound):
            index.document(missing)
        with pytest.raises(NotFound):
            index.passage(missing)


def test_whole_documents_come_in_path_order_within_the_budget(
    index: KnowledgeIndex, root: Path
) -> None:
    for name, size in (("c", 100), ("a", 3000), ("b", 200)):
        write(root / "policy" / f"{name}.md", f"# {name}\n\n" + "word " * (size // 5))
    index.sync(root)
    whole = index.document_passages("policy", 10_000)
    assert [d.info.path for d in whole.documents] == ["policy/a.md", "policy/b.md", "policy/c.md"]
    assert (whole.left_out, index.document_passages("policy", 10_000)) == ((), whole)
    some = index.document_passages("policy", 400)
    assert [d.info.path for d in some.documents] == ["policy/b.md", "policy/c.md"]
    assert some.left_out == ("policy/a.md",)
    assert some.chars == sum(d.info.chars for d in some.documents) <= 400
    write(root / "policy" / "c.md", "# c\n\nchanged")
    index.sync(root)
    assert index.document_passages("policy", 10_000).version != whole.version


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"\x00" * 5000, os.urandom(9000)]
)
def test_a_file_that_is_no_database_is_set_aside(
    tmp_path: Path, root: Path, content: bytes
) -> None:
    path = tmp_path / "knowledge.db"
    path.write_bytes(content)
    with KnowledgeIndex(path) as index:
        [aside] = tmp_path.glob("knowledge.db.broken-*")
        assert aside.read_bytes() == content
        assert index.notice is not None
        assert aside.name in index.notice
        assert counts(index, root) == (3, 0, 0, 0)


def test_another_programs_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    db = sqlite3.connect(path)
    db.executescript("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
    db.close()
    with KnowledgeIndex(path) as index:
        assert index.notice is not None
        assert "another program" in index.notice
    [aside] = tmp_path.glob("knowledge.db.broken-*")
    theirs = sqlite3.connect(aside)
    assert theirs.execute("SELECT x FROM theirs").fetchall() == [(1,)]
    theirs.close()


def test_a_truncated_file_is_set_aside_at_the_start(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "knowledge.db"
    with KnowledgeIndex(path) as index:
        index.sync(root)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with KnowledgeIndex(path) as index:
        assert index.notice is not None
        assert (index.areas(), counts(index, root)) == ([], (3, 0, 0, 0))


def test_damage_while_running_is_repaired_by_the_next_sync(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "knowledge.db"
    with KnowledgeIndex(path) as index:
        index.sync(root)
        path.write_bytes(b"junk" * 5000)
        write(root / "new.md", "# New\n\nfresh")
        assert index.sync(root).added == 4
        assert index.notice is not None
        assert found(index, "fresh") == ["new.md"]


def test_an_older_schema_is_built_again_in_place(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "knowledge.db"
    with KnowledgeIndex(path) as index:
        index.sync(root)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 77")
    db.close()
    with KnowledgeIndex(path) as index:
        assert (index.notice, index.areas(), counts(index, root)) == (None, [], (3, 0, 0, 0))
    assert not list(tmp_path.glob("*.broken-*"))


def test_a_good_file_is_kept(tmp_path: Path, root: Path) -> None:
    for expected in ((3, 0, 0, 0), (0, 0, 0, 3)):
        with KnowledgeIndex(tmp_path / "knowledge.db") as index:
            assert (index.notice, counts(index, root)) == (None, expected)


def test_a_place_that_cannot_be_written_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"file/knowledge\.db"):
        KnowledgeIndex(tmp_path / "file" / "knowledge.db")
    (tmp_path / "knowledge.db").mkdir()
    with pytest.raises(StorageError, match=r"knowledge\.db"):
        KnowledgeIndex(tmp_path / "knowledge.db")


def test_a_closed_index_refuses_and_closing_twice_is_fine(tmp_path: Path, root: Path) -> None:
    index = KnowledgeIndex(tmp_path / "knowledge.db")
    index.close()
    index.close()
    with pytest.raises(StorageError, match="closed"):
        index.areas()
    with pytest.raises(StorageError, match="closed"):
        index.sync(root)


def test_opening_and_closing_leaks_no_file(tmp_path: Path, root: Path) -> None:
    def opened() -> list[str]:
        """Of ours: what other tests left may be closed at any moment."""
        names = []
        for one in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # the folder that is listed here
                names.append(one.readlink().name)
        return [name for name in names if name.startswith("knowledge.db")]

    for _ in range(20):
        with KnowledgeIndex(tmp_path / "knowledge.db") as index:
            index.sync(root)
            found(index, "invoice")
            assert opened()
        assert opened() == []


def test_readers_see_whole_documents_while_others_are_indexed(
    index: KnowledgeIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_module, "BATCH_SECONDS", 0.0)  # a transaction per document
    section = "## Part {}\n\n" + "common " * 150
    text = "# Doc\n\n" + "\n\n".join(section.format(n) for n in range(6))
    for n in range(25):
        write(root / "many" / f"{n}.md", text)
    stop = threading.Event()
    problems: list[str] = []

    def read() -> None:
        while not stop.is_set():
            with index.reader() as db:
                for stated, held in db.execute(
                    "SELECT d.passages, (SELECT count(*) FROM passages WHERE document_id = d.id)"
                    " FROM documents AS d"
                ):
                    if stated != held:
                        problems.append(f"{held} of {stated}")
                matches = db.execute(
                    "SELECT count(*) FROM porter WHERE porter MATCH 'common'"
                ).fetchone()[0]
            if matches % 6:
                problems.append(f"{matches} matches")

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    index.sync(root)
    stop.set()
    for reader in readers:
        reader.join(timeout=10)
    assert problems == []


def test_two_syncs_at_once_give_one_whole_index(index: KnowledgeIndex, root: Path) -> None:
    threads = [threading.Thread(target=index.sync, args=(root,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert counts(index, root) == (0, 0, 0, 3)
    assert sum(a.passages for a in index.areas()) == 3


KILLED = """
import sys
from pathlib import Path
from agents.knowledge import sync
from agents.knowledge.index import KnowledgeIndex
sync.BATCH_SECONDS = 0.01
sync.OPTIMIZE_PASSAGES = 10**9
index = KnowledgeIndex(Path(sys.argv[1]))
index.sync(Path(sys.argv[2]), progress=lambda done, total: print(done, flush=True))
"""


@pytest.mark.slow
def test_kill_during_indexing_leaves_whole_documents_only(tmp_path: Path, root: Path) -> None:
    part = "## Part {}\n\n" + "common words again " * 50
    text = "# Doc\n\n" + "\n\n".join(part.format(n) for n in range(8))
    for n in range(200):
        write(root / "many" / f"{n}.md", f"{text}\n\nnumber {n}")
    path = tmp_path / "knowledge.db"
    for seen in (30, 90, 150):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), str(root)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        with child.stdout:
            while int(child.stdout.readline() or "9999") < seen:
                pass
            time.sleep(0.003)
            child.kill()
            child.wait()
        with KnowledgeIndex(path) as index:
            assert index.notice is None
            with index.reader() as db:
                halves = db.execute(
                    "SELECT path FROM documents AS d WHERE passages !="
                    " (SELECT count(*) FROM passages WHERE document_id = d.id)"
                ).fetchall()
                for table in ("porter", "trigram"):
                    rows = db.execute(f"SELECT count(*) FROM {table} WHERE {table} MATCH 'common'")
                    assert rows.fetchone()[0] % 8 == 0
            assert halves == []
    with KnowledgeIndex(path) as index:
        report = index.sync(root)
        assert report.added + report.unchanged == 203
        with index.writer() as db:
            db.execute("INSERT INTO porter (porter, rank) VALUES ('integrity-check', 1)")
            db.execute("INSERT INTO trigram (trigram, rank) VALUES ('integrity-check', 1)")


def test_a_folder_marked_noindex_is_left_out(tmp_path: Path) -> None:
    for name in ("general/a.md", "notes/b.md", "notes/deeper/c.md"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n\nText of {name}.")
    (tmp_path / "docs" / "notes" / ".noindex").touch()
    with KnowledgeIndex(tmp_path / "k.db") as index:
        report = index.sync(tmp_path / "docs")
        assert (report.added, report.problems) == (1, ())
        assert [info.area for info in index.areas()] == ["general"]
