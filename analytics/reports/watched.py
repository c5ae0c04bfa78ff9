"""What other parts of analytics noted down: alerts, releases, budgets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select

from analytics.budgets.definition import EACH, Budget
from analytics.budgets.period import window_of
from analytics.budgets.store import budgets as stored
from analytics.queries import Filter
from analytics.reports.desk import Desk
from analytics.reports.document import Column, Section, Table
from analytics.reports.drivers import spending
from analytics.schema import alert_event, annotation

_Use = tuple[str, str, str, str, int, int, float, int]
MOST = 50


def alerts(desk: Desk) -> Section:
    """What alert rules said in the period."""
    found = _rows(
        desk,
        select(alert_event)
        .where(
            alert_event.c.at_us >= desk.period.since_us, alert_event.c.at_us < desk.period.until_us
        )
        .order_by(alert_event.c.at_us.desc())
        .limit(MOST + 1),
    )
    rows = [(row["at_us"], row["rule_name"], row["state"], row["message"]) for row in found]
    table = Table(
        name="Alerts and anomalies",
        columns=(
            Column(name="Time", unit="moment", key=True),
            Column(name="Rule", key=True),
            Column(name="State"),
            Column(name="Message"),
        ),
        rows=rows[:MOST],
        note=f"Showing the newest {MOST}." if len(rows) > MOST else "",
        empty="No alert rule said anything.",
    )
    return Section(title="Alerts and anomalies", blocks=(table,))


def releases(desk: Desk) -> Section:
    """Versions that began to record in the period, and notes people left."""
    found = _rows(
        desk,
        select(annotation)
        .where(
            annotation.c.at_us >= desk.period.since_us, annotation.c.at_us < desk.period.until_us
        )
        .order_by(annotation.c.at_us)
        .limit(MOST),
    )
    table = Table(
        name="Releases and notes",
        columns=(
            Column(name="Time", unit="moment", key=True),
            Column(name="Kind"),
            Column(name="Label", key=True),
        ),
        rows=[(row["at_us"], row["kind"], row["label"]) for row in found],
        empty="No release and no note.",
    )
    return Section(title="Releases and notes", blocks=(table,))


def budgets(desk: Desk) -> Section | None:
    """How much of each budget is used, at the end of the period; None without budgets."""
    found = [budget for budget in desk.ask(lambda ask: stored(ask.reader)) if budget.enabled]
    if not found:
        return None
    at_us = min(desk.now_us, desk.period.until_us) - 1
    rows = [row for budget in found for row in _uses(desk, budget, at_us)]
    ranked = sorted(rows, key=lambda row: -row[-2])
    note = (
        "The day or month in which the period of this report ends, up to that end, without filter."
    )
    if len(ranked) > MOST:
        note += f" Showing the {MOST} most used of {len(ranked)}."
    table = Table(
        name="Budgets",
        columns=(
            Column(name="Budget", key=True),
            Column(name="For", key=True),
            Column(name="Per", key=True),
            Column(name="Kind"),
            Column(name="Limit", unit="pusd"),
            Column(name="Used", unit="pusd"),
            Column(name="Used of it", unit="share"),
            Column(name="Unpriced calls", unit="count"),
        ),
        rows=ranked[:MOST],
        note=note,
    )
    return Section(title="Budgets", blocks=(table,))


def _uses(desk: Desk, budget: Budget, at_us: int) -> Iterator[_Use]:
    """One row for the app or a named target; one for each that spent when each has its own."""
    asked = budget.definition
    since = window_of(asked.period, at_us, desk.zone).since_us
    only: dict[str, Any] = {}
    if asked.scope != "app" and asked.target != EACH:
        only = {asked.scope: (asked.target,)}
    within = replace(desk, keep=Filter(since_us=since, until_us=max(at_us + 1, since + 1), **only))
    by = () if asked.scope == "app" or only else (asked.scope,)
    for group, spent in spending(within, by).items():
        target = group[0] if group else only.get(asked.scope, ("the whole app",))[0]
        if target is None:
            continue
        used = spent.pusd or 0
        share = used / asked.limit_pusd
        yield (budget.name, target, asked.period, asked.kind, asked.limit_pusd, used, share,
               spent.unpriced)  # fmt: skip


def _rows(desk: Desk, statement: Select[Any]) -> list[dict[str, Any]]:
    return desk.ask(lambda ask: ask.reader.rows(statement))
