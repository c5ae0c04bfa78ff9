"""Answers the typed question of core/metrics_query.py: one measure, split by one thing.

What the data agent says and what the dashboard shows are therefore the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from analytics.intervals import minimum_n
from analytics.metrics import NONE
from analytics.queries.measures import (
    CALL_INTS,
    CALL_TEXTS,
    RECIPES,
    RUN_INTS,
    RUN_TEXTS,
    Recipe,
)
from analytics.queries.reading import Columns, Reader
from analytics.queries.scope import ASKED_COLUMNS, CALL_COLUMNS, RUN_COLUMNS, Filter, Scope
from analytics.timeaxis import DAY_US, Bucket, Window, buckets, local
from core.errors import InvalidInput
from core.metrics_query import (
    FILTERS,
    MEASURES,
    RANGES,
    SPLITS,
    MetricsAnswer,
    MetricsQuestion,
    MetricsRow,
)

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


def answer(
    reader: Reader, scope: Scope, question: MetricsQuestion, zone: ZoneInfo
) -> MetricsAnswer:
    """The rows of a question, their total, and what a reader should know about them."""
    recipe = RECIPES[question.measure]
    loaded = _load(reader, scope, question, recipe)
    limit = max(1, min(question.limit, MAX_ROWS))
    rows, of = _rows(loaded, scope.window, question, recipe, zone, limit)
    total = _row("total", loaded, recipe)
    return MetricsAnswer(
        question=question,
        unit=recipe.unit,
        rows=tuple(rows),
        total=total,
        since=local(scope.window.since_us, zone).isoformat(timespec="seconds"),
        until=local(scope.window.until_us, zone).isoformat(timespec="seconds"),
        note=" ".join([*_shortened(len(rows), of, question), *_doubts(loaded, recipe, question)]),
    )


def _load(reader: Reader, scope: Scope, question: MetricsQuestion, recipe: Recipe) -> Columns:
    """The rows of the scope; the text column `split` names the group of each."""
    split = question.split
    if recipe.of == "runs":
        named = [RUN_COLUMNS[split].label("split")] if split in RUN_COLUMNS else []
        return reader.columns(scope.runs(), RUN_INTS, [*RUN_TEXTS, *named])
    by = ASKED_COLUMNS if question.measure == "fallback_rate" else CALL_COLUMNS
    named = [by[split].label("split")] if split in by else []
    of_run = split in ("agent", "status", "entry_point")
    return reader.columns(scope.calls(with_run=of_run, by=by), CALL_INTS, [*CALL_TEXTS, *named])


def _rows(
    loaded: Columns,
    window: Window,
    question: MetricsQuestion,
    recipe: Recipe,
    zone: ZoneInfo,
    limit: int,
) -> tuple[list[MetricsRow], int]:
    """At most `limit` rows and how many there would be: the largest values, or the newest times."""
    if question.split == "none":
        return [], 0
    if question.split in ("hour", "day"):
        axis = _axis(window, question, zone)
        return [
            _row(_label(bucket, question, zone), _inside(loaded, bucket), recipe)
            for bucket in axis[-limit:]
        ], len(axis)
    groups = loaded.texts["split"].groups()
    rows = [_row(name or "unknown", loaded.take(mask), recipe) for name, mask in groups]
    rows.sort(key=lambda row: (row.value is None, -(row.value or 0.0), row.label))
    return rows[:limit], len(rows)


def _row(label: str, rows: Columns, recipe: Recipe) -> MetricsRow:
    value, n = recipe.value(rows)
    return MetricsRow(label=label, value=value, n=n)


def _axis(window: Window, question: MetricsQuestion, zone: ZoneInfo) -> list[Bucket]:
    """Hours or days of the window; of a very long one only the end, which is all that is shown."""
    since = max(window.since_us, window.until_us - MAX_ROWS * DAY_US)
    ended = Window(since_us=since, until_us=window.until_us)
    return buckets(ended, "1h" if question.split == "hour" else "day", zone)


def _inside(rows: Columns, bucket: Bucket) -> Columns:
    started = rows["started_at_us"]
    return rows.take((started >= bucket.start_us) & (started < bucket.end_us))


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


def _doubts(rows: Columns, recipe: Recipe, question: MetricsQuestion) -> Iterator[str]:
    """What is missing in the figures, counted."""
    if recipe.quantile is not None:
        n, needed = recipe.value(rows)[1], minimum_n(recipe.quantile)
        if n < needed:
            yield f"Rests on {n} successful runs; below {needed} this percentile says little."
    if question.measure in ("cost", "tokens", "input_tokens", "output_tokens"):
        due = rows.take(rows["usage_due"] == 1)
        columns = {
            "cost": ("cost_pusd",),
            "input_tokens": ("usage_input_tokens",),
            "output_tokens": ("usage_output_tokens",),
        }.get(question.measure, ("usage_input_tokens", "usage_output_tokens"))
        missing = max(int((due[column] == NONE).sum()) for column in columns)
        if missing:
            what = "price" if question.measure == "cost" else "token count"
            yield f"{missing} of {due.n} calls have no known {what}."
