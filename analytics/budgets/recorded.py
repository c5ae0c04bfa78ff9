"""What the database says was spent: by app, user, model and agent, in the current day and month."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import Select, select

from analytics.budgets.definition import Budget, PeriodName, Scope
from analytics.budgets.period import window_of
from analytics.budgets.quota import Amount, used_by_user
from analytics.budgets.store import budgets
from analytics.queries import Ask, Filter, Queries
from analytics.queries.ask import known_names
from analytics.schema import run
from analytics.timeaxis import Window

TRIES = 3
CHUNK = 500
Split = tuple[Scope, PeriodName]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Known cost, and how many calls have no price."""

    pusd: int = 0
    unpriced: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A consistent reading."""

    version: int
    budgets: tuple[Budget, ...] = ()
    windows: Mapping[PeriodName, Window]
    spent: Mapping[Split, Mapping[str, Spent]]
    used: Mapping[str, Amount]
    """What people used of today's quota; empty when there is none."""
    landed: frozenset[str] = frozenset()
    """Of the runs that were asked for, those whose costs are in `spent`."""


def read(
    queries: Queries,
    ended: Collection[str],
    now_us: int,
    before: Recorded | None = None,
    *,
    quota: bool = False,
) -> Recorded:
    """Raises StorageError. `before`: the last reading, which holds while nothing changes. `quota`:
    whether what people used today is read as well.

    Which runs have landed is read before the sums, so no cost is missed; when something was
    committed in between, both are read again, so none is counted twice.
    """
    if (
        before is not None
        and before.version == queries.data_version()
        and before.windows == _windows(queries, now_us)
    ):
        return replace(before, landed=frozenset())
    found = _read(queries, ended, now_us, quota)
    for _ in range(TRIES - 1):
        if queries.data_version() == found.version:
            break
        found = _read(queries, ended, now_us, quota)
    return found


def _read(queries: Queries, ended: Collection[str], now_us: int, quota: bool) -> Recorded:
    version = queries.data_version()
    known = queries.ask(lambda ask: budgets(ask.reader), Filter())
    landed = _landed(queries, list(ended))
    windows = _windows(queries, now_us)
    splits = {(b.definition.scope, b.definition.period) for b in known}
    return Recorded(
        version=version,
        budgets=known,
        windows=windows,
        spent={split: _sums(queries, split[0], windows[split[1]]) for split in splits},
        used=queries.ask(used_by_user, _filter(windows["day"])) if quota else {},
        landed=landed,
    )


def _windows(queries: Queries, now_us: int) -> dict[PeriodName, Window]:
    return {
        "day": window_of("day", now_us, queries.zone),
        "month": window_of("month", now_us, queries.zone),
    }


def _sums(queries: Queries, scope: Scope, window: Window) -> dict[str, Spent]:
    return queries.ask(lambda ask: _by_target(ask, scope), _filter(window))


def _filter(window: Window) -> Filter:
    return Filter(since_us=window.since_us, until_us=window.until_us)


def _by_target(ask: Ask, scope: Scope) -> dict[str, Spent]:
    names = known_names("cost")
    by = () if scope == "app" else (scope,)
    sums = ask.facts.sums("call", ask.scope, names, by)
    return {
        "".join(name or "" for name in group): Spent(
            pusd=sums.of(place, "cost_pusd"),
            unpriced=sums.of(place, "cost_of") - sums.of(place, "cost_known"),
        )
        for place, group in enumerate(sums.groups)
    }


def _landed(queries: Queries, run_ids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for start in range(0, len(run_ids), CHUNK):
        part = run_ids[start : start + CHUNK]
        statement = select(run.c.run_id).where(run.c.run_id.in_(part), run.c.status != "running")
        rows = queries.ask(partial(_rows, statement), Filter())
        found |= {str(row["run_id"]) for row in rows}
    return frozenset(found)


def _rows(statement: Select[Any], ask: Ask) -> list[dict[str, Any]]:
    return ask.reader.rows(statement)
