"""A graph of another shape: one agent in a loop with tools. What a team's own graph looks like.

One of the tools, `save_note`, changes something: it waits until a person approves.

Chat, streaming, stop, analytics and comparison come without a line of code here. When a run asks for
another retrieval than the agent's own searches, whole documents stand in the prompt (`cag`, and with
searches beside them `hybrid`), or the agent has no documents at all (`none`).
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from langchain_core.messages import AnyMessage
from langchain_core.tools import BaseTool, tool
from langgraph.channels import UntrackedValue
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime, get_runtime
from langgraph.types import Send

from agents.answering import HYBRID_CORE_TOKENS, WHOLE_DOCUMENTS, stream_message, without
from agents.approval import needs_approval, one_task_per_call
from agents.context import RunContext
from agents.metrics_agent import metrics_tool
from agents.passage_format import NO_DOCUMENTS, render
from agents.retrieval import Found
from agents.system_note import system_message
from core.errors import SwitchboardError
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


@needs_approval
@tool
async def save_note(title: str, text: str) -> str:
    """Keeps a note that later answers can find and cite.

    For when the user asks to save, note or remember something. title: a few words to find it by. text: the note itself, complete and understandable alone.
    """
    try:
        note = await get_runtime(RunContext).context.knowledge.save_note(title, text)
    except SwitchboardError as exc:
        return f"The note was not saved. {exc.message}"
    return f"Saved the note “{note.title}” as {note.path}. Later answers can find and cite it."


def _metrics(question: MetricsQuestion) -> MetricsAnswer:
    return get_runtime(RunContext).context.metrics(question)


def build() -> CompiledStateGraph[Any, RunContext, Any, Any]:
    """The compiled graph, without a checkpointer."""
    figures = metrics_tool(_metrics)

    async def agent(state: State, runtime: Runtime[RunContext]) -> dict[str, Any]:
        searches = runtime.context.retrieval in (None, "rag", "hybrid")
        tools: list[BaseTool] = [search_docs] if searches else []
        tools += [figures, save_note]
        model = runtime.context.chat_model("react").bind_tools(tools)
        prompt = _prompt(runtime.context, state, await runtime.context.knowledge.note())
        return {"messages": [await stream_message(model, prompt, None, name="react")]}

    graph = StateGraph(State, context_schema=RunContext)
    graph.add_node("documents", _documents)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode([search_docs, figures, save_note]))
    graph.add_conditional_edges(START, _first, ["documents", "agent"])
    graph.add_edge("documents", "agent")
    graph.add_conditional_edges("agent", _tools, ["tools", END])
    graph.add_edge("tools", "agent")
    return graph.compile(name="react")


def _tools(state: State) -> list[Send] | str:
    return one_task_per_call(state["messages"])


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
        rules = system_message(system, context.note, **{NO_DOCUMENTS: True})
        return [rules, *_without_earlier_tools(state["messages"])]
    system, given = context.prompt("react"), state.get("documents")
    system = f"{system}\n\n{note}" if note else system
    if given is None or not given.sources:
        return [system_message(system, context.note), *state["messages"]]
    system += f"\n\n{WHOLE_DOCUMENTS}\n{render(given.sources)}"
    if context.retrieval == "cag":
        system += "\n\nThere is no search_docs now: answer from these documents."
    extra = {
        "cache_prefix_chars": len(system),
        "cache_key": context.cache_key(f"react:{given.version}"),
    }
    return [system_message(system, context.note, **extra), *state["messages"]]


def _without_earlier_tools(messages: list[AnyMessage]) -> list[AnyMessage]:
    """What tools gave before the last question may hold passages."""
    last = max(i for i, message in enumerate(messages) if message.type == "human")
    said = [
        m for m in messages[:last] if m.type == "human" or (m.type == "ai" and not m.tool_calls)
    ]
    return [*said, *messages[last:]]
