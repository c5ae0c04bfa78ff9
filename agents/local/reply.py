"""What the embedded answerer does with a prompt: call a tool, or say something. Pure and blocking."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from agents.local import conversation, extract, metrics_say
from agents.local.conversation import Conversation, ToolResult
from agents.local.decline import without_documents
from agents.local.notes import is_note_tool
from agents.local.smalltalk import ABOUT_PRODUCT, Smalltalk, reply, self_prefix, smalltalk
from agents.local.tools import Call, choose_call, read_tools
from core.events import Source

MAX_PLAIN_RESULT = 1_500
REJECTED = "A person rejected this call"
"""How agents/approval.py begins the result of a tool that was not run."""
KEEPS_ITS_WORD: frozenset[Smalltalk | None] = frozenset({"thanks", "bye", "self", "product"})
"""Small talk that promises no answer from documents."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """Text or a call, never both."""

    text: str = ""
    call: Call | None = None
    input_chars: int = 0


def respond(
    messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]] = (), choice: object = None
) -> Reply:
    """The reply to a conversation."""
    seen = conversation.read(messages)
    bound = read_tools(tools)
    chars = seen.chars + sum(len(json.dumps(tool, default=str)) for tool in tools)
    if bound:
        call = choose_call(seen, bound, choice, lambda text: extract.answer(text, seen.sources))
        if call is not None:
            return Reply(call=call, input_chars=chars)
    only_figures = any(tool.is_metrics for tool in bound) and all(
        tool.is_metrics or tool.keeps_notes for tool in bound
    )
    return Reply(text=_text(seen, only_figures=only_figures), input_chars=chars)


def _text(seen: Conversation, *, only_figures: bool) -> str:
    if not seen.asked.strip():
        return "There is no question to answer yet. Ask me something about the documents."
    talk = smalltalk(seen.asked)
    if seen.without_documents and not seen.results and talk not in KEEPS_ITS_WORD:
        return without_documents(figures=only_figures)
    if talk:
        if talk in ("self", "abilities", "product") and seen.sources:
            about = extract.answer(ABOUT_PRODUCT, seen.sources)
            if "Switchboard" in about[:80] and re.search(r"\[\d+\]", about):
                return about if talk == "product" else f"{self_prefix()}\n\n{about}"
        return reply(talk, seen.sources)
    if seen.results:
        return _from_results(seen)
    if only_figures:
        return (
            "I report this installation's figures, and I could not tell which one you mean. You can ask "
            "for runs, users, tokens, cost, time to first token, latency, failure rate, fallback rate or "
            "output speed, by model, agent, provider, status, hour or day: “cost by model this week”, for "
            "example."
        )
    return extract.answer(seen.question, seen.sources, asked=seen.asked)


def _from_results(seen: Conversation) -> str:
    """Figures first, then what the documents say, then any other result as it came."""
    parts: list[str] = []
    sources: tuple[Source, ...] = ()
    searched = False
    for result in seen.results:
        figures = metrics_say.read_answer(result.text)
        if figures is not None:
            parts.append(metrics_say.say(figures, seen.asked))
        elif result.sources or result.text.startswith("Nothing was found"):
            searched = True
            sources += result.sources
        else:
            parts.append(_plain(result))
    if searched or (not parts and seen.sources):
        known = {source.n for source in sources}
        rest = tuple(source for source in seen.sources if source.n not in known)
        parts.append(extract.answer(seen.question, sources or rest, asked=seen.asked))
    return "\n\n".join(parts)


def _plain(result: ToolResult) -> str:
    """A result of any other tool, said as what it is."""
    name = f"`{result.name}`" if result.name else "The tool"
    text = result.text.strip()
    if len(text) > MAX_PLAIN_RESULT:
        text = text[:MAX_PLAIN_RESULT].rsplit(None, 1)[0] + " …"
    if text.startswith(REJECTED):
        why = text.partition("The reason given: ")[2]
        reason = f" The reason given: {why}" if why else ""
        return f"That was rejected, so nothing was done.{reason}"
    if result.name and is_note_tool(result.name, {"text": {}}):
        return text.split("before it ran. ", 1)[-1]
    problem = _problem(text)
    if problem:
        return f"{name} could not answer: {problem}"
    if result.failed:
        return f"{name} failed: {text or 'it gave no reason'}"
    if not text:
        return f"{name} gave an empty result."
    if "\n" in text or text[:1] in "[{":
        fence = "json" if text[:1] in "[{" else "text"
        return f"{name} returned:\n\n```{fence}\n{text.replace('```', '` ` `')}\n```"
    return f"{name} gives: {text}"


def _problem(text: str) -> str | None:
    """The sentence of a result of the form {"error": …, "what_to_do": …}."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or not value.get("error"):
        return None
    return " ".join(str(value[key]) for key in ("error", "what_to_do") if value.get(key))
