"""A turn that first looks whether its question was answered before, and else does what it always does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agents.answer_cache.store import Kept
from agents.attempt import clock
from agents.run import Checkpoint
from core.events import (
    CACHE,
    Attempt,
    EarlierAnswer,
    Event,
    Interrupt,
    Source,
    Sources,
    Token,
    UsageReported,
)
from core.ids import new_id

if TYPE_CHECKING:
    from agents.runs import Turn

PIECE_CHARS = 48


class CachedTurn:
    """See agents/runs.py `Turn`."""

    def __init__(
        self, inner: Turn, question: str, find: Callable[[], Awaitable[Kept | None]]
    ) -> None:
        """`find` raises nothing: what keeps it from finding an answer is a miss."""
        self._inner = inner
        self._question = question
        self._find = find
        self._hit: Kept | None = None

    @property
    def interrupts(self) -> Sequence[Interrupt]:
        return () if self._hit else self._inner.interrupts

    @property
    def finish_reason(self) -> str:
        return "stop" if self._hit else self._inner.finish_reason

    @property
    def notice(self) -> str | None:
        return None if self._hit else self._inner.notice

    @property
    def checkpoint(self) -> Checkpoint | None:
        """None after a hit: the agents read what was said from the thread at the next question."""
        return None if self._hit else self._inner.checkpoint

    @property
    def node(self) -> str | None:
        return None if self._hit else self._inner.node

    @property
    def agent(self) -> str | None:
        return self._hit.summary.agent if self._hit else self._inner.agent

    def close_open(self, status: str) -> Iterable[Event]:
        return () if self._hit else self._inner.close_open(status)

    async def events(self) -> AsyncGenerator[Event, None]:
        started = clock()
        self._hit = await self._find()
        if self._hit is not None:
            for event in played(self._hit, self._question, started):
                yield event
                await asyncio.sleep(0)  # other runs go on meanwhile
            return
        async with contextlib.aclosing(self._inner.events()) as drafts:
            async for draft in drafts:
                yield draft


def played(kept: Kept, question: str, started: float) -> Iterator[Event]:
    """An earlier answer as the events of a run that no model was asked in. `started`: of the search."""
    summary, agent = kept.summary, kept.summary.agent
    kind: Any = "exact" if kept.similarity is None else "semantic"
    call: dict[str, Any] = {
        "call_id": new_id(),
        "model": f"{CACHE}:{kind}",
        "provider": CACHE,
        "purpose": "answer",
        "agent": agent,
    }
    attempt = {**call, "logical_call_id": new_id(), "attempt": 1}
    yield Attempt(**attempt, outcome="started")
    if summary.sources:
        mode: Any = summary.source_mode or "rag"
        yield Sources(
            mode=mode,
            query=question[:2000],
            agent=agent,
            sources=tuple(Source(**source) for source in summary.sources),
        )
    message_id, first_us = new_id(), _since(started)
    pieces = [kept.text[at : at + PIECE_CHARS] for at in range(0, len(kept.text), PIECE_CHARS)]
    for piece in pieces:
        yield Token(text=piece, message_id=message_id, agent=agent)
    lasted_us = _since(started)
    yield Attempt(
        **attempt,
        outcome="ok",
        finish_reason="stop",
        first_chunk_us=first_us,
        first_token_us=first_us,
        first_answer_us=first_us,
        last_token_us=lasted_us,
        duration_us=lasted_us,
        chunk_count=len(pieces),
    )
    yield UsageReported(
        **call,
        input_tokens=0,
        output_tokens=0,
        source="provider",
        cost_pusd=0,
        cost_why="an earlier answer was given again",
        earlier=EarlierAnswer(
            kind=kind,
            run_id=kept.run_id,
            model=summary.model,
            at_us=kept.made_at_us,
            cost_pusd=summary.cost_pusd,
            similarity=kept.similarity,
        ),
    )


def _since(started: float) -> int:
    return round((clock() - started) * 1e6)
