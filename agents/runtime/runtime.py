"""The composition root: wires settings, stores, models, knowledge, graphs, runs and analytics.

One per process, made by `pages/components/session.py` for pages and by the lifespan for the server.
Construction opens databases and starts threads but imports no LangGraph and no provider: that is
`warm_up`, which runs in the background while the first page already shows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from agents.answer_cache import AnswerCache
from agents.answer_cache.desk import refuse_without_embeddings
from agents.answer_cache.vectors import SharedEmbedder
from agents.comparing.desk import Comparisons
from agents.comparing.votes import VoteStore
from agents.databases import Databases
from agents.evaluation.desk import Evaluations
from agents.exchange.desk import Exchange
from agents.exchange.load import sweep
from agents.files.desk import Files
from agents.graphs import GRAPHS
from agents.identity import Identity
from agents.identity.desk import demand
from agents.known_models import remember
from agents.limits import Limits
from agents.loop import LoopThread
from agents.migrations import make_or_migrate
from agents.models import ModelRegistry
from agents.once import AskedOnce
from agents.one_off import OneOffs
from agents.preference_store import PreferenceStore
from agents.prompt_versions import PromptVersions
from agents.queue import MessageQueue, Queued
from agents.ratings import Rating, RatingStore
from agents.readiness import Readiness, checks_of
from agents.retrieval import Knowledge
from agents.run import Run, TurnRequest
from agents.run_reader import RunReader
from agents.run_store import RunStore
from agents.runs import RunManager
from agents.runtime.checking import checked_request
from agents.runtime.figures_now import known_model, readings
from agents.runtime.forgetting import Forgetting
from agents.runtime.ratings_copy import count_rating
from agents.runtime.recording import Recording
from agents.runtime.turns import TurnMaker
from agents.search_cleaning import SearchCleaning
from agents.specialists import BY_NAME
from agents.thread_list import ThreadList
from agents.thread_search import ThreadSearch
from agents.threads import ThreadStore
from agents.waiting import WaitingStore
from agents.warm_up import WarmUp
from analytics.erasure import Erased
from analytics.house import Analytics
from analytics.prometheus import PrometheusMetrics
from core.catalog import Catalog
from core.database import Database
from core.events import Event
from core.folder_lock import FolderLock
from core.identity import LOCAL, Principal
from core.metrics_query import MetricsAnswer, MetricsQuestion
from core.price_overlay import load_with_imports
from core.settings import Settings

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.queries import Queries

log = logging.getLogger(__name__)
HISTORY_ROWS = 60
WARM_UP_STEP_S = 60.0
FIRST_INDEX_S = 30.0
FIRST_SPENDING_S = 1.0
SPENDING_AGE_S = 5.0


class Runtime:
    """Everything the doors need. Raises StorageError when the data folder cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.limits = Limits(settings, lambda: self.spending)
        refuse_without_embeddings(settings)
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
        self._databases = Databases(self.database)
        self.identity = Identity(settings, self.database)
        self.threads = ThreadStore(self._databases)
        self.files = Files(self._databases, settings.path("files"))
        self.store = RunStore(self._databases, self.files.keep)
        self.waiting = WaitingStore(self._databases)
        self.thread_list = ThreadList(self.database, self._answering)
        self.thread_search = ThreadSearch(self.database, self._answering)
        self.search_cleaning = SearchCleaning(self.database)
        self.prompts = PromptVersions(self.database)
        self.preferences = PreferenceStore(self.database)
        self.ratings = RatingStore(self._databases)
        self.lost_runs = self.store.recover()
        sweep(self.database)
        self.exchange = Exchange(self._databases, settings.path("import"))
        self.knowledge = Knowledge(
            settings.path("knowledge.db"), settings.knowledge_dir, settings.path("notes")
        )
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
        embedder = None
        if settings.embedding_model:
            embedder = SharedEmbedder(self.models.embedder(settings.embedding_model))
            self.knowledge.embed_with(embedder, self.loop)
            self.files.embed_with(self.models.embedder(settings.embedding_model), self.loop)
        self.answers = AnswerCache(self, embedder)
        self._recording = Recording(settings, parts, self.store.is_temporary)
        self.metrics = PrometheusMetrics(
            known_model=partial(known_model, self), readings=partial(readings, self)
        )
        self._turns = TurnMaker(
            self, metrics=self._metrics, emit=self._emit, words=self._recording.words
        )
        self._forgetting = Forgetting(self, self._turns, self._recording)
        self.runs = RunManager(
            self.loop,
            self.store,
            self._turns.make,
            observers=[
                self._recording.record,
                self._recording.charge,
                lambda run, event: self.metrics.observe(event),
                self.answers.observe,
                self._after,
            ],
            max_concurrent=settings.max_concurrent_runs,
            max_queued=settings.max_queued_runs,
            max_per_person=settings.max_runs_per_person,
            may_begin=self.spending.may_begin,
        )
        self.run_reader = RunReader(self._databases, self.store, self.runs.get)
        self.asked_once = AskedOnce(self._databases, self.start)
        self.queue = MessageQueue(
            self._databases,
            start=self._begin,
            start_instead=self._begin_instead,
            active=self.runs.for_thread,
            drop_file=self.files.delete,
            figures_now=self.identity.figures_now,
        )
        self._one_offs = OneOffs(self._databases, self.threads, self.files, self._turns)
        self.comparisons = Comparisons(
            self.database,
            threads=self.threads,
            runs=self.store,
            start=self.start,
            check=self._allowed,
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
        self._closing = threading.Lock()
        self._closed = False
        self.warm_up = WarmUp(
            lambda: self.knowledge.sync(embed=False),  # its imports would slow the first page
            (
                _import_for_pages,
                self.metrics.load,
                *(partial(self._turns.load, graph.name) for graph in GRAPHS),
                lambda: self.loop.run(self._turns.open_saver(), WARM_UP_STEP_S),
                lambda: self.loop.run(self.models.warm_up(), WARM_UP_STEP_S),
                self.knowledge.embed_missing,
                self.files.tidy,
                self.identity.tidy,
            ),
        )
        self.readiness = Readiness(checks_of(self))
        self._analytics.start()

    # -- what the doors call

    def start(self, request: TurnRequest) -> Run:
        """Validates and starts a turn. Raises InvalidInput, NotFound, ThreadBusy, RateLimited …"""
        self.limits.turn(request)
        return self._begin(request)

    def _begin(self, request: TurnRequest) -> Run:
        """The same for a turn that was counted when it was asked for."""
        self.warm_up.hurry()
        request = self.checked(request)
        self.spending.wait_for_first_reading(FIRST_SPENDING_S)
        self.alerts.refresh_budgets(older_than_s=SPENDING_AGE_S)
        if request.thread_kind != "eval":  # an evaluation pauses when its runs are refused
            self.limits.demand(request)
        run = self.runs.start(request)
        self.files.sent(request)
        return run

    def send(self, request: TurnRequest) -> Run | Queued:
        """Starts a turn, or queues the message while its thread still answers."""
        self.limits.turn(request)
        active = self.runs.for_thread(request.thread_id) if request.thread_id else None
        if active is not None and not active.finished:
            request = self.checked(request)
            self.queue.demand_room(active.thread_id)
            self.files.keep_waiting(request)
            return self.queue.add(request)
        return self._begin(request)

    def start_instead(self, request: TurnRequest) -> Run:
        """Stops what the thread answers, keeps it, and starts this turn. Blocks until it has stopped."""
        self.limits.turn(request)
        return self._begin_instead(request)

    def _begin_instead(self, request: TurnRequest) -> Run:
        checked = self._allowed(request)
        active = self.runs.for_thread(checked.thread_id) if checked.thread_id else None
        if active is not None and not active.finished:
            self.runs.cancel(active.id)
            for _ in active.follow():
                pass
        return self._begin(checked)

    def _allowed(self, request: TurnRequest) -> TurnRequest:
        """The same as `checked`; raises QuotaExceeded as well."""
        self.limits.demand(request)
        return self.checked(request)

    def checked(self, request: TurnRequest) -> TurnRequest:
        """The request as it can be run. Raises InvalidInput or NotFound when it never can."""
        return checked_request(self, request)

    def _answering(self) -> set[str]:
        """Threads with a run that has not ended."""
        return {run.thread_id for run in self.runs.active() if not run.finished}

    def _why_not(self, model_id: str) -> str:
        """Why a model cannot be called; empty when it can."""
        status = self.models.status(model_id)
        return "" if status.configured else status.reason

    def figures(self, principal: Principal) -> Queries:
        """The figures somebody may see: everybody's, or those of their own runs. The one way from a
        door to analytics' rows. Raises Forbidden."""
        if principal.may("all_figures"):
            return self.queries
        demand(principal, "figures")
        return self.queries.of(principal.owner)

    def votes(self, principal: Principal) -> VoteStore:
        """The votes somebody may see: everybody's, or their own."""
        every = self.comparisons.votes
        return every if principal.may("all_figures") else every.of(principal.owner)

    @property
    def zone(self) -> ZoneInfo:
        """The reporting zone: in which days and months are counted."""
        return self.queries.zone

    def events(self, run_id: str, owner: str) -> list[Event]:
        """The log of any run, live or finished. Raises NotFound."""
        run = self.runs.get(run_id)
        if run is not None and run.request.owner == owner:
            return run.read()
        return self.store.log(run_id, owner)

    def rate(
        self,
        message_id: object,
        owner: str,
        thumb: object,
        reasons: Collection[str] = (),
        comment: str = "",
    ) -> Rating | None:
        """Keeps what a person says about an answer in place of what it said before, and counts it
        on the dashboard. `thumb` None takes it back.

        Raises NotFound and InvalidInput, and StorageError; which of the two could not be written
        is in its sentence.
        """
        rated = None
        if thumb is None:
            run_id = self.ratings.remove(message_id, owner)
        else:
            rated = self.ratings.rate(message_id, owner, thumb, reasons, comment)
            run_id = rated.run_id
        newest = partial(self.ratings.of_run, run_id, owner)
        mode = "off" if self.store.is_temporary(run_id) else self.settings.content
        count_rating(self.recorder, run_id, owner, newest, mode)
        return rated

    def delete_thread(self, thread_id: str, owner: str) -> None:
        """Stops what runs in a thread, then removes it, the agents' memory of it and kept words."""
        self._forgetting.delete_thread(thread_id, owner)

    def clear_thread(self, thread_id: str, owner: str) -> None:
        """The same for what was said in a chat; the thread itself stays, with its title and tags."""
        self._forgetting.clear_thread(thread_id, owner)

    def erase_person(
        self, owner: str, *, account: bool = False, by: Principal | None = None
    ) -> Erased:
        """Deletes a person's threads and choices, and takes the person out of analytics.

        Ends what the person is logged in with; with `account`, removes the account too. Their
        counters stay, without a name. Raises StorageError; then call it again.
        """
        return self._forgetting.erase_person(owner, account=account, by=by)

    def use_catalog(self, catalog: Catalog) -> None:
        """Other prices: for calls from now on, and for what pages show next."""
        self.catalog, self.price_problem = remember(self.database, catalog), None
        self.models.use_catalog(self.catalog)
        self.metrics.use_catalog()

    @property
    def closed(self) -> bool:
        return self._closed

    def resume(self) -> None:
        """Goes on with what a kill or a restart cut off. For the server; a command has its own work."""
        self.search_cleaning.soon()
        self.evaluations.resume_unfinished()

    def drain(self, timeout: float) -> None:
        """Takes no new work and ends what runs, so that all who read along get its end. The first
        part of `close`, for a server whose readers have to be served before it goes. Idempotent."""
        self.warm_up.stop()
        self.evaluations.stop_all()
        self.comparisons.judging.stop()
        self.runs.close(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Refuse, drain, cancel, flush, join, dispose: in this order. Idempotent."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self.warm_up.stop()
        self.evaluations.stop_all()
        self.comparisons.judging.stop()
        self.exchange.close()
        self.runs.close(timeout)
        self.queue.close()
        self.answers.close()
        self.evaluations.close()
        self.comparisons.judging.close()
        self.warm_up.join(timeout)
        self.search_cleaning.close(timeout)
        self._analytics.close()
        try:
            self.loop.run(self._close_async(), timeout=3)
        except Exception:
            log.warning("connections could not be closed in time", exc_info=True)
        self.loop.close()
        self.files.close()
        self.knowledge.close()
        self._analytics.dispose()
        self._databases.close()
        self._folder.close()

    def _metrics(self, request: TurnRequest, question: MetricsQuestion) -> MetricsAnswer:
        """What the agents are told: by default about the person's own runs only."""
        self.recorder.flush(1.0)
        alone = not self.identity.required and request.owner == LOCAL.owner
        everybody = alone or request.figures == "all"
        asked = self.queries if everybody else self.queries.of(request.owner)
        return asked.answer(question)

    def _after(self, run: Run, event: Event) -> None:
        self.queue.observe(run, event)
        if run.finished and run.request.one_off:
            self.loop.submit(self._one_offs.forget(run))

    def _emit(self, run: Run, event: Event) -> None:
        """Publishes from a callback that may run on another thread."""
        self.loop.loop.call_soon_threadsafe(self.runs.publish_from_callback, run, event)

    async def _close_async(self) -> None:
        await self.knowledge.stop()
        await self.models.aclose()
        await self._turns.aclose()


def _import_for_pages() -> None:
    """What the first answer and the first chart import: 1.4 s of somebody's patience."""
    import plotly.graph_objects  # noqa: F401
    import pyarrow  # noqa: F401
