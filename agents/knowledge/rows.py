"""What the index holds, as values: areas, documents, whole documents, and the SELECTs that read them.

Shared by `index.py` and `search.py`, so that both read within one snapshot of their own.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from agents.knowledge.passages import Passage

PASSAGE_COLUMNS = "p.passage_id, d.path, p.title, p.heading, p.area, p.ordinal, p.text"
"""Of `passages AS p JOIN documents AS d`, in the order `as_passage` takes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaInfo:
    area: str
    documents: int
    passages: int
    chars: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentInfo:
    path: str
    area: str
    title: str
    content_hash: str
    chars: int
    passages: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeDocument:
    info: DocumentInfo
    passages: tuple[Passage, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentSet:
    """Whole documents sorted by path: the same set gives the same bytes, so a prompt can be cached."""

    documents: tuple[WholeDocument, ...]
    chars: int
    left_out: tuple[str, ...]
    """Paths of documents that did not fit the budget."""
    version: str
    """Changes when, and only when, the set or a document in it changes."""


def revision(db: sqlite3.Connection, name: str = "revision") -> int:
    """A number that grows with every change of the passages, or of the vectors (`vector_revision`)."""
    return int(db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()[0])


def as_passage(row: tuple[str, str, str, str, str, int, str]) -> Passage:
    """A passage from PASSAGE_COLUMNS."""
    passage_id, path, title, heading, area, ordinal, text = row
    return Passage(
        passage_id=passage_id,
        path=path,
        title=title,
        heading=heading,
        area=area,
        ordinal=ordinal,
        text=text,
    )


def document_rows(
    db: sqlite3.Connection, area: str | None = None
) -> list[tuple[int, DocumentInfo]]:
    """(row id, info) of the documents of an area, or of all, sorted by path."""
    rows = db.execute(
        "SELECT id, path, area, title, content_hash, chars, passages FROM documents"
        " WHERE ?1 IS NULL OR area = ?1 ORDER BY path",
        (area,),
    ).fetchall()
    return [
        (i, DocumentInfo(path=p, area=a, title=t, content_hash=h, chars=c, passages=n))
        for i, p, a, t, h, c, n in rows
    ]


def document_set(
    db: sqlite3.Connection, candidates: Iterable[tuple[int, DocumentInfo]], budget_chars: int
) -> DocumentSet:
    """Takes whole documents in the order given while they fit; returns them in path order."""
    chosen: list[tuple[int, DocumentInfo]] = []
    left_out: list[str] = []
    chars = 0
    for document_id, info in candidates:
        if chars + info.chars > budget_chars:
            left_out.append(info.path)
            continue
        chars += info.chars
        chosen.append((document_id, info))
    chosen.sort(key=lambda pair: pair[1].path)
    digest = hashlib.sha256()
    documents = []
    for document_id, info in chosen:
        digest.update(f"{info.path}\0{info.content_hash}\n".encode())
        rows = db.execute(
            f"SELECT {PASSAGE_COLUMNS} FROM passages AS p JOIN documents AS d ON d.id = p.document_id"
            " WHERE d.id = ? ORDER BY p.ordinal",
            (document_id,),
        )
        documents.append(WholeDocument(info=info, passages=tuple(as_passage(row) for row in rows)))
    return DocumentSet(
        documents=tuple(documents),
        chars=chars,
        left_out=tuple(sorted(left_out)),
        version=digest.hexdigest()[:16],
    )
