"""The composition root: wires settings, stores, models, knowledge, graphs, runs and analytics.

One per process, made by `pages/components/session.py` for pages and by the lifespan for the server.
Construction opens databases and starts threads but imports no LangGraph and no provider: that is
`warm_up`, which runs in the background while the first page already shows.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from agents.comparing.desk import Comparisons
from agents.content import RunWords
from agents.context import RunContext
from agents.evaluation.desk import Evaluations
from agents.graphs import GRAPHS, GraphEntry, entry
from agents.graphs import load as load_graph
from agents.known_models import remember
from agents.loop import LoopThread
from agents.migrations import make_or_migrate
from agents.models import ModelRegistry
from agents.prompt_versions import PromptVersions
from agents.retrieval import Knowledge
from agents.run import THREAD_KINDS, Run, TurnRequest
from agents.run_store import RunStore
from agents.runs import RunManager
from agents.specialists import BY_NAME
from agents.threads import ThreadStore
from agents.turn import GraphAccess, GraphTurn
from agents.warm_up import WarmUp
from analytics.content import Said
from analytics.erasure import Erased, erase_user, forget_thread
from analytics.house import Analytics
from analytics.recorder import RunMeta
from core.catalog import Catalog
from core.database import Database
from core.errors import BudgetExceeded, InvalidInput, StorageError
from core.events import Event
from core.folder_lock import FolderLock
from core.metrics_query import MetricsAnswer, MetricsQuestion
from core.price_overlay import load_with_imports
from core.settings import Settings
from core.text import message_text
from core.version import VERSION

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

log = logging.getLogger(__name__)
HISTORY_ROWS = 60
WARM_UP_STEP_S = 60.0
FIRST_INDEX_S = 30.0
FORGET_S = 5.0
FIRST_SPENDING_S = 1.0
SPENDING_AGE_S = 5.0


class Runtime:
    """Everything the doors need. Raises StorageError when the data folder cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog, self.price_problem = load_with_imports(settings.data_dir)
        """The second: why imported prices are not used, if so."""
        self._folder = FolderLock(settings.data_dir)
        try:
            self._open()
        except BaseException:
            self._folder.close()
            raise

    def _open(self) -> None:
        settings = self.settings
        url = settings.database_url or f"sqlite:///{settings.path('app.db')}"
        self.database = Database(url, prepare=make_or_migrate)
        self.catalog = remember(self.database, self.catalog)
        self.threads = ThreadStore(self.database)
        self.store = RunStore(self.database)
        self.prompts = PromptVersions(self.database)
        self.lost_runs = self.store.recover()
        self.knowledge = Knowledge(settings.path("knowledge.db"), settings.knowledge_dir)
        parts = self._analytics = Analytics(
            settings,
            catalog=lambda: self.catalog,
            agent_titles={name: one.title for name, one in BY_NAME.items()},
            logs=self.store,
        )
        self.recorder, self.queries, self.spending = parts.recorder, parts.queries, parts.spending
        self.exports, self.imports, self.reports = parts.exports, parts.imports, parts.reports
        self.alerts, self.janitor, self.repair = parts.alerts, parts.janitor, parts.repair
        self.exporter, self.report_schedule = parts.exporter, parts.report_schedule
        self.loop = LoopThread()
        self.models = ModelRegistry(settings, self.catalog, loop=self.loop.loop)
        if settings.embedding_model:
            self.knowledge.embed_with(self.models.embedder(settings.embedding_model), self.loop)
        self._saver: AsyncSqliteSaver | None = None
        self._saver_lock = asyncio.Lock()
        self._graphs: dict[str, Any] = {}
        self._graphs_lock = threading.Lock()
        self.runs = RunManager(
            self.loop,
            self.store,
            self._turn,
            observers=[self._record, self._charge],
            max_concurrent=settings.max_concurrent_runs,
            max_queued=settings.max_queued_runs,
        )
        self.comparisons = Comparisons(
            self.database,
            threads=self.threads,
            runs=self.store,
            start=self.start,
            check=self.checked,
            delete_thread=self.delete_thread,
            catalog=lambda: self.catalog,
        )
        self.evaluations = Evaluations(
            self.database,
            house=self,
            runs=self.store,
            threads=self.threads,
            check=self.checked,
            problem=self._why_not,
            delete_thread=self.delete_thread,
            most_at_once=max(1, settings.max_concurrent_runs // 2),
        )
        self._metas: dict[str, RunMeta] = {}
        self._words: dict[str, RunWords | None] = {}
        """Of runs under way; None: its thread is being deleted, nothing of it is kept."""
        self._closing = threading.Lock()
        self._closed = False
        self.warm_up = WarmUp(
            lambda: self.knowledge.sync(embed=False),  # its imports would slow the first page
            (
                _import_for_pages,
                *(partial(self._load_graph, graph.name) for graph in GRAPHS),
                lambda: self.loop.run(self._open_saver(), WARM_UP_STEP_S),
                lambda: self.loop.run(self.models.warm_up(), WARM_UP_STEP_S),
                self.knowledge.embed_missing,
            ),
        )
        self._analytics.start()

    # -- what the doors call

    def start(self, request: TurnRequest) -> Run:
        """Validates and starts a turn. Raises InvalidInput, NotFound, ThreadBusy, StorageError …"""
        self.warm_up.hurry()
        request = self.checked(request)
        self.spending.wait_for_first_reading(FIRST_SPENDING_S)
        self.alerts.refresh_budgets(older_than_s=SPENDING_AGE_S)
        return self.runs.start(request)

    def checked(self, request: TurnRequest) -> TurnRequest:
        """The request as it can be run. Raises InvalidInput or NotFound when it never can."""
        request = self._with_question(request)
        graph = entry(request.graph)
        text = message_text(request.text, graph.max_chars or self.settings.max_message_chars)
        if request.agent is not None and request.agent not in graph.agents:
            raise InvalidInput(
                f"The graph '{graph.name}' has no agent '{request.agent}'.",
                what_to_do="Choose an agent from the list.",
            )
        graph.check(
            retrieval=request.retrieval,
            prompt=request.prompt,
            continues=request.continues is not None,
        )
        if request.prompt is not None:
            self.prompts.get(request.prompt)
        if request.thread_id is not None:
            self.threads.get(request.thread_id, request.owner)
        return replace(request, text=text)

    def _with_question(self, request: TurnRequest) -> TurnRequest:
        """A request that answers an existing question, with its text and where it stands."""
        asked = request.answers or request.continues
        if request.resumes is not None:
            asked = self.store.question_id(request.resumes)
        if asked is None:
            return request
        question = self.threads.question_of(asked, request.owner)
        thread, _ = self.threads.message(question.id, request.owner)
        return replace(request, text=question.text, thread_id=thread.id)

    def _why_not(self, model_id: str) -> str:
        """Why a model cannot be called; empty when it can."""
        status = self.models.status(model_id)
        return "" if status.configured else status.reason

    def events(self, run_id: str, owner: str) -> list[Event]:
        """The log of any run, live or finished. Raises NotFound."""
        run = self.runs.get(run_id)
        if run is not None and run.request.owner == owner:
            return run.read()
        return self.store.log(run_id, owner)

    def delete_thread(self, thread_id: str, owner: str) -> None:
        """Stops what runs in a thread, then removes it, the agents' memory of it and kept words."""
        if self.threads.get(thread_id, owner).kind == "compare":
            self.comparisons.settle_all()  # what its answers cost goes on counting
        run = self.runs.for_thread(thread_id)
        if run is not None and not run.finished:
            self._words[run.id] = None
            self.runs.cancel(run.id)
            for _ in run.follow():
                pass
        self.threads.delete(thread_id, owner)
        self.loop.submit(self._forget(thread_id))
        try:
            forget_thread(self.recorder, thread_id, FORGET_S)
        except StorageError as exc:
            raise StorageError(
                f"The thread was deleted, but not what analytics kept of it: {exc.message}",
                what_to_do="Delete the kept content on the Settings page, under Privacy.",
            ) from exc

    def erase_person(self, owner: str) -> Erased:
        """Deletes a person's threads and choices, and takes the person out of analytics.

        Their counters stay, without a name. Raises StorageError; then call it again.
        """
        self.recorder.flush()
        erased = erase_user(self.recorder, owner)  # runs that go on end as runs of nobody
        self.evaluations.halt(owner)
        self.comparisons.judging.close()
        for kind in THREAD_KINDS:
            while found := self.threads.recent(owner, kind=kind):
                for thread in found:
                    self.delete_thread(thread.id, owner)
                    erased.threads += 1
        self.comparisons.erase(owner)
        self.evaluations.erase(owner)
        self.prompts.forget_owner(owner)
        for name in self.threads.preferences(owner):
            self.threads.set_preference(owner, name, None)
        self.database.empty_log()
        return erased

    def use_catalog(self, catalog: Catalog) -> None:
        """Other prices: for calls from now on, and for what pages show next."""
        self.catalog, self.price_problem = remember(self.database, catalog), None
        self.models.use_catalog(self.catalog)

    @property
    def closed(self) -> bool:
        return self._closed

    def resume(self) -> None:
        """Goes on with what a kill or a restart cut off. For the server; a command has its own work."""
        self.evaluations.resume_unfinished()

    def close(self, timeout: float = 10.0) -> None:
        """Refuse, drain, cancel, flush, join, dispose: in this order. Idempotent."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self.warm_up.stop()
        self.evaluations.stop_all()
        self.comparisons.judging.stop()
        self.runs.close(timeout)
        self.evaluations.close()
        self.comparisons.judging.close()
        self.warm_up.join(timeout)
        self._analytics.close()
        try:
            self.loop.run(self._close_async(), timeout=3)
        except Exception:
            log.warning("connections could not be closed in time", exc_info=True)
        self.loop.close()
        self.knowledge.close()
        self._analytics.dispose()
        self.database.close()
        self._folder.close()

    # -- a turn

    def _turn(self, run: Run) -> GraphTurn:
        request, graph = run.request, entry(run.request.graph)
        budgets = self.spending.check(request.owner, request.agent, None)
        if budgets.refusal and not (budgets.instead and request.fallback):
            raise BudgetExceeded(budgets.refusal, what_to_do=budgets.what_to_do)
        answer_models = self._answer_models(request)
        words = self._words.get(run.id)
        context = RunContext(
            run_id=run.id,
            owner=request.owner,
            models=self.models,
            knowledge=self.knowledge,
            metrics=self._metrics,
            answer_models=answer_models,
            router_models=self.settings.router_models,
            pinned_agent=request.agent,
            temperature=request.temperature,
            retrieval=request.retrieval,
            prompt_version=self.prompts.seen(request.prompt) if request.prompt else None,
            max_history_tokens=self.settings.max_history_tokens,
            prefix_budget_tokens=self._prefix_budget(answer_models),
            notices=list(budgets.notices),
            spending=self.spending,
            may_replace=request.fallback,
            begun=run.place.begun,
            keep_prompt=words.keep_prompt if words else None,
        )
        return GraphTurn(
            run, context, lambda: self._access(graph), lambda event: self._emit(run, event)
        )

    def _answer_models(self, request: TurnRequest) -> tuple[str, ...]:
        configured = self.settings.answer_models
        if request.model is None:
            return configured
        if not request.fallback:
            return (request.model,)
        return (request.model, *(m for m in configured if m != request.model))

    def _prefix_budget(self, model_ids: Sequence[str]) -> int:
        """The whole-document budget of the first model of the chain that can be called."""
        usable = self.models.usable(model_ids)
        model = self.catalog.find(usable[0]) if usable else None
        return model.policy_prefix_tokens if model and model.policy_prefix_tokens else 8_000

    def _metrics(self, question: MetricsQuestion) -> MetricsAnswer:
        self.recorder.flush(1.0)
        return self.queries.answer(question)

    async def _access(self, graph: GraphEntry) -> GraphAccess:
        if not self.warm_up.indexed.is_set():  # somebody asks before the first index is there
            self.warm_up.start()
            deadline = time.monotonic() + FIRST_INDEX_S
            while not self.warm_up.indexed.is_set() and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        saver = await self._open_saver()
        compiled: Any = self._graphs.get(graph.name)
        if compiled is None:
            compiled = await asyncio.to_thread(self._load_graph, graph.name)
        if compiled.checkpointer is None:
            compiled.checkpointer = saver
        return GraphAccess(
            graph=compiled,
            entry=graph,
            saver=saver,
            history=lambda message_id: self.store.history(message_id, limit=HISTORY_ROWS),
        )

    def _load_graph(self, name: str) -> Any:
        with self._graphs_lock:
            if name not in self._graphs:
                self._graphs[name] = load_graph(name)
            return self._graphs[name]

    async def _open_saver(self) -> AsyncSqliteSaver:
        from agents.checkpoints import open_saver

        async with self._saver_lock:
            if self._saver is None:
                self._saver = await open_saver(self.settings.path("checkpoints.db"))
            return self._saver

    def _emit(self, run: Run, event: Event) -> None:
        """Publishes from a callback that may run on another thread."""
        self.loop.loop.call_soon_threadsafe(self.runs.publish_from_callback, run, event)

    async def _forget(self, thread_id: str) -> None:
        from agents.checkpoints import forget

        saver = await self._open_saver()
        await forget(saver, thread_id)

    async def _close_async(self) -> None:
        await self.knowledge.stop()
        await self.models.aclose()
        if self._saver is not None:
            await self._saver.conn.close()

    def _record(self, run: Run, event: Event) -> None:
        meta = self._metas.get(run.id)
        if meta is None:
            meta = self._metas[run.id] = RunMeta(
                run_id=run.id,
                thread_id=run.thread_id,
                user_id=run.request.owner,
                entry_point=run.request.entry_point,
                environment=self.settings.environment,
                app_version=VERSION,
                slo=self._analytics.slo,
                content_mode=self.settings.content,
                graph=run.request.graph,
                started_at_us=run.started_at_us,
                stream=run.request.stream,
            )
            if self.settings.content != "off":
                self._words.setdefault(run.id, RunWords(run))
        if not run.finished:
            self.recorder.observe(meta, event)
            return
        words = self._words.pop(run.id, None)
        self.recorder.observe(meta, event, [Said(*w) for w in words.said()] if words else ())
        del self._metas[run.id]

    def _charge(self, run: Run, event: Event) -> None:
        self.spending.observe(run.id, run.request.owner, run.started_at_us, event)


def _import_for_pages() -> None:
    """What the first answer and the first chart import: 1.4 s of somebody's patience."""
    import plotly.graph_objects  # noqa: F401
    import pyarrow  # noqa: F401
