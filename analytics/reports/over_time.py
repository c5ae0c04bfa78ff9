"""Charts over time: runs by status, waiting times, cost by model."""

from __future__ import annotations

from typing import Any, Literal

from analytics.intervals import minimum_n
from analytics.queries import Ask
from analytics.queries.ask import known_names
from analytics.reports.desk import Desk, labels
from analytics.reports.document import Chart, Section, Series
from analytics.timeaxis import Axis, BucketSize

STATUS_COLORS = {
    "ok": "#009E73",
    "error": "#D55E00",
    "timeout": "#E69F00",
    "lost": "#CC79A7",
    "refused_budget": "#F0E442",
    "cancelled": "#8A9499",
    "interrupted": "#56B4E9",
    "running": "#0072B2",
}
OTHER_COLOR = "#8A9499"
_QUANTILES = {0.5: ("p50", "#009E73"), 0.95: ("p95", "#E69F00")}
_TIMES = {
    "first_token_us": ("First token", "How long do people wait for the first word?"),
    "duration_us": ("Latency", "How long until an answer is complete?"),
}
MODELS_IN_CHART = 6


def over_time(desk: Desk, size: BucketSize) -> Section:
    """Runs by status, waiting times and cost over time."""
    return Section(
        title="Over time",
        about=f"Hours and days of {desk.zone.key}. Pale: not a whole one, or too few runs.",
        blocks=(
            runs_chart(desk, size),
            cost_chart(desk, size),
            times_chart(desk, size, "first_token_us"),
            times_chart(desk, size, "duration_us"),
        ),
    )


def runs_chart(desk: Desk, size: BucketSize | None) -> Chart:
    def question(ask: Ask) -> Chart:
        axis = ask.axis if size is None else ask.axis_by(size)
        sums = ask.facts.sums("run", ask.scope, ["n"], by=["status"], axis=axis)
        found = {name or "unknown": group for group, (name,) in enumerate(sums.groups)}
        return Chart(
            **_frame("Runs by status", "How much was asked, and how did it end?", axis, desk),
            kind="bars",
            unit="count",
            names="status",
            series=tuple(
                Series(
                    name=name,
                    color=STATUS_COLORS.get(name, OTHER_COLOR),
                    values=sums.over_time(found[name], "n"),
                )
                for name in sorted(found, key=_status_order)
            ),
            n=sums.by_bucket("n"),
        )

    return desk.ask(question)


def _status_order(name: str) -> tuple[int, str]:
    order = list(STATUS_COLORS)
    return (order.index(name) if name in order else len(order), name)


def times_chart(
    desk: Desk, size: BucketSize | None, measure: Literal["first_token_us", "duration_us"]
) -> Chart:
    name, about = _TIMES[measure]

    def question(ask: Ask) -> Chart:
        axis = ask.axis if size is None else ask.axis_by(size)
        spread = ask.facts.spread("run", ask.scope, measure, axis=axis)
        n = tuple(spread.n[0].tolist())
        return Chart(
            **_frame(name, about, axis, desk),
            kind="lines",
            unit="us",
            series=tuple(
                Series(
                    name=title,
                    color=color,
                    values=tuple(None if v != v else v for v in spread.quantiles(q)[0].tolist()),
                    sound=tuple(rests >= minimum_n(q) for rests in n),
                )
                for q, (title, color) in _QUANTILES.items()
            ),
            n=n,
        )

    return desk.ask(question)


def cost_chart(desk: Desk, size: BucketSize | None) -> Chart:
    def question(ask: Ask) -> Chart:
        axis = ask.axis if size is None else ask.axis_by(size)
        sums = ask.facts.sums("call", ask.scope, known_names("cost"), by=["model"], axis=axis)
        groups = sorted(
            range(len(sums.groups)), key=lambda g: (-sums.of(g, "cost_pusd"), sums.groups[g])
        )
        groups = [g for g in groups if sums.of(g, "cost_pusd")]
        drawn, rest = groups[:MODELS_IN_CHART], groups[MODELS_IN_CHART:]
        series = [
            Series(
                name=desk.catalog.display_name(sums.groups[g][0] or "unknown"),
                color=desk.catalog.color(sums.groups[g][0] or "unknown"),
                values=sums.over_time(g, "cost_pusd"),
            )
            for g in drawn
        ]
        if rest:
            others = [
                sum(parts)
                for parts in zip(*(sums.over_time(g, "cost_pusd") for g in rest), strict=True)
            ]
            series.append(
                Series(name=f"{len(rest)} others", color=OTHER_COLOR, values=tuple(others))
            )
        unpriced = sums.total("cost_of") - sums.total("cost_known")
        return Chart(
            **_frame("Cost by model", "Which models is the money spent on?", axis, desk),
            kind="bars",
            unit="pusd",
            series=tuple(series),
            n=sums.by_bucket("cost_known"),
            note=f"{unpriced:,} calls have no known price and are not in it." if unpriced else "",
        )

    return desk.ask(question)


def _frame(name: str, question: str, axis: Axis, desk: Desk) -> dict[str, Any]:
    return {
        "name": name,
        "question": question,
        "starts_us": tuple(bucket.start_us for bucket in axis.buckets),
        "labels": labels(axis.buckets, axis.size, desk.zone),
        "cut": tuple(
            bucket.partial or bucket.start_us <= desk.now_us < bucket.end_us
            for bucket in axis.buckets
        ),
    }
