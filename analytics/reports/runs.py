"""Single runs in reports: the slowest, those that went wrong. Never what was asked or answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, or_, text

from analytics.metrics import FAILED, OK
from analytics.queries import Ask
from analytics.reports.desk import Desk
from analytics.reports.document import Column, Raw, Table
from analytics.schema import run

_COLUMNS = (
    Column(name="Started", unit="moment"),
    Column(name="Status", unit="status"),
    Column(name="Error", unit="error"),
    Column(name="Agent", unit="agent"),
    Column(name="Model", unit="model"),
    Column(name="First token", unit="us"),
    Column(name="Latency", unit="us"),
    Column(name="Cost", unit="pusd"),
    Column(name="Run", unit="id", key=True),  # last: the widest one says least
)
_SHOWN = (
    run.c.started_at_us,
    run.c.status,
    run.c.error_type,
    run.c.agent_name,
    run.c.answer_model,
    run.c.first_token_us,
    run.c.duration_us,
    run.c.cost_pusd,
    run.c.run_id,
)
AFFECTED = 100
# As the partial index says it: SQLite compares literally.
_NOT_OK = text("status <> 'ok'")


def slowest(desk: Desk, limit: int = 10) -> Table:
    """Successful runs that took longest."""
    rows = _runs(desk, [run.c.status == OK], run.c.duration_us.desc(), limit)
    return _table("Slowest runs", rows, f"The {len(rows)} slowest of those that completed.")


def worst(desk: Desk, limit: int = 10) -> Table:
    """Failed runs, those first in which a person waited longest."""
    failed: list[Any] = [run.c.status.in_(FAILED), _NOT_OK]
    rows = _runs(desk, failed, run.c.duration_us.desc().nulls_last(), limit)
    return _table("Worst runs", rows, f"The {len(rows)} failed runs with the longest wait.")


def affected(desk: Desk) -> Table:
    """Runs that failed, missed the service level, or needed another attempt."""
    hurt = [
        or_(run.c.status.in_(FAILED), run.c.slo_met == 0, run.c.failed_attempts > 0),
    ]
    rows = _runs(desk, hurt, run.c.started_at_us, AFFECTED)
    count = _count(desk, hurt)
    note = f"{count:,} of {_count(desk, []):,} runs failed, missed the service level or needed "
    note += "another attempt."
    if count > len(rows):
        note += f" Showing the first {len(rows)}."
    return _table("Affected runs", rows, note)


def _table(name: str, rows: list[tuple[Raw, ...]], note: str) -> Table:
    return Table(
        name=name, columns=_COLUMNS, rows=rows, note=note if rows else "", empty="No such run."
    )


def _runs(
    desk: Desk, conditions: list[Any], order: ColumnElement[Any], limit: int
) -> list[tuple[Raw, ...]]:
    def question(ask: Ask) -> list[tuple[Raw, ...]]:
        found = ask.scope.of("run").where(*conditions).with_only_columns(*_SHOWN)
        rows = ask.reader.rows(found.order_by(order, run.c.run_id).limit(limit))
        return [tuple(row.values()) for row in rows]

    return desk.ask(question)


def _count(desk: Desk, conditions: list[Any]) -> int:
    def question(ask: Ask) -> int:
        counted = ask.scope.of("run").where(*conditions)
        rows = ask.reader.rows(counted.with_only_columns(func.count().label("n")))
        return int(rows[0]["n"]) if rows else 0

    return desk.ask(question)
