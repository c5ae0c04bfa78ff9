"""Makes a report of a kind, a period and a filter."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from analytics.queries import Filter, Queries
from analytics.queries.scope import FILTERED
from analytics.reports import incident, monthly, protection, runs
from analytics.reports.desk import Desk
from analytics.reports.document import Report, ReportKind, Section
from analytics.reports.drivers import cost_drivers
from analytics.reports.errors import errors
from analytics.reports.key_figures import key_figures, quality
from analytics.reports.over_time import over_time
from analytics.reports.periods import Period
from analytics.reports.watched import alerts, budgets, releases
from core.catalog import Catalog
from core.settings import Settings


def make_report(
    queries: Queries,
    settings: Settings,
    catalog: Catalog,
    period: Period,
    keep: Filter | None = None,
    now_us: int | None = None,
) -> Report:
    """The report of a period; `keep`'s range is replaced by it. Raises StorageError."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    given = keep or Filter()
    desk = Desk(
        queries=queries,
        settings=settings,
        catalog=catalog,
        period=period,
        keep=replace(
            given, range="24h", since_us=period.since_us, until_us=max(period.until_us, 1)
        ),
        now_us=now,
    )
    return Report(
        kind=period.kind,
        period=period.words,
        since_us=period.since_us,
        until_us=period.until_us,
        zone=queries.zone.key,
        made_at_us=now,
        filters={name: values for name in FILTERED if (values := getattr(given, name))},
        sections=_SECTIONS[period.kind](desk),
        remarks=_remarks(desk),
        ledger=monthly.ledger(desk) if period.kind == "monthly" else None,
    )


def _remarks(desk: Desk) -> tuple[str, ...]:
    if desk.period.kind == "data":
        return ()
    remarks = []
    if not desk.over:
        remarks.append("The period is not over: these are its figures up to now.")
    if desk.first_run_us() >= desk.now_us - 1:
        remarks.append("Nothing has been recorded yet.")
    elif desk.first_run_us() > desk.period.since_us:
        remarks.append("Recording began after this period did.")
    return tuple(remarks)


def _daily(desk: Desk) -> tuple[Section, ...]:
    return _given(
        key_figures(desk),
        over_time(desk, "1h"),
        errors(desk),
        alerts(desk),
        budgets(desk),
        quality(desk),
    )


def _weekly(desk: Desk) -> tuple[Section, ...]:
    single = Section(title="Worst and slowest runs", blocks=(runs.worst(desk), runs.slowest(desk)))
    return _given(
        key_figures(desk),
        over_time(desk, "day"),
        releases(desk),
        cost_drivers(desk),
        single,
        errors(desk),
        budgets(desk),
        quality(desk),
    )


def _given(*sections: Section | None) -> tuple[Section, ...]:
    return tuple(section for section in sections if section is not None)


_SECTIONS: dict[ReportKind, Callable[[Desk], tuple[Section, ...]]] = {
    "daily": _daily,
    "weekly": _weekly,
    "monthly": monthly.sections,
    "incident": incident.sections,
    "data": protection.sections,
}
