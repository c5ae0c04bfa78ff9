"""What knowledge gave to answers: retrievals by mode, their scores, the documents they found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from analytics.documents import utc_day_us
from analytics.metrics import Percentile, Rate
from analytics.queries.ask import Ask, share
from analytics.queries.groups import percentile_of
from analytics.queries.over_time import CountSeries
from analytics.schema import document_day
from analytics.timeaxis import DAY_US

RETRIEVAL = "retrieval"
SCORE_STEPS = 10
"""Classes of scores. Made-ready distributions know a value within 1 %, so that finer ones would show
more than is known."""
MAX_DOCUMENTS = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ModeRow:
    """Retrievals of one mode. Scores are shares, 0..1, of the best passage of a retrieval."""

    mode: str
    retrievals: int
    hits: int
    """Passages, over all retrievals."""
    empty: Rate
    scored: int
    """Retrievals with a score; whole documents have none."""
    score_p50: float | None
    score_p10: float | None
    p50: Percentile
    p95: Percentile


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreSpread:
    """How many retrievals had a top score in [edges[k], edges[k + 1])."""

    edges: tuple[float, ...]
    counts: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentCounts:
    """Retrievals that found each document, on the whole UTC days a range touches."""

    since_us: int
    until_us: int
    counted_since_us: int | None
    """The first day anything was counted; None: never."""
    found: tuple[tuple[str, int], ...]
    """Most found first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentUse:
    """Counts against the documents there are."""

    found: tuple[tuple[str, int], ...]
    never: tuple[str, ...]
    gone: tuple[tuple[str, int], ...]
    """Found in the range, but not among the documents any more."""


def retrievals_over_time(ask: Ask) -> CountSeries:
    """Retrievals by mode and the bucket they began in."""
    axis = ask.axis
    found = ask.facts.sums("step", ask.scope, ["n"], by=["operation", "mode"], axis=axis)
    values = {
        mode or "unknown": found.over_time(group, "n")
        for group, (operation, mode) in enumerate(found.groups)
        if operation == RETRIEVAL
    }
    ranked = sorted(values, key=lambda mode: (-sum(values[mode]), mode))
    return CountSeries(
        size=axis.size, buckets=axis.buckets, values={mode: values[mode] for mode in ranked}
    )


def modes(ask: Ask) -> tuple[ModeRow, ...]:
    """One row per mode, most retrievals first."""
    by = ["operation", "mode"]
    found = ask.facts.sums("step", ask.scope, ["n", "hits", "empty"], by=by)
    took = ask.facts.spread("step", ask.scope, "duration_us", by=by)
    scores = ask.facts.spread("step", ask.scope, "score_ppm", by=by)
    rows = []
    for group, (operation, mode) in enumerate(found.groups):
        if operation != RETRIEVAL:
            continue
        names = (operation, mode)
        low, middle = (percentile_of(scores, names, q) for q in (0.1, 0.5))
        rows.append(
            ModeRow(
                mode=mode or "unknown",
                retrievals=found.of(group, "n"),
                hits=found.of(group, "hits"),
                empty=share(found, "empty", "n", group),
                scored=middle.n,
                score_p10=_score(low),
                score_p50=_score(middle),
                p50=percentile_of(took, names, 0.5),
                p95=percentile_of(took, names, 0.95),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.retrievals, row.mode)))


def scores(ask: Ask) -> ScoreSpread:
    """The distribution of top scores by mode; modes without scores are absent."""
    edges = [k / SCORE_STEPS for k in range(SCORE_STEPS)]
    spread = ask.facts.spread("step", ask.scope, "score_ppm", by=["operation", "mode"])
    counted = spread.counts([edge * 1e6 for edge in edges])
    return ScoreSpread(
        edges=(*edges, 1.0),
        counts={
            mode or "unknown": tuple(counted[group, 0].tolist())
            for group, (operation, mode) in enumerate(spread.groups)
            if operation == RETRIEVAL
        },
    )


def documents(ask: Ask) -> DocumentCounts:
    """How often documents were found. Filters other than the range do not apply: a day's counter
    knows nothing else."""
    window = ask.scope.window
    since, until = utc_day_us(window.since_us), utc_day_us(window.until_us - 1) + DAY_US
    times = func.sum(document_day.c.retrievals)
    counted = (
        select(document_day.c.document, times.label("n"))
        .where(document_day.c.day_us >= since, document_day.c.day_us < until)
        .group_by(document_day.c.document)
        .order_by(times.desc(), document_day.c.document)
        .limit(MAX_DOCUMENTS)
    )
    first = ask.reader.rows(select(func.min(document_day.c.day_us).label("day")))
    return DocumentCounts(
        since_us=since,
        until_us=until,
        counted_since_us=first[0]["day"] if first else None,
        found=tuple((row["document"], int(row["n"])) for row in ask.reader.rows(counted)),
    )


def use_of(counts: DocumentCounts, known: Sequence[str]) -> DocumentUse:
    """Which of the known documents were found, which never, and which are gone."""
    there = set(known)
    found = {document for document, _ in counts.found}
    return DocumentUse(
        found=tuple(pair for pair in counts.found if pair[0] in there),
        never=tuple(sorted(there - found)),
        gone=tuple(pair for pair in counts.found if pair[0] not in there),
    )


def _score(found: Percentile) -> float | None:
    return None if found.value is None else found.value / 1e6
