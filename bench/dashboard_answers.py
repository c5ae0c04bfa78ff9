"""The same page from other sources, and how far the product's answers are from theirs.

`page` composes the dashboard's questions from a `Source` that can add up and take quantiles: plain SQL
(bench/dashboard_sql.py) or pandas over all rows (bench/dashboard_frames.py). `ours` brings the answers of
`analytics.queries` into the same form, `compare` says what differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from analytics.intervals import minimum_n
from analytics.queries import Filter
from analytics.timeaxis import Axis, Window
from bench.bulk_traffic import UNTIL_US
from bench.dashboard_page import QUANTILES

Fact = Literal["run", "call"]
Key = tuple[Any, ...]
Groups = dict[Key, dict[str, int]]
"""Sums by group: `by` first, then the bucket when there is an axis."""
Quantiles = dict[Key, tuple[int, dict[float, float]]]
"""(n, value by quantile) by group."""
TWO = (0.5, 0.95)
SHARES = ("duration_us", "supervisor_us", "retrieval_us", "tool_us", "model_us", "other_us")
RUN_MEASURES = ("n", "ok", "failed", "cancelled", "interrupted", "running")


class Source(Protocol):
    """Rows of a window with a filter."""

    def sums(
        self,
        fact: Fact,
        names: Sequence[str],
        window: Window,
        keep: Filter,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Groups: ...

    def quantiles(
        self,
        fact: Fact,
        value: str,
        wanted: Sequence[float],
        window: Window,
        keep: Filter,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Quantiles:
        """Of successful runs or calls."""
        ...

    def bands(self, window: Window, keep: Filter) -> None:
        """Shares of the runs around two ranks of duration. Work only: ties may be cut otherwise."""

    def distinct(self, fact: Fact, name: str, window: Window) -> tuple[str, ...]: ...

    def lists(self, window: Window, keep: Filter) -> dict[str, list[str]]:
        """The ids of the newest and of the slowest runs; {} when the source cannot tell."""
        ...


@dataclass
class Answers:
    """A page in one form. Zeros are left out of `exact`: a group without rows is no answer."""

    exact: dict[Key, Any] = field(default_factory=dict)
    quantiles: dict[Key, tuple[int, float]] = field(default_factory=dict)

    def add(self, key: Key, value: Any) -> None:
        if value:
            self.exact[key] = value

    def add_quantile(self, key: Key, n: int, value: float | None) -> None:
        if n and value is not None:
            self.quantiles[key] = (n, float(value))


_SPEED = ("decode_tokens", "decode_us", "decode_n")
_KNOWN = {
    name: (name, f"{name}_known", f"{name}_of") for name in ("cost", "input", "output", "tokens")
}
_QUALITY = ("ok", "due", "reported", "cost_known", "streamed", "contradictory", "free_but_used")
_AGENT = (*RUN_MEASURES[:4], "cost", "cost_complete", "usage_complete", "tokens", "fallbacks")
_MODEL = ("n", "ok", "error", "cancelled", *_SPEED, "cache_read", *_KNOWN["input"])
FACETS: Mapping[str, tuple[Fact, str]] = {
    "model": ("call", "model"),
    "provider": ("call", "provider"),
    **{name: ("run", name) for name in ("agent", "status", "entry_point", "version", "user")},
}


def page(source: Source, window: Window, axis: Axis, keep: Filter) -> Answers:
    """All questions, each asked for itself, as a dashboard would."""
    found = Answers()
    _kpis(found, source, "current", window, keep)
    if keep.range != "all":
        _kpis(found, source, "previous", window.before(), keep)
    for (status, bucket), sums in source.sums("run", ["n"], window, keep, ["status"], axis).items():
        found.add(("runs_by_status", status, bucket), sums["n"])
    for name, value in (("ttft", "first_token_us"), ("latency", "duration_us")):
        _over_time(found, source, name, value, window, axis, keep)
    for name in ("tokens", "cost"):
        for (model, bucket), sums in source.sums(
            "call", _KNOWN[name], window, keep, ["model"], axis
        ).items():
            found.add((f"{name}_over_time", model, bucket), sums[name])
            missing = sums[f"{name}_of"] - sums[f"{name}_known"]
            key = (f"{name}_over_time", "missing", bucket)
            found.add(key, found.exact.get(key, 0) + missing)
    _tables(found, source, window, keep)
    for part, value in source.sums("call", _QUALITY, window, keep)[()].items():
        found.add(("data_quality", part), value)
    for part, value in source.sums("run", ["lost", "running"], window, keep)[()].items():
        found.add(("data_quality", part), value)
    for part, value in source.sums("run", ["ok", *SHARES], window, keep)[()].items():
        found.add(("time_shares", part), value)
    source.bands(window, keep)
    for name, ids in source.lists(window, keep).items():
        found.add((name,), tuple(ids))
    for name, (fact, dimension) in FACETS.items():
        found.add(
            ("facets", name),
            source.distinct(fact, dimension, Window(since_us=0, until_us=UNTIL_US)),
        )
    return found


def _kpis(found: Answers, source: Source, period: str, window: Window, keep: Filter) -> None:
    for name, value in source.sums("run", RUN_MEASURES, window, keep)[()].items():
        found.add(("kpis", period, name), value)
    users = source.sums("run", ["n"], window, keep, ["user"])
    found.add(("kpis", period, "users"), sum(user is not None for (user,) in users))
    names = [*_KNOWN["cost"], *_KNOWN["input"], *_KNOWN["output"], *_SPEED]
    for name, value in source.sums("call", names, window, keep)[()].items():
        found.add(("kpis", period, name), value)
    for name, value in (("ttft", "first_token_us"), ("latency", "duration_us")):
        for n, values in source.quantiles("run", value, TWO, window, keep).values():
            for q, at in values.items():
                found.add_quantile(("kpis", period, name, q), n, at)


def _over_time(
    found: Answers,
    source: Source,
    name: str,
    value: str,
    window: Window,
    axis: Axis,
    keep: Filter,
) -> None:
    counted = {}
    for (bucket,), (n, values) in source.quantiles(
        "run", value, QUANTILES, window, keep, axis=axis
    ).items():
        counted[bucket] = n
        for q, at in values.items():
            found.add_quantile((f"{name}_over_time", bucket, q), n, at)
    for (bucket,), sums in source.sums("run", ["n"], window, keep, axis=axis).items():
        found.add((f"{name}_over_time", "n", bucket), counted.get(bucket, 0))
        found.add((f"{name}_over_time", "left_out", bucket), sums["n"] - counted.get(bucket, 0))


def _tables(found: Answers, source: Source, window: Window, keep: Filter) -> None:
    measures: tuple[tuple[Fact, str, tuple[str, ...]], ...] = (
        ("run", "agent", _AGENT),
        ("call", "model", (*_MODEL, *_KNOWN["output"], *_KNOWN["cost"])),
    )
    for fact, dimension, names in measures:
        for (group,), sums in source.sums(fact, names, window, keep, [dimension]).items():
            for part, value in sums.items():
                found.add((f"by_{dimension}", group, part), value)
        for name, value_of in (("ttft", "first_token_us"), ("latency", "duration_us")):
            for (group,), (n, values) in source.quantiles(
                fact, value_of, TWO, window, keep, [dimension]
            ).items():
                for q, at in values.items():
                    found.add_quantile((f"by_{dimension}", group, name, q), n, at)


# -- the product's answers


def ours(answers: Mapping[str, Any]) -> Answers:
    """What `bench.dashboard_page.ask` got, in the same form."""
    found = Answers()
    report = answers["kpis"]
    for period in ("current", "previous"):
        if (kpis := getattr(report, period)) is not None:
            _our_kpis(found, period, kpis)
    status = answers["runs_by_status"]
    for name, values in status.values.items():
        for bucket, n in enumerate(values):
            found.add(("runs_by_status", name, bucket), n)
    for name in ("ttft", "latency"):
        series = answers[f"{name}_over_time"]
        for bucket, n in enumerate(series.n):
            found.add((f"{name}_over_time", "n", bucket), n)
            found.add((f"{name}_over_time", "left_out", bucket), series.left_out[bucket])
            for q, line in series.values.items():
                found.add_quantile((f"{name}_over_time", bucket, q), n, line[bucket])
    for name in ("tokens", "cost"):
        sums = answers[f"{name}_over_time"]
        for model, line in {**sums.values, "missing": sums.missing}.items():
            for bucket, value in enumerate(line):
                found.add((f"{name}_over_time", model, bucket), value)
    _our_tables(found, answers)
    _our_rest(found, answers)
    return found


def _our_kpis(found: Answers, period: str, kpis: Any) -> None:
    for name in ("ok", "cancelled", "interrupted", "running", "users"):
        found.add(("kpis", period, name), getattr(kpis, name))
    found.add(("kpis", period, "n"), kpis.runs)
    found.add(("kpis", period, "failed"), kpis.failure.k)
    for name, known in (
        ("cost", kpis.cost),
        ("input", kpis.input_tokens),
        ("output", kpis.output_tokens),
    ):
        _our_known(found, ("kpis", period), name, known)
    _our_speed(found, ("kpis", period), kpis.speed)
    for name in ("ttft", "latency"):
        for part in ("p50", "p95"):
            value = getattr(kpis, f"{name}_{part}")
            found.add_quantile(("kpis", period, name, value.q), value.n, value.value)


def _our_known(found: Answers, key: Key, name: str, known: Any) -> None:
    found.add((*key, name), known.value)
    found.add((*key, f"{name}_known"), known.known)
    found.add((*key, f"{name}_of"), known.of)


def _our_speed(found: Answers, key: Key, speed: Any) -> None:
    for name, part in zip(_SPEED, ("tokens", "us", "n"), strict=True):
        found.add((*key, name), getattr(speed, part))


def _our_tables(found: Answers, answers: Mapping[str, Any]) -> None:
    for dimension in ("agent", "model"):
        for row in answers[f"by_{dimension}"]:
            group = getattr(row, dimension)
            key = (f"by_{dimension}", group)
            for name in ("ttft", "latency"):
                for part in ("p50", "p95"):
                    value = getattr(row, f"{name}_{part}")
                    found.add_quantile((*key, name, value.q), value.n, value.value)
            found.add((*key, "cancelled"), row.cancelled)
            if dimension == "agent":
                found.add((*key, "n"), row.runs)
                found.add((*key, "failed"), row.failure.k)
                found.add((*key, "ok"), row.failure.n - row.failure.k)
                found.add((*key, "cost"), row.cost.value)
                found.add((*key, "cost_complete"), row.cost.known)
                found.add((*key, "tokens"), row.tokens.value)
                found.add((*key, "usage_complete"), row.tokens.known)
                found.add((*key, "fallbacks"), row.fallbacks)
                continue
            found.add((*key, "n"), row.attempts)
            found.add((*key, "error"), row.error.k)
            found.add((*key, "ok"), row.error.n - row.error.k)
            found.add((*key, "cache_read"), row.cache_read_tokens.value)
            _our_known(found, key, "cost", row.cost)
            _our_known(found, key, "input", row.input_tokens)
            _our_known(found, key, "output", row.output_tokens)
            _our_speed(found, key, row.speed)


def _our_rest(found: Answers, answers: Mapping[str, Any]) -> None:
    quality = answers["data_quality"]
    for name, value in (
        ("due", quality.priced.n),
        ("reported", quality.provider_usage.k),
        ("cost_known", quality.priced.k),
        ("streamed", quality.first_token.k),
        ("ok", quality.first_token.n),
        ("contradictory", quality.contradictory),
        ("free_but_used", quality.free_but_used),
        ("lost", quality.lost_runs),
        ("running", quality.running_runs),
    ):
        found.add(("data_quality", name), value)
    shares = answers["time_shares"].everything
    found.add(("time_shares", "ok"), shares.n)
    for name in SHARES:
        found.add(("time_shares", name), getattr(shares, name))
    found.add(("recent_runs",), tuple(row.run_id for row in answers["recent_runs"]))
    found.add(("slowest_runs",), tuple(row.run.run_id for row in answers["slowest_runs"]))
    for name in FACETS:
        found.add(("facets", name), getattr(answers["facets"], name))


@dataclass(frozen=True)
class Difference:
    """What two pages say differently."""

    wrong: tuple[str, ...]
    """Counts, sums and names that are not equal."""
    largest_error: float
    """Of any percentile that rests on enough values, as a share of the exact one."""
    where: Key
    compared: int
    """Percentiles that rested on enough."""


def compare(got: Answers, exact: Answers) -> Difference:
    """The first against the second. Lists only when both have them."""
    optional = {("recent_runs",), ("slowest_runs",)}
    keys = (got.exact.keys() | exact.exact.keys()) - {
        key for key in optional if key not in got.exact or key not in exact.exact
    }
    wrong = [
        f"{key}: {got.exact.get(key)} instead of {exact.exact.get(key)}"
        for key in keys
        if got.exact.get(key) != exact.exact.get(key)
    ]
    worst, where, compared = 0.0, (), 0
    for key, (n, value) in exact.quantiles.items():
        found = got.quantiles.get(key)
        if found is None or found[0] != n:
            wrong.append(f"{key}: rests on {found and found[0]} instead of {n}")
            continue
        if n < minimum_n(key[-1]):
            continue
        compared += 1
        error = abs(found[1] - value) / value if value else float(found[1] != 0)
        if error > worst:
            worst, where = error, key
    wrong += [f"{key}: not in the rows" for key in got.quantiles.keys() - exact.quantiles.keys()]
    return Difference(tuple(sorted(wrong)), worst, where, compared)
