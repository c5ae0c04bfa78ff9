"""Pass and fail as people see it: a sign and a word, so that nothing hangs on a colour. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from agents.evaluation.checks import CheckResult
from agents.evaluation.values import Cell

PASSED, FAILED, NONE, OPEN, WAITING = "✓", "✗", "!", "?", "…"
COLORS = {PASSED: "green", FAILED: "red", NONE: "orange", OPEN: "gray", WAITING: "gray"}
"""By the sign a mark begins with."""
_WORDS = {
    PASSED: "passed",
    FAILED: "failed",
    NONE: "no answer",
    OPEN: "undecided",
    WAITING: "waiting",
}


def sign(cell: Cell) -> str:
    if cell.status == "failed":
        return NONE
    if cell.status != "done":
        return WAITING
    return {True: PASSED, False: FAILED, None: OPEN}[cell.passed]


def mark(cells: Sequence[Cell]) -> str:
    """Of a question and a configuration: "✓ passed", or of several times "✗ 2 of 3 passed"."""
    signs = [sign(cell) for cell in cells]
    if len(signs) == 1:
        return f"{signs[0]} {_WORDS[signs[0]]}"
    passed = signs.count(PASSED)
    return f"{overall(cells)} {passed} of {len(signs)} passed"


def overall(cells: Sequence[Cell]) -> str:
    """The sign of all times together: the worst of them."""
    signs = {sign(cell) for cell in cells}
    return next((one for one in (NONE, FAILED, WAITING, OPEN, PASSED) if one in signs), WAITING)


def mark_markdown(cell: Cell) -> str:
    """The mark of one answer as Markdown in its colour."""
    one = sign(cell)
    return f":{COLORS[one]}[**{one} {_WORDS[one]}**]"


def check_sign(check: CheckResult) -> str:
    """A check's sign as Markdown."""
    one = {True: PASSED, False: FAILED, None: OPEN}[check.passed]
    return f":{COLORS[one]}[**{one}**]"
