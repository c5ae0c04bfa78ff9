"""Checks that look at the text of an answer alone.

`contains` and its kin compare as a reader would: upper and lower case, runs of white space, the
many forms of one character (Unicode NFKC), typographic quotes and dashes, and marks of bold text
and code make no difference. Patterns see the text as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from agents.evaluation.check import Check, CheckType
from agents.evaluation.json_answer import problem_with
from agents.evaluation.words import quoted, short
from core.patterns import TIME_LIMIT_S, search

Decision = tuple[bool | None, str]

_PLAIN = str.maketrans(
    {**dict.fromkeys("‘’‛ʼ", "'"), **dict.fromkeys("“”„‟«»", '"'), **dict.fromkeys("‐‑‒–—−", "-")}
    | {"\u00ad": None, "\u200b": None, "`": None}
)
_EMPHASIS = re.compile(r"(?<!\w)\*+|\*+(?!\w)")


def folded(text: str) -> str:
    """The text as `contains` compares it."""
    plain = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    return " ".join(_EMPHASIS.sub("", plain).casefold().split())


def decide(check: Check, text: str) -> Decision:
    """Of a check whose type is in KINDS."""
    return KINDS[check.type](check, text)


def _contains(check: Check, text: str) -> Decision:
    missing = _absent(check, text)
    if missing:
        return False, f"The answer does not contain {quoted(missing, 'or')}."
    return True, f"The answer contains {quoted(_texts(check))}."


def _not_contains(check: Check, text: str) -> Decision:
    absent = _absent(check, text)
    present = [wanted for wanted in _texts(check) if wanted not in absent]
    if present:
        return False, f"The answer contains {quoted(present)}."
    return True, f"The answer does not contain {quoted(absent, 'or')}."


def _any_of(check: Check, text: str) -> Decision:
    absent = _absent(check, text)
    present = [wanted for wanted in _texts(check) if wanted not in absent]
    if present:
        return True, f"The answer contains {quoted(present)}."
    return False, f"The answer contains none of {quoted(absent)}."


def _equals(check: Check, text: str) -> Decision:
    if folded(text) == folded(str(check.value)):
        return True, "The answer is what it should be."
    return False, f"The answer is “{short(text)}”, not “{short(str(check.value))}”."


def _regex(check: Check, text: str) -> Decision:
    matches = []
    for pattern in _texts(check):
        hit = search(pattern, text)
        if hit.too_slow:
            return False, _too_slow(pattern)
        if hit.found is None:
            return False, f"Nothing in the answer matches “{short(pattern)}”."
        matches.append(hit.found)
    return True, f"Found {quoted(matches)}."


def _not_regex(check: Check, text: str) -> Decision:
    for pattern in _texts(check):
        hit = search(pattern, text)
        if hit.too_slow:
            return False, _too_slow(pattern)
        if hit.found is not None:
            return False, f"“{short(hit.found)}” in the answer matches “{short(pattern)}”."
    return True, f"Nothing in the answer matches {quoted(_texts(check), 'or')}."


def _json_schema(check: Check, text: str) -> Decision:
    problem = problem_with(str(check.value), text)
    return (False, problem) if problem else (True, "The JSON of the answer fits the schema.")


def _too_slow(pattern: str) -> str:
    return (
        f"The pattern “{short(pattern)}” was given up after {TIME_LIMIT_S:g} s: make it simpler, "
        "without repeats inside repeats."
    )


def _texts(check: Check) -> tuple[str, ...]:
    return check.value if isinstance(check.value, tuple) else (str(check.value),)


def _absent(check: Check, text: str) -> list[str]:
    """What of a check is not in the text, as it was written in the check."""
    given = folded(text)
    return [wanted for wanted in _texts(check) if folded(wanted) not in given]


KINDS: Mapping[CheckType, Callable[[Check, str], Decision]] = {
    "contains": _contains,
    "not_contains": _not_contains,
    "any_of": _any_of,
    "equals": _equals,
    "regex": _regex,
    "not_regex": _not_regex,
    "json_schema": _json_schema,
}
