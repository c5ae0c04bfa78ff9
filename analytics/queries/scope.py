"""What a question covers: a range and the values to keep, and the rows that fall into it.

A filter and a split mean the same thing: filtering by a value gives the figures of that value's row.
Agent, status and entry point are facts of the run. Model and provider are those of each call for
tokens, money and calls, and those that wrote the answer for figures of runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from analytics.schema import llm_call, run
from analytics.timeaxis import Window
from core.metrics_query import FilterName, RangeName

RUN_COLUMNS: dict[FilterName, ColumnElement[Any]] = {
    "model": run.c.answer_model,
    "provider": run.c.answer_provider,
    "agent": run.c.agent_name,
    "status": run.c.status,
    "entry_point": run.c.entry_point,
}
CALL_COLUMNS: dict[FilterName, ColumnElement[Any]] = RUN_COLUMNS | {
    "model": llm_call.c.request_model,
    "provider": llm_call.c.provider_name,
}
ASKED_COLUMNS: dict[FilterName, ColumnElement[Any]] = CALL_COLUMNS | {
    "model": func.coalesce(llm_call.c.fallback_from_model, llm_call.c.request_model),
    "provider": func.coalesce(llm_call.c.fallback_from_provider, llm_call.c.provider_name),
}
"""A fallback is counted against the model that was asked first, not the one that stepped in."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """A filter whose range became two moments."""

    window: Window
    keep: Filter

    def runs(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Runs that started in the window."""
        return select(*(columns or (run.c.run_id,))).where(
            run.c.started_at_us >= self.window.since_us,
            run.c.started_at_us < self.window.until_us,
            *self._conditions(RUN_COLUMNS),
        )

    def calls(
        self, *, with_run: bool = False, by: Mapping[FilterName, ColumnElement[Any]] = CALL_COLUMNS
    ) -> Select[Any]:
        """Attempts that started in the window: money and tokens belong to the moment they were spent.

        The run is joined only when a filter or `with_run` needs it.
        """
        keep = self.keep
        statement = select(llm_call.c.call_id).where(
            llm_call.c.started_at_us >= self.window.since_us,
            llm_call.c.started_at_us < self.window.until_us,
            *self._conditions(by),
        )
        if with_run or keep.agent or keep.status or keep.entry_point:
            return statement.join_from(llm_call, run, run.c.run_id == llm_call.c.run_id)
        return statement

    def _conditions(
        self, columns: Mapping[FilterName, ColumnElement[Any]]
    ) -> list[ColumnElement[bool]]:
        return [
            column.in_(values)
            for name, column in columns.items()
            if (values := getattr(self.keep, name))
        ]
