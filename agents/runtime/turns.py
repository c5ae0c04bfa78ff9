"""What a run needs to become a turn of a graph: its context, the compiled graph, the agents' memory."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from agents.context import RunContext
from agents.graphs import GraphEntry, entry
from agents.graphs import load as load_graph
from agents.seen_knowledge import SeenKnowledge
from agents.turn import GraphAccess, GraphTurn
from core.errors import BudgetExceeded
from core.events import Event

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from agents.answer_cache import AnswerCache
    from agents.content import RunWords
    from agents.files.desk import Files
    from agents.limits import Limits
    from agents.loop import LoopThread
    from agents.models import ModelRegistry
    from agents.prompt_versions import PromptVersions
    from agents.retrieval import Knowledge
    from agents.run import Run, TurnRequest
    from agents.run_store import RunStore
    from agents.runs import Turn
    from agents.spending import Spending
    from agents.warm_up import WarmUp
    from core.catalog import Catalog
    from core.metrics_query import MetricsAnswer, MetricsQuestion
    from core.settings import Settings

HISTORY_ROWS = 60
FIRST_INDEX_S = 30.0
MEMORY = ":memory:"


class House(Protocol):
    """What of the runtime a turn is made from."""

    settings: Settings
    catalog: Catalog
    models: ModelRegistry
    knowledge: Knowledge
    prompts: PromptVersions
    store: RunStore
    files: Files
    loop: LoopThread
    warm_up: WarmUp
    limits: Limits
    answers: AnswerCache

    @property
    def spending(self) -> Spending: ...


class TurnMaker:
    """One per process. Graphs are built once; savers are opened when the first run needs them."""

    def __init__(
        self,
        house: House,
        *,
        metrics: Callable[[TurnRequest, MetricsQuestion], MetricsAnswer],
        emit: Callable[[Run, Event], None],
        words: Callable[[str], RunWords | None],
    ) -> None:
        """`emit` publishes an event of a callback; `words` is where a run's prompts are kept."""
        self._house = house
        self._metrics = metrics
        self._emit = emit
        self._words = words
        self._savers: dict[str, AsyncSqliteSaver] = {}
        self._savers_lock = asyncio.Lock()
        self._graphs: dict[str, Any] = {}
        self._graphs_lock = threading.Lock()

    def make(self, run: Run) -> Turn:
        """Raises BudgetExceeded when a budget is used up and names no other model, QuotaExceeded."""
        house, request, graph = self._house, run.request, entry(run.request.graph)
        house.limits.demand(request)
        budgets = house.spending.check(request.owner, request.agent, None)
        if budgets.refusal and not (budgets.instead and request.fallback):
            raise BudgetExceeded(budgets.refusal, what_to_do=budgets.what_to_do)
        notices = list(budgets.notices)
        answer_models = self._answer_models(request)
        words = self._words(run.id)
        context = RunContext(
            run_id=run.id,
            owner=request.owner,
            models=house.models,
            knowledge=house.files.knowledge(self._knowledge_of(run), run, notices),
            metrics=partial(self._metrics, request),
            answer_models=answer_models,
            router_models=house.settings.router_models,
            pinned_agent=request.agent,
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            stop=request.stop,
            note=request.note,
            retrieval=request.retrieval,
            prompt_version=house.prompts.seen(request.prompt) if request.prompt else None,
            max_history_tokens=house.settings.max_history_tokens,
            prefix_budget_tokens=self._prefix_budget(answer_models),
            notices=notices,
            pictures=house.files.pictures(run, house.models, notices),
            spending=house.spending,
            may_replace=request.fallback,
            begun=run.place.begun,
            keep_prompt=words.keep_prompt if words else None,
        )
        memory = house.store.is_temporary(run.id)
        turn = GraphTurn(
            run,
            context,
            lambda: self._access(graph, run, temporary=memory),
            lambda event: self._emit(run, event),
        )
        return house.answers.around(run, turn)

    def _knowledge_of(self, run: Run) -> SeenKnowledge:
        """An evaluation must not depend on what its owner happens to have noted; a temporary chat
        leaves no note behind."""
        owner = None if run.request.thread_kind == "eval" else run.request.owner
        keeps = not self._house.store.is_temporary(run.id)
        return SeenKnowledge(self._house.knowledge, owner, keeps=keeps)

    def _answer_models(self, request: TurnRequest) -> tuple[str, ...]:
        configured = self._house.settings.answer_models
        if request.model is None:
            return configured
        if not request.fallback:
            return (request.model,)
        return (request.model, *(m for m in configured if m != request.model))

    def _prefix_budget(self, model_ids: Sequence[str]) -> int:
        """The whole-document budget of the first model of the chain that can be called."""
        usable = self._house.models.usable(model_ids)
        model = self._house.catalog.find(usable[0]) if usable else None
        return model.policy_prefix_tokens if model and model.policy_prefix_tokens else 8_000

    async def _access(self, graph: GraphEntry, run: Run, *, temporary: bool) -> GraphAccess:
        warm_up = self._house.warm_up
        if not warm_up.indexed.is_set():  # somebody asks before the first index is there
            warm_up.start()
            deadline = time.monotonic() + FIRST_INDEX_S
            while not warm_up.indexed.is_set() and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        saver = await self.open_saver(temporary=temporary)
        compiled: Any = self._graphs.get(graph.name)
        if compiled is None:
            compiled = await asyncio.to_thread(self.load, graph.name)
        if temporary:
            compiled = compiled.copy({"checkpointer": saver})
        elif compiled.checkpointer is None:
            compiled.checkpointer = saver
        return GraphAccess(
            graph=compiled,
            entry=graph,
            saver=saver,
            history=lambda message_id: self._house.store.history(message_id, limit=HISTORY_ROWS),
            images=lambda message_ids: self._house.files.images(run, message_ids),
        )

    def load(self, name: str) -> Any:
        """Builds a graph once. Slow the first time: off the loop."""
        with self._graphs_lock:
            if name not in self._graphs:
                self._graphs[name] = load_graph(name)
            return self._graphs[name]

    async def open_saver(self, *, temporary: bool = False) -> AsyncSqliteSaver:
        from agents.checkpoints import open_saver

        path = MEMORY if temporary else str(self._house.settings.path("checkpoints.db"))
        async with self._savers_lock:
            if path not in self._savers:
                self._savers[path] = await open_saver(path)
            return self._savers[path]

    async def forget(self, thread_id: str, *, temporary: bool = False) -> None:
        """Deletes the agents' memory of a thread. `temporary`: it never was on the disk."""
        from agents.checkpoints import forget

        await self.open_saver(temporary=temporary)
        if temporary:
            await forget(self._savers[MEMORY], thread_id)
            return
        for saver in list(self._savers.values()):
            await forget(saver, thread_id)

    async def aclose(self) -> None:
        for saver in self._savers.values():
            await saver.conn.close()
