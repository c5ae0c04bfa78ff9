"""Tools that wait for a person, several at once, and whatever tool is marked so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from agents.approval import needs_approval, one_task_per_call
from agents.runtime import Runtime
from core.interrupt_form import read_form
from tests.agents.answering_house import answering, ask
from tests.provider import ProviderServer, Reply, ToolCall

PAID: list[tuple[str, int]] = []


@needs_approval
@tool
async def pay(to: str, amount: int) -> str:
    """Pays an invoice.

    Not shown to the person.
    """
    PAID.append((to, amount))
    return f"Paid {amount} to {to}."


@pytest.fixture(autouse=True)
def nothing_paid() -> None:
    PAID.clear()


class Two:
    """A graph whose model has called `pay` twice."""

    def __init__(self) -> None:
        calls = [
            {"name": "pay", "args": {"to": name, "amount": n}, "id": name, "type": "tool_call"}
            for n, name in enumerate(("ada", "bob"), 1)
        ]
        graph = StateGraph(MessagesState)
        graph.add_node("model", lambda _: {"messages": [AIMessage("", tool_calls=calls)]})
        graph.add_node("tools", ToolNode([pay]))
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", lambda s: one_task_per_call(s["messages"]), ["tools"])
        self.graph = graph.compile(checkpointer=InMemorySaver())
        self.config: Any = {"configurable": {"thread_id": "t"}}

    async def begin(self) -> list[Any]:
        state = await self.graph.ainvoke({"messages": [("human", "pay")]}, self.config)
        return sorted(
            state["__interrupt__"], key=lambda i: i.value["action_requests"][0]["args"]["to"]
        )

    async def resume(self, decisions: dict[str, Any]) -> list[str]:
        state = await self.graph.ainvoke(Command(resume=decisions), self.config)
        return [m.content for m in state["messages"] if m.type == "tool"]


def decide(kind: str, **more: Any) -> dict[str, Any]:
    return {"decisions": [{"type": kind, **more}]}


async def approve_one_after_the_other() -> None:
    two = Two()
    first, second = await two.begin()
    assert PAID == []
    await two.resume({first.id: decide("approve")})
    assert PAID == [("ada", 1)]
    results = await two.resume({second.id: decide("approve")})
    assert results == ["Paid 1 to ada.", "Paid 2 to bob."]


def test_a_call_that_was_approved_does_not_run_again_for_the_next_approval() -> None:
    import asyncio

    asyncio.run(approve_one_after_the_other())
    assert PAID == [("ada", 1), ("bob", 2)]


def test_the_person_sees_the_first_line_and_typed_arguments() -> None:
    import asyncio
    import json

    first, _ = asyncio.run(Two().begin())
    [action] = read_form(json.dumps(first.value)).actions
    assert (action.name, action.description) == ("pay", "Pays an invoice.")
    assert [(f.key, f.kind, f.default) for f in action.fields] == [
        ("to", "text", "ada"),
        ("amount", "integer", 1),
    ]


@pytest.mark.parametrize(
    ("decision", "paid", "said"),
    [
        (decide("edit", edited_action={"name": "pay", "args": {"to": "eve", "amount": 9}}),
         [("eve", 9)], "Paid 9 to eve."),
        (decide("edit", edited_action={"name": "pay", "args": {"to": "eve", "amount": "much"}}),
         [], "do not fit"),
        (decide("edit", edited_action="pay"), [], "was not run"),
        (decide("reject", message="too dear"), [], "too dear"),
        (decide("respond", message="Paid."), [], "was not run"),
        ("yes", [], "was not run"),
    ],
)  # fmt: skip
def test_only_an_approval_runs_the_tool(decision: Any, paid: list[Any], said: str) -> None:
    import asyncio

    async def run() -> list[str]:
        two = Two()
        first, second = await two.begin()
        return await two.resume({first.id: decision, second.id: decide("reject")})

    results = asyncio.run(run())
    assert paid == PAID
    assert said in results[0]


def test_a_tool_keeps_its_name_description_and_arguments() -> None:
    assert pay.name == "pay"
    assert pay.description.startswith("Pays an invoice.")
    assert set(pay.args) == {"to", "amount"}


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    with answering(tmp_path, provider) as built:
        yield built


def test_two_notes_of_one_turn_are_approved_one_by_one(
    runtime: Runtime, provider: ProviderServer
) -> None:
    notes = [
        ToolCall(name="save_note", args={"title": name, "text": f"About {name}."})
        for name in ("One", "Two")
    ]
    provider.script(Reply(tool_calls=tuple(notes)))
    provider.default = Reply(text="Both are kept.")
    run, events = ask(runtime, "Note both", graph="react")
    assert len(events[-1].interrupts) == 2
    for left in (2, 1):
        open_ones = [q for q in runtime.waiting.of_run(run.id, "local") if q.waits]
        assert len(open_ones) == left
        request = runtime.waiting.request(
            run.id, "local", {open_ones[0].interrupt_id: decide("approve")}
        )
        run = runtime.start(request)
        events = [event for batch in run.follow() for event in batch]
    assert events[-1].type == "completed", events[-1]
    assert runtime.knowledge.notes is not None
    assert runtime.knowledge.notes.count("local") == 2
    assert len([e for e in events if e.type == "attempt" and e.outcome == "ok"]) == 1
