"""The answer cache of the process: what is looked up before a model is asked, and kept afterwards.

Off by default. Nothing here can fail a run: what goes wrong is logged, counted, and a miss.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from agents.answer_cache.question import normalised, question_key, scope_key
from agents.answer_cache.store import CacheStore, Kept, Key, Meaning
from agents.answer_cache.turn import CachedTurn
from agents.answer_cache.vectors import Meanings
from agents.graphs import entry
from agents.prompts import digest
from agents.threads import now_us
from core.errors import ConfigError
from core.transcript import WHOLE, AnswerSummary, Transcript, summarise

if TYPE_CHECKING:
    from agents.embeddings import Embedder
    from agents.models import ModelRegistry
    from agents.prompt_versions import PromptVersions
    from agents.retrieval import Knowledge
    from agents.run import Run
    from agents.run_store import RunStore
    from agents.runs import Turn
    from core.database import Database
    from core.events import Event
    from core.settings import Settings

log = logging.getLogger(__name__)
MOST = 10_000
FREE = "local:"
DOORS = frozenset({"chat", "api", "cli"})
_CITATION = re.compile(r"\[\d{1,3}\]")


class House(Protocol):
    """What of the runtime an answer depends on."""

    settings: Settings
    database: Database
    models: ModelRegistry
    prompts: PromptVersions
    knowledge: Knowledge
    store: RunStore


@dataclass(frozen=True, slots=True)
class _Asked:
    key: Key
    documents: str
    """The version of what was known when it was asked."""
    meaning: Meaning | None = None


class AnswerCache:
    """One per process. Raises ConfigError when it cannot work as it is set."""

    def __init__(self, house: House, embedder: Embedder | None, *, most: int = MOST) -> None:
        settings = house.settings
        refuse_without_embeddings(settings)
        self._house = house
        self._mode = settings.answer_cache
        self._keep_us = int(settings.answer_cache_hours * 3_600_000_000)
        self._least = settings.answer_cache_similarity
        self._store = CacheStore(house.database, most=most)
        semantic = self._mode == "semantic" and embedder is not None
        self._meanings = Meanings(embedder) if semantic and embedder else None
        self._asked: dict[str, _Asked] = {}
        """Runs whose answer may be kept."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="answer-cache")
        self.hits = self.misses = self.errors = 0

    # -- the run loop

    def around(self, run: Run, turn: Turn) -> Turn:
        """The turn, with a look into the cache before it when an earlier answer could serve."""
        if not self._may_serve(run):
            return turn
        return CachedTurn(turn, run.request.text, lambda: self._find(run))

    def observe(self, run: Run, event: Event) -> None:
        """An observer of runs: keeps whole answers."""
        if event.type not in ("completed", "error", "cancelled", "interrupted"):
            return
        asked = self._asked.pop(run.id, None)
        if asked is None or event.type != "completed" or run.unsaved:
            return
        transcript = Transcript()
        transcript.add_all(run.events)
        if worth_keeping(summarise(transcript), transcript.text):
            self._later(self._keep, asked, event.message_id)

    def _may_serve(self, run: Run) -> bool:
        request = run.request
        return (
            self._mode != "off"
            and request.thread_kind == "chat"
            and request.entry_point in DOORS
            and not request.attachments
            and request.continues is None
            and request.resumes is None
            and entry(request.graph).repeatable
            and not self._house.store.is_temporary(run.id)
        )

    async def _find(self, run: Run) -> Kept | None:
        try:
            return await self._look(run)
        except Exception:
            log.exception("the answer cache was not read")
            self.errors += 1
            return None

    async def _look(self, run: Run) -> Kept | None:
        asked = await asyncio.to_thread(self._ask, run)
        if asked is None:
            return None
        key, self._asked[run.id] = asked.key, asked
        if run.request.fresh or run.request.answers is not None:
            return None  # asked again on purpose: the new answer is kept in place of the old one
        since = now_us() - self._keep_us
        found = await asyncio.to_thread(self._store.exact, key, since)
        if found is None and self._meanings is not None:
            found = await self._look_for_meaning(run, asked, since, self._meanings)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        del self._asked[run.id]  # its age stays that of the answer it repeats
        self._later(self._store.note_use, found.key, now_us())
        return found

    async def _look_for_meaning(
        self, run: Run, asked: _Asked, since: int, meanings: Meanings
    ) -> Kept | None:
        question = run.request.text
        meaning = await meanings.of(question)
        if meaning is None:
            return None
        self._asked[run.id] = replace(asked, meaning=meaning)
        return await asyncio.to_thread(
            self._store.similar, asked.key, normalised(question), meaning, self._least, since
        )

    # -- other threads

    def _ask(self, run: Run) -> _Asked | None:
        """None for a question that does not stand alone."""
        request = run.request
        if not self._store.stands_alone(run.place.question_id, run.thread_id):
            return None
        documents = self._house.knowledge.version(request.owner)
        scope = scope_key(self._parts(run) | {"documents": documents})
        key = Key(owner=request.owner, scope=scope, question=question_key(request.text))
        return _Asked(key, documents)

    def _parts(self, run: Run) -> dict[str, Any]:
        """Everything beside the question that an answer depends on."""
        house, request = self._house, run.request
        settings = house.settings
        chain = (
            [request.model] if request.model and not request.fallback
            else [*([request.model] if request.model else []), *settings.answer_models]
        )  # fmt: skip
        warm = request.temperature
        return {
            "owner": request.owner,
            "graph": request.graph,
            "agent": request.agent,
            "models": house.models.usable(chain),
            "routers": house.models.usable(settings.router_models),
            "retrieval": request.retrieval,
            "prompt": house.prompts.seen(request.prompt).digest if request.prompt else digest(),
            "temperature": settings.temperature if warm is None else warm,
            "note": request.note,
            "ends": [request.max_tokens, *request.stop],
        }

    def _keep(self, asked: _Asked, message_id: str) -> None:
        if self._house.knowledge.version(asked.key.owner) != asked.documents:
            return  # nobody knows which of the two it was made of
        now = now_us()
        self._store.keep(asked.key, message_id, asked.meaning, now)
        self._store.trim(now - self._keep_us)

    def _later(self, work: Callable[..., None], *given: object) -> None:
        def safely() -> None:
            try:
                work(*given)
            except Exception:
                log.warning("the answer cache was not written", exc_info=True)
                self.errors += 1

        self._writer.submit(safely)

    # -- any thread

    def forget(self, owner: str) -> None:
        """Everything of a person. Raises StorageError."""
        self._store.forget(owner)

    def flush(self) -> None:
        """Waits for what is being written."""
        self._writer.submit(lambda: None).result()

    def close(self) -> None:
        self._writer.shutdown(wait=True)


def refuse_without_embeddings(settings: Settings) -> None:
    """Raises ConfigError."""
    if settings.answer_cache == "semantic" and not settings.embedding_model:
        raise ConfigError(
            "SWITCHBOARD_ANSWER_CACHE is 'semantic', and there is no embedding model.",
            what_to_do="Set SWITCHBOARD_EMBEDDING_MODEL, or use 'exact'.",
        )


def worth_keeping(summary: AnswerSummary, text: str) -> bool:
    """Whether an answer may be given again: whole, by the model that was wanted, from documents it
    cites, and made of nothing that changes by itself. What costs nothing is not kept."""
    return (
        summary.status == "completed"
        and bool(text.strip())
        and summary.finish_reason in WHOLE
        and summary.notice is None
        and not summary.fallbacks
        and not summary.tools
        and summary.earlier is None
        and summary.source_mode != "metrics"
        and summary.model is not None
        and not summary.model.startswith(FREE)
        # An answer that names no passage it was given is one that says they do not hold it.
        and (not summary.sources or _CITATION.search(text) is not None)
    )
