"""Graphs that ask people, as a team would write them, for the registry of a test."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field

from agents import graphs

HOSTILE = (
    "**bold** ![x](http://evil.example/x.png) <img src=http://evil.example/z> :red[r] $5 and $6"
)


class State(MessagesState):
    said: Annotated[list[str], operator.add]


class Seats(BaseModel):
    seats: int


def asks(name: str, schema: Any = None) -> Callable[[State], dict[str, Any]]:
    def node(state: State) -> dict[str, Any]:
        answer = interrupt({"question": f"{name}?"}, response_schema=schema)
        return {"said": [f"{name}={answer}"]}

    return node


def end(state: State) -> dict[str, Any]:
    return {"messages": [AIMessage(", ".join(sorted(state["said"])))]}


def nested() -> Any:
    """An interrupt in a subgraph of a subgraph."""
    inner = StateGraph(State).add_node("ask", asks("deep")).add_edge(START, "ask").compile()
    middle = StateGraph(State).add_node("inner", inner).add_edge(START, "inner").compile()
    outer = StateGraph(State).add_node("middle", middle).add_node("end", end)
    return outer.add_edge(START, "middle").add_edge("middle", "end").compile()


def parallel(schema: Any = None) -> Any:
    """Three interrupts at once."""
    graph = StateGraph(State).add_node("end", end)
    for name in ("a", "b", "c"):
        graph.add_node(name, asks(name, schema)).add_edge(START, name)
    graph.add_edge(["a", "b", "c"], "end").add_edge("end", END)
    return graph.compile()


class Trip(BaseModel):
    """Hostile on purpose: what a model may have been talked into writing."""

    name: str = Field(title=HOSTILE, description=HOSTILE)
    seats: int = Field(ge=1, le=9)
    meal: Literal["![x](http://evil.example/y.png)", "none"] = "none"


def parallel_seats() -> Any:
    return parallel(Seats)


def trip() -> Any:
    """A form with hostile texts everywhere."""
    graph = StateGraph(State).add_node("ask", asks(HOSTILE, Trip)).add_node("end", end)
    return graph.add_edge(START, "ask").add_edge("ask", "end").compile()


def choice() -> Any:
    def node(state: State) -> dict[str, Any]:
        options = [{"label": HOSTILE, "value": 1}, {"label": "No", "value": 2}]
        return {"said": [f"chose={interrupt({'question': 'Which?', 'options': options})}"]}

    graph = StateGraph(State).add_node("ask", node).add_node("end", end)
    return graph.add_edge(START, "ask").add_edge("ask", "end").compile()


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the graphs above to those people can choose, for one test."""
    own = [
        graphs.GraphEntry(
            name=name, title=name.title(), description="Asks.", build=f"{__name__}:{name}"
        )
        for name in ("nested", "parallel", "parallel_seats", "trip", "choice")
    ]
    monkeypatch.setattr(graphs, "GRAPHS", (*graphs.GRAPHS, *own))
