"""A graph of another shape: one agent in a loop with two tools. What a team's own graph looks like.

Chat, streaming, stop, analytics and comparison come without a line of code here.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import SystemMessage
from langchain_core.tools import BaseTool, tool
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.runtime import Runtime, get_runtime

from agents import prompts
from agents.answering import stream_message
from agents.context import RunContext
from agents.metrics_agent import metrics_tool
from agents.passage_format import render
from core.metrics_query import MetricsAnswer, MetricsQuestion


@tool
async def search_docs(query: str) -> str:
    """Searches the product's documentation and gives numbered passages."""
    context = get_runtime(RunContext).context
    found = await context.knowledge.search(query, k=5, first=len(context.sources) + 1)
    get_stream_writer()(
        context.found(
            found.sources, query=query, mode="rag", agent="react", duration_us=found.duration_us
        )
    )
    return render(found.sources) or "Nothing was found."


def _metrics(question: MetricsQuestion) -> MetricsAnswer:
    return get_runtime(RunContext).context.metrics(question)


def build() -> CompiledStateGraph[Any, RunContext, Any, Any]:
    """The compiled graph, without a checkpointer."""
    tools: list[BaseTool] = [search_docs, metrics_tool(_metrics)]

    async def agent(state: MessagesState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        model = runtime.context.chat_model("react").bind_tools(tools)
        prompt = [SystemMessage(prompts.load("react")), *state["messages"]]
        return {"messages": [await stream_message(model, prompt, None, name="react")]}

    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile(name="react")
