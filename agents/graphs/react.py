"""A graph of another shape: one agent in a loop with two tools. What a team's own graph looks like.

Chat, streaming, stop, analytics and comparison come without a line of code here. When a run asks for
another retrieval than the agent's own searches, whole documents stand in the prompt (`cag`, and with
searches beside them `hybrid`), or the agent has no documents at all (`none`).
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from langchain_core.messages import AnyMessage, SystemMessage
from langchain_core.tools import BaseTool, tool
from langgraph.channels import UntrackedValue
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.runtime import Runtime, get_runtime

from agents.answering import HYBRID_CORE_TOKENS, WHOLE_DOCUMENTS, stream_message, without
from agents.context import RunContext
from agents.metrics_agent import metrics_tool
from agents.passage_format import NO_DOCUMENTS, render
from agents.retrieval import Found
from core.metrics_query import MetricsAnswer, MetricsQuestion

PASSAGES = 5


class State(MessagesState):
    documents: NotRequired[Annotated[Found, UntrackedValue]]
    """Whole documents that stand in the prompt of this run. Not part of a checkpoint."""


@tool
async def search_docs(query: str) -> str:
    """Searches the product's documentation and gives numbered passages."""
    context = get_runtime(RunContext).context
    if context.retrieval in ("cag", "none"):  # a model may call what it was not offered
        return "There is nothing to search in this conversation."
    held = {source.passage_id for source in context.sources if source.score is None}
    found = await context.knowledge.search(query, k=PASSAGES + len(held))
    found = without(found, held, k=PASSAGES, first=len(context.sources) + 1)
    mode = context.retrieval or "rag"
    get_stream_writer()(
        context.found(
            found.sources, query=query, mode=mode, agent="react", duration_us=found.duration_us
        )
    )
    return render(found.sources) or "Nothing was found."


def _metrics(question: MetricsQuestion) -> MetricsAnswer:
    return get_runtime(RunContext).context.metrics(question)


def build() -> CompiledStateGraph[Any, RunContext, Any, Any]:
    """The compiled graph, without a checkpointer."""
    figures = metrics_tool(_metrics)

    async def agent(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
        searches = runtime.context.retrieval in (None, "rag", "hybrid")
        tools: list[BaseTool] = [search_docs, figures] if searches else [figures]
        model = runtime.context.chat_model("react").bind_tools(tools)
        prompt = _prompt(runtime.context, state, await runtime.context.knowledge.note())
        return {"messages": [await stream_message(model, prompt, None, name="react")]}

    graph = StateGraph(State, context_schema=RunContext)
    graph.add_node("documents", _documents)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode([search_docs, figures]))
    graph.add_conditional_edges(START, _first, ["documents", "agent"])
    graph.add_edge("documents", "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile(name="react")


def _first(state: State) -> str:
    asked = get_runtime(RunContext).context.retrieval
    return "documents" if asked in ("cag", "hybrid") else "agent"


async def _documents(state: State, runtime: Runtime[RunContext]) -> dict[str, Found]:
    """Whole documents for the question: all of them, if they fit."""
    context = runtime.context
    mode = context.retrieval or "cag"
    question = next(m.text for m in reversed(state["messages"]) if m.type == "human")
    budget = context.prefix_budget_tokens
    budget = min(HYBRID_CORE_TOKENS, budget) if mode == "hybrid" else budget
    choose = not await context.knowledge.fits(None, budget)
    found = await context.knowledge.whole_documents(None, question, budget, choose=choose)
    get_stream_writer()(
        context.found(
            found.sources, query=question, mode=mode, agent="react", duration_us=found.duration_us
        )
    )
    return {"documents": found}


def _prompt(context: RunContext, state: State, note: str) -> list[AnyMessage]:
    if context.retrieval == "none":
        system = context.prompt("react_without_documents")
        rules = SystemMessage(system, additional_kwargs={NO_DOCUMENTS: True})
        return [rules, *_without_earlier_tools(state["messages"])]
    system, given = context.prompt("react"), state.get("documents")
    system = f"{system}\n\n{note}" if note else system
    if given is None or not given.sources:
        return [SystemMessage(system), *state["messages"]]
    system += f"\n\n{WHOLE_DOCUMENTS}\n{render(given.sources)}"
    if context.retrieval == "cag":
        system += "\n\nThere is no search_docs now: answer from these documents."
    extra = {
        "cache_prefix_chars": len(system),
        "cache_key": context.cache_key(f"react:{given.version}"),
    }
    return [SystemMessage(system, additional_kwargs=extra), *state["messages"]]


def _without_earlier_tools(messages: list[AnyMessage]) -> list[AnyMessage]:
    """What tools gave before the last question may hold passages."""
    last = max(i for i, message in enumerate(messages) if message.type == "human")
    said = [
        m for m in messages[:last] if m.type == "human" or (m.type == "ai" and not m.tool_calls)
    ]
    return [*said, *messages[last:]]
