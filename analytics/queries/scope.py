"""What a question covers: a range and the values to keep, and the rows that fall into it.

A filter and a split mean the same thing: filtering by a value gives the figures of that value's row.
Agent, status and entry point are facts of the run. Model and provider are those of each call for
tokens, money and calls, and those that wrote the answer for figures of runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select

from analytics.blocks.rows import select_rows
from analytics.measures import FACTS, Fact
from analytics.timeaxis import Window
from core.metrics_query import FILTERS, RangeName

FILTERED = (*FILTERS, "user")
"""Fields of Filter. The data agent's questions cannot name a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A range that ends now; `since_us` and `until_us` (UTC microseconds) replace its ends.

    An empty tuple keeps everything; several values of one name are alternatives.
    """

    range: RangeName = "24h"
    since_us: int | None = None
    until_us: int | None = None
    model: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    entry_point: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    user: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """A filter whose range became two moments."""

    window: Window
    keep: Filter
    asked: bool = False
    """Of calls, model and provider mean those an operation asked first, not those that answered."""

    def of(self, fact: Fact) -> Select[Any]:
        """The rows of a fact that began in the window.

        Money and tokens belong to the moment they were spent: a call counts when it began, not its
        run. Steps are tool calls and retrievals.
        """
        statement = select_rows(fact).where(*self.conditions(fact))
        return statement.params(since_us=self.window.since_us, until_us=self.window.until_us)

    def conditions(self, fact: Fact) -> list[ColumnElement[bool]]:
        """What the filter asks of a row. `of` and this are for reading rows, not figures."""
        labels = FACTS[fact].labels
        return [labels[name].in_(values) for name, values in self.filters(fact).items()]

    def filters(self, fact: Fact) -> dict[str, tuple[str, ...]]:
        """The dimensions of a fact that are filtered, with the values to keep."""
        asked = self.asked and fact == "call"
        return {
            f"asked_{name}" if asked and name in ("model", "provider") else name: values
            for name in FILTERED
            if (values := getattr(self.keep, name))
        }

    def before(self) -> Scope | None:
        """The same filter over the period of equal length before; None when all time is meant."""
        if self.keep.range == "all":
            return None
        return Scope(window=self.window.before(), keep=self.keep)
