"""How often each document was found, by UTC day: the counter behind "never found".

Counted when a finished run is stored, in the same transaction. It outlives the runs: erasing or
expiring them does not make a document unread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from analytics.rows import RunFacts
from analytics.schema import run
from analytics.timeaxis import DAY_US

_UNFINISHED = ("running", "lost")
_AT_ONCE = 1_000  # bound variables of one statement
# The same words in SQLite and PostgreSQL.
_ADD = text(
    "INSERT INTO document_day (day_us, document, retrievals) VALUES (:day_us, :document, :n)"
    " ON CONFLICT (day_us, document)"
    " DO UPDATE SET retrievals = document_day.retrievals + excluded.retrievals"
)


def count_found(connection: Connection, finished: Sequence[RunFacts]) -> None:
    """Adds the documents of runs that are stored as finished for the first time.

    To be called before their earlier rows are deleted. A run written again is not counted again.
    """
    found = {str(facts.run["run_id"]): facts for facts in finished if facts.documents}
    counted = _already_finished(connection, list(found))
    added: Counter[tuple[int, str]] = Counter()
    for run_id, facts in found.items():
        if run_id in counted:
            continue
        started_at_us = facts.run["started_at_us"]
        assert isinstance(started_at_us, int)
        day_us = utc_day_us(started_at_us)
        for document, times in facts.documents.items():
            added[day_us, document] += times
    if added:
        rows = [{"day_us": day, "document": d, "n": n} for (day, d), n in added.items()]
        connection.execute(_ADD, rows)


def utc_day_us(at_us: int) -> int:
    """The beginning of a moment's UTC day."""
    return at_us - at_us % DAY_US


def _already_finished(connection: Connection, run_ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for first in range(0, len(run_ids), _AT_ONCE):
        some = run_ids[first : first + _AT_ONCE]
        stored = select(run.c.run_id).where(run.c.run_id.in_(some))
        found.update(connection.execute(stored.where(run.c.status.not_in(_UNFINISHED))).scalars())
    return found
