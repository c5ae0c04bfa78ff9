"""Which agent and which model: one list each, for chat, compare and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.graphs import GRAPHS
from agents.preferences import AUTOMATIC_AGENT as AUTOMATIC_AGENT
from agents.preferences import AUTOMATIC_MODEL as AUTOMATIC_MODEL
from agents.specialists import BY_NAME

if TYPE_CHECKING:
    from agents.runtime import Runtime


def agent_options() -> dict[str, str]:
    """Value ("graph" or "graph/agent") to label."""
    options: dict[str, str] = {}
    for graph in GRAPHS:
        if not graph.listed:
            continue
        automatic = graph.name == AUTOMATIC_AGENT
        options[graph.name] = "Agent: automatic" if automatic else graph.title
        for agent in graph.agents:
            title = BY_NAME[agent].title if agent in BY_NAME else agent
            options[f"{graph.name}/{agent}"] = f"{title} agent"
    return options


def split_agent(value: str) -> tuple[str, str | None]:
    """("graph", "agent" or None) of an option's value."""
    graph, _, agent = value.partition("/")
    return graph, agent or None


def model_options(runtime: Runtime) -> dict[str, str]:
    """Configured models only: id to label; the first is the configured chain."""
    options = {AUTOMATIC_MODEL: "Model: automatic"}
    for status in runtime.models.list_models():
        if status.configured:
            options[status.id] = status.display_name
    return options
