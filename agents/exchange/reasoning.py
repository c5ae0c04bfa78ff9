"""What a model thought, taken out of the text it answered with.

Other programs keep it inside the answer: `<think>`, `<details type="reasoning">`, `:::thinking`.
Only answers go through this, and only marks outside fenced code count: an answer may speak of them.
"""

from __future__ import annotations

import html
import re

_THINK = re.compile(r"\A\s*<(think|thinking|thought|reasoning)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_LIBRE = re.compile(r"\A\s*:::thinking\s*\n(.*?)(?:\n:::(?:\s|\Z)|\Z)", re.DOTALL)
_OPENING = re.compile(r"^<details\b([^<>]{0,20000})>[ \t]*\n?", re.MULTILINE)
_SUMMARY = re.compile(r"\s*<summary>[^<]{0,2000}</summary>")
_CLOSING = "</details>"
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_FENCE = re.compile(
    r"^ {0,3}(?:```|~~~).*?(?:^ {0,3}(?:```|~~~)[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_QUOTED = re.compile(r"^> ?", re.MULTILINE)


def take_out(answer: str) -> tuple[str, str]:
    """(the answer without its reasoning, the reasoning)."""
    thoughts: list[str] = []
    for pattern in (_THINK, _LIBRE):
        while match := pattern.match(answer):
            thoughts.append(match[match.lastindex or 0].strip())
            answer = answer[match.end() :]
    answer, details = details_of(answer, "reasoning")
    thoughts += [body for _, body in details]
    text = answer.strip() if thoughts else answer
    return text, "\n\n".join(thought for thought in thoughts if thought)


def details_of(answer: str, kind: str) -> tuple[str, list[tuple[dict[str, str], str]]]:
    """(the answer without its `<details>` of that type, their attributes and bodies)."""
    if "<details" not in answer:
        return answer, []
    code = [match.span() for match in _FENCE.finditer(answer)][::-1]
    found: list[tuple[dict[str, str], str]] = []
    kept: list[str] = []
    at = 0
    for match in _OPENING.finditer(answer):
        while code and code[-1][1] <= match.start():
            code.pop()
        inside = bool(code) and code[-1][0] <= match.start()
        attributes = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(match[1])}
        if match.start() < at or attributes.get("type") != kind or inside:
            continue
        end = answer.find(_CLOSING, match.end())
        if end < 0:
            break
        body = _SUMMARY.sub("", answer[match.end() : end], count=1)
        found.append((attributes, _QUOTED.sub("", html.unescape(body).strip())))
        kept.append(answer[at : match.start()])
        at = end + len(_CLOSING)
    rest = answer[at:]
    return "".join([*kept, rest.lstrip("\n") if found else rest]), found
