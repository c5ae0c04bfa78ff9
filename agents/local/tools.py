"""Which bound tool to call, if any: chosen by its schema and description, never by a fixed list.

At most one call per tool and question, so that a loop of model and tools always ends. A forced
choice is honoured unless that very tool has already answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.local.conversation import Conversation
from agents.local.fill import Writer, arguments
from agents.local.metrics_nl import parse
from agents.local.notes import is_note_tool, note_arguments
from agents.local.smalltalk import ABOUT_PRODUCT, smalltalk
from agents.local.stem import is_content, stem, stems, words
from agents.vote import is_metrics_question
from core.metrics_query import MEASURES

_SEARCH = re.compile(
    r"search|find|look ?up|retriev|docs?\b|document|knowledge|passage|handbook|wiki|faq|manual",
    re.IGNORECASE,
)
_QUERY_NAMES = (
    "query",
    "question",
    "q",
    "search",
    "search_query",
    "text",
    "input",
    "topic",
    "prompt",
    "keywords",
)
_SUM = re.compile(r"\(?-?\d[\d.,]*\)?(?:\s*(?:[-+*/%^×÷]|\*\*)\s*\(*-?\d[\d.,]*\)*)+")
_CALCULATE = re.compile(
    r"calculat|comput\w* (?:a|an|the)|arithmetic|math|expression", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    name: str
    args: dict[str, Any]

    @property
    def json(self) -> str:
        return json.dumps(self.args, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    name: str
    description: str
    schema: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        found = self.schema.get("properties")
        return found if isinstance(found, Mapping) else {}

    @property
    def is_metrics(self) -> bool:
        options = self.properties.get("measure", {}).get("enum") or ()
        return bool(set(options) & set(MEASURES))

    @property
    def keeps_notes(self) -> bool:
        return is_note_tool(self.name, self.properties)

    @property
    def query_field(self) -> str | None:
        """The one string a search takes, if this looks like a search."""
        strings = [n for n, s in self.properties.items() if s.get("type") == "string"]
        required = self.schema.get("required") or strings
        named = [n for n in strings if n.lower() in _QUERY_NAMES]
        if len(named) == 1 and set(required) <= set(named):
            return named[0]
        searches = _SEARCH.search(f"{self.name.replace('_', ' ')} {self.description}")
        return (
            strings[0] if searches and len(strings) == 1 and set(required) <= set(strings) else None
        )


def read_tools(bound: Sequence[Mapping[str, Any]]) -> list[Tool]:
    """Tools in OpenAI's form, as `bind_tools` keeps them."""
    functions = [tool.get("function", tool) for tool in bound]
    return [
        Tool(
            name=str(function.get("name", "")),
            description=str(function.get("description") or ""),
            schema=function.get("parameters") or {},
        )
        for function in functions
    ]


def forced_name(choice: object) -> str | None:
    """A tool's name, "any" for whichever fits, or None when calling is optional."""
    if choice is True or choice in ("any", "required"):
        return "any"
    if isinstance(choice, Mapping):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else choice.get("name")
        return str(name) if name else "any" if choice.get("type") in ("any", "required") else None
    return choice if isinstance(choice, str) and choice not in ("auto", "none", "") else None


def choose_call(
    conversation: Conversation, tools: Sequence[Tool], choice: object, write: Writer
) -> Call | None:
    """The call to make now; None = answer in words. `write` answers a question (for text fields)."""
    if choice == "none":
        return None
    fresh = [tool for tool in tools if tool.name not in conversation.called]
    forced = forced_name(choice)
    if forced is not None:
        named = [tool for tool in fresh if forced in ("any", tool.name)]
        return _optional(conversation, named) or (
            _fallback(conversation, named, write) if named else None
        )
    if conversation.results:  # one round of tools, then an answer
        return None
    return _optional(conversation, fresh)


def _optional(conversation: Conversation, tools: Sequence[Tool]) -> Call | None:
    """The call a question asks for by itself."""
    question = conversation.question
    for tool in tools:
        if tool.keeps_notes and (note := note_arguments(conversation.asked, tool.properties)):
            return Call(name=tool.name, args=note)
    metrics = next((tool for tool in tools if tool.is_metrics), None)
    # What changes something is called for a plain request only, never because its name was said.
    others = [tool for tool in tools if not tool.is_metrics and not tool.keeps_notes]
    talk = smalltalk(conversation.asked)
    searches = [tool for tool in others if tool.query_field]
    if talk in ("self", "abilities", "product") and searches:
        return Call(name=searches[0].name, args={str(searches[0].query_field): ABOUT_PRODUCT})
    if talk is not None:
        return None
    if metrics is not None and (call := _metrics(question, metrics, alone=not others)):
        return call
    sums = _SUM.search(question)
    for tool in others:
        if (
            sums
            and _CALCULATE.search(f"{tool.name} {tool.description}")
            and len(tool.properties) == 1
        ):
            return Call(name=tool.name, args={next(iter(tool.properties)): sums[0].strip()})
    special = max(others, key=lambda tool: _named(question, tool), default=None)
    if special is not None and special not in searches and _named(question, special) >= 0.5:
        args = arguments(special.schema, conversation.question, conversation.instructions, None)
        return Call(name=special.name, args=args)
    if searches and not conversation.sources and any(is_content(word) for word in words(question)):
        best = max(searches, key=lambda tool: _named(question, tool))
        return Call(name=best.name, args={str(best.query_field): question})
    return None


_EXPLAINS = re.compile(
    r"\bhow (?:do|does|to|can|is|are)\b(?! (?:much|many|long))|\bmean\b|\bexplain|\bdefin",
    re.IGNORECASE,
)


def _metrics(question: str, tool: Tool, *, alone: bool) -> Call | None:
    """With nothing else bound every measure counts as asked for; beside a search only clear cases."""
    if not (is_metrics_question(question) or (alone and not _EXPLAINS.search(question))):
        return None
    found = parse(question)
    if found is None:
        return None
    wanted: dict[str, Any] = {
        "measure": found.measure, "split": found.split, "range": found.range, "filters": dict(found.filters),
    }  # fmt: skip
    if not found.filters:
        del wanted["filters"]
    kept = {
        name: value for name, value in wanted.items() if _allowed(tool.properties.get(name), value)
    }
    return Call(name=tool.name, args=kept) if "measure" in kept else None


def _allowed(schema: Mapping[str, Any] | None, value: object) -> bool:
    return schema is not None and ("enum" not in schema or value in schema["enum"])


def _named(question: str, tool: Tool) -> float:
    """0..1: how much of the tool's name the question mentions."""
    name = [
        stem(w) for w in words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name).replace("_", " "))
    ]
    telling = [
        s
        for s in name
        if is_content(s) and s not in ("get", "search", "find", "tool", "run", "list")
    ]
    asked = set(stems(question))
    return sum(s in asked for s in telling) / len(telling) if telling else 0.0


def _fallback(conversation: Conversation, tools: Sequence[Tool], write: Writer) -> Call:
    """A forced call: the tool that fits best, every required field filled as the schema allows."""
    asked = set(stems(conversation.question))

    def fit(tool: Tool) -> float:
        return _named(conversation.question, tool) + 0.1 * len(asked & set(stems(tool.description)))

    best = max(tools, key=fit)
    args = arguments(best.schema, conversation.question, conversation.instructions, write)
    return Call(name=best.name, args=args)
