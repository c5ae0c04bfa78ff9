"""Notes as files, and who finds them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.knowledge.notes import Notes, owner_folder
from agents.retrieval import Knowledge
from agents.seen_knowledge import SeenKnowledge
from core.errors import InvalidInput, StorageError


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[Knowledge]:
    docs = tmp_path / "docs" / "notes" / "local"
    docs.mkdir(parents=True)
    (docs / "tulip.md").write_text("# Garden\n\nThe tulip is planted in October.\n")
    built = Knowledge(tmp_path / "knowledge.db", tmp_path / "docs", tmp_path / "data" / "notes")
    built.sync()
    yield built
    built.close()


def found(knowledge: Knowledge, owner: str | None, question: str) -> list[str]:
    seen = SeenKnowledge(knowledge, owner)
    return [source.document for source in asyncio.run(seen.search(question)).sources]


def save(knowledge: Knowledge, owner: str, title: str, text: str) -> str:
    return asyncio.run(SeenKnowledge(knowledge, owner).save_note(title, text)).path


def test_a_note_is_found_at_once_beside_the_documents(knowledge: Knowledge) -> None:
    path = save(knowledge, "local", "Wifi", "The wifi password is tulip.")
    assert path.startswith("/notes/local/wifi-")
    assert set(found(knowledge, "local", "tulip")) == {path, "notes/local/tulip.md"}
    assert [a.area for a in knowledge.areas()] == ["notes", "notes/local"]


@pytest.mark.parametrize("other", ["eve", "LOCAL", "../local", "", None])
def test_a_note_of_somebody_else_is_not_found(knowledge: Knowledge, other: str | None) -> None:
    save(knowledge, "local", "Wifi", "The wifi password is tulip.")
    assert found(knowledge, other, "tulip") == ["notes/local/tulip.md"]
    seen = SeenKnowledge(knowledge, other)
    assert [a.area for a in seen.areas()] == ["notes"]
    whole = asyncio.run(seen.whole_documents(None, "tulip", 10_000, choose=False))
    assert [s.document for s in whole.sources] == ["notes/local/tulip.md"]
    named = asyncio.run(seen.specialist_search("tulip", ["notes/local", "notes"]))
    assert [s.document for s in named.sources] == ["notes/local/tulip.md"]


def test_documents_and_notes_are_synced_apart(knowledge: Knowledge) -> None:
    path = save(knowledge, "local", "Wifi", "The wifi password is tulip.")
    assert knowledge.sync().removed == 0
    assert path in found(knowledge, "local", "wifi")
    assert knowledge.notes is not None
    for file in knowledge.notes.folder.rglob("*.md"):
        file.unlink()
    knowledge.sync()
    assert found(knowledge, "local", "tulip") == ["notes/local/tulip.md"]


def test_forgetting_a_person_leaves_the_notes_of_others(knowledge: Knowledge) -> None:
    save(knowledge, "local", "Wifi", "The wifi password is tulip.")
    kept = save(knowledge, "eve", "Wifi", "My tulip.")
    knowledge.forget_notes("local")
    assert kept in found(knowledge, "eve", "tulip")
    assert [a.area for a in knowledge.areas()] == ["notes", "notes/eve"]


def test_no_word_of_a_forgotten_note_stays_in_the_file(knowledge: Knowledge) -> None:
    """The full-text index kept them, readable in any editor, after everything of a person was deleted."""
    save(knowledge, "local", "Birds", "The zebrafalk sleeps beside the quaggafinch.")
    save(knowledge, "eve", "Fish", "My octopus.")
    knowledge.forget_notes("local")
    files = knowledge.index.path.parent.glob(f"{knowledge.index.path.name}*")
    assert not re.search(b"zebrafalk|quaggafinch", b"".join(one.read_bytes() for one in files))


def test_an_evaluation_keeps_no_notes(knowledge: Knowledge) -> None:
    with pytest.raises(InvalidInput):
        asyncio.run(SeenKnowledge(knowledge, None).save_note("a", "b"))


@pytest.mark.parametrize("title", ["../../etc/passwd", "a/b\\c", "\x00\x07x", "日本語", "." * 100])
def test_any_title_stays_in_the_folder(tmp_path: Path, title: str) -> None:
    notes = Notes(tmp_path / "notes")
    notes.save("local", title, "text")
    [file] = (tmp_path / "notes" / "local").iterdir()
    assert file.suffix == ".md"
    assert [p.name for p in tmp_path.iterdir()] == ["notes"]


def test_the_same_note_twice_is_one_file(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    assert notes.save("local", "A", "text") == notes.save("local", " A ", "text\n")
    notes.save("local", "A", "other")
    assert notes.count("local") == 2


@pytest.mark.parametrize(
    ("title", "text"), [("", "x"), ("x", " "), ("x" * 121, "x"), ("x", "x" * 20_001)]
)
def test_a_note_that_cannot_be_kept_is_a_sentence(tmp_path: Path, title: str, text: str) -> None:
    with pytest.raises(InvalidInput, match="note"):
        Notes(tmp_path).save("local", title, text)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file")
    with pytest.raises(StorageError, match="could not be written"):
        Notes(tmp_path / "notes").save("local", "A", "b")


def test_no_two_owners_share_a_folder() -> None:
    owners = ["local", "Local", "a@b.c", "a/b", "..", "", "owner-1", "x" * 200, "é", "a."]
    folders = [owner_folder(owner) for owner in owners]
    assert len({folder.lower() for folder in folders}) == len(owners)
    assert not any("/" in folder or folder.startswith(".") for folder in folders)


def test_a_temporary_chat_reads_notes_and_keeps_none(knowledge: Knowledge) -> None:
    path = save(knowledge, "local", "Wifi", "The wifi password is tulip.")
    seen = SeenKnowledge(knowledge, "local", keeps=False)
    assert path in [source.document for source in asyncio.run(seen.search("wifi")).sources]
    with pytest.raises(InvalidInput):
        asyncio.run(seen.save_note("a", "b"))
