"""How a specialist answers from documents: retrieve, show what was found, ask the model, cite.

rag     passages found for the question
cag     whole documents of the area as a byte-stable prefix that providers cache
hybrid  the area's core documents as that prefix, and passages found for the question
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agents import prompts
from agents.context import RunContext
from agents.memory import keep_newest
from agents.passage_format import render
from agents.retrieval import Found
from agents.specialists import Specialist, areas_of
from core.errors import ContextTooLong
from core.events import Source

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage

RAG_PASSAGES = 6
HYBRID_PASSAGES = 4
HYBRID_CORE_TOKENS = 6_000
SHORT_HISTORY_TOKENS = 800


async def answer_from_documents(
    context: RunContext, specialist: Specialist, messages: Sequence[AnyMessage], question: str
) -> AIMessage:
    """Streams the specialist's answer to the last human message and gives it back whole."""
    from langgraph.config import get_stream_writer

    prefix, found = await _retrieve(context, specialist, question)
    sources = prefix.sources + found.sources
    get_stream_writer()(
        context.found(
            sources,
            query=question,
            mode=specialist.mode,
            agent=specialist.name,
            duration_us=prefix.duration_us + found.duration_us,
        )
    )
    history = context.max_history_tokens
    try:
        return await _ask(context, specialist, messages, prefix, found.sources, history)
    except ContextTooLong:
        context.notices.append(
            "The conversation was too long for the model; the oldest part was left out."
        )
        return await _ask(
            context, specialist, messages, prefix, found.sources[:3], SHORT_HISTORY_TOKENS
        )


async def _retrieve(
    context: RunContext, specialist: Specialist, question: str
) -> tuple[Found, Found]:
    """(whole documents for the prefix, passages for the question); either may be empty."""
    knowledge = context.knowledge
    nothing = Found(sources=[], hits=[], duration_us=0)
    areas = areas_of(specialist, (info.area for info in await _areas(context)))
    if specialist.mode == "cag":
        choose = not await knowledge.fits(areas, context.prefix_budget_tokens)
        prefix = await knowledge.whole_documents(
            areas, question, context.prefix_budget_tokens, choose=choose
        )
        return prefix, nothing
    if specialist.mode == "hybrid":
        budget = min(HYBRID_CORE_TOKENS, context.prefix_budget_tokens)
        prefix = await knowledge.whole_documents(areas, question, budget, choose=False)
        held = {source.passage_id for source in prefix.sources}
        found = await knowledge.specialist_search(question, areas, k=HYBRID_PASSAGES + len(held))
        return prefix, _renumbered(found, held, first=len(prefix.sources) + 1)
    return nothing, await knowledge.specialist_search(question, areas, k=RAG_PASSAGES)


async def _areas(context: RunContext) -> list[Any]:
    import asyncio

    return await asyncio.to_thread(context.knowledge.areas)


def _renumbered(found: Found, held: set[str], first: int) -> Found:
    from dataclasses import replace

    fresh = [s for s in found.sources if s.passage_id not in held][:HYBRID_PASSAGES]
    numbered = [replace(source, n=n) for n, source in enumerate(fresh, start=first)]
    return replace(found, sources=numbered)


async def _ask(
    context: RunContext,
    specialist: Specialist,
    messages: Sequence[AnyMessage],
    prefix: Found,
    passages: list[Source],
    history_tokens: int,
) -> AIMessage:
    prompt = build_prompt(specialist, messages, prefix, passages, history_tokens)
    model = context.chat_model(specialist.name)
    config: Any = {
        "run_name": specialist.name,
        "tags": [specialist.name],
        "metadata": {"agent": specialist.name, "strategy": specialist.mode},
    }
    return await stream_message(model, prompt, config, name=specialist.name)


def build_prompt(
    specialist: Specialist,
    messages: Sequence[AnyMessage],
    prefix: Found,
    passages: list[Source],
    history_tokens: int,
) -> list[AnyMessage]:
    """Instructions, stable documents, [cache point], history, found passages, question."""
    from langchain_core.messages import HumanMessage, SystemMessage

    system = f"{prompts.load('answer')}\n\n{prompts.load(specialist.name)}"
    extra: dict[str, Any] = {}
    if prefix.sources:
        system += f"\n\nDocuments\n{render(prefix.sources)}"
        extra = {
            "cache_prefix_chars": len(system),
            "cache_key": f"{specialist.name}:{prefix.version}",
        }
    kept = keep_newest(
        [m for m in messages if m.type in ("human", "ai") and m.content], history_tokens
    )
    prompt: list[AnyMessage] = [SystemMessage(system, additional_kwargs=extra), *kept[:-1]]
    if passages:
        prompt.append(HumanMessage(f"Passages found for the next message\n{render(passages)}"))
    elif not prefix.sources:
        prompt.append(HumanMessage("No passage was found for the next message."))
    return [*prompt, kept[-1]]


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
