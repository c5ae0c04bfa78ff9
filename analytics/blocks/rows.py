"""The rows of a span of time as columns, from the database or from the blocks of quarters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Select, bindparam, select, text

from analytics.columns import ColumnQuery
from analytics.measures import FACTS, Fact
from analytics.metrics import Ints
from analytics.schema import llm_call, run, step

CODE = "#"
"""Before the name of a column that holds label codes."""


@dataclass(frozen=True, slots=True)
class RowColumns:
    """Rows of a fact; `codes` are codes of the table `label`."""

    ints: Mapping[str, Ints]
    codes: Mapping[str, Ints]

    @property
    def n(self) -> int:
        return len(self.ints["started_at_us"])


def select_rows(fact: Fact) -> Select[Any]:
    """The rows of a fact that began in [:since_us, :until_us). Steps: tool calls and retrievals."""
    if fact == "run":
        statement, began = select(run.c.run_id), run.c.started_at_us
    else:
        table = llm_call if fact == "call" else step
        began = table.c.started_at_us
        statement = select(table.c.run_id).join_from(table, run, run.c.run_id == table.c.run_id)
        if fact == "step":
            # As the partial index says it: SQLite compares literally.
            statement = statement.where(text("operation_name IN ('execute_tool', 'retrieval')"))
    return statement.where(began >= bindparam("since_us"), began < bindparam("until_us"))


@lru_cache(maxsize=64)
def column_query(fact: Fact, filters: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> ColumnQuery:
    """All columns of the rows of a fact; `filters`: dimensions with the values to keep."""
    spec = FACTS[fact]
    statement = select_rows(fact).where(*(spec.labels[name].in_(v) for name, v in filters))
    return ColumnQuery.of(statement, spec.ints, spec.labels)


def block_columns(rows: RowColumns, start_us: int) -> dict[str, Ints]:
    """As they are packed: moments relative to the block's."""
    ints = {**rows.ints, "started_at_us": rows.ints["started_at_us"] - start_us}
    return {**ints, **{f"{CODE}{name}": codes for name, codes in rows.codes.items()}}


def joined(fact: Fact, parts: list[RowColumns]) -> RowColumns:
    """Rows one after the other."""
    spec = FACTS[fact]
    return RowColumns(
        {name: _concatenated([part.ints[name] for part in parts]) for name in spec.ints},
        {name: _concatenated([part.codes[name] for part in parts]) for name in spec.labels},
    )


def _concatenated(arrays: list[Ints]) -> Ints:
    return np.concatenate(arrays, dtype=np.int64) if arrays else np.empty(0, dtype=np.int64)
