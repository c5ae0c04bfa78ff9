"""How far evaluations are and what they have cost, counted from their cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, func, select

from agents.evaluation.tables import cell, judgement
from agents.evaluation.values import Progress


def progress_of(connection: Connection, ids: Sequence[str]) -> dict[str, Progress]:
    def counted(table: Any, status: str) -> Any:
        return func.sum(case((table.c.status == status, 1), else_=0))

    cost = func.json_extract(cell.c.facts, "$.cost_pusd")
    if connection.dialect.name != "sqlite":
        cost = cell.c.facts["cost_pusd"].as_integer()
    answers = {
        row.evaluation_id: row
        for row in connection.execute(
            select(
                cell.c.evaluation_id,
                func.count().label("total"),
                counted(cell, "done").label("done"),
                counted(cell, "failed").label("failed"),
                counted(cell, "running").label("running"),
                func.coalesce(func.sum(cost), 0).label("spent"),
                func.sum(case((cell.c.facts.is_not(None) & cost.is_(None), 1), else_=0)).label(
                    "unpriced"
                ),
            )
            .where(cell.c.evaluation_id.in_(ids))
            .group_by(cell.c.evaluation_id)
        )
    }
    judged = {
        row.evaluation_id: row
        for row in connection.execute(
            select(
                judgement.c.evaluation_id,
                func.count().label("total"),
                counted(judgement, "done").label("done"),
                func.coalesce(func.sum(judgement.c.cost_pusd), 0).label("spent"),
            )
            .where(judgement.c.evaluation_id.in_(ids))
            .group_by(judgement.c.evaluation_id)
        )
    }
    found = {}
    for one in ids:
        a, j = answers[one], judged.get(one)
        found[one] = Progress(
            total=a.total,
            done=a.done,
            failed=a.failed,
            running=a.running,
            judged=j.done if j else 0,
            to_judge=j.total if j else 0,
            spent_pusd=int(a.spent) + (int(j.spent) if j else 0),
            unpriced=a.unpriced,
        )
    return found
