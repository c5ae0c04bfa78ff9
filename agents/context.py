"""What a graph may use during one run: models, knowledge, metrics. Given as LangGraph `context`.

Secrets and clients travel here and never through `configurable`, which checkpoints keep in clear
text. A dropped-in graph takes from it what it needs, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from agents import prompts
from agents.spending import Allowance, Spending
from core.comparison import Retrieval
from core.events import CallPurpose, Event, RetrievalMode, Source, Sources
from core.metrics_query import MetricsAnswer, MetricsQuestion

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from agents.files.pictures import Pictures
    from agents.prompt_versions import PromptVersion
    from agents.retrieval import KnowledgeSource


class ModelSource(Protocol):
    """See agents/models.py."""

    def usable(self, model_ids: Iterable[str]) -> list[str]: ...

    def chat(
        self,
        model_ids: tuple[str, ...],
        *,
        purpose: CallPurpose,
        agent: str | None = None,
        temperature: float | None = None,
        sink: Callable[[Event], None] | None = None,
        allowance: Allowance | None = None,
        begun: str = "",
        max_tokens: int | None = None,
        stop: tuple[str, ...] = (),
    ) -> BaseChatModel:
        """`begun`: text that the answer goes on with. `sink` gets what is reported after a cancel, when the graph's stream is not read any more."""


@dataclass(kw_only=True)
class RunContext:
    """One per run."""

    run_id: str
    owner: str
    models: ModelSource
    knowledge: KnowledgeSource
    metrics: Callable[[MetricsQuestion], MetricsAnswer]
    answer_models: tuple[str, ...]
    router_models: tuple[str, ...]
    pinned_agent: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    """The longest answer of one call of an answering model."""
    stop: tuple[str, ...] = ()
    """Texts before which an answering model ends."""
    note: str | None = None
    """What the person wants of every answer; graphs give it to `agents.system_note.system_message`."""
    retrieval: Retrieval | None = None
    """How documents are used; None: as the agent does it by itself."""
    prompt_version: PromptVersion | None = None
    """What stands in for the prompts that ship; None: nothing."""
    max_history_tokens: int = 12_000
    pictures: Pictures | None = None
    """Puts the images of messages in for models that see."""
    prefix_budget_tokens: int = 24_000
    """How many tokens of whole documents the first answer model may get as a cached prefix."""
    notices: list[str] = field(default_factory=list)
    """Sentences for the reader that come up on the way."""
    sources: list[Source] = field(default_factory=list)
    """Everything found so far in this run, numbered without gaps."""
    late: list[Event] = field(default_factory=list)
    """Ends and usage of model calls that were stopped, for the turn to publish."""
    spending: Spending | None = None
    """Asked before every model that is called; None: there are no budgets."""
    may_replace: bool = True
    """Whether a used-up budget may name another model than the chosen ones."""
    begun: str = ""
    """Text of an earlier answer that the first answering model goes on with."""
    keep_prompt: Callable[[str, Sequence[BaseMessage]], None] | None = None
    """Gets the call id and the messages of every attempt; None when prompts are not kept."""

    def prompt(self, name: str) -> str:
        """The text of `agents/prompts/<name>.md`, or what this run's version has in its place."""
        version = self.prompt_version
        return version.text(name) if version is not None else prompts.load(name)

    def cache_key(self, prefix: str) -> str:
        """A name for a cached prefix that runs with other prompts do not share."""
        version = self.prompt_version
        return prefix if version is None else f"{prefix}:{version.digest[:8]}"

    def chat_model(
        self,
        agent: str,
        *,
        purpose: CallPurpose = "answer",
        model_ids: tuple[str, ...] | None = None,
    ) -> BaseChatModel:
        """The configured chain of models: retries, fallbacks, deadlines, usage and cost included."""
        ids = model_ids if model_ids is not None else self.answer_models
        answers = purpose == "answer"
        begun = ""
        if answers:
            begun, self.begun = self.begun, ""
        return self.models.chat(
            ids,
            purpose=purpose,
            agent=agent,
            temperature=0.0 if purpose == "route" else self.temperature,
            sink=self.late.append,
            allowance=self._allowance(agent, purpose),
            begun=begun,
            max_tokens=self.max_tokens if answers else None,
            stop=self.stop if answers else (),
        )

    def _allowance(self, agent: str, purpose: CallPurpose) -> Allowance | None:
        if self.spending is None:
            return None
        return Allowance(
            spending=self.spending,
            owner=self.owner,
            agent=agent,
            notices=self.notices,
            # Routing without a model is the local vote's, which is free and needs no stand-in.
            may_replace=self.may_replace and purpose != "route",
            quiet=purpose != "answer",
        )

    def found(
        self,
        sources: list[Source],
        *,
        query: str,
        mode: RetrievalMode,
        agent: str,
        duration_us: int,
    ) -> Sources:
        """The event that shows what was found; later finds of the same run are numbered on."""
        self.sources.extend(sources)
        return Sources(
            mode=mode,
            query=query[:2000],
            agent=agent,
            sources=tuple(self.sources),
            duration_us=duration_us,
        )
