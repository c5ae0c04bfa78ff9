"""Budgets, as far as runs know them: somebody answers whether money may be spent.

The answer comes from memory at once; `agents/runtime.py` brings in who gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.errors import BudgetExceeded, QuotaUsedUp


class Verdict(Protocol):
    """What the budgets say about one call, or about a run before its first call."""

    @property
    def refusal(self) -> str | None:
        """Which hard budget is used up, in a sentence; None when money may be spent."""

    @property
    def what_to_do(self) -> str: ...

    @property
    def instead(self) -> str | None:
        """The model that this budget lets answer when it is used up."""

    @property
    def quota(self) -> bool:
        """Whether it is the person's own quota that is used up, and no budget."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Soft budgets that are used up, a sentence each."""


class Spending(Protocol):
    """May be asked from any thread; never blocks, never raises."""

    def check(self, owner: str, agent: str | None, model: str | None) -> Verdict:
        """`agent` and `model` are None as long as nobody knows them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A model is passed over because a budget is used up."""

    error: BudgetExceeded
    instead: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What the calls of one agent in one run may spend. Asked before every model that is called."""

    spending: Spending
    owner: str
    agent: str | None
    notices: list[str]
    """Of the run; each sentence is added once."""
    may_replace: bool = True
    """Whether another model than the chosen ones may answer."""
    quiet: bool = False
    """For calls nobody reads the answer of: no notices."""

    def refused(self, model: str) -> Refused | None:
        """Why a model may not be called now; None when it may."""
        verdict = self.spending.check(self.owner, self.agent, model)
        for notice in verdict.notices:
            self.notice(notice)
        if verdict.refusal is None:
            return None
        kind = QuotaUsedUp if verdict.quota else BudgetExceeded
        error = kind(verdict.refusal, what_to_do=verdict.what_to_do)
        return Refused(error=error, instead=verdict.instead if self.may_replace else None)

    def passed_over(self, refused: Refused, model: str, answers: str) -> None:
        """Tells the reader that `answers` is asked because `model` may not be."""
        self.notice(f"{refused.error.message} {answers} was asked instead of {model}.")

    def notice(self, sentence: str) -> None:
        if not self.quiet and sentence not in self.notices:
            self.notices.append(sentence)
