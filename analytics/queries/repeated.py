"""Answers that were given again instead of asking a model, and what that saved."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from analytics.queries.ask import Ask
from analytics.schema import run


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeated:
    exact: int = 0
    semantic: int = 0
    saved_pusd: int = 0
    """What those answers had cost, as far as it is known."""
    unpriced: int = 0

    @property
    def hits(self) -> int:
        return self.exact + self.semantic


def repeated(ask: Ask) -> Repeated:
    """Of the scope's runs, from their rows: figures made ready do not tell them apart."""
    window = ask.scope.window
    statement = (
        select(
            run.c.answer_cache,
            func.count().label("n"),
            func.count(run.c.saved_pusd).label("priced"),
            func.sum(run.c.saved_pusd).label("saved"),
        )
        .where(
            run.c.answer_cache.is_not(None),
            run.c.started_at_us >= window.since_us,
            run.c.started_at_us < window.until_us,
            *ask.scope.conditions("run"),
        )
        .group_by(run.c.answer_cache)
    )
    rows = {str(row["answer_cache"]): row for row in ask.reader.rows(statement)}
    return Repeated(
        exact=int(rows["exact"]["n"]) if "exact" in rows else 0,
        semantic=int(rows["semantic"]["n"]) if "semantic" in rows else 0,
        saved_pusd=sum(int(row["saved"] or 0) for row in rows.values()),
        unpriced=sum(int(row["n"]) - int(row["priced"]) for row in rows.values()),
    )
