"""A graph that writes half an answer and fails."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

from agents import graphs
from core.errors import ModelUnavailable


def failing() -> Any:
    def writes(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("Half of it.")]}

    def fails(state: MessagesState) -> dict[str, Any]:
        raise ModelUnavailable("The model cannot be reached.")

    graph = StateGraph(MessagesState).add_node("writes", writes).add_node("fails", fails)
    return graph.add_edge(START, "writes").add_edge("writes", "fails").compile()


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the graph above to those people can choose, for one test."""
    own = graphs.GraphEntry(
        name="failing", title="Failing", description="Fails.", build=f"{__name__}:failing"
    )
    monkeypatch.setattr(graphs, "GRAPHS", (*graphs.GRAPHS, own))
