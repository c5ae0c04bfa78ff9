"""Cells of a file of battles as values. What cannot be meant is refused with a reason, never mended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from analytics.imports.values import CLOCK_US, EARLIEST_US, Bad
from core.comparison import Outcome
from core.text import clean

MAX_NAME = 200
MAX_COUNT = 1_000_000
Result = tuple[Outcome, tuple[tuple[int, ...], ...]]
"""Outcome and order of a ballot."""

A_WON: Result = ("pick", ((0,),))
B_WON: Result = ("pick", ((1,),))
TIE: Result = ("tie", ())
BOTH_BAD: Result = ("both_bad", ())
SKIPPED: Result = ("skip", ())

# Compared in lower case with single spaces. Bare numbers are not among them: 0 is the first model
# in one tool, the second in another and a tie in a third.
_WORDS: Mapping[Result, str] = {
    A_WON: "model_a, model a, a, [[a]], left, first, model_1, model 1, model1, response_a, "
    "assistant_a, chosen_a, a wins, a_wins",
    B_WON: "model_b, model b, b, [[b]], right, second, model_2, model 2, model2, response_b, "
    "assistant_b, chosen_b, b wins, b_wins",
    TIE: "tie, ties, tied, draw, equal, same, both_good, bothgood, both good, [[c]]",
    BOTH_BAD: "tie (bothbad), tie (both bad), tie_bothbad, bothbad, both_bad, both bad, neither, none",
    SKIPPED: "skip, skipped",
}
_RESULTS = {word: result for result, words in _WORDS.items() for word in words.split(", ")}
_YES = frozenset(("true", "1", "1.0", "yes", "t"))
_NO = frozenset(("false", "0", "0.0", "no", "f"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A number of seconds, milli-, micro- or nanoseconds since 1970 tells by its size which it is.
_SCALES = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3))


def name(what: str, cell: str) -> str:
    """One line of at most 200 readable characters. Raises Bad."""
    text = " ".join(clean(cell).split())
    if not text:
        raise Bad(f"{what} is empty")
    if len(text) > MAX_NAME:
        raise Bad(f"{what} is longer than {MAX_NAME} characters", text)
    if not text.isprintable() or any("\udc80" <= char <= "\udcff" for char in cell):
        raise Bad(f"{what} is not readable text", text)
    return text


def reference(what: str, cell: str) -> str:
    """A name, or of a longer text its digest: enough to see that two are the same. Raises Bad."""
    text = clean(cell).strip()
    if len(text) <= MAX_NAME:
        return name(what, text)
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def result(cell: str, model_a: str, model_b: str) -> Result:
    """Who won, by a known word or by the model's own name. Raises Bad."""
    text = " ".join(cell.split())
    if text == model_a:
        return A_WON
    if text == model_b:
        return B_WON
    found = _RESULTS.get(text.lower())
    if found is None:
        raise Bad(
            "there is no winner" if not text else "the winner is neither a side nor a tie", text
        )
    return found


def count(what: str, cell: str) -> int:
    """A whole number of battles; an empty cell is none. Raises Bad."""
    if not cell.strip():
        return 0
    value = measure(what, cell)
    if value != int(value):
        raise Bad(f"{what} is not a whole number", cell)
    if value > MAX_COUNT:
        raise Bad(f"{what} is more than {MAX_COUNT:,}", cell)
    return int(value)


def measure(what: str, cell: str) -> float:
    """A finite number from 0 up. Raises Bad."""
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e15:  # also what is not a number at all
        raise Bad(f"{what} is not a number from 0 up", cell)
    return value


def yes(what: str, cell: str) -> bool:
    """Raises Bad."""
    word = cell.strip().lower()
    if word not in _YES | _NO:
        raise Bad(f"{what} is neither true nor false", cell)
    return word in _YES


def moment(cell: str, now_us: int) -> int:
    """UTC microseconds of an ISO time or a time since 1970 in any usual unit. Raises Bad."""
    us = _since_1970(cell) if cell.replace(".", "", 1).isdecimal() else _iso(cell)
    if us < EARLIEST_US:
        raise Bad("the time is before the year 2000", cell)
    if us > now_us + CLOCK_US:
        raise Bad("the time is in the future", cell)
    return us


def _since_1970(cell: str) -> int:
    value = float(cell)
    scale = next((scale for below, scale in _SCALES if value < below), None)
    if scale is None:
        raise Bad("the time is in the future", cell)
    return round(value * scale)


def _iso(cell: str) -> int:
    try:
        found = datetime.fromisoformat(cell) if len(cell) <= 40 else None
    except ValueError:
        found = None
    if found is None:
        raise Bad("the time is neither in ISO format nor a number", cell)
    at = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (at - _EPOCH) // timedelta(microseconds=1)


def plain(value: object) -> str:
    """A JSON value as the cell it would be in a table.

    An object of numbers, such as {"h1": 2, "h2": 1}, is their sum; what has no place in a cell is
    empty.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict) and value and all(_is_number(part) for part in value.values()):
        return repr(sum(value.values()))
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def measured(cell: str) -> dict[str, object]:
    """The object in a cell, written as JSON or as Python does; empty when it is neither."""
    for text in (cell, cell.replace("'", '"')):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else {}
    return {}
