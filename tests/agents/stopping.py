"""A whole runtime against the scripted provider, in either dialect, and graphs that work in threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.runtime import Runtime as GraphRuntime
from langgraph.types import interrupt

from agents.answering import stream_message
from agents.context import RunContext
from agents.graphs import GraphEntry
from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.events import Event
from core.settings import Settings
from core.transcript import AnswerSummary
from tests.provider import ProviderServer, Reply
from tests.provider.reply import ToolCall

OPENAI, BEDROCK, LOCAL = (
    "openai:gpt-4o-mini",
    "bedrock_converse:us.amazon.nova-lite-v1:0",
    "local:extractive",
)
DIALECTS = {"openai": OPENAI, "bedrock": BEDROCK}
LONG = Reply(text=" ".join(f"word{n}" for n in range(400)), per_token_ms=10)
NEVER = Reply(first_ms=60_000)


def settings(data_dir: Path, provider: ProviderServer, **more: Any) -> Settings:
    """Both dialects lead to the provider; routing costs nothing unless asked for."""
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "openai_api_key": "sk-test-1234567890",
        "openai_base_url": provider.openai_url,
        "bedrock_endpoint_url": provider.bedrock_url,
        "answer_models": (OPENAI,),
        "router_models": (LOCAL,),
    }
    return Settings(**(given | more))


def until(run: Run, wanted: Callable[[Event], bool], timeout: float = 10.0) -> None:
    """Returns when an event of the run's log is wanted; fails when the run ends before."""
    deadline = time.monotonic() + timeout
    after = -1
    while time.monotonic() < deadline:
        for event in run.read(after):
            after = event.seq
            if wanted(event):
                return
        assert not run.finished, run.events[-1]
        run.wait(after, 0.1)
    raise TimeoutError([event.type for event in run.events])


def a(kind: str) -> Callable[[Event], bool]:
    return lambda event: event.type == kind


def ended(run: Run, timeout: float = 10.0) -> list[Event]:
    """The whole log. Exactly one terminal event, the last."""
    deadline = time.monotonic() + timeout
    while not run.finished:
        assert time.monotonic() < deadline, "the run did not end"
        run.wait(len(run.events) - 1, 0.1)
    events = run.read()
    ends = [e.seq for e in events if e.type in ("completed", "error", "cancelled", "interrupted")]
    assert ends == [events[-1].seq]
    return events


def saved(runtime: Runtime, run: Run) -> tuple[str, AnswerSummary]:
    """(text, summary) of the answer as history keeps it."""
    message = runtime.threads.messages(run.thread_id, run.request.owner)[-1]
    assert message.role == "assistant"
    assert message.summary is not None
    return message.text, message.summary


def row_of(runtime: Runtime, run: Run) -> Any:
    """The run as analytics has it."""
    runtime.recorder.flush()
    found = runtime.queries.run_detail(run.id)
    assert found is not None
    return found.run


def start(runtime: Runtime, text: str = "What is Switchboard?", **request: Any) -> Run:
    request.setdefault("agent", "general" if request.get("graph") is None else None)
    return runtime.start(TurnRequest(text=text, **{"graph": "supervisor", **request}))


def calling(name: str, **args: Any) -> Reply:
    return Reply(tool_calls=(ToolCall(name=name, args=args),))


# -- graphs of other people


@tool
def nap(seconds: float) -> str:
    """Sleeps in a thread, as a tool that asks a database does."""
    time.sleep(seconds)
    return "rested"


@tool
async def doze(seconds: float) -> str:
    """Sleeps on the loop."""
    await asyncio.sleep(seconds)
    return "rested"


@tool
async def stubborn(seconds: float) -> str:
    """Takes no cancel for an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return "done all the same"


TOOLS = [nap, doze, stubborn]


def build_tools() -> Any:
    async def agent(state: MessagesState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        model = runtime.context.chat_model("tools").bind_tools(TOOLS)
        return {"messages": [await stream_message(model, state["messages"], None, name="tools")]}

    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode(TOOLS))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile(name="tools")


def build_sync() -> Any:
    """A node that is a plain function: LangGraph runs it in a thread."""

    def agent(state: MessagesState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        return {"messages": [runtime.context.chat_model("sync").invoke(state["messages"])]}

    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("agent", agent)
    graph.add_edge(START, "agent")
    return graph.compile(name="sync")


def build_foreign(*, whole: bool = False) -> Any:
    """A node with LangChain's own Bedrock class, whose boto3 client blocks in a thread."""
    from langchain_aws import ChatBedrockConverse

    model = ChatBedrockConverse(
        model="us.amazon.nova-lite-v1:0", region_name="us-east-1", disable_streaming=whole
    )

    async def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("agent", agent)
    graph.add_edge(START, "agent")
    return graph.compile(name="foreign")


def build_foreign_whole() -> Any:
    return build_foreign(whole=True)


def build_asking() -> Any:
    """Asks people before it answers."""

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [HumanMessage(f"They say: {interrupt('May I?')}")]}

    async def agent(state: MessagesState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        model = runtime.context.chat_model("asking")
        return {"messages": [await stream_message(model, state["messages"], None, name="asking")]}

    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("ask", ask)
    graph.add_node("agent", agent)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "agent")
    return graph.compile(name="asking")


def build_deep() -> Any:
    """The same, two subgraphs down, after a step that is not to be done twice."""

    async def note(state: MessagesState) -> dict[str, Any]:
        NOTED.append("once")
        return {}

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [HumanMessage(f"They say: {interrupt('May I?')}")]}

    inner = StateGraph(MessagesState)
    inner.add_node("note", note)
    inner.add_node("ask", ask)
    inner.add_edge(START, "note")
    inner.add_edge("note", "ask")
    middle = StateGraph(MessagesState)
    middle.add_node("inner", inner.compile())
    middle.add_edge(START, "inner")

    async def agent(state: MessagesState, runtime: GraphRuntime[RunContext]) -> dict[str, Any]:
        model = runtime.context.chat_model("deep")
        return {"messages": [await stream_message(model, state["messages"], None, name="deep")]}

    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("middle", middle.compile())
    graph.add_node("agent", agent)
    graph.add_edge(START, "middle")
    graph.add_edge("middle", "agent")
    return graph.compile(name="deep")


NOTED: list[str] = []

GRAPHS = tuple(
    GraphEntry(name=name, title=name, description=name, build=f"{__name__}:build_{name}")
    for name in ("tools", "sync", "foreign", "foreign_whole", "asking", "deep")
)
