"""When to try again, and how long to wait before: the rule, without waiting itself."""

from __future__ import annotations

import random
from dataclasses import dataclass

import httpx2

from api.client.problems import Unreachable
from core.errors import SwitchboardError

LONGEST_WAIT_S = 30.0
"""Whoever says to come back later than this gets no second try: the caller is told instead."""
_FIRST_S, _LAST_S = 0.25, 8.0
_TEMPORARY = frozenset({"unreachable", "rate_limited", "overloaded", "shutting_down"})


@dataclass(kw_only=True, slots=True)
class Retries:
    """One call, or one stretch of a stream without progress."""

    most: int
    repeatable: bool = True
    """Whether the request may arrive twice without doing harm."""
    made: int = 0
    lost: bool = False
    """Whether one of them may have arrived without its answer coming back."""

    def did(self, done: int | None, response: httpx2.Response) -> bool:
        """Whether an answer says that an earlier try, whose own answer was lost, was carried out."""
        return self.lost and response.status_code == done

    def wait_after(self, problem: SwitchboardError) -> float:
        """Seconds to wait before the next try. Raises the problem when there is to be none."""
        wait = problem.retry_after_s
        again = problem.code in _TEMPORARY and (self.repeatable or not _arrived(problem))
        if not again or self.made >= self.most or (wait is not None and wait > LONGEST_WAIT_S):
            raise problem
        self.made += 1
        self.lost = self.lost or _arrived(problem)
        if wait is not None:
            return wait
        longest = min(_LAST_S, _FIRST_S * 2 ** (self.made - 1))
        return random.uniform(longest / 2, longest)


def _arrived(problem: SwitchboardError) -> bool:
    """Refusals for want of room come before anything is done."""
    return isinstance(problem, Unreachable) and problem.sent
