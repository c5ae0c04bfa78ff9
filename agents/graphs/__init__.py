"""The graphs people can chat with. To add one: a file here with `build()`, and one line below."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.comparison import RETRIEVALS
from core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

Option = Literal["retrieval", "prompt", "continue"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphEntry:
    name: str
    title: str
    description: str
    build: str
    """`module:function`; the function gives a compiled graph with a `messages` key in its state."""
    agents: tuple[str, ...] = ()
    """Node names that are agents a person can pin; empty when the graph has none to choose."""
    options: frozenset[Option] = frozenset()
    """What of a run's request the graph heeds: `retrieval` if it reads `RunContext.retrieval`,
    `prompt` if it takes its prompts from `RunContext.prompt`, `continue` if it answers with
    `RunContext.chat_model`, which can go on with an answer that ended early."""

    repeatable: bool = False
    """Whether an answer without tool calls depends on nothing but the question, the documents and
    the options of its run, so that it may be given again (agents/answer_cache)."""
    listed: bool = True
    """False: not for people to choose."""
    max_chars: int | None = None
    """The longest question; None: as the settings say."""

    def check(self, *, retrieval: str | None, prompt: str | None, continues: bool = False) -> None:
        """Raises InvalidInput for what a run asks for and the graph would not heed."""
        if retrieval not in (None, *RETRIEVALS):
            raise InvalidInput(
                f"There is no retrieval '{retrieval}'.",
                what_to_do=f"Use one of: {', '.join(RETRIEVALS)}.",
            )
        if retrieval is not None and "retrieval" not in self.options:
            raise self._refusal("another retrieval")
        if prompt is not None and "prompt" not in self.options:
            raise self._refusal("other prompts")
        if continues and "continue" not in self.options:
            raise InvalidInput(
                f"The graph '{self.name}' cannot go on with an answer.",
                what_to_do="Ask for the answer again.",
            )

    def _refusal(self, what: str) -> InvalidInput:
        return InvalidInput(
            f"The graph '{self.name}' cannot be run with {what}.",
            what_to_do="Leave it as usual, or choose another graph.",
        )


GRAPHS: tuple[GraphEntry, ...] = (
    GraphEntry(
        name="supervisor",
        title="Supervisor",
        description="Routes each question to one of five specialists.",
        build="agents.graphs.supervisor:build",
        agents=("technical", "billing", "policy", "general", "data"),
        options=frozenset({"retrieval", "prompt", "continue"}),
        repeatable=True,
    ),
    GraphEntry(
        name="react",
        title="ReAct agent",
        description="One agent that decides by itself when to search and when to query metrics.",
        build="agents.graphs.react:build",
        options=frozenset({"retrieval", "prompt", "continue"}),
        repeatable=True,
    ),
    GraphEntry(
        name="judge",
        title="Judge",
        description="Judges answers of an evaluation.",
        build="agents.graphs.judge:build",
        listed=False,
        max_chars=1_000_000,
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
