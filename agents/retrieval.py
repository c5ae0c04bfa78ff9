"""The knowledge a graph asks: search, whole documents, the local vote. Off the loop, always.

A facade over agents/knowledge/: it gives numbered `Source` values, adds vectors when an embedding
model is configured, and keeps the last report of the folder for the Settings page.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agents.embeddings import Embedder, Embeddings, EmbeddingStatus
from agents.knowledge.index import AreaInfo, KnowledgeIndex
from agents.knowledge.notes import MOUNT, Note, Notes, area_of, is_notes_area
from agents.knowledge.passages import Passage
from agents.knowledge.search import Hit, Retriever
from agents.knowledge.sync import Progress, SyncReport
from agents.loop import LoopThread
from core.events import Source

CHARS_PER_TOKEN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Numbered sources and how long it took to find them."""

    sources: list[Source]
    hits: list[Hit]
    duration_us: int
    version: str = ""
    """Of a whole-document prefix: equal versions are equal bytes."""
    left_out: int = 0


class KnowledgeSource(Protocol):
    """What a run asks: the handbook, or the handbook and the files of a conversation."""

    def areas(self) -> list[AreaInfo]: ...

    async def search(
        self, query: str, *, areas: Iterable[str] | None = None, k: int = 8, first: int = 1
    ) -> Found: ...

    async def specialist_search(
        self, query: str, areas: Sequence[str] | None, *, k: int = 6, first: int = 1
    ) -> Found: ...

    async def whole_documents(
        self, areas: Sequence[str] | None, query: str, budget_tokens: int, *, choose: bool
    ) -> Found: ...

    async def fits(self, areas: Sequence[str] | None, budget_tokens: int) -> bool: ...

    async def claims(self, question: str) -> bool:
        """Whether a question is about files that people added, and not about this installation."""

    async def note(self) -> str:
        """What an agent that decides by itself whether to search has to know; "" for nothing."""

    async def save_note(self, title: str, text: str) -> Note:
        """Keeps a note that its owner's answers find from now on. Raises InvalidInput, StorageError."""


class Knowledge:
    """One per process."""

    def __init__(self, db_path: Path, folder: Path, notes: Path | None = None) -> None:
        """`notes`: the folder of people's notes; None: there are none."""
        self.folder = folder
        self.notes = Notes(notes) if notes is not None else None
        self.index = KnowledgeIndex(db_path)
        self._retriever = Retriever(self.index)
        self._embeddings: Embeddings | None = None
        self.report: SyncReport | None = None

    def embed_with(self, embedder: Embedder, loop: LoopThread) -> None:
        """From now on vectors are computed on `loop` and used by searches. Before the first sync."""
        self._embeddings = Embeddings(self.index, embedder, loop)

    def sync(self, progress: Progress | None = None, *, embed: bool = True) -> SyncReport:
        """Indexes what changed in the folder. Blocking; safe while others search.

        With `embed`, vectors of what is new are computed afterwards, as `embed_missing` does.
        """
        self.sync_notes()
        self.report = self.index.sync(self.folder, progress)
        if embed:
            self.embed_missing()
        return self.report

    def sync_notes(self) -> None:
        """Indexes what changed among the notes. Blocking."""
        if self.notes is not None:
            with contextlib.suppress(OSError):  # a folder that is gone holds no notes
                self.notes.folder.mkdir(parents=True, exist_ok=True)
            self.index.sync(self.notes.folder, mount=MOUNT)

    def forget_notes(self, owner: str) -> None:
        """Deletes an owner's notes; no word of them stays in the index."""
        if self.notes is not None:
            self.notes.forget(owner)
            self.sync_notes()
            self.index.forget_removed()

    def give_notes(self, owner: str, to: str) -> int:
        """Makes an owner's notes another one's, also in the index; returns how many."""
        given = self.notes.give(owner, to) if self.notes is not None else 0
        if given:
            self.sync_notes()
        return given

    def embed_missing(self) -> None:
        """Starts computing missing vectors in the background, if a model is set; see
        `embedding_status`."""
        if self._embeddings is not None:
            self._embeddings.refresh()

    @property
    def embedding_status(self) -> EmbeddingStatus | None:
        """How far the vectors are; None when no embedding model is set."""
        return self._embeddings.status if self._embeddings is not None else None

    def areas(self) -> list[AreaInfo]:
        return self.index.areas()

    def version(self, owner: str) -> str:
        """Changes with every document or note that a person's answers can be made of. Blocking."""
        digest = hashlib.sha256()
        own = area_of(owner)
        for info in self.index.documents():
            if info.area == own or not is_notes_area(info.area):
                digest.update(f"{info.path}\0{info.content_hash}\n".encode())
        return digest.hexdigest()

    async def search(
        self, query: str, *, areas: Iterable[str] | None = None, k: int = 8, first: int = 1
    ) -> Found:
        """The best passages, numbered from `first`."""
        started = time.perf_counter_ns()
        embeddings = self._embeddings
        vector = await embeddings.question(query) if embeddings is not None else None
        hits = await asyncio.to_thread(
            self._retriever.search,
            query,
            k=k,
            areas=areas,
            query_vector=vector,
            model=embeddings.model if embeddings is not None else None,
        )
        return _found(hits, started, first)

    async def specialist_search(
        self,
        query: str,
        areas: Sequence[str] | None,
        *,
        beyond: Iterable[str] | None = None,
        k: int = 6,
        first: int = 1,
    ) -> Found:
        """The best of the specialist's areas, and better ones from elsewhere if there are any.

        `beyond`: where else to look; None: everywhere. A question can be routed by its tone and
        answered by a document of another area; such a passage is let in when it covers clearly more
        of the question than the area's best.
        """
        started = time.perf_counter_ns()
        if areas is None:
            return _found((await self.search(query, k=k)).hits, started, first)
        own, everywhere = await asyncio.gather(
            self.search(query, areas=areas, k=k), self.search(query, areas=beyond, k=3)
        )
        best = max((hit.relevance for hit in own.hits), default=0.0)
        known = {hit.passage.passage_id for hit in own.hits}
        better = [
            hit
            for hit in everywhere.hits
            if hit.passage.passage_id not in known and hit.relevance > best + 0.1
        ]
        return _found([*better, *own.hits][: k + 1], started, first)

    async def whole_documents(
        self, areas: Sequence[str] | None, query: str, budget_tokens: int, *, choose: bool
    ) -> Found:
        """Whole documents in stable order under a budget, as numbered passages.

        `choose`: when the areas do not fit, documents are chosen by the question; otherwise they are
        taken in path order, so that the prefix is the same for every question.
        """
        started = time.perf_counter_ns()
        budget = budget_tokens * CHARS_PER_TOKEN
        documents = await asyncio.to_thread(
            self._retriever.best_documents, query if choose else "", areas, budget
        )
        sources = [
            _source(n, passage, None)
            for n, passage in enumerate(
                (p for document in documents.documents for p in document.passages), start=1
            )
        ]
        return Found(
            sources=sources,
            hits=[],
            duration_us=(time.perf_counter_ns() - started) // 1000,
            version=documents.version,
            left_out=len(documents.left_out),
        )

    async def fits(self, areas: Sequence[str] | None, budget_tokens: int) -> bool:
        """Whether all documents of the areas fit the budget."""
        infos = await asyncio.to_thread(self.index.areas)
        chars = sum(info.chars for info in infos if areas is None or info.area in areas)
        return chars <= budget_tokens * CHARS_PER_TOKEN

    async def stop(self) -> None:
        """Ends the background work. On the run loop, before `close`."""
        if self._embeddings is not None:
            await self._embeddings.aclose()

    def close(self) -> None:
        self.index.close()


def _found(hits: list[Hit], started_ns: int, first: int) -> Found:
    sources = [_source(n, hit.passage, hit.relevance) for n, hit in enumerate(hits, start=first)]
    duration_us = (time.perf_counter_ns() - started_ns) // 1000
    return Found(sources=sources, hits=hits, duration_us=duration_us)


def _source(n: int, passage: Passage, score: float | None) -> Source:
    return Source(
        n=n,
        passage_id=passage.passage_id,
        document=passage.path,
        title=passage.title,
        heading=passage.heading,
        area=passage.area,
        text=passage.text,
        score=None if score is None else round(score, 4),
    )
