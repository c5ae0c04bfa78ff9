"""Scripted inner models for ResilientChat, and what a reader of an operation sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from agents.breaker import Breaker
from agents.failover import Candidate, ResilientChat, Services, folded
from agents.retry import Limits
from core.catalog import load_catalog
from core.errors import ModelFailure
from core.events import Attempt, Event, UsageReported

CATALOG = load_catalog()
FAST = Limits(first_token_s=0.12, idle_s=0.12, total_s=5.0, grace_s=0.03, backoff_s=0.001)
Step = str | float | BaseException | asyncio.Event | AIMessageChunk
"""Text is yielded, a number waited, an exception raised, an Event awaited, a chunk yielded."""


class Scripted(BaseChatModel):
    """Plays one script per call; the last one again when there are no more."""

    scripts: list[list[Any]] = Field(default_factory=list)
    prompts: list[list[BaseMessage]] = Field(default_factory=list)
    options: list[dict[str, Any]] = Field(default_factory=list)
    closed: int = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Any:
        names = [convert_to_openai_tool(tool)["function"]["name"] for tool in tools]
        return self.bind(my_tools=names, my_choice=tool_choice, **kwargs)

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise AssertionError("must stream")

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        assert run_manager is None, "callbacks would fire twice"
        self.prompts.append(messages)
        self.options.append(kwargs)
        script = self.scripts[min(len(self.prompts), len(self.scripts)) - 1]
        try:
            for step in script:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, BaseException):
                    raise step
                else:
                    chunk = step if isinstance(step, AIMessageChunk) else AIMessageChunk(step)
                    yield ChatGenerationChunk(message=chunk.model_copy())
        finally:
            self.closed += 1


def finish(reason: str = "stop", usage: tuple[int, int] | None = (10, 5)) -> AIMessageChunk:
    """The closing chunk of a provider."""
    counts = None
    if usage is not None:
        counts = UsageMetadata(
            input_tokens=usage[0], output_tokens=usage[1], total_tokens=sum(usage)
        )
    return AIMessageChunk(
        "",
        response_metadata={"finish_reason": reason, "model_name": "m-2026", "id": "r1"},
        usage_metadata=counts,
        chunk_position="last",
    )


def tool(args: str, name: str | None = "look", index: int = 0) -> AIMessageChunk:
    call = {"name": name, "args": args, "id": "c1" if name else None, "index": index}
    return AIMessageChunk("", tool_call_chunks=[{**call, "type": "tool_call_chunk"}])


def says(*steps: Step) -> Scripted:
    """A model that plays these steps and ends well, every time."""
    return Scripted(scripts=[[*steps, finish()]])


def plays(*scripts: Sequence[Step]) -> Scripted:
    return Scripted(scripts=[list(script) for script in scripts])


def candidate(id_: str, model: BaseChatModel, *, continues: bool = True) -> Candidate:
    return Candidate(
        id=id_,
        provider=id_.partition(":")[0],
        build=lambda: model,
        ready=lambda: model,
        continues=continues,
    )


def chat(*models: BaseChatModel, limits: Limits = FAST, **options: Any) -> ResilientChat:
    """openai:a, openai:b …; a model named by `local` is the last, as the embedded answerer."""
    local = options.pop("local", None)
    services = Services(
        limits=limits, catalog=CATALOG, breaker=options.pop("breaker", None) or Breaker()
    )
    candidates = [candidate(f"openai:{chr(97 + n)}", model) for n, model in enumerate(models)]
    if local is not None:
        candidates.append(candidate("local:extractive", local, continues=False))
    return ResilientChat(candidates=tuple(candidates), services=services, **options)


@dataclass
class Seen:
    """What a reader of the events and chunks of one operation ends up with."""

    shown: str = ""
    chunks: list[AIMessageChunk] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    failure: ModelFailure | None = None
    cancelled: bool = False
    on_end: Callable[[], Any] = int
    """Called when an attempt is over."""

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        if event.type == "attempt" and event.reset:
            self.shown = ""
        if event.type == "attempt" and event.outcome != "started":
            self.on_end()

    @property
    def message(self) -> AIMessageChunk:
        return folded(self.chunks)

    @property
    def starts(self) -> list[Attempt]:
        return [e for e in self.events if isinstance(e, Attempt) and e.outcome == "started"]

    @property
    def ends(self) -> list[Attempt]:
        return [e for e in self.events if isinstance(e, Attempt) and e.outcome != "started"]

    @property
    def usages(self) -> list[UsageReported]:
        return [e for e in self.events if isinstance(e, UsageReported)]

    @property
    def outcomes(self) -> list[tuple[str, str, str | None]]:
        """(model, outcome, next model) of every attempt."""
        return [(e.model, e.outcome, e.next_model) for e in self.ends]


async def listen(
    model: Any, question: Any = "Hi", seen: Seen | None = None, on_chunk: Callable[[], Any] = int
) -> Seen:
    """Streams an answer as a page does. A failure is kept, a cancel noted and raised again."""
    seen = seen or Seen()
    bound = getattr(model, "bound", model)
    bound.sink = seen.on_event
    try:
        async for chunk in model.astream(question):
            seen.chunks.append(chunk)
            seen.shown += chunk.text
            on_chunk()
    except ModelFailure as exc:
        seen.failure = exc
    except asyncio.CancelledError:
        seen.cancelled = True
        raise
    return seen


def ask(model: Any, question: Any = "Hi") -> Seen:
    return asyncio.run(listen(model, question))
