"""Answers the typed question of core/metrics_query.py: one measure, split by one thing.

What the data agent says and what the dashboard shows are therefore the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from analytics.grouped import Sums
from analytics.intervals import minimum_n
from analytics.queries.ask import Owed, known, known_names
from analytics.queries.facts import Facts
from analytics.queries.measures import RECIPES, Recipe, Value, at, quantile_at
from analytics.queries.scope import Filter, Scope
from analytics.timeaxis import DAY_US, Axis, Bucket, Window, axis_of, local
from core.errors import InvalidInput
from core.metrics_query import (
    FILTERS,
    MEASURES,
    RANGES,
    SPLITS,
    Measure,
    MetricsAnswer,
    MetricsQuestion,
    MetricsRow,
)

_ASKED = {"model": "asked_model", "provider": "asked_provider"}
_OWED: dict[Measure, Owed] = {
    "cost": "cost",
    "tokens": "tokens",
    "input_tokens": "input",
    "output_tokens": "output",
}
MAX_ROWS = 200


def checked_filter(question: MetricsQuestion) -> Filter:
    """The question's filter. Raises InvalidInput: questions come from models and from people."""
    for given, allowed, what in (
        (question.measure, MEASURES, "measure"),
        (question.split, SPLITS, "split"),
        (question.range, RANGES, "range"),
        *((name, FILTERS, "filter") for name in question.filters),
    ):
        if given not in allowed:
            raise InvalidInput(
                f"There is no {what} '{str(given)[:40]}'.",
                what_to_do=f"Use one of: {', '.join(allowed)}.",
            )
    values: dict[str, Any] = {name: (str(v),) for name, v in question.filters.items()}
    return Filter(range=question.range, **values)


def answer(facts: Facts, scope: Scope, question: MetricsQuestion, zone: ZoneInfo) -> MetricsAnswer:
    """The rows of a question, their total, and what a reader should know about them."""
    recipe = RECIPES[question.measure]
    limit = max(1, min(question.limit, MAX_ROWS))
    rows, of = _rows(facts, scope, question, recipe, zone, limit)
    total = _Measured(facts, scope, question).row("total")
    return MetricsAnswer(
        question=question,
        unit=recipe.unit,
        rows=tuple(rows),
        total=total,
        since=local(scope.window.since_us, zone).isoformat(timespec="seconds"),
        until=local(scope.window.until_us, zone).isoformat(timespec="seconds"),
        note=" ".join(
            [*_shortened(len(rows), of, question), *_doubts(facts, scope, total, recipe, question)]
        ),
    )


class _Measured:
    """One measure of a scope, by group and bucket."""

    def __init__(
        self,
        facts: Facts,
        scope: Scope,
        question: MetricsQuestion,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> None:
        recipe = RECIPES[question.measure]
        self._recipe, self._users = recipe, question.measure == "users"
        if question.measure == "fallback_rate":
            by = [_ASKED.get(name, name) for name in by]
            scope = replace(scope, asked=True)
        self._sums: Sums | None = None
        if recipe.spread:
            self._spread = facts.spread(recipe.of, scope, recipe.spread, by, axis)
            self.groups = self._spread.groups
            return
        split = [*by, "user"] if self._users else by
        self._sums = facts.sums(recipe.of, scope, recipe.names, split, axis)
        self.groups = self._sums.groups
        if self._users:
            found = dict.fromkeys(group[:-1] for group in self._sums.groups)
            self.groups = tuple(found) if by or found else ((),)

    def row(self, label: str, group: int = 0, bucket: int = 0) -> MetricsRow:
        value, n = self._value(group, bucket)
        return MetricsRow(label=label, value=value, n=n)

    def _value(self, group: int, bucket: int) -> Value:
        if self._sums is None:
            return quantile_at(self._recipe, self._spread, group, bucket)
        if self._recipe.value is not None:
            return self._recipe.value(self._sums, group, bucket)
        wanted, counted, n = self.groups[group], 0, 0
        for place, (*rest, user) in enumerate(self._sums.groups):
            found = at(self._sums, "n", place, bucket) if tuple(rest) == wanted else 0
            n += found
            counted += bool(found) and user is not None
        return float(counted), n


def _rows(
    facts: Facts,
    scope: Scope,
    question: MetricsQuestion,
    recipe: Recipe,
    zone: ZoneInfo,
    limit: int,
) -> tuple[list[MetricsRow], int]:
    """At most `limit` rows and how many there would be: the largest values, or the newest times."""
    if question.split == "none":
        return [], 0
    if question.split in ("hour", "day"):
        axis = _axis(scope.window, question, zone)
        window = Window(since_us=axis.buckets[0].start_us, until_us=scope.window.until_us)
        found = _Measured(facts, replace(scope, window=window), question, axis=axis)
        shown = list(enumerate(axis.buckets))[-limit:]
        return [
            found.row(_label(bucket, question, zone), bucket=place) for place, bucket in shown
        ], len(axis.buckets)
    found = _Measured(facts, scope, question, by=[question.split])
    rows = [found.row(name or "unknown", group=place) for place, (name,) in enumerate(found.groups)]
    rows.sort(key=lambda row: (row.value is None, -(row.value or 0.0), row.label))
    return rows[:limit], len(rows)


def _axis(window: Window, question: MetricsQuestion, zone: ZoneInfo) -> Axis:
    """Hours or days of the window; of a very long one only the end, which is all that is shown."""
    since = max(window.since_us, window.until_us - MAX_ROWS * DAY_US)
    ended = Window(since_us=since, until_us=window.until_us)
    return axis_of(ended, zone, "1h" if question.split == "hour" else "day")


def _label(bucket: Bucket, question: MetricsQuestion, zone: ZoneInfo) -> str:
    start = local(bucket.start_us, zone)
    if question.split == "day":
        return start.date().isoformat()
    # With the offset: on the day clocks go back two hours have the same name.
    return start.replace(minute=0, second=0, microsecond=0).isoformat(" ", "minutes")


def _shortened(shown: int, of: int, question: MetricsQuestion) -> Iterator[str]:
    if shown < of:
        which = "newest" if question.split in ("hour", "day") else "largest"
        yield f"The {shown} {which} of {of} rows are shown."


def _doubts(
    facts: Facts, scope: Scope, total: MetricsRow, recipe: Recipe, question: MetricsQuestion
) -> Iterator[str]:
    """What is missing in the figures, counted."""
    if recipe.spread:
        needed = minimum_n(recipe.quantile)
        if total.n < needed:
            yield f"Rests on {total.n} successful runs; below {needed} this percentile says little."
    owed = _OWED.get(question.measure)
    if owed:
        found = known(facts.sums("call", scope, known_names(owed)), owed)
        if found.missing:
            what = "price" if question.measure == "cost" else "token count"
            yield f"{found.missing} of {found.of} calls have no known {what}."
