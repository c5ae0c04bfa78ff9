"""What a rule can watch: every measure of core/metrics_query.py, and some that only matter to alarms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from analytics.intervals import minimum_n
from analytics.queries import Ask
from analytics.queries.answers import answer
from core.metrics_query import MEASURES, Measure, MetricsQuestion

Unit = Literal["runs", "users", "tokens", "usd", "seconds", "share", "tokens/s"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A value and how many runs or calls it rests on. None: unknown."""

    value: float | None
    n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    title: str
    unit: Unit
    usual_n: int = 1
    """The minimum n of a rule that names none."""
    counts: bool = False
    """A count of things that happened: 0 is a value, and it rests on itself."""


_RATE_N = 20
METRICS: Mapping[str, Metric] = {
    "runs": Metric(title="Runs", unit="runs", counts=True),
    "users": Metric(title="Users", unit="users", counts=True),
    "tokens": Metric(title="Tokens", unit="tokens", counts=True),
    "input_tokens": Metric(title="Input tokens", unit="tokens", counts=True),
    "output_tokens": Metric(title="Output tokens", unit="tokens", counts=True),
    "cost": Metric(title="Cost", unit="usd", counts=True),
    "ttft_p50": Metric(title="Time to first token p50", unit="seconds", usual_n=minimum_n(0.5)),
    "ttft_p95": Metric(title="Time to first token p95", unit="seconds", usual_n=minimum_n(0.95)),
    "latency_p50": Metric(title="Run latency p50", unit="seconds", usual_n=minimum_n(0.5)),
    "latency_p95": Metric(title="Run latency p95", unit="seconds", usual_n=minimum_n(0.95)),
    "failure_rate": Metric(title="Run failure rate", unit="share", usual_n=_RATE_N),
    "fallback_rate": Metric(title="Fallback rate", unit="share", usual_n=_RATE_N),
    "tokens_per_second": Metric(title="Decode speed", unit="tokens/s", usual_n=_RATE_N),
    "attempt_error_rate": Metric(title="Attempt error rate", unit="share", usual_n=_RATE_N),
    "slo_attainment": Metric(title="SLO attainment", unit="share", usual_n=_RATE_N),
    "unpriced_share": Metric(title="Calls without a price", unit="share", usual_n=_RATE_N),
    "dropped_runs": Metric(title="Runs not recorded", unit="runs", counts=True),
}
_SHARES: Mapping[str, tuple[Literal["run", "call"], str, tuple[str, ...]]] = {
    "attempt_error_rate": ("call", "error", ("error", "ok")),
    "slo_attainment": ("run", "slo_met", ("slo_of",)),
}


def figure(metric: str, ask: Ask) -> Figure:
    """The metric over the scope. Not for `dropped_runs`, which no table holds. Raises StorageError."""
    if metric in _SHARES:
        fact, k, parts = _SHARES[metric]
        sums = ask.facts.sums(fact, ask.scope, tuple(dict.fromkeys((k, *parts))))
        return _share(sums.total(k), sum(sums.total(part) for part in parts))
    if metric == "unpriced_share":
        sums = ask.facts.sums("call", ask.scope, ("cost_known", "cost_of"))
        of = sums.total("cost_of")
        return _share(of - sums.total("cost_known"), of)
    question = MetricsQuestion(measure=_measure(metric))
    total = answer(ask.facts, ask.scope, question, ask.zone).total
    if METRICS[metric].counts and total.value is None:
        # Without calls the sum is 0; with calls of which nobody knows the price it is unknown.
        calls = ask.facts.sums("call", ask.scope, ("n",)).total("n")
        return Figure(value=None if calls else 0.0, n=0)
    return Figure(value=total.value, n=total.n)


def _share(k: int, n: int) -> Figure:
    return Figure(value=k / n if n else None, n=n)


def _measure(metric: str) -> Measure:
    return next(measure for measure in MEASURES if measure == metric)


class Growth:
    """How much a counter that starts with the process has grown in a window."""

    def __init__(self, count: Callable[[], int], keep_us: int) -> None:
        self._count, self._keep_us = count, keep_us
        self._seen: deque[tuple[int, int]] = deque()

    def look(self, now_us: int) -> None:
        """Notes the counter; once per evaluation."""
        self._seen.append((now_us, self._count()))
        while len(self._seen) > 1 and self._seen[1][0] < now_us - self._keep_us:
            self._seen.popleft()

    def since(self, since_us: int) -> Figure:
        """What came after the last look at or before a moment; everything when there was none."""
        now = self._seen[-1][1] if self._seen else 0
        before = [count for at, count in self._seen if at <= since_us]
        grown = now - (before[-1] if before else 0)
        return Figure(value=float(grown), n=grown)
