"""The dashboard's questions by name, with answers in one form: rows of a measure, a unit and an n.

For programs: the API and whoever exports figures. Pages draw the typed answers themselves; both come
from the same functions and so are the same numbers. US dollars and seconds here, not pico and micro.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from analytics.metrics import Known, Percentile, Rate, Speed
from analytics.timeaxis import Bucket, local
from core.errors import InvalidInput
from core.metrics_query import MetricsQuestion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from analytics.metrics import RunMeasure
    from analytics.queries import AgentRow, Kpis, ModelRow, Queries, SumSeries
    from analytics.queries.groups import Shares
    from analytics.queries.scope import Filter

QuestionName = Literal[
    "measure",
    "kpis",
    "runs_over_time",
    "first_token_over_time",
    "latency_over_time",
    "tokens_over_time",
    "cost_over_time",
    "by_model",
    "by_agent",
    "time_shares",
    "data_quality",
]
QUESTIONS: tuple[QuestionName, ...] = get_args(QuestionName)
Unit = Literal["runs", "users", "calls", "tokens", "usd", "seconds", "share", "tokens/s"]
QUANTILES = (0.5, 0.95)
_US, _PUSD = 1e-6, 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One figure."""

    measure: str
    label: str
    """A model, an agent, a status, a period; `total` for all of them."""
    value: float | None
    """None is unknown, never 0."""
    unit: Unit
    n: int
    """How many runs or calls the value rests on."""
    at: str | None = None
    """Where the bucket of time begins, ISO 8601 with offset."""
    until: str | None = None
    partial: bool = False
    """True when the range cuts the bucket: not comparable with the others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    question: QuestionName
    since: str
    until: str
    rows: tuple[Row, ...]
    note: str = ""


def answer(
    queries: Queries, name: str, keep: Filter, measured: MetricsQuestion | None = None
) -> Named:
    """Raises InvalidInput for a name that does not exist. `measured` is for `measure` only."""
    if name not in QUESTIONS:
        raise InvalidInput(
            f"There is no question '{name[:40]}'.",
            what_to_do=f"Use one of: {', '.join(QUESTIONS)}.",
        )
    keep = queries.pin(keep)
    if name == "measure":
        return _measure(queries, keep, measured or MetricsQuestion(range=keep.range))
    window = queries.window(keep)
    return Named(
        question=name,
        since=_iso(window.since_us, queries.zone),
        until=_iso(window.until_us, queries.zone),
        rows=tuple(_ROWS[name](queries, keep)),
    )


def _measure(queries: Queries, keep: Filter, question: MetricsQuestion) -> Named:
    found = queries.measured(question, keep)
    rows = [
        Row(measure=question.measure, label=r.label, value=r.value, unit=found.unit, n=r.n)
        for r in (*found.rows, found.total)
    ]
    return Named(
        question="measure",
        since=found.since,
        until=found.until,
        rows=tuple(rows),
        note=found.note,
    )


def _kpis(queries: Queries, keep: Filter) -> Iterator[Row]:
    report = queries.kpis(keep)
    yield from _kpis_of("current", report.current)
    if report.previous is not None:
        yield from _kpis_of("previous", report.previous)


def _kpis_of(label: str, of: Kpis) -> Iterator[Row]:
    for name in ("runs", "ok", "cancelled", "interrupted", "running"):
        yield Row(measure=name, label=label, value=getattr(of, name), unit="runs", n=of.runs)
    yield Row(measure="users", label=label, value=of.users, unit="users", n=of.runs)
    yield _rate("failure_rate", label, of.failure)
    yield from _times(label, of)
    yield _cost("cost", label, of.cost)
    yield _tokens("input_tokens", label, of.input_tokens)
    yield _tokens("output_tokens", label, of.output_tokens)
    yield _speed(label, of.speed)


def _times(label: str, of: Kpis | ModelRow | AgentRow) -> Iterator[Row]:
    yield _percentile("ttft_p50", label, of.ttft_p50)
    yield _percentile("ttft_p95", label, of.ttft_p95)
    yield _percentile("latency_p50", label, of.latency_p50)
    yield _percentile("latency_p95", label, of.latency_p95)


def _by_model(queries: Queries, keep: Filter) -> Iterator[Row]:
    for of in queries.by_model(keep):
        yield from _model(of)


def _model(of: ModelRow) -> Iterator[Row]:
    label = of.model
    yield Row(measure="attempts", label=label, value=of.attempts, unit="calls", n=of.attempts)
    yield _rate("attempt_error_rate", label, of.error)
    yield from _times(label, of)
    yield _speed(label, of.speed)
    yield _tokens("input_tokens", label, of.input_tokens)
    yield _tokens("cache_read_tokens", label, of.cache_read_tokens)
    yield _tokens("output_tokens", label, of.output_tokens)
    yield _cost("cost", label, of.cost)


def _by_agent(queries: Queries, keep: Filter) -> Iterator[Row]:
    for of in queries.by_agent(keep):
        yield from _agent(of)


def _agent(of: AgentRow) -> Iterator[Row]:
    label = of.agent or "unknown"
    yield Row(measure="runs", label=label, value=of.runs, unit="runs", n=of.runs)
    yield _rate("failure_rate", label, of.failure)
    yield from _times(label, of)
    yield _cost("cost", label, of.cost)
    yield _tokens("tokens", label, of.tokens)
    yield Row(measure="fallbacks", label=label, value=of.fallbacks, unit="calls", n=of.runs)


def _runs_over_time(queries: Queries, keep: Filter) -> Iterator[Row]:
    found = queries.runs_by_status(keep)
    for status, counts in found.values.items():
        for bucket, count in zip(found.buckets, counts, strict=True):
            yield _at(queries.zone, bucket, "runs", status, count, "runs", count)


def _percentiles(measure: RunMeasure, name: str) -> Callable[[Queries, Filter], Iterator[Row]]:
    def rows(queries: Queries, keep: Filter) -> Iterator[Row]:
        found = queries.percentiles_over_time(keep, measure, QUANTILES)
        for q in QUANTILES:
            for k, bucket in enumerate(found.buckets):
                us = found.values[q][k]
                value = None if us is None else us * _US
                yield _at(
                    queries.zone, bucket, f"{name}_p{q * 100:g}", "total", value, "seconds",
                    found.n[k],
                )  # fmt: skip

    return rows


def _tokens_over_time(queries: Queries, keep: Filter) -> Iterator[Row]:
    yield from _sums(queries.zone, queries.tokens_over_time(keep), "tokens", "tokens", 1.0)


def _cost_over_time(queries: Queries, keep: Filter) -> Iterator[Row]:
    yield from _sums(queries.zone, queries.cost_over_time(keep), "cost", "usd", _PUSD)


def _sums(zone: ZoneInfo, found: SumSeries, name: str, unit: Unit, factor: float) -> Iterator[Row]:
    """By model; then, per bucket, the calls that owe a value and those of which it is unknown."""
    known = [of - missing for of, missing in zip(found.calls, found.missing, strict=True)]
    for model, sums in found.values.items():
        for k, bucket in enumerate(found.buckets):
            yield _at(zone, bucket, name, model, sums[k] * factor, unit, known[k])
    for k, bucket in enumerate(found.buckets):
        if found.missing[k]:
            yield _at(
                zone, bucket, f"{name}_unknown", "total", found.missing[k], "calls", found.calls[k]
            )


def _time_shares(queries: Queries, keep: Filter) -> Iterator[Row]:
    found = queries.time_shares(keep)
    of: Sequence[tuple[str, Shares]] = (
        ("everything", found.everything),
        ("median", found.median),
        ("p95", found.p95),
    )
    for label, shares in of:
        for name in ("supervisor", "retrieval", "tool", "model", "other"):
            us = getattr(shares, f"{name}_us")
            value = us / shares.duration_us if shares.duration_us else None
            yield Row(measure=f"{name}_share", label=label, value=value, unit="share", n=shares.n)


def _data_quality(queries: Queries, keep: Filter) -> Iterator[Row]:
    found = queries.data_quality(keep)
    for name in ("provider_usage", "priced", "first_token"):
        yield _rate(name, "total", getattr(found, name))
    due = found.provider_usage.n
    for name in ("contradictory", "free_but_used"):
        yield Row(measure=name, label="total", value=getattr(found, name), unit="calls", n=due)
    for name in ("lost_runs", "running_runs"):
        value = getattr(found, name)
        yield Row(measure=name, label="total", value=value, unit="runs", n=value)


_ROWS: Mapping[str, Callable[[Queries, Filter], Iterator[Row]]] = {
    "kpis": _kpis,
    "runs_over_time": _runs_over_time,
    "first_token_over_time": _percentiles("first_token_us", "ttft"),
    "latency_over_time": _percentiles("duration_us", "latency"),
    "tokens_over_time": _tokens_over_time,
    "cost_over_time": _cost_over_time,
    "by_model": _by_model,
    "by_agent": _by_agent,
    "time_shares": _time_shares,
    "data_quality": _data_quality,
}


def _at(
    zone: ZoneInfo,
    bucket: Bucket,
    measure: str,
    label: str,
    value: float | None,
    unit: Unit,
    n: int,
) -> Row:
    return Row(
        measure=measure,
        label=label,
        value=value,
        unit=unit,
        n=n,
        at=_iso(bucket.start_us, zone),
        until=_iso(bucket.end_us, zone),
        partial=bucket.partial,
    )


def _rate(measure: str, label: str, rate: Rate) -> Row:
    return Row(measure=measure, label=label, value=rate.share, unit="share", n=rate.n)


def _percentile(measure: str, label: str, of: Percentile) -> Row:
    value = None if of.value is None else of.value * _US
    return Row(measure=measure, label=label, value=value, unit="seconds", n=of.n)


def _cost(measure: str, label: str, of: Known) -> Row:
    value = None if of.value is None else of.value * _PUSD
    return Row(measure=measure, label=label, value=value, unit="usd", n=of.known)


def _tokens(measure: str, label: str, of: Known) -> Row:
    return Row(measure=measure, label=label, value=of.value, unit="tokens", n=of.known)


def _speed(label: str, of: Speed) -> Row:
    return Row(
        measure="tokens_per_second", label=label, value=of.per_second, unit="tokens/s", n=of.n
    )


def _iso(us: int, zone: ZoneInfo) -> str:
    return local(us, zone).isoformat(timespec="seconds")
