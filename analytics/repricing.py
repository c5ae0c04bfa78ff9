"""Past calls at today's prices: seen before it is done, kept as history, and undone if need be.

A call is priced when it is made. When the catalogue learns a price later or corrects one, calls of
the past can be priced again: each at the price of its own time, for its own region, tier and tokens.
A cost that was known stays when the catalogue has none for it, and one that did not come from the
catalogue (an import's) is never touched. Unknown stays NULL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, insert, select, tuple_, update

from analytics.call_costs import KEPT, READ, Row, columns_of, new_cost, write_costs
from analytics.queries.reading import Reader
from analytics.recorder import Recorder
from analytics.schema import cost_history, llm_call, repricing
from core.catalog import Catalog
from core.ids import new_id

CALLS_READ = 5_000
CALLS_CHANGED = 1_000
PAUSE_S = 0.02
Progress = Callable[[int], None]
"""Gets the number of calls looked at so far."""

_KEY = (llm_call.c.started_at_us, llm_call.c.run_id, llm_call.c.call_id)


@dataclass(kw_only=True, slots=True)
class Difference:
    """Changes of one model, or of all. Sums are of the changed calls, in pico-USD."""

    calls: int = 0
    newly_priced: int = 0
    before_pusd: int = 0
    """Of those that had a price."""
    after_pusd: int = 0

    def add(self, before_pusd: int | None, after_pusd: int) -> None:
        self.calls += 1
        self.newly_priced += before_pusd is None
        self.before_pusd += before_pusd or 0
        self.after_pusd += after_pusd


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What `apply` would do. `by_model`: model id -> its changes, the largest first."""

    looked_at: int
    total: Difference
    by_model: Mapping[str, Difference]


@dataclass(frozen=True, kw_only=True, slots=True)
class Repricing:
    """A re-pricing that was done. `undone_at_us`: when it was taken back."""

    repricing_id: str
    at_us: int
    since_us: int
    until_us: int
    catalog_date: str
    changed: int
    newly_priced: int
    before_pusd: int
    after_pusd: int
    undone_at_us: int | None


def preview(
    reader: Reader,
    catalog: Catalog,
    since_us: int,
    until_us: int,
    progress: Progress = lambda _: None,
) -> Preview:
    """Compares the calls of since <= t < until with the catalogue. About 40 s per million."""
    total, by_model, looked_at = Difference(), dict[str, Difference](), 0
    for rows in _calls(reader, since_us, until_us):
        looked_at += len(rows)
        for row in rows:
            cost = new_cost(row, catalog)
            if cost is not None and cost.total_pusd is not None:
                for sums in (total, by_model.setdefault(row["request_model"], Difference())):
                    sums.add(row["cost_pusd"], cost.total_pusd)
        progress(looked_at)
    largest = sorted(by_model.items(), key=lambda item: -abs(item[1].after_pusd - item[1].before_pusd))  # fmt: skip
    return Preview(looked_at=looked_at, total=total, by_model=dict(largest))


def apply(
    recorder: Recorder,
    reader: Reader,
    catalog: Catalog,
    since_us: int,
    until_us: int,
    progress: Progress = lambda _: None,
) -> Repricing | None:
    """Changes what `preview` shows, in chunks; None when there was nothing to change.

    Raises StorageError; what was changed until then is whole and in the history.
    """
    done = Difference()
    head = {
        "repricing_id": new_id(),
        "at_us": time.time_ns() // 1000,
        "since_us": since_us,
        "until_us": until_us,
        "catalog_date": catalog.date.isoformat(),
    }
    looked_at = 0
    for rows in _calls(reader, since_us, until_us):
        keys = [(row["run_id"], row["call_id"]) for row in rows if new_cost(row, catalog)]
        for first in range(0, len(keys), CALLS_CHANGED):
            some = keys[first : first + CALLS_CHANGED]
            recorder.write(partial(_change, head=head, keys=some, catalog=catalog, done=done))
            time.sleep(PAUSE_S)
        looked_at += len(rows)
        progress(looked_at)
    if not done.calls:
        return None
    return Repricing(**head, **_sums(done), undone_at_us=None)  # type: ignore[arg-type]


def undo_last(recorder: Recorder) -> Repricing | None:
    """Takes the newest re-pricing back that was not; None when there is none."""
    found = recorder.write(_last)
    if found is None:
        return None
    while recorder.write(lambda c: _restore(c, found.repricing_id)):
        time.sleep(PAUSE_S)
    return recorder.write(lambda c: _mark_undone(c, found.repricing_id))


def history(reader: Reader, limit: int = 50) -> list[Repricing]:
    """The newest first."""
    return [Repricing(**row) for row in reader.rows(_newest().limit(limit))]


# -- reading


def _calls(reader: Reader, since_us: int, until_us: int) -> Iterator[list[dict[str, Any]]]:
    """The calls of a period that used something, in pieces."""
    statement = (
        select(*(llm_call.c[name] for name in READ))
        .where(llm_call.c.started_at_us < until_us, llm_call.c.usage_source != "none")
        .order_by(*_KEY)
        .limit(CALLS_READ)
    )
    last: tuple[int, str, str] = (since_us, "", "")
    while True:
        # The plain comparison lets the index on time find the place; the other tells ties apart.
        after = statement.where(llm_call.c.started_at_us >= last[0], tuple_(*_KEY) > tuple_(*last))
        rows = reader.rows(after)
        if rows:
            yield rows
        if len(rows) < CALLS_READ:
            return
        last = tuple(rows[-1][column.name] for column in _KEY)


def _newest() -> Select[Any]:
    return select(repricing).order_by(repricing.c.at_us.desc(), repricing.c.repricing_id.desc())


# -- changing, in the caller's transaction


def _change(
    connection: Connection,
    head: Mapping[str, Any],
    keys: Sequence[tuple[str, str]],
    catalog: Catalog,
    done: Difference,
) -> None:
    """Reads the calls again, so that a change in between is neither lost nor made twice."""
    identity = tuple_(llm_call.c.run_id, llm_call.c.call_id)
    found = connection.execute(
        select(*(llm_call.c[name] for name in READ)).where(identity.in_(keys))
    ).mappings()
    calls: list[Row] = [dict(row) for row in found]
    changes = [(row, cost) for row in calls if (cost := new_cost(row, catalog))]
    if not changes:
        return
    old = [{name: row[name] for name in ("run_id", "call_id", *KEPT)} for row, _ in changes]
    repricing_id = head["repricing_id"]
    connection.execute(insert(cost_history), [row | {"repricing_id": repricing_id} for row in old])
    write_costs(connection, [(row, columns_of(cost)) for row, cost in changes])
    fresh = not done.calls
    for row, cost in changes:
        done.add(row["cost_pusd"], cost.total_pusd or 0)
    if fresh:
        connection.execute(insert(repricing).values(**head, **_sums(done)))
    else:
        this = repricing.c.repricing_id == repricing_id
        connection.execute(update(repricing).where(this).values(**_sums(done)))


def _restore(connection: Connection, repricing_id: str) -> int:
    """Puts a piece of the history back and takes it out of the history."""
    of_this = cost_history.c.repricing_id == repricing_id
    same = [cost_history.c[name] == llm_call.c[name] for name in ("run_id", "call_id")]
    found = connection.execute(
        select(cost_history, llm_call.c.started_at_us)
        .outerjoin(llm_call, and_(*same))
        .where(of_this)
        .limit(CALLS_CHANGED)
    ).mappings()
    old: list[Row] = [dict(row) for row in found]
    # A call that was deleted meanwhile has no time.
    alive = [row for row in old if row["started_at_us"] is not None]
    write_costs(connection, [(row, {name: row[name] for name in KEPT}) for row in alive])
    keys = [(row["run_id"], row["call_id"]) for row in old]
    restored = tuple_(cost_history.c.run_id, cost_history.c.call_id).in_(keys)
    connection.execute(delete(cost_history).where(of_this, restored))
    return len(old)


def _sums(done: Difference) -> dict[str, int]:
    return {
        "changed": done.calls,
        "newly_priced": done.newly_priced,
        "before_pusd": done.before_pusd,
        "after_pusd": done.after_pusd,
    }


def _last(connection: Connection) -> Repricing | None:
    done = _newest().where(repricing.c.undone_at_us.is_(None)).limit(1)
    row = connection.execute(done).mappings().first()
    return Repricing(**row) if row else None


def _mark_undone(connection: Connection, repricing_id: str) -> Repricing:
    this = repricing.c.repricing_id == repricing_id
    now_us = time.time_ns() // 1000
    connection.execute(update(repricing).where(this).values(undone_at_us=now_us))
    return Repricing(**connection.execute(select(repricing).where(this)).mappings().one())
