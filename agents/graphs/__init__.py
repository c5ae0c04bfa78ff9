"""The graphs people can chat with. To add one: a file here with `build()`, and one line below."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import NotFound

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphEntry:
    name: str
    title: str
    description: str
    build: str
    """`module:function`; the function gives a compiled graph with a `messages` key in its state."""
    agents: tuple[str, ...] = ()
    """Node names that are agents a person can pin; empty when the graph has none to choose."""


GRAPHS: tuple[GraphEntry, ...] = (
    GraphEntry(
        name="supervisor",
        title="Supervisor",
        description="Routes each question to one of five specialists.",
        build="agents.graphs.supervisor:build",
        agents=("technical", "billing", "policy", "general", "data"),
    ),
    GraphEntry(
        name="react",
        title="ReAct agent",
        description="One agent that decides by itself when to search and when to query metrics.",
        build="agents.graphs.react:build",
    ),
)


def entry(name: str) -> GraphEntry:
    """Raises NotFound for a name that is not in the registry."""
    for item in GRAPHS:
        if item.name == name:
            return item
    raise NotFound(f"There is no graph '{name}'.", what_to_do="Choose one of the list.")


def load(name: str) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Imports and builds a graph. Slow the first time: call it off the loop."""
    module, _, function = entry(name).build.partition(":")
    graph: CompiledStateGraph[Any, Any, Any, Any] = getattr(
        importlib.import_module(module), function
    )()
    return graph
