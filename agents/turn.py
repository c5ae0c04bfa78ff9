"""One turn of a LangGraph graph as a stream of events: input, `astream`, translation, memory.

Works for any compiled graph whose state has `messages`. A turn goes on from the checkpoint of the
nearest run above it on its branch, so that after an edit the agent knows nothing of what was said on
another branch. The input brings along whatever that checkpoint does not know: after a stop, a crash or
a lost checkpoint file the agent's memory is completed from the history people see, and a dangling tool
call is closed.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents import checkpoints
from agents.context import RunContext
from agents.files.pictures import IMAGES
from agents.graphs import GraphEntry
from agents.run import Checkpoint, Run
from agents.tracing import ForeignCalls
from agents.translate import STREAM_MODES, Translator
from core.events import Event, Interrupt

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph.state import CompiledStateGraph

    from agents.run_store import HistoryRow

log = logging.getLogger(__name__)
RECURSION_LIMIT = 30
NOTICES = {
    "length": "The answer reached a length limit and ends early.",
    "max_tokens": "The answer reached a length limit and ends early.",
    "content_filter": "The provider's content filter ended the answer.",
    "content_filtered": "The provider's content filter ended the answer.",
    "guardrail_intervened": "A guardrail of the provider ended the answer.",
}


@dataclass(frozen=True, kw_only=True)
class GraphAccess:
    """What a turn needs of the runtime."""

    graph: CompiledStateGraph[Any, Any, Any, Any]
    entry: GraphEntry
    saver: AsyncSqliteSaver
    history: Callable[[str], Sequence[HistoryRow]]
    """Blocking: the newest messages of the branch that ends with a message."""
    images: Callable[[Sequence[str]], Mapping[str, Sequence[str]]] = lambda message_ids: {}
    """Blocking: question id to the images it came with, as agents/files/pictures.py names them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """Where a turn begins: the saver's thread, and what its newest checkpoint does not know."""

    thread: str
    unknown: Sequence[HistoryRow]


class GraphTurn:
    """See agents/runs.py `Turn`."""

    def __init__(
        self,
        run: Run,
        context: RunContext,
        access: Callable[[], Any],
        emit: Callable[[Event], None],
    ) -> None:
        """`access`: coroutine function giving GraphAccess. `emit`: publishes from callbacks."""
        self._run = run
        self._context = context
        self._access = access
        self._emit = emit
        self._translator = Translator(frozenset(), run.elapsed_us)
        self._foreign = ForeignCalls(self._noted, run.elapsed_us)
        self.finish_reason = "stop"
        self.checkpoint: Checkpoint | None = None

    @property
    def interrupts(self) -> list[Interrupt]:
        return list(self._translator.interrupts.values())

    @property
    def node(self) -> str | None:
        return self._translator.node

    @property
    def agent(self) -> str | None:
        return self._translator.agent

    @property
    def notice(self) -> str | None:
        """Sentences that came up on the way, and why an answer ended early."""
        parts = [*self._context.notices, NOTICES.get(self.finish_reason, "")]
        return " ".join(part for part in parts if part) or None

    def close_open(self, status: str) -> Iterable[Event]:
        yield from self._context.late
        yield from self._foreign.close_open()
        yield from self._translator.close_steps(status)

    async def events(self) -> AsyncGenerator[Event, None]:
        access: GraphAccess = await self._access()
        self._translator = Translator(frozenset(access.entry.agents), self._run.elapsed_us)
        start = await self._start(access)
        config = self._config(start.thread)
        if self._run.request.resumes is not None:
            graph_input: Any = self._decisions()
        else:
            graph_input = await self._input(access, config, start.unknown)
        graph: Any = access.graph  # its overloads do not know the mode "tools"
        stream = graph.astream(
            graph_input,
            config,
            context=self._context,
            stream_mode=STREAM_MODES,
            subgraphs=True,
            version="v2",
            durability="exit",
        )
        async with contextlib.aclosing(stream):  # closed here, so that ends of calls come in time
            async for part in stream:
                for event in self._translator.translate(part):
                    self._note(event)
                    yield event
        for event in self._translator.finish():
            yield event
        newest = await checkpoints.newest(access.saver, start.thread)
        if newest is not None:
            self.checkpoint = Checkpoint(thread=start.thread, id=newest)
        if not self.interrupts:
            await self._prune(access, start.thread)

    def _noted(self, event: Event) -> None:
        self._note(event)
        self._emit(event)

    def _note(self, event: Event) -> None:
        if event.type == "attempt" and event.purpose == "answer" and event.finish_reason:
            self.finish_reason = event.finish_reason

    def _config(self, thread: str) -> Any:
        run = self._run
        return {
            "configurable": {"thread_id": thread},
            "recursion_limit": RECURSION_LIMIT,
            "metadata": {"run": run.id},
            "callbacks": [self._foreign],
        }

    async def _start(self, access: GraphAccess) -> _Start:
        """The nearest memory above this turn, alone or in a copy when others have gone on from it."""
        import asyncio

        run, saver, graph = self._run, access.saver, access.entry.name
        rows = await asyncio.to_thread(access.history, run.place.parent_id)
        own = checkpoint_thread(run.thread_id, graph)
        for n in range(len(rows) - 1, -1, -1):
            found = rows[n].checkpoint
            if found is None or rows[n].role != "assistant" or rows[n].graph != graph:
                continue
            newest = await checkpoints.newest(saver, found.thread)
            waits = rows[n].waits and run.request.resumes is None
            if newest == found.id and found.thread.startswith(own) and not waits:
                return _Start(thread=found.thread, unknown=rows[n + 1 :])
            resumes = run.request.resumes is not None
            if await checkpoints.copy(saver, found, f"{own}:{run.id}", waiting=resumes):
                return _Start(thread=f"{own}:{run.id}", unknown=rows[n + 1 :])
        return _Start(thread=f"{own}:{run.id}", unknown=rows)

    def _decisions(self) -> Any:
        from langgraph.types import Command

        return Command(resume=dict(self._run.request.decisions))

    async def _input(
        self, access: GraphAccess, config: Any, unknown: Sequence[HistoryRow]
    ) -> dict[str, Any]:
        """The question, preceded by what the checkpoint does not know."""
        import asyncio

        from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

        asked = [row.message_id for row in unknown if row.role == "user"]
        images = await asyncio.to_thread(access.images, asked)
        state = (await access.graph.aget_state(config)).values.get("messages", [])
        messages: list[Any] = [
            ToolMessage("The tool call was interrupted.", tool_call_id=call_id, status="error")
            for call_id in open_tool_calls(state)
        ]
        for row in unknown:
            if row.role == "user":
                extra = {IMAGES: [*images[row.message_id]]} if row.message_id in images else {}
                messages.append(HumanMessage(row.text, id=row.message_id, additional_kwargs=extra))
            elif row.text:
                messages.append(AIMessage(row.text, id=row.message_id))
        return {"messages": messages}

    async def _prune(self, access: GraphAccess, thread: str) -> None:
        try:
            await checkpoints.prune(access.saver, thread)
        except Exception:  # disk space is not worth an answer
            log.warning("checkpoints of %s could not be pruned", thread, exc_info=True)


def checkpoint_thread(thread_id: str, graph: str) -> str:
    """What the saver's thread ids of a thread begin with. Graphs do not share their state's shape, so
    each has its own; a branch has one from where its memory left another's."""
    return f"{thread_id}:{graph}"


def open_tool_calls(messages: Sequence[Any]) -> list[str]:
    """Ids of tool calls without a result. Providers refuse a conversation that has one."""
    answered = {m.tool_call_id for m in messages if m.type == "tool"}
    return [
        call["id"]
        for m in messages
        if m.type == "ai"
        for call in m.tool_calls
        if call["id"] not in answered
    ]
