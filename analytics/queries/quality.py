"""What people and judges said about answers: thumbs with their coverage, reasons, the worst runs.

Ratings are few against runs, so they are read as rows, newest first and bounded. When there are more
than the bound, all figures cover the part of the range that the newest ratings cover: `window`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, func, not_, select, text

from analytics.grouped import Sums
from analytics.metrics import FAILED, Rate
from analytics.queries.ask import Ask
from analytics.queries.reading import Reader
from analytics.queries.runs import RunRow
from analytics.queries.scope import Scope
from analytics.ratings import IS_THUMB, reasons_of
from analytics.schema import feedback, run
from analytics.timeaxis import Bucket, BucketSize, Window

"""`evaluation_name` and `source` of a person's thumb: score 1 is up, 0 is down."""
MAX_RATINGS = 20_000
MAX_WORST = 50

Dimension = Literal["model", "agent", "version"]
DIMENSIONS: tuple[Dimension, ...] = ("model", "agent", "version")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rating:
    """The newest thumb of one run, with what the run was."""

    run_id: str
    started_at_us: int
    up: bool
    agent: str | None
    route: str | None
    model: str | None
    version: str | None
    reason: str | None
    words: str | None
    """What the person wrote."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratings:
    """One per rated run of `window`, newest first. `whole` False: the window is a part of the range."""

    window: Window
    whole: bool
    rows: tuple[Rating, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rated:
    """A share of thumbs up is worth what its coverage is worth."""

    name: str | None
    up: Rate
    coverage: Rate
    """Rated runs / runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RatedSeries:
    """By the bucket a run started in."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    up: tuple[int, ...]
    rated: tuple[int, ...]
    runs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    window: Window
    whole: bool
    """False: the reasons are of the newest ratings only."""
    overall: Rated
    by: Mapping[Dimension, tuple[Rated, ...]]
    """Most rated first; those without any rating are among them."""
    over_time: RatedSeries
    reasons: tuple[tuple[str | None, int], ...]
    """Of thumbs down, most frequent first; None: no reason was given. A thumb may have several."""
    down: int
    """How many thumbs down these are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorstRun:
    """A run somebody should look at."""

    run: RunRow
    down: bool
    failed: bool
    reason: str | None
    words: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Scores other than people's thumbs, by name, source and judge."""

    name: str
    source: str
    judge: str | None
    n: int
    mean: float | None
    low: float | None
    high: float | None
    labels: tuple[tuple[str, int], ...]


def ratings(ask: Ask, most: int = MAX_RATINGS) -> Ratings:
    """People's thumbs on runs of the scope, one per run: the newest counts."""
    statement = _joined(
        ask.scope,
        _THUMB,
        feedback.c.created_at_us,
        (feedback.c.evaluation_score_value >= 0.5).label("up"),
        feedback.c.evaluation_score_label.label("reason"),
        feedback.c.evaluation_explanation.label("words"),
        run.c.run_id,
        run.c.started_at_us,
        run.c.agent_name.label("agent"),
        run.c.route_first.label("route"),
        run.c.answer_model.label("model"),
        run.c.app_version.label("version"),
    )
    rows = ask.reader.rows(statement.limit(most + 1))
    whole = len(rows) <= most
    window = ask.scope.window
    if not whole:
        # Nobody rates a run before it starts: from here on no rating is missing.
        oldest = int(rows[most]["created_at_us"]) + 1
        since = min(max(oldest, window.since_us), window.until_us - 1)
        window = Window(since_us=since, until_us=window.until_us)
    newest: dict[str, Rating] = {}
    for row in rows[:most]:
        row.pop("created_at_us")
        if row["started_at_us"] >= window.since_us and row["run_id"] not in newest:
            newest[row["run_id"]] = Rating(**row | {"up": bool(row["up"])})
    return Ratings(window=window, whole=whole, rows=tuple(newest.values()))


def quality(ask: Ask, most: int = MAX_RATINGS) -> Quality:
    """The share of thumbs up with its coverage: overall, by dimension and over time; and reasons."""
    found = ratings(ask, most)
    down = [one for one in found.rows if not one.up]
    why: Counter[str | None] = Counter()
    for one in down:
        why.update(reasons_of(one.reason) or (None,))
    sums = ask.facts.sums("run", ask.scope, _COUNTS)
    return Quality(
        window=ask.scope.window,
        whole=found.whole,
        overall=_rated(None, sums, 0),
        by={name: _by(ask, name) for name in DIMENSIONS},
        over_time=_over_time(ask),
        reasons=tuple(sorted(why.items(), key=lambda pair: (-pair[1], pair[0] or ""))),
        down=len(down),
    )


def worst_runs(ask: Ask, limit: int = MAX_WORST) -> tuple[WorstRun, ...]:
    """The newest runs that got a thumb down or failed; at most `limit`."""
    thumbs = {one.run_id: one for one in ratings(ask).rows if not one.up}
    rated = _run_rows(ask.reader, list(thumbs)[: limit * 4])
    # Said twice: the partial index is limited to it, and SQLite compares literally.
    failed = ask.scope.of("run").where(run.c.status.in_(FAILED), text("status <> 'ok'"))
    newest = failed.order_by(run.c.started_at_us.desc()).limit(limit)
    broken = _run_rows(ask.reader, [row["run_id"] for row in ask.reader.rows(newest)])
    rows = {row.run_id: row for row in (*rated, *broken)}
    ranked = sorted(rows.values(), key=lambda row: (-row.started_at_us, row.run_id))
    return tuple(_worst(row, thumbs.get(row.run_id)) for row in ranked[:limit])


def evaluations(ask: Ask, most: int = MAX_RATINGS) -> tuple[Evaluation, ...]:
    """Scores of judges and code, and other scores of people: the newest `most`, by name."""
    newest = _joined(
        ask.scope,
        not_(IS_THUMB),
        feedback.c.evaluation_name.label("name"),
        feedback.c.source,
        feedback.c.judge_model.label("judge"),
        feedback.c.evaluation_score_value.label("value"),
        feedback.c.evaluation_score_label.label("label"),
    )
    one = newest.limit(most).subquery()
    by = (one.c.name, one.c.source, one.c.judge, one.c.label)
    counted = select(
        *by,
        func.count().label("n"),
        func.count(one.c.value).label("scored"),
        func.sum(one.c.value).label("total"),
        func.min(one.c.value).label("low"),
        func.max(one.c.value).label("high"),
    ).group_by(*by)
    kinds: dict[tuple[str, str, str | None], list[dict[str, Any]]] = {}
    for row in ask.reader.rows(counted):
        kinds.setdefault((row["name"], row["source"], row["judge"]), []).append(row)
    made = [_evaluation(*kind, parts) for kind, parts in kinds.items()]
    return tuple(sorted(made, key=lambda e: (-e.n, e.name, e.source, e.judge or "")))


_COUNTS = ("n", "rated", "thumbs_up")
_THUMB = and_(IS_THUMB, feedback.c.evaluation_score_value.is_not(None))


def _joined(scope: Scope, which: ColumnElement[bool], *columns: Any) -> Select[Any]:
    """Feedback on runs of a scope, newest first."""
    window = scope.window
    # Not a bare column: its index would make SQLite look for feedback of every run, not the reverse.
    began = run.c.started_at_us + 0
    return (
        select(*columns)
        .select_from(feedback)
        .join(run, run.c.run_id == feedback.c.run_id)
        .where(
            which,
            feedback.c.created_at_us >= window.since_us,
            began >= window.since_us,
            began < window.until_us,
            *scope.conditions("run"),
        )
        .order_by(feedback.c.created_at_us.desc(), feedback.c.feedback_id)
    )


def _rated(name: str | None, sums: Sums, group: int) -> Rated:
    runs, rated, up = (sums.of(group, measure) for measure in _COUNTS)
    return Rated(name=name, up=Rate(k=up, n=rated), coverage=Rate(k=rated, n=runs))


def _by(ask: Ask, dimension: Dimension) -> tuple[Rated, ...]:
    sums = ask.facts.sums("run", ask.scope, _COUNTS, by=[dimension])
    made = [_rated(name, sums, group) for group, (name,) in enumerate(sums.groups)]
    return tuple(sorted(made, key=lambda r: (-r.coverage.k, -r.coverage.n, r.name or "")))


def _over_time(ask: Ask) -> RatedSeries:
    axis = ask.axis
    sums = ask.facts.sums("run", ask.scope, _COUNTS, axis=axis)
    runs, rated, up = (sums.by_bucket(measure) for measure in _COUNTS)
    return RatedSeries(size=axis.size, buckets=axis.buckets, up=up, rated=rated, runs=runs)


def _run_rows(reader: Reader, run_ids: Sequence[str]) -> list[RunRow]:
    columns = [run.c[field.name] for field in fields(RunRow)]
    rows = reader.rows(select(*columns).where(run.c.run_id.in_(run_ids)))
    return [RunRow(**row) for row in rows]


def _worst(row: RunRow, thumb: Rating | None) -> WorstRun:
    return WorstRun(
        run=row,
        down=thumb is not None,
        failed=row.status in FAILED,
        reason=thumb.reason if thumb else None,
        words=thumb.words if thumb else None,
    )


def _evaluation(
    name: str, source: str, judge: str | None, parts: Sequence[Mapping[str, Any]]
) -> Evaluation:
    scored = sum(part["scored"] for part in parts)
    labels = [(part["label"], part["n"]) for part in parts if part["label"] is not None]
    return Evaluation(
        name=name,
        source=source,
        judge=judge,
        n=sum(part["n"] for part in parts),
        mean=sum(part["total"] or 0 for part in parts) / scored if scored else None,
        low=min((part["low"] for part in parts if part["low"] is not None), default=None),
        high=max((part["high"] for part in parts if part["high"] is not None), default=None),
        labels=tuple(sorted(labels, key=lambda pair: (-pair[1], pair[0]))),
    )
