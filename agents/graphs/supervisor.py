"""The supervisor graph: route → one specialist → finish.

A plain StateGraph: the fewest model calls, the shortest way to the first token, and every token is
attributed to its agent. State is small: messages and the route; passages live in the node only.
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, RemoveMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from agents import routing
from agents.answering import answer_from_documents
from agents.context import RunContext
from agents.memory import keep_newest
from agents.metrics_agent import answer_from_metrics
from agents.specialists import SPECIALISTS, Specialist

KEEP_TOKENS = 12_000
EMPTY = "The model returned an empty answer. Send the message again, or choose another model."


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    question: str
    """The last question with what it leans on."""


def build() -> CompiledStateGraph[Any, RunContext, Any, Any]:
    """The compiled graph, without a checkpointer."""
    graph = StateGraph(State, context_schema=RunContext)
    names = tuple(specialist.name for specialist in SPECIALISTS)
    graph.add_node("supervisor", _route, destinations=names)
    graph.add_edge(START, "supervisor")
    for specialist in SPECIALISTS:
        graph.add_node(specialist.name, _specialist(specialist))
        graph.add_edge(specialist.name, "finish")
    graph.add_node("finish", _finish)
    graph.add_edge("finish", END)
    return graph.compile(name="supervisor")


async def _route(state: State, runtime: Runtime[RunContext]) -> Command[Any]:
    decision = await routing.decide(runtime.context, state["messages"])
    get_stream_writer()(decision.route)
    return Command(goto=decision.route.agent, update={"question": decision.question})


def _specialist(specialist: Specialist) -> Any:
    async def node(state: State, runtime: Runtime[RunContext]) -> dict[str, list[AIMessage]]:
        answer = answer_from_metrics if specialist.mode == "metrics" else answer_from_documents
        message = await answer(runtime.context, specialist, state["messages"], state["question"])
        if not message.text.strip():
            runtime.context.notices.append(EMPTY)
        return {"messages": [message]}

    node.__name__ = specialist.name
    return node


async def _finish(state: State) -> dict[str, list[RemoveMessage]]:
    """Keeps the newest messages as the agent's memory; the history people see is elsewhere."""
    kept = {message.id for message in keep_newest(state["messages"], KEEP_TOKENS)}
    return {
        "messages": [
            RemoveMessage(id=message.id)
            for message in state["messages"]
            if message.id and message.id not in kept
        ]
    }
