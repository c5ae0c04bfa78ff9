"""Regular expressions from a file somebody else wrote: refused when they are harmful, timed when used.

The `regex` package has a time limit and lets other threads run meanwhile; `re` has neither.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from core.errors import InvalidInput

TIME_LIMIT_S = 0.5
MAX_CHARS = 2_000
MAX_EXPANDED = 100_000
"""Characters a pattern may spell out by counted repeats, which `regex` does when it compiles it."""

_REPEAT = re.compile(r"([)}][?+]?\s*)?\{\s*(\d+)(?:,(\d*))?\s*\}")


class Hit(NamedTuple):
    found: str | None
    """What matched, None when nothing did."""
    too_slow: bool = False


def check_pattern(name: str, pattern: str) -> None:
    """Raises InvalidInput, naming `name`, for a pattern that cannot be used."""
    if len(pattern) > MAX_CHARS:
        raise InvalidInput(
            f"The pattern of '{name}' has {len(pattern):,} characters; at most {MAX_CHARS:,} are "
            "allowed."
        )
    if _expanded(pattern) > MAX_EXPANDED:
        raise InvalidInput(
            f"The pattern of '{name}' repeats too much: its counted repeats, such as {{1000}}, "
            f"spell out more than {MAX_EXPANDED:,} characters."
        )
    import regex

    try:
        regex.compile(pattern)
    except RecursionError as exc:
        raise InvalidInput(f"The pattern of '{name}' is nested too deeply.") from exc
    except (regex.error, OverflowError, ValueError, IndexError, KeyError) as exc:
        raise InvalidInput(
            f"'{pattern[:60]}' of '{name}' is not a regular expression: {str(exc)[:120]}."
        ) from exc


def search(pattern: str, text: str) -> Hit:
    """The first match, as written: upper and lower case differ unless the pattern begins with (?i)."""
    import regex

    try:
        found = regex.search(pattern, text, timeout=TIME_LIMIT_S, concurrent=True)
    except TimeoutError:
        return Hit(None, too_slow=True)
    return Hit(found[0] if found else None)


def _expanded(pattern: str) -> int:
    """An upper bound of what counted repeats spell out: those of groups multiply."""
    single, groups = 1, 1
    for repeat in _REPEAT.finditer(pattern):
        count = max(1, *(int(digits[:9] or 1) for digits in (repeat[2], repeat[3] or "")))
        if repeat[1]:
            groups = min(groups * count, MAX_EXPANDED + 1)
        else:
            single = max(single, count)
    return single * groups
