"""Vectors of questions: made once each, for this cache and for the search in the documents after it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence

from agents.answer_cache.store import Meaning
from agents.embeddings import Embedder
from core.errors import ModelFailure

log = logging.getLogger(__name__)
PATIENCE_S = 1.0
REST_S = 15.0
"""After a question without a vector, the next ones do without for so long instead of waiting again."""
QUESTIONS_KEPT = 64


class SharedEmbedder:
    """An Embedder that remembers single texts: whoever asks second gets the vector at once."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._known: OrderedDict[str, list[float]] = OrderedDict()

    @property
    def model(self) -> str:
        return self._inner.model

    def problem(self) -> str:
        return self._inner.problem()

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if len(texts) != 1:
            return await self._inner.embed(texts)
        if (known := self._known.get(texts[0])) is not None:
            self._known.move_to_end(texts[0])
            return [known]
        [vector] = await self._inner.embed(texts)
        self._known[texts[0]] = vector
        while len(self._known) > QUESTIONS_KEPT:
            self._known.popitem(last=False)
        return [vector]


class Meanings:
    """On the run loop."""

    def __init__(self, embedder: Embedder, *, patience_s: float = PATIENCE_S) -> None:
        self._embedder = embedder
        self._patience_s = patience_s
        self._rest_until = 0.0
        self.without = 0
        """Questions that got no vector in time."""

    async def of(self, question: str) -> Meaning | None:
        """None when there is no vector to be had in time. Raises nothing but a cancel."""
        if time.monotonic() < self._rest_until:
            return None
        try:
            async with asyncio.timeout(self._patience_s):
                [vector] = await self._embedder.embed([question])
            return Meaning.of(self._embedder.model, vector)
        except (ModelFailure, TimeoutError) as exc:
            log.warning("a question has no vector for the answer cache: %s", type(exc).__name__)
        except Exception:  # a fault of ours: the question is asked as if there were no cache
            log.exception("a question has no vector for the answer cache")
        self.without += 1
        self._rest_until = time.monotonic() + REST_S
        return None
