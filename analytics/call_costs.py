"""The cost columns of single calls: what they would say by a catalogue, and how they are changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, bindparam, func, select, update

from analytics.blocks import touch
from analytics.schema import llm_call, run
from core.catalog import Catalog
from core.pricing import Cost, price_call
from core.usage import Usage, UsageSource

Row = Mapping[str, Any]

_PARTS = ("input", "cache_read", "cache_write", "output", "reasoning", "other")
_COSTS = (*(f"cost_{part}_pusd" for part in _PARTS), "cost_pusd")
KEPT = (*_COSTS, "price_id", "cost_quality", "cost_why")
"""What a price decides."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READ = (
    "run_id",
    "call_id",
    "started_at_us",
    "request_model",
    "region",
    "service_tier",
    "usage_input_tokens",
    "usage_cache_read_input_tokens",
    "usage_cache_write_input_tokens",
    "usage_cache_write_5m_tokens",
    "usage_cache_write_1h_tokens",
    "usage_output_tokens",
    "usage_reasoning_output_tokens",
    "usage_source",
    "usage_problems",
    *KEPT,
)


def new_cost(row: Row, catalog: Catalog) -> Cost | None:
    """What a call costs by the catalogue; None when that is what it says already, or nothing."""
    if row["cost_pusd"] is not None and row["price_id"] is None:
        return None
    cost = price_call(
        catalog,
        row["request_model"],
        _usage(row),
        region=row["region"],
        at=_EPOCH + timedelta(microseconds=row["started_at_us"]),
        other_pusd=row["cost_other_pusd"] or 0,
    )
    if cost.total_pusd is None:
        return None
    changed = columns_of(cost)
    return cost if any(changed[name] != row[name] for name in _COSTS) else None


def _usage(row: Row) -> Usage:
    return Usage(
        input_tokens=row["usage_input_tokens"],
        cache_read=row["usage_cache_read_input_tokens"],
        cache_write=row["usage_cache_write_input_tokens"],
        cache_write_5m=row["usage_cache_write_5m_tokens"],
        cache_write_1h=row["usage_cache_write_1h_tokens"],
        output_tokens=row["usage_output_tokens"],
        reasoning_tokens=row["usage_reasoning_output_tokens"],
        source=cast(UsageSource, row["usage_source"]),
        problems=tuple(json.loads(row["usage_problems"])) if row["usage_problems"] else (),
        service_tier=row["service_tier"],
    )


def columns_of(cost: Cost) -> dict[str, Any]:
    return {
        **{f"cost_{part}_pusd": getattr(cost, f"{part}_pusd") for part in _PARTS},
        "cost_pusd": cost.total_pusd,
        "price_id": cost.price_id,
        "cost_quality": cost.quality,
        "cost_why": cost.why,
    }


def write_costs(connection: Connection, changes: Sequence[tuple[Row, Mapping[str, Any]]]) -> None:
    """New costs of calls, the sums of their runs, and a word to the figures."""
    if not changes:
        return
    this = (llm_call.c.run_id == bindparam("of_run"), llm_call.c.call_id == bindparam("of_call"))
    new = update(llm_call).where(*this).values({name: bindparam(f"new_{name}") for name in KEPT})
    connection.execute(
        new,
        [
            {"of_run": row["run_id"], "of_call": row["call_id"]}
            | {f"new_{name}": values[name] for name in KEPT}
            for row, values in changes
        ],
    )
    run_ids = sorted({row["run_id"] for row, _ in changes})
    times = [row["started_at_us"] for row, _ in changes]
    touch(connection, [*times, *_sum_up(connection, run_ids)])


def _sum_up(connection: Connection, run_ids: Sequence[str]) -> Iterable[int]:
    """Makes the sums of runs anew from their calls, by the rule of `call_rows.totals`. Gives when
    the runs started."""
    c = llm_call.c
    sums = connection.execute(
        select(c.run_id, func.sum(c.cost_pusd), func.count(), func.count(c.cost_pusd))
        .where(c.run_id.in_(run_ids), c.usage_due == 1)
        .group_by(c.run_id)
    ).all()
    rows = [
        {"key": run_id, "sum": int(cost) if known else None, "complete": int(known == due)}
        for run_id, cost, due, known in sums
    ]
    values: dict[str, Any] = {"cost_pusd": bindparam("sum"), "cost_complete": bindparam("complete")}
    if rows:
        connection.execute(update(run).where(run.c.run_id == bindparam("key")).values(values), rows)
    started = select(run.c.started_at_us).where(run.c.run_id.in_(run_ids))
    return connection.execute(started).scalars().all()
