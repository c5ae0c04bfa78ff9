"""The search indexes of threads: a small file each, made again from the attachments when missing.

One file per thread and not one for all: deleting a thread's words is deleting its file (before
SQLite 3.42 a full-text index cannot forget securely), the rarity of a word is measured among the files
somebody asks about, and a damaged file costs one thread a moment. Blocking: call in a thread.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from agents.embeddings import Embedder, Embeddings
from agents.files.reading import AREA
from agents.files.values import Attachment, ReadFile
from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.passages import Document, Passage
from agents.knowledge.search import Retriever
from agents.knowledge.sync import put_document, remove_document
from agents.loop import LoopThread
from core.ids import is_id

log = logging.getLogger(__name__)
MEMORY_FOLDER = Path("/dev/shm")
OPEN = 16
"""Indexes kept open; each has a few connections."""
Read = Callable[[Attachment], ReadFile | None]
"""What is in an attachment; None when it cannot be read any more."""


@dataclass(eq=False, kw_only=True)
class ThreadIndex:
    """One open index. `using` counts who must not lose it."""

    index: KnowledgeIndex
    retriever: Retriever
    embeddings: Embeddings | None
    using: int = 0
    filling: threading.Lock = field(default_factory=threading.Lock)


class ThreadIndexes:
    """One per process."""

    def __init__(self, folder: Path, is_temporary: Callable[[str], bool] = lambda _: False) -> None:
        """`is_temporary`: whether nothing of a thread may be on disk for good."""
        self.folder = folder
        self._is_temporary = is_temporary
        self._memory: TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()
        self._open: OrderedDict[str, ThreadIndex] = OrderedDict()
        self._embedder: Embedder | None = None
        self._loop: LoopThread | None = None

    def embed_with(self, embedder: Embedder, loop: LoopThread) -> None:
        """Vectors of files are computed too, as those of the handbook are."""
        self._embedder, self._loop = embedder, loop

    @contextmanager
    def filled(
        self, thread_id: str, attachments: Sequence[Attachment], read: Read
    ) -> Iterator[ThreadIndex]:
        """The thread's index with exactly these files in it. Raises StorageError."""
        entry = self._take(thread_id)
        try:
            with entry.filling:
                if _fill(entry.index, attachments, read) and entry.embeddings is not None:
                    entry.embeddings.refresh()
            yield entry
        finally:
            self._give_back(entry)

    def forget(self, thread_id: str) -> None:
        """Closes and removes the index of a thread. Harmless when there is none."""
        with self._lock:
            entry = self._open.pop(thread_id, None)
        if entry is not None:
            self._close(entry)
        if is_id(thread_id):
            path = self._path(thread_id)
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)

    def kept(self) -> list[str]:
        """The threads that have an index on disk."""
        found = self.folder.glob("*.db") if self.folder.is_dir() else ()
        return [path.stem for path in found if is_id(path.stem)]

    def close(self) -> None:
        with self._lock:
            entries = list(self._open.values())
            self._open.clear()
            memory, self._memory = self._memory, None
        for entry in entries:
            self._close(entry)
        if memory is not None:
            memory.cleanup()

    def _path(self, thread_id: str) -> Path:
        if not self._is_temporary(thread_id):
            return self.folder / f"{thread_id}.db"
        if self._memory is None:  # in memory where there is such a folder, else until the end
            shared = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
            self._memory = TemporaryDirectory(prefix="switchboard-", dir=shared)
        return Path(self._memory.name) / f"{thread_id}.db"

    def _take(self, thread_id: str) -> ThreadIndex:
        with self._lock:
            entry = self._open.get(thread_id)
            if entry is None:
                index = KnowledgeIndex(self._path(thread_id))
                embeddings = None
                if self._embedder is not None and self._loop is not None:
                    embeddings = Embeddings(index, self._embedder, self._loop)
                entry = self._open[thread_id] = ThreadIndex(
                    index=index, retriever=Retriever(index), embeddings=embeddings
                )
            entry.using += 1
            self._open.move_to_end(thread_id)
            idle = [key for key, one in self._open.items() if not one.using]
            surplus = [self._open.pop(key) for key in idle[: max(0, len(self._open) - OPEN)]]
        for one in surplus:
            self._close(one)
        return entry

    def _give_back(self, entry: ThreadIndex) -> None:
        with self._lock:
            entry.using -= 1

    def _close(self, entry: ThreadIndex) -> None:
        if entry.embeddings is not None and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nothing computes any more
                self._loop.submit(entry.embeddings.aclose())
        entry.index.close()


def _fill(index: KnowledgeIndex, attachments: Sequence[Attachment], read: Read) -> bool:
    """Adds what is missing and removes what is gone; whether anything changed."""
    texts = [one for one in reversed(attachments) if not one.is_image]
    wanted = {one.id: one for one in {one.sha256: one for one in texts}.values()}
    held = {info.path for info in index.documents()}
    if held == wanted.keys():
        return False
    new = [(one, read(one)) for key, one in wanted.items() if key not in held]
    gone = held - wanted.keys()
    with index.writer() as db:
        db.execute("PRAGMA secure_delete = ON")
        for one, found in new:
            put_document(db, *_document(one, found))
        for path in gone:
            remove_document(db, path)
        if gone:  # merges the segments, so that the words of removed files are in none of them
            for table in ("porter", "trigram"):
                db.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")
        db.execute("UPDATE state SET value = value + 1 WHERE name = 'revision'")
    if gone:
        index.tidy()
    return True


def _document(one: Attachment, found: ReadFile | None) -> tuple[Document, list[Passage]]:
    """As the index holds it: under the id, because two files may have one name. One that cannot be
    read any more is there without a passage, so that nobody tries for each question."""
    text = found.text if found else ""
    document = Document(path=one.id, area=AREA, title=one.name, text=text, content_hash=one.sha256)
    return document, [
        replace(
            passage,
            passage_id=sha256(f"{one.id}\0{passage.passage_id}".encode()).hexdigest()[:20],
            path=one.id,
            title=one.name,
        )
        for passage in (found.passages if found else ())
    ]
