"""A run's knowledge: the files of its thread beside the handbook, behind the handbook's interface.

No graph knows of files: it searches as ever and finds passages of both. What a question is about
decides who comes first; a short file is given whole, so that it can be summarised.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from hashlib import sha256

from agents.embeddings import Embeddings
from agents.files.about import about_files, asks_for_overview, named_in
from agents.files.index import ThreadIndex
from agents.files.reading import AREA
from agents.files.values import Attachment
from agents.knowledge.index import AreaInfo
from agents.knowledge.notes import Note
from agents.knowledge.passages import Passage
from agents.knowledge.rows import WholeDocument
from agents.knowledge.search import Hit
from agents.retrieval import CHARS_PER_TOKEN, Found, KnowledgeSource
from core.events import ATTACHED_FILE, Source

WHOLE_CHARS = 12_000
"""Files up to this size together are given whole when a question is about them."""
OVERVIEW_CHARS = 24_000
"""Of a longer file when a question is about all of it."""
PART_CHARS = 6_000
"""Neighbouring passages are joined up to this size when files are given whole."""
CLEARLY = 0.15
"""So much more of a question must the handbook cover to come before a file that is meant."""
WORTH_SHOWING = 0.3
"""Relevance from which passages of the side that is not meant are shown too."""
OTHERS = 2
SHARE_OF_PREFIX = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class _Own:
    """What the files have to say: passages found, or (joined) all of their text."""

    hits: list[Hit] = field(default_factory=list)
    whole: list[Passage] = field(default_factory=list)
    best: float
    """Relevance of the best passage."""
    surely: bool
    """The question means the files."""


Open = Callable[[Sequence[Attachment]], AbstractContextManager[ThreadIndex]]


class ThreadKnowledge:
    """Made for one run. Delegates to the handbook alone when the thread has no files."""

    def __init__(
        self,
        handbook: KnowledgeSource,
        files: Callable[[], Sequence[Attachment]],
        open_index: Open,
        *,
        question_id: str,
        notices: list[str],
    ) -> None:
        """`files` and `open_index` block. `question_id`: of the run's question."""
        self._handbook = handbook
        self._list = files
        self._open = open_index
        self._question_id = question_id
        self._notices = notices
        self._known: list[Attachment] | None = None

    async def claims(self, question: str) -> bool:
        files = await self._files()
        return bool(files) and self._surely(question, files)

    async def note(self) -> str:
        files = await self._files()
        if not files:
            return ""
        names = ", ".join(f"“{one.name}”{_extent(one)}" for one in files[-20:])
        return f"Files of this conversation: {names}. search_docs searches them too."

    async def save_note(self, title: str, text: str) -> Note:
        return await self._handbook.save_note(title, text)

    def areas(self) -> list[AreaInfo]:
        return self._handbook.areas()

    async def search(
        self, query: str, *, areas: Iterable[str] | None = None, k: int = 8, first: int = 1
    ) -> Found:
        started = time.perf_counter_ns()
        files = await self._files()
        if not files:
            return await self._handbook.search(query, areas=areas, k=k, first=first)
        book, own = await asyncio.gather(
            self._handbook.search(query, areas=areas, k=k), self._own(query, files, k)
        )
        return _joined(own, book, k=k, first=first, started_ns=started)

    async def specialist_search(
        self, query: str, areas: Sequence[str] | None, *, k: int = 6, first: int = 1
    ) -> Found:
        started = time.perf_counter_ns()
        files = await self._files()
        if not files:
            return await self._handbook.specialist_search(query, areas, k=k, first=first)
        book, own = await asyncio.gather(
            self._handbook.specialist_search(query, areas, k=k), self._own(query, files, k)
        )
        return _joined(own, book, k=k, first=first, started_ns=started)

    async def whole_documents(
        self, areas: Sequence[str] | None, query: str, budget_tokens: int, *, choose: bool
    ) -> Found:
        """Files first: whole when they fit in half of the budget, else what fits the question."""
        files = await self._files()
        if not files:
            return await self._handbook.whole_documents(areas, query, budget_tokens, choose=choose)
        started = time.perf_counter_ns()
        share = int(budget_tokens * SHARE_OF_PREFIX) * CHARS_PER_TOKEN
        own, version = await asyncio.to_thread(self._within, query, files, share)
        used = sum(len(source.text) for source in own) // CHARS_PER_TOKEN
        book = await self._handbook.whole_documents(
            areas, query, budget_tokens - used, choose=choose
        )
        return Found(
            sources=_numbered([*own, *book.sources], 1),
            hits=[],
            duration_us=_since(started),
            version=f"{version}{book.version}",
            left_out=book.left_out,
        )

    async def fits(self, areas: Sequence[str] | None, budget_tokens: int) -> bool:
        files = await self._files()
        if not files:
            return await self._handbook.fits(areas, budget_tokens)
        share = int(budget_tokens * SHARE_OF_PREFIX)
        return await self._handbook.fits(areas, budget_tokens - share)

    # -- inside

    async def _files(self) -> list[Attachment]:
        """Those with text, oldest first."""
        if self._known is None:
            found = await asyncio.to_thread(self._list)
            self._known = [one for one in found if not one.is_image]
        return self._known

    def _surely(self, question: str, files: Sequence[Attachment]) -> bool:
        came_with = any(one.message_id == self._question_id for one in files)
        return about_files(question, files, came_with=came_with)

    async def _own(self, query: str, files: Sequence[Attachment], k: int) -> _Own:
        surely = self._surely(query, files)
        embeddings = await asyncio.to_thread(self._embeddings, files)
        vector = await embeddings.question(query) if embeddings is not None else None
        return await asyncio.to_thread(self._find, query, files, k, surely, vector)

    def _embeddings(self, files: Sequence[Attachment]) -> Embeddings | None:
        with self._open(files) as entry:
            return entry.embeddings

    def _find(
        self,
        query: str,
        files: Sequence[Attachment],
        k: int,
        surely: bool,
        vector: Sequence[float] | None,
    ) -> _Own:
        named = {one.id for one in named_in(query, files)}
        with self._open(files) as entry:
            model = entry.embeddings.model if entry.embeddings is not None else None
            hits = entry.retriever.search(query, k=k + 4, query_vector=vector, model=model)
            best = max((hit.relevance for hit in hits), default=0.0)
            if named:  # the other files may still answer, after the one that is meant
                hits.sort(key=lambda hit: hit.passage.path not in named)
            if not surely:
                return _Own(hits=hits[:k], best=best, surely=False)
            documents = [one for one in _documents(entry) if not named or one.info.path in named]
            chars = sum(one.info.chars for one in documents)
            overview = asks_for_overview(query, [one.name for one in files])
            if chars <= WHOLE_CHARS or overview or not hits:
                budget = WHOLE_CHARS if chars <= WHOLE_CHARS else OVERVIEW_CHARS
                whole = _parts(_spread(documents, budget))
                if overview and chars > OVERVIEW_CHARS:
                    self._say_what_was_read(documents, budget)
                return _Own(whole=whole, best=1.0, surely=True)
            return _Own(hits=hits[:k], best=best, surely=True)

    def _within(
        self, query: str, files: Sequence[Attachment], budget_chars: int
    ) -> tuple[list[Source], str]:
        with self._open(files) as entry:
            documents = _documents(entry)
            if sum(one.info.chars for one in documents) <= budget_chars:
                found = [passage for one in documents for passage in one.passages]
            else:
                hits = entry.retriever.search(query, k=50)
                found, used = [], 0
                for hit in hits:
                    used += len(hit.passage.text)
                    if used > budget_chars:
                        break
                    found.append(hit.passage)
        version = ":".join(passage.passage_id for passage in found)
        return [_source(passage, None) for passage in found], sha256(version.encode()).hexdigest()[
            :8
        ]

    def _say_what_was_read(self, documents: Sequence[WholeDocument], budget: int) -> None:
        chars = sum(one.info.chars for one in documents)
        names = ", ".join(f"“{one.info.title}”" for one in documents)
        self._notices.append(
            f"{names} is long: about {budget / chars:.0%} of it, from beginning to end, was read "
            "for this overview. Questions about something in it search all of it."
        )


def _joined(own: _Own, book: Found, *, k: int, first: int, started_ns: int) -> Found:
    """Both sides in the order of what the question is about."""
    if own.whole:
        given = [_source(passage, 1.0) for passage in own.whole]
        hits = [_hit(passage, 1.0) for passage in own.whole]
        return Found(sources=_numbered(given, first), hits=hits, duration_us=_since(started_ns))
    of_book = max((hit.relevance for hit in book.hits), default=0.0)
    files_first = own.best >= of_book - (CLEARLY if own.surely else 0.0)
    mine = [(hit, _source(hit.passage, hit.relevance)) for hit in own.hits]
    theirs = list(zip(book.hits, book.sources, strict=True))
    if files_first:
        others = [pair for pair in theirs if pair[0].relevance >= WORTH_SHOWING][:OTHERS]
        kept = mine[: k - len(others)]
        pairs = [*kept, *others]
    else:
        others = [pair for pair in mine if pair[0].relevance >= WORTH_SHOWING][:OTHERS]
        pairs = [*theirs[: max(1, k - len(others))], *others]
    return Found(
        sources=_numbered([source for _, source in pairs], first),
        hits=[_as_general(hit) for hit, _ in pairs],
        duration_us=_since(started_ns),
    )


def _as_general(hit: Hit) -> Hit:
    """The vote about who answers knows the handbook's areas only: files are the generalist's."""
    if hit.passage.area != AREA:
        return hit
    return replace(hit, passage=replace(hit.passage, area="general"))


def _hit(passage: Passage, relevance: float) -> Hit:
    return _as_general(Hit(passage=passage, score=relevance, relevance=relevance, ranks={}))


def _documents(entry: ThreadIndex) -> list[WholeDocument]:
    return list(entry.index.document_passages(AREA, 1 << 40).documents)


def _spread(documents: Sequence[WholeDocument], budget_chars: int) -> list[Passage]:
    """All passages, or as many as fit, taken evenly from beginning to end."""
    everything = [passage for one in documents for passage in one.passages]
    chars = sum(len(passage.text) for passage in everything)
    if chars <= budget_chars * 1.25:  # headings make a text longer than its document
        return everything
    wanted = max(2, int(len(everything) * budget_chars / chars))
    step = (len(everything) - 1) / (wanted - 1)
    return [everything[round(n * step)] for n in range(wanted)]


def _parts(passages: Sequence[Passage]) -> list[Passage]:
    """Neighbours joined, so that a whole file takes few places."""
    out: list[Passage] = []
    for passage in passages:
        last = out[-1] if out else None
        if (
            last is None
            or last.path != passage.path
            or len(last.text) + len(passage.text) > PART_CHARS
        ):
            out.append(passage)
            continue
        before = last.text if not last.heading else f"#### {last.heading}\n\n{last.text}"
        own = passage.text if not passage.heading else f"#### {passage.heading}\n\n{passage.text}"
        out[-1] = replace(last, heading="", text=f"{before}\n\n{own}")
    return out


def _source(passage: Passage, score: float | None) -> Source:
    return Source(
        n=0,
        passage_id=passage.passage_id,
        document=ATTACHED_FILE,
        title=passage.title,
        heading=passage.heading,
        area=AREA,
        text=passage.text,
        score=None if score is None else round(score, 4),
    )


def _numbered(sources: Sequence[Source], first: int) -> list[Source]:
    return [replace(source, n=n) for n, source in enumerate(sources, start=first)]


def _extent(one: Attachment) -> str:
    return f" ({one.pages:,} page{'s' if one.pages != 1 else ''})" if one.pages else ""


def _since(started_ns: int) -> int:
    return (time.perf_counter_ns() - started_ns) // 1000
