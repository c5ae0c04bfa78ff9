"""A graph of one model call: what a judge model is asked by an evaluation. Not in the list of chats.

It is a graph so that a judgement is a run like any other: recorded, priced, stopped and recovered.
"""

from __future__ import annotations

from typing import Any

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agents.answering import stream_message
from agents.context import RunContext


def build() -> CompiledStateGraph[Any, RunContext, Any, Any]:
    """The compiled graph, without a checkpointer."""

    async def judge(state: MessagesState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        model = runtime.context.chat_model("judge")
        return {"messages": [await stream_message(model, state["messages"], None, name="judge")]}

    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("judge", judge)
    graph.add_edge(START, "judge")
    return graph.compile(name="judge")
