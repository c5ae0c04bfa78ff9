"""Errors by type: how often, when first and last, at which models."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import ColumnElement, literal_column

from analytics.metrics import FAILED
from analytics.queries.ask import Ask
from analytics.queries.reliability import BAD, Level
from analytics.schema import llm_call, run
from analytics.timeaxis import Bucket, BucketSize

MAX_TYPES = 12
UNKNOWN_TYPE = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorSeries:
    """Errors by type, most frequent first: `values[type][k]` belongs to `buckets[k]`."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    values: dict[str, tuple[int, ...]]
    n: tuple[int, ...]
    """Attempts or runs that ended ok or failed, by bucket."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorType:
    """One kind of error in the window."""

    name: str
    count: int
    of: int
    """All errors of the window."""
    before: int | None
    """How often in the period before; None when there is none."""
    models: tuple[str, ...]
    """Most errors first. Of a run: those that wrote the answer, if any did."""
    first_us: int | None
    last_us: int | None
    last_run_id: str | None


def errors_over_time(ask: Ask, level: Level) -> ErrorSeries:
    """Errors by type and bucket."""
    axis, bad = ask.axis, BAD[level]
    found = ask.facts.sums(level, ask.scope, [bad, "ok"], by=["error_type"], axis=axis)
    values: dict[str, tuple[int, ...]] = {}
    for group, (name,) in enumerate(found.groups):
        if found.of(group, bad):
            values[name or UNKNOWN_TYPE] = found.over_time(group, bad)
    ranked = sorted(values, key=lambda name: (-sum(values[name]), name))
    n = zip(found.by_bucket(bad), found.by_bucket("ok"), strict=True)
    return ErrorSeries(
        size=axis.size,
        buckets=axis.buckets,
        values={name: values[name] for name in ranked},
        n=tuple(k + ok for k, ok in n),
    )


def error_types(ask: Ask, level: Level) -> tuple[ErrorType, ...]:
    """The most frequent kinds of error, with when each came first and last in the window."""
    series, earlier = errors_over_time(ask, level), ask.before()
    before = _counts(earlier, level) if earlier else None
    models = _models(ask, level)
    of = sum(sum(values) for values in series.values.values())
    rows = []
    for name, values in list(series.values.items())[:MAX_TYPES]:
        filled = [k for k, value in enumerate(values) if value]
        first = _edge(ask, level, name, series.buckets[filled[0]], last=False)
        last = _edge(ask, level, name, series.buckets[filled[-1]], last=True)
        rows.append(
            ErrorType(
                name=name,
                count=sum(values),
                of=of,
                before=None if before is None else before.get(name, 0),
                models=models[name],
                first_us=first[0] if first else None,
                last_us=last[0] if last else None,
                last_run_id=last[1] if last else None,
            )
        )
    return tuple(rows)


def _counts(ask: Ask, level: Level) -> dict[str, int]:
    found = ask.facts.sums(level, ask.scope, [BAD[level]], by=["error_type"])
    return {
        name or UNKNOWN_TYPE: found.of(group, BAD[level])
        for group, (name,) in enumerate(found.groups)
    }


def _models(ask: Ask, level: Level) -> dict[str, tuple[str, ...]]:
    """Models by error type, most errors first."""
    bad = BAD[level]
    found = ask.facts.sums(level, ask.scope, [bad], by=["error_type", "model"])
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for group, (name, model) in enumerate(found.groups):
        if found.of(group, bad) and model:
            counts[name or UNKNOWN_TYPE][model] = found.of(group, bad)
    ranked: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, by_model in counts.items():
        ranked[name] = tuple(sorted(by_model, key=lambda model: (-by_model[model], model)))
    return ranked


def _edge(
    ask: Ask, level: Level, name: str, bucket: Bucket, *, last: bool
) -> tuple[int, str] | None:
    """The first or last error of a type: its moment and run. Only one bucket's rows are read."""
    began = (llm_call if level == "call" else run).c.started_at_us
    statement = (
        ask.scope.of(level)
        .with_only_columns(began.label("at_us"), run.c.run_id, maintain_column_froms=True)
        .where(began >= bucket.start_us, began < bucket.end_us, *_failed(level, name))
        .order_by(began.desc() if last else began.asc())
        .limit(1)
    )
    rows = ask.reader.rows(statement)
    return (int(rows[0]["at_us"]), str(rows[0]["run_id"])) if rows else None


def _failed(level: Level, name: str) -> list[ColumnElement[bool]]:
    kind = (llm_call if level == "call" else run).c.error_type
    # Call errors as the partial index says it: SQLite compares literally.
    error: ColumnElement[str] = literal_column("'error'")
    bad = llm_call.c.status == error if level == "call" else run.c.status.in_(FAILED)
    of_type = kind.is_(None) | (kind == "") if name == UNKNOWN_TYPE else kind == name
    return [bad, of_type]
