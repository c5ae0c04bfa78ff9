"""The knowledge of one run: the documents and its owner's notes, but nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from agents.knowledge.index import AreaInfo
from agents.knowledge.notes import Note, area_of, is_notes_area
from agents.retrieval import Found, Knowledge
from core.errors import InvalidInput


class SeenKnowledge:
    """See KnowledgeSource."""

    def __init__(self, knowledge: Knowledge, owner: str | None, *, keeps: bool = True) -> None:
        """`owner` None: no notes at all. `keeps` False: notes are read, and none is written."""
        self._all = knowledge
        self._owner = owner
        self._keeps = keeps

    def areas(self) -> list[AreaInfo]:
        own = area_of(self._owner) if self._owner is not None else None
        return [a for a in self._all.areas() if not is_notes_area(a.area) or a.area == own]

    async def search(
        self, query: str, *, areas: Iterable[str] | None = None, k: int = 8, first: int = 1
    ) -> Found:
        seen = await self._seen(areas)
        return await self._all.search(query, areas=seen, k=k, first=first)

    async def specialist_search(
        self, query: str, areas: Sequence[str] | None, *, k: int = 6, first: int = 1
    ) -> Found:
        beyond = await self._seen(None)
        seen = await self._seen(areas)
        return await self._all.specialist_search(query, seen, beyond=beyond, k=k, first=first)

    async def whole_documents(
        self, areas: Sequence[str] | None, query: str, budget_tokens: int, *, choose: bool
    ) -> Found:
        seen = await self._seen(areas)
        return await self._all.whole_documents(seen, query, budget_tokens, choose=choose)

    async def fits(self, areas: Sequence[str] | None, budget_tokens: int) -> bool:
        return await self._all.fits(await self._seen(areas), budget_tokens)

    async def claims(self, question: str) -> bool:
        return False

    async def note(self) -> str:
        return ""

    async def save_note(self, title: str, text: str) -> Note:
        notes, owner = self._all.notes, self._owner
        if notes is None or owner is None or not self._keeps:
            raise InvalidInput("No notes are kept in this conversation.")
        note = await asyncio.to_thread(notes.save, owner, title, text)
        await asyncio.to_thread(self._all.sync_notes)
        self._all.embed_missing()
        return note

    async def _seen(self, areas: Iterable[str] | None) -> list[str] | None:
        """The areas without other people's notes; None for all when there are none of those."""
        every = await asyncio.to_thread(self._all.areas)
        own = area_of(self._owner) if self._owner is not None else None
        hidden = {a.area for a in every if is_notes_area(a.area) and a.area != own}
        if areas is not None:
            return [area for area in areas if area not in hidden]
        return [a.area for a in every if a.area not in hidden] if hidden else None
