"""Checks that look at how an answer came about: sources, agent, tools, time, money and length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from agents.evaluation.check import Check, CheckType
from agents.evaluation.text_checks import Decision, folded
from agents.evaluation.words import dollars, joined, seconds, short
from core.text_features import traits_of
from core.transcript import AnswerSummary

_PUSD = 1e12


def decide(check: Check, text: str, summary: AnswerSummary) -> Decision:
    """Of a check whose type is in KINDS."""
    return KINDS[check.type](check, text, summary)


def _cites(check: Check, text: str, summary: AnswerSummary) -> Decision:
    cited = _cited(text, summary)
    wanted = _texts(check)
    missing = [name for name in wanted if not any(_is(source, name) for source in cited)]
    if not missing:
        numbers = [
            f"{name} as [{next(source['n'] for source in cited if _is(source, name))}]"
            for name in wanted
        ]
        return True, f"The answer cites {joined(numbers)}."
    lacking = joined([short(name) for name in missing], "or")
    if cited:
        return False, f"The answer cites {_documents(cited)}, not {lacking}."
    if summary.sources:
        return False, f"The answer cites no source; it was given {_documents(summary.sources)}."
    return False, f"The answer had no sources, so it cannot cite {lacking}."


def _cites_any(check: Check, text: str, summary: AnswerSummary) -> Decision:
    cited, wanted = _cited(text, summary), int(_number(check))
    stray = len(traits_of(text).citations) - len(cited)
    found = (
        f"The answer cites {len(cited)} of its sources" if cited else "The answer cites no source"
    )
    if stray:
        found += f" and {stray} {'number that is none' if stray == 1 else 'numbers that are none'}"
    return len(cited) >= wanted, f"{found}."


def _route(check: Check, text: str, summary: AnswerSummary) -> Decision:
    agent = summary.agent or (summary.route or {}).get("agent")
    wanted = _texts(check)
    if not agent:
        return False, f"It came from a graph without agents, not from {joined(wanted, 'or')}."
    if folded(agent) in map(folded, wanted):
        return True, f"The agent {agent} answered."
    return False, f"The agent {agent} answered, not {joined(wanted, 'or')}."


def _tool(check: Check, text: str, summary: AnswerSummary) -> Decision:
    wanted = _texts(check)
    for name in wanted:
        calls = [tool for tool in summary.tools if folded(tool["name"]) == folded(name)]
        if not calls:
            used = list(dict.fromkeys(tool["name"] for tool in summary.tools))
            instead = f"; it used {joined(used)}" if used else "; it used no tool"
            return False, f"The answer did not use the tool {short(name)}{instead}."
        if all(tool.get("error") for tool in calls):
            return False, f"The tool {short(name)} failed: {short(str(calls[-1]['error']), 160)}"
        if not any(tool.get("error") is None and tool.get("output") is not None for tool in calls):
            return False, f"The tool {short(name)} was begun and did not end."
    return True, f"The answer used {joined([short(name) for name in wanted])}."


def _max_seconds(check: Check, text: str, summary: AnswerSummary) -> Decision:
    return _time(check, summary.duration_us, "The answer took")


def _max_first_token_seconds(check: Check, text: str, summary: AnswerSummary) -> Decision:
    return _time(check, summary.ttft_us, "The first token came after")


def _time(check: Check, us: int | None, took: str) -> Decision:
    if us is None:
        return None, "The time is not known."
    limit = _number(check)
    return us <= limit * 1e6, f"{took} {seconds(us)}; at most {seconds(limit * 1e6)} is allowed."


def _max_usd(check: Check, text: str, summary: AnswerSummary) -> Decision:
    limit, pusd = _number(check), summary.cost_pusd
    if pusd is None:
        return None, "The cost is not known."
    allowed = f"at most {dollars(limit)} is allowed"
    cost = dollars(pusd / _PUSD)
    if pusd > limit * _PUSD:
        least = "" if summary.cost_complete else "at least "
        return False, f"The answer cost {least}{cost}; {allowed}."
    if not summary.cost_complete:
        return None, f"The answer cost at least {cost}: the price of some calls is not known."
    return True, f"The answer cost {cost}; {allowed}."


def _max_output_tokens(check: Check, text: str, summary: AnswerSummary) -> Decision:
    tokens, limit = summary.output_tokens, int(_number(check))
    if tokens is None:
        return None, "The number of output tokens is not known."
    tokens_said = f"{'About ' if summary.usage_estimated else ''}{tokens:,} output tokens"
    return tokens <= limit, f"{tokens_said}; at most {limit:,} are allowed."


def _cited(text: str, summary: AnswerSummary) -> list[dict[str, Any]]:
    """The sources whose numbers stand in the text, in the order in which they do."""
    by_number = {source["n"]: source for source in summary.sources}
    return [by_number[number] for number in traits_of(text).citations if number in by_number]


def _is(source: Mapping[str, Any], name: str) -> bool:
    """By its path, the end of its path, its file name with or without ending, or its title."""
    document, wanted = _path(str(source["document"])), _path(name)
    file = PurePosixPath(document)
    return (
        f"/{document}".endswith(f"/{wanted}")
        or f"/{wanted}".endswith(f"/{document}")
        or wanted in (file.stem, str(file.with_suffix("")))
        or folded(str(source.get("title") or "")) == folded(name)
    )


def _path(name: str) -> str:
    return name.strip().replace("\\", "/").strip("/").casefold()


def _documents(sources: list[dict[str, Any]]) -> str:
    return joined(list(dict.fromkeys(PurePosixPath(str(s["document"])).name for s in sources)))


def _texts(check: Check) -> tuple[str, ...]:
    return check.value if isinstance(check.value, tuple) else (str(check.value),)


def _number(check: Check) -> float:
    return check.value if isinstance(check.value, int | float) else float(str(check.value))


KINDS: Mapping[CheckType, Callable[[Check, str, AnswerSummary], Decision]] = {
    "cites": _cites,
    "cites_any": _cites_any,
    "route": _route,
    "tool": _tool,
    "max_seconds": _max_seconds,
    "max_first_token_seconds": _max_first_token_seconds,
    "max_usd": _max_usd,
    "max_output_tokens": _max_output_tokens,
}
