"""Writes what people, judges and code say about runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from analytics.blocks import touch
from analytics.schema import feedback, run


def add_ratings(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New rows of `feedback`; the figures of the runs they are about count them from now on."""
    connection.execute(insert(feedback), list(rows))
    about = run.c.run_id.in_([row["run_id"] for row in rows])
    touch(connection, connection.execute(select(run.c.started_at_us).where(about)).scalars())
