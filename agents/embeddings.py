"""Vectors for the knowledge index: computed in the background, and one for each question.

Optional beside the full-text search, so nothing here fails a search or an answer: what goes wrong
is counted and shown (`EmbeddingStatus`). Works on the run loop; `agents.models` knows the providers,
`agents.knowledge.vectors` the storage.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.passages import Passage
from agents.knowledge.vectors import count_vectors, missing_vectors, store_vectors
from agents.loop import LoopThread
from core.errors import ContextTooLong, ModelFailure, ModelRefused, SwitchboardError, redact

log = logging.getLogger(__name__)
BATCH = 32
"""Passages per request: answers of a megabyte at most, so that reading one delays no token."""
BATCH_S = 60.0
MAX_CHARS = 6000
"""Embedding models take 8,000 tokens and fewer; what a long table says at its end is left out."""
QUESTION_S = 1.5
REST_S = 15.0
"""After a question that got no vector, searches do without for so long instead of waiting again."""
QUESTIONS_KEPT = 64
"""Routing and retrieval search for the same question; the provider is asked once."""
PAUSES_S = (1.0, 4.0, 15.0, 60.0, 300.0)


class Embedder(Protocol):
    """An embedding model. `agents.models` makes them."""

    @property
    def model(self) -> str: ...
    def problem(self) -> str:
        """What keeps it from being called, "" for nothing. Never blocks."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, in their order. On the run loop; raises ModelFailure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingStatus:
    """What Settings shows."""

    model: str
    done: int = 0
    """Passages that have a vector of this model."""
    total: int = 0
    refused: int = 0
    """Passages the model refused; they are found by their words only."""
    running: bool = False
    """Vectors are being computed, or will be after a pause."""
    last_error: str = ""
    """Why vectors are missing, or why questions go without; "" after a success."""
    questions_without: int = 0
    """Searches since the start that got no vector although there are some to compare with."""


class Embeddings:
    """One per process, for one index and one model."""

    def __init__(
        self,
        index: KnowledgeIndex,
        embedder: Embedder,
        loop: LoopThread,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        question_s: float = QUESTION_S,
    ) -> None:
        self.model = embedder.model
        self.status = EmbeddingStatus(model=self.model)
        """Replaced as a whole on the run loop; any thread may read it."""
        self._index = index
        self._embedder = embedder
        self._loop = loop
        self._pauses_s = tuple(pauses_s)
        self._question_s = question_s
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._failures = 0
        self._works = False
        self._refused: set[str] = set()
        self._questions: OrderedDict[str, list[float]] = OrderedDict()
        self._rest_until = 0.0
        self._closed = False

    def refresh(self) -> None:
        """Computes what is missing, in the background. Any thread; also ends a pause."""
        if not self._closed:
            self._loop.submit(self._begin())

    async def question(self, text: str) -> list[float] | None:
        """The vector of a question, or None when there is none to be had in time."""
        if not self.status.done:
            return None
        text = text[:MAX_CHARS]
        if (known := self._questions.get(text)) is not None:
            self._questions.move_to_end(text)
            return known
        if time.monotonic() < self._rest_until:
            self._went_without()
            return None
        try:
            async with asyncio.timeout(self._question_s):
                [vector] = await self._embedder.embed([text])
        except (ModelFailure, TimeoutError) as exc:
            self._rest_until = time.monotonic() + REST_S
            self._went_without(exc)
            return None
        except Exception as exc:  # a fault of ours: the full-text search goes on
            log.exception("a question could not be embedded")
            self._rest_until = time.monotonic() + REST_S
            self._went_without(exc)
            return None
        self._rest_until = 0.0
        self._questions[text] = vector
        while len(self._questions) > QUESTIONS_KEPT:
            self._questions.popitem(last=False)
        if not self.status.running and self.status.last_error:
            self._set(last_error="")
        return vector

    async def aclose(self) -> None:
        """Stops the work. On the run loop; idempotent."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # -- the background work, on the run loop

    async def _begin(self) -> None:
        self._wanted.set()
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work(), name="embeddings")

    async def _work(self) -> None:
        try:
            while self._wanted.is_set():
                self._wanted.clear()
                pause = await self._attempt()
                if pause is not None and not self._wanted.is_set():
                    await self._wait(pause)
        finally:
            self._set(running=False)

    async def _attempt(self) -> float | None:
        """Computes what is missing; the pause before the next attempt, None if there is none."""
        try:
            await self._embed_missing()
        except (SwitchboardError, TimeoutError) as exc:
            log.warning("passages could not be embedded: %s", _sentence(exc))
            self._set(last_error=_sentence(exc))
            if isinstance(exc, SwitchboardError) and not exc.retryable:
                return None  # a refused key does not get better by asking again
            asked = getattr(exc, "retry_after_s", None) or 0.0
            pause = self._pauses_s[min(self._failures, len(self._pauses_s) - 1)]
            self._failures += 1
            return max(asked, pause)
        except Exception as exc:
            log.exception("passages could not be embedded")
            self._set(last_error=_sentence(exc))
            return None
        self._failures = 0
        self._set(last_error="")
        return None

    async def _wait(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._wanted.wait()
        except TimeoutError:
            self._wanted.set()

    async def _embed_missing(self) -> None:
        self._refused.clear()
        await self._count(running=True)
        if self.status.done >= self.status.total:
            return
        if problem := self._embedder.problem():
            raise ModelRefused(f"{self.model} is not used: {problem}.")
        while True:
            wanted = BATCH + len(self._refused)
            found = await asyncio.to_thread(missing_vectors, self._index, self.model, wanted)
            batch = [p for p in found if p.passage_id not in self._refused][:BATCH]
            if not batch:
                return
            vectors = await self._vectors(batch)
            stored = await asyncio.to_thread(store_vectors, self._index, self.model, vectors)
            if stored:
                self._failures = 0
            await self._count(running=True)

    async def _vectors(self, batch: Sequence[Passage]) -> dict[str, list[float]]:
        """By passage id. When a batch is refused, its passages are tried in halves, so that one
        that is too long for the model does not keep the others from being embedded."""
        try:
            async with asyncio.timeout(BATCH_S):
                vectors = await self._embedder.embed([_text(passage) for passage in batch])
        except (ContextTooLong, ModelRefused) as exc:
            if not self._works:
                async with asyncio.timeout(BATCH_S):
                    await self._embedder.embed(["A short text."])  # or is everything refused?
                self._works = True
            if len(batch) == 1:
                log.warning("a passage of %s was refused: %s", batch[0].path, exc)
                self._refused.add(batch[0].passage_id)
                return {}
            half = len(batch) // 2
            return await self._vectors(batch[:half]) | await self._vectors(batch[half:])
        self._works = True
        return {p.passage_id: vector for p, vector in zip(batch, vectors, strict=True)}

    async def _count(self, *, running: bool) -> None:
        done, total = await asyncio.to_thread(count_vectors, self._index, self.model)
        self._set(done=done, total=total, refused=len(self._refused), running=running)

    def _went_without(self, exc: BaseException | None = None) -> None:
        self._set(questions_without=self.status.questions_without + 1)
        if exc is not None:
            self._set(last_error=_sentence(exc))

    def _set(self, **changes: object) -> None:
        self.status = replace(self.status, **changes)  # type: ignore[arg-type]


def _text(passage: Passage) -> str:
    head = " – ".join(part for part in (passage.title, passage.heading) if part)
    return f"{head}\n\n{passage.text}"[:MAX_CHARS]


def _sentence(exc: BaseException) -> str:
    if isinstance(exc, SwitchboardError):
        return redact(exc.message)
    if isinstance(exc, TimeoutError):
        return "The embedding model did not answer in time."
    return f"Computing vectors failed with {type(exc).__name__}; the log has the details."
