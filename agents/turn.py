"""One turn of a LangGraph graph as a stream of events: input, `astream`, translation, memory.

Works for any compiled graph whose state has `messages`. The input brings along whatever the graph's
checkpoint does not know: after a stop, a crash or a lost checkpoint file the agent's memory is
completed from the history people see, and a dangling tool call is closed.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents import checkpoints
from agents.context import RunContext
from agents.graphs import GraphEntry
from agents.run import Run
from agents.tracing import ForeignCalls
from agents.translate import STREAM_MODES, Translator
from core.events import Event, Interrupt

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph.state import CompiledStateGraph

log = logging.getLogger(__name__)
RECURSION_LIMIT = 30
NOTICES = {
    "length": "The answer reached a length limit and ends early.",
    "max_tokens": "The answer reached a length limit and ends early.",
    "content_filter": "The provider's content filter ended the answer.",
    "content_filtered": "The provider's content filter ended the answer.",
    "guardrail_intervened": "A guardrail of the provider ended the answer.",
}
HistoryRow = tuple[str, str, str, str, int]


@dataclass(frozen=True, kw_only=True)
class GraphAccess:
    """What a turn needs of the runtime."""

    graph: CompiledStateGraph[Any, Any, Any, Any]
    entry: GraphEntry
    saver: AsyncSqliteSaver
    history: Callable[[str], Sequence[HistoryRow]]
    """Blocking: (message id, run id, role, text, checkpointed) of a thread's newest messages."""


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
        self.finish_reason = "stop"
        self.checkpointed = False

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
        yield from self._translator.close_steps(status)

    async def events(self) -> AsyncGenerator[Event, None]:
        access: GraphAccess = await self._access()
        self._translator = Translator(frozenset(access.entry.agents), self._run.elapsed_us)
        config = self._config(access)
        graph_input = await self._input(access, config)
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
        self.checkpointed = True
        if not self.interrupts:
            await self._prune(access)

    def _noted(self, event: Event) -> None:
        self._note(event)
        self._emit(event)

    def _note(self, event: Event) -> None:
        if event.type == "attempt" and event.purpose == "answer" and event.finish_reason:
            self.finish_reason = event.finish_reason

    def _config(self, access: GraphAccess) -> Any:
        run = self._run
        return {
            "configurable": {"thread_id": checkpoint_thread(run.thread_id, access.entry.name)},
            "recursion_limit": RECURSION_LIMIT,
            "metadata": {"run": run.id},
            "callbacks": [ForeignCalls(self._noted, run.elapsed_us)],
        }

    async def _input(self, access: GraphAccess, config: Any) -> dict[str, Any]:
        """The question, preceded by what the checkpoint does not know."""
        import asyncio

        from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

        rows = await asyncio.to_thread(access.history, self._run.thread_id)
        state = (await access.graph.aget_state(config)).values.get("messages", [])
        known = {message.id for message in state}
        known_runs = {row[1] for row in rows if row[4] and row[0] in known}
        after = max((i for i, row in enumerate(rows) if row[1] in known_runs), default=-1)
        messages: list[Any] = [
            ToolMessage("The tool call was interrupted.", tool_call_id=call_id, status="error")
            for call_id in open_tool_calls(state)
        ]
        for message_id, _, role, text, _ in rows[after + 1 :]:
            if role == "user":
                messages.append(HumanMessage(text, id=message_id))
            elif text:
                messages.append(AIMessage(text, id=message_id))
        return {"messages": messages}

    async def _prune(self, access: GraphAccess) -> None:
        thread = checkpoint_thread(self._run.thread_id, access.entry.name)
        try:
            await checkpoints.prune(access.saver, thread)
        except Exception:  # disk space is not worth an answer
            log.warning("checkpoints of %s could not be pruned", thread, exc_info=True)


def checkpoint_thread(thread_id: str, graph: str) -> str:
    """The saver's thread id: graphs do not share their state's shape, so each has its own."""
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
