"""How a specialist answers from documents: retrieve, show what was found, ask the model, cite.

rag     passages found for the question
cag     whole documents of the area as a byte-stable prefix that providers cache
hybrid  the area's core documents as that prefix, and passages found for the question
none    nothing: the model answers from what it knows, and is told so

Each specialist has a mode of its own; a run may ask for another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from agents.context import RunContext
from agents.memory import keep_newest
from agents.passage_format import NO_DOCUMENTS, render
from agents.retrieval import Found
from agents.specialists import Specialist, areas_of
from agents.system_note import system_message
from core.errors import ContextTooLong
from core.events import RetrievalMode, Source

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage

RAG_PASSAGES = 6
HYBRID_PASSAGES = 4
HYBRID_CORE_TOKENS = 6_000
SHORT_HISTORY_TOKENS = 800
WHOLE_DOCUMENTS = "Documents, each of them whole"


async def answer_from_documents(
    context: RunContext, specialist: Specialist, messages: Sequence[AnyMessage], question: str
) -> AIMessage:
    """Streams the specialist's answer to the last human message and gives it back whole."""
    mode: RetrievalMode = context.retrieval or specialist.mode
    prefix, found = await _retrieve(context, specialist, mode, question)
    if mode != "none":
        _show(context, specialist, mode, question, (prefix, found))
    history = context.max_history_tokens
    try:
        return await _ask(context, specialist, mode, messages, prefix, found.sources, history)
    except ContextTooLong:
        context.notices.append(
            "The conversation was too long for the model; the oldest part was left out."
        )
        return await _ask(
            context, specialist, mode, messages, prefix, found.sources[:3], SHORT_HISTORY_TOKENS
        )


def _show(
    context: RunContext,
    specialist: Specialist,
    mode: RetrievalMode,
    question: str,
    parts: Sequence[Found],
) -> None:
    from langgraph.config import get_stream_writer

    get_stream_writer()(
        context.found(
            [source for part in parts for source in part.sources],
            query=question,
            mode=mode,
            agent=specialist.name,
            duration_us=sum(part.duration_us for part in parts),
        )
    )


async def _retrieve(
    context: RunContext, specialist: Specialist, mode: RetrievalMode, question: str
) -> tuple[Found, Found]:
    """(whole documents for the prefix, passages for the question); either may be empty."""
    knowledge = context.knowledge
    nothing = Found(sources=[], hits=[], duration_us=0)
    if mode == "none":
        return nothing, nothing
    areas = areas_of(specialist, (info.area for info in await _areas(context)))
    if mode == "cag":
        choose = not await knowledge.fits(areas, context.prefix_budget_tokens)
        prefix = await knowledge.whole_documents(
            areas, question, context.prefix_budget_tokens, choose=choose
        )
        return prefix, nothing
    if mode == "hybrid":
        budget = min(HYBRID_CORE_TOKENS, context.prefix_budget_tokens)
        prefix = await knowledge.whole_documents(areas, question, budget, choose=False)
        held = {source.passage_id for source in prefix.sources}
        found = await knowledge.specialist_search(question, areas, k=HYBRID_PASSAGES + len(held))
        return prefix, without(found, held, k=HYBRID_PASSAGES, first=len(prefix.sources) + 1)
    return nothing, await knowledge.specialist_search(question, areas, k=RAG_PASSAGES)


async def _areas(context: RunContext) -> list[Any]:
    import asyncio

    return await asyncio.to_thread(context.knowledge.areas)


def without(found: Found, held: Collection[str], *, k: int, first: int) -> Found:
    """The best `k` passages that are not among those `held` already, numbered from `first`."""
    from dataclasses import replace

    fresh = [s for s in found.sources if s.passage_id not in held][:k]
    numbered = [replace(source, n=n) for n, source in enumerate(fresh, start=first)]
    return replace(found, sources=numbered)


async def _ask(
    context: RunContext,
    specialist: Specialist,
    mode: RetrievalMode,
    messages: Sequence[AnyMessage],
    prefix: Found,
    passages: list[Source],
    history_tokens: int,
) -> AIMessage:
    kept = keep_newest(
        [m for m in messages if m.type in ("human", "ai") and m.content], history_tokens
    )
    if mode == "none":
        prompt = prompt_without_documents(context, specialist, kept)
    else:
        prompt = build_prompt(context, specialist, kept, prefix, passages)
    model = context.chat_model(specialist.name)
    config: Any = {
        "run_name": specialist.name,
        "tags": [specialist.name],
        "metadata": {"agent": specialist.name, "strategy": mode},
    }
    return await stream_message(model, prompt, config, name=specialist.name)


def build_prompt(
    context: RunContext,
    specialist: Specialist,
    kept: Sequence[AnyMessage],
    prefix: Found,
    passages: list[Source],
) -> list[AnyMessage]:
    """Instructions, stable documents, [cache point], note, history, found passages, question."""
    from langchain_core.messages import HumanMessage

    system = f"{context.prompt('answer')}\n\n{context.prompt(specialist.name)}"
    extra: dict[str, Any] = {}
    if prefix.sources:
        system += f"\n\n{WHOLE_DOCUMENTS}\n{render(prefix.sources)}"
        extra = {
            "cache_prefix_chars": len(system),
            "cache_key": context.cache_key(f"{specialist.name}:{prefix.version}"),
        }
    prompt: list[AnyMessage] = [system_message(system, context.note, **extra), *kept[:-1]]
    if passages:
        prompt.append(HumanMessage(f"Passages found for the next message\n{render(passages)}"))
    elif not prefix.sources:
        prompt.append(HumanMessage("No passage was found for the next message."))
    return [*prompt, kept[-1]]


def prompt_without_documents(
    context: RunContext, specialist: Specialist, kept: Sequence[AnyMessage]
) -> list[AnyMessage]:
    """Instructions, note, history, question. The specialist's own prompt speaks of passages, so only what
    it is there for is said of it."""
    system = (
        f"{context.prompt('answer_without_documents')}\n\n"
        f"Your subject: {specialist.title}. {specialist.description}"
    )
    return [system_message(system, context.note, **{NO_DOCUMENTS: True}), *kept]


async def stream_message(model: Any, prompt: Any, config: Any, *, name: str) -> AIMessage:
    """Streams one model call inside a node and folds it into the message to keep.

    `astream`, never `ainvoke`: a cancelled `ainvoke` leaves no record behind.
    """
    from langchain_core.messages import AIMessage

    from agents.operation import folded

    parts: list[Any] = [chunk async for chunk in model.astream(prompt, config)]
    if not parts:
        return AIMessage("", name=name)
    whole = folded(parts)
    return AIMessage(
        id=whole.id,
        name=name,
        content=whole.content,
        tool_calls=list(whole.tool_calls),
        response_metadata=whole.response_metadata,
        usage_metadata=whole.usage_metadata,
    )
