"""Incident report: what happened in a window, to whom, and what it used up of the service level."""

from __future__ import annotations

from dataclasses import replace

from analytics.intervals import minimum_n
from analytics.metrics import Rate
from analytics.queries import Ask
from analytics.queries.ask import share
from analytics.reports import runs
from analytics.reports.desk import Desk, labels
from analytics.reports.document import Chart, Column, Figure, Figures, Raw, Section, Series, Table
from analytics.reports.errors import errors
from analytics.reports.key_figures import kept_level, key_figures
from analytics.reports.over_time import OTHER_COLOR, runs_chart, times_chart
from analytics.reports.watched import alerts, releases
from analytics.timeaxis import DAY_US, MINUTE_US, BucketSize

BUDGET_DAYS = 30
_PALETTE = ("#D55E00", "#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#009E73")


def sections(desk: Desk) -> tuple[Section, ...]:
    """From the burn of the service level down to single runs."""
    size = step(desk.period.until_us - desk.period.since_us)
    return (
        key_figures(desk),
        burn(desk),
        Section(
            title="Timeline",
            about=f"Times are in {desk.zone.key}.",
            blocks=(
                runs_chart(desk, size),
                _provider_chart(desk, size),
                times_chart(desk, size, "first_token_us"),
                times_chart(desk, size, "duration_us"),
                timeline(desk, size),
            ),
        ),
        Section(title="Providers", blocks=(_providers(desk),)),
        errors(desk),
        Section(title="Affected runs", blocks=(runs.affected(desk),)),
        alerts(desk),
        releases(desk),
    )


def step(length_us: int) -> BucketSize | None:
    """Minutes up to two hours, five minutes up to ten, then what gives at most 100 buckets."""
    if length_us <= 120 * MINUTE_US:
        return "1m"
    return "5m" if length_us <= 600 * MINUTE_US else None


def burn(desk: Desk) -> Section:
    """How much of what the target allows to go wrong was used up."""
    target = desk.settings.slo_target
    level = kept_level(desk)
    month = kept_level(
        replace(
            desk,
            keep=replace(desk.keep, since_us=max(0, desk.period.until_us - BUDGET_DAYS * DAY_US)),
        )
    )
    missed, allowed = level.n - level.k, (1 - target) * month.n
    return Section(
        title="Service level",
        about=f"Target: {target * 100:.1f} % of runs within the limits. A burn rate of 1 uses up exactly "
        "what the target allows.",
        blocks=(
            Figures(
                items=(
                    Figure(name="Kept", value=level.share, unit="share", note=f"{level.k:,} of {level.n:,} runs"),
                    Figure(name="Missed", value=missed, unit="count", note="failed or too slow"),
                    Figure(
                        name="Burn rate", value=burn_rate(level, target), unit="text",
                        definition="(1 - kept) / (1 - target)",
                    ),
                    Figure(
                        name=f"Used of {BUDGET_DAYS} days' allowance",
                        value=missed / allowed if allowed else None,
                        unit="share",
                        note=f"{missed:,} of {allowed:,.1f} runs that may miss",
                        definition="Missed in the window / (1 - target) of the runs of the "
                        f"{BUDGET_DAYS} days up to its end.",
                    ),
                )
            ),
        ),
    )  # fmt: skip


def burn_rate(level: Rate, target: float) -> float | None:
    """How many times faster than allowed; None without runs."""
    return None if level.share is None else round((1 - level.share) / (1 - target), 2)


def timeline(desk: Desk, size: BucketSize | None) -> Table:
    """One row per bucket in which something ran."""

    def question(ask: Ask) -> list[tuple[Raw, ...]]:
        axis = ask.axis if size is None else ask.axis_by(size)
        of_runs = ["n", "ok", "failed", "cancelled", "fallback_runs", "slo_of", "slo_met"]
        sums = ask.facts.sums("run", ask.scope, of_runs, axis=axis)
        calls = ask.facts.sums("call", ask.scope, ["n", "error"], axis=axis)
        first = ask.facts.spread("run", ask.scope, "first_token_us", axis=axis)
        p50 = [None if v != v else v for v in first.quantiles(0.5)[0].tolist()]
        columns = {name: sums.by_bucket(name) for name in of_runs}
        tried, failed = calls.by_bucket("n"), calls.by_bucket("error")
        return [
            (
                bucket.start_us,
                columns["n"][k],
                columns["ok"][k],
                columns["failed"][k],
                columns["cancelled"][k],
                columns["fallback_runs"][k],
                columns["slo_of"][k] - columns["slo_met"][k],
                tried[k],
                failed[k],
                p50[k],
            )
            for k, bucket in enumerate(axis.buckets)
            if columns["n"][k] or tried[k]
        ]

    return Table(
        name="Timeline",
        columns=(
            Column(name="From", unit="moment", key=True),
            Column(name="Runs", unit="count"),
            Column(name="Completed", unit="count"),
            Column(name="Failed", unit="count"),
            Column(name="Stopped", unit="count"),
            Column(name="Moved to another model", unit="count"),
            Column(name="Missed the service level", unit="count"),
            Column(name="Attempts", unit="count"),
            Column(name="Failed attempts", unit="count"),
            Column(name="First token, p50", unit="us"),
        ),
        rows=desk.ask(question),
        note="Times without any run are left out.",
        empty="Nothing ran.",
    )


def _providers(desk: Desk) -> Table:
    def question(ask: Ask) -> list[tuple[Raw, ...]]:
        by = ["provider", "model"]
        sums = ask.facts.sums("call", ask.scope, ["n", "ok", "error", "cancelled"], by=by)
        first = ask.facts.spread("call", ask.scope, "first_token_us", by=by)
        places = {group: g for g, group in enumerate(first.groups)}
        rows: list[tuple[Raw, ...]] = []
        for g, group in enumerate(sums.groups):
            failed = share(sums, "error", "n", g)
            ended = Rate(k=failed.k, n=failed.k + sums.of(g, "ok"))
            p95 = first.percentile(0.95, places[group]) if group in places else None
            rows.append(
                (
                    group[0] or "unknown",
                    group[1] or "unknown",
                    sums.of(g, "n"),
                    sums.of(g, "error"),
                    sums.of(g, "cancelled"),
                    ended.share,
                    p95.value if p95 is not None and p95.enough else None,
                )
            )
        return sorted(rows, key=lambda row: (-int(row[3] or 0), -int(row[2] or 0), str(row)))

    return Table(
        name="Attempts by provider and model",
        columns=(
            Column(name="Provider", key=True),
            Column(name="Model", unit="model", key=True),
            Column(name="Attempts", unit="count"),
            Column(name="Failed", unit="count"),
            Column(name="Stopped", unit="count"),
            Column(name="Error rate", unit="share"),
            Column(name="First token, p95", unit="us"),
        ),
        rows=desk.ask(question),
        note=f"Error rate: failed / (completed + failed). p95: from {minimum_n(0.95)} attempts on.",
        empty="No attempt was made.",
    )


def _provider_chart(desk: Desk, size: BucketSize | None) -> Chart:
    def question(ask: Ask) -> Chart:
        axis = ask.axis if size is None else ask.axis_by(size)
        sums = ask.facts.sums("call", ask.scope, ["n", "error"], by=["provider"], axis=axis)
        named = sorted(
            (name or "unknown", g) for g, (name,) in enumerate(sums.groups) if sums.of(g, "error")
        )
        return Chart(
            name="Failed attempts by provider",
            question="Who did not answer, and when?",
            kind="bars",
            unit="count",
            starts_us=tuple(bucket.start_us for bucket in axis.buckets),
            labels=labels(axis.buckets, axis.size, desk.zone),
            cut=tuple(bucket.partial for bucket in axis.buckets),
            series=tuple(
                Series(
                    name=name,
                    color=_PALETTE[k] if k < len(_PALETTE) else OTHER_COLOR,
                    values=sums.over_time(g, "error"),
                )
                for k, (name, g) in enumerate(named)
            ),
            n=sums.by_bucket("n"),
        )

    return desk.ask(question)
