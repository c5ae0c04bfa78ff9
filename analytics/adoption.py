"""Gives what analytics recorded of one person to another."""

from __future__ import annotations

import time

from sqlalchemy import Connection, bindparam, exists, select, update

from analytics.blocks.labels import changed
from analytics.blocks.stale import touch
from analytics.recorder import Recorder
from analytics.schema import feedback, label, run, saved_view

CHUNK_RUNS = 500
PAUSE_S = 0.02
_USER = "user"


def adopt_user(recorder: Recorder, source: str, user_id: str) -> int:
    """Returns how many runs. Raises StorageError; then call it again.

    Figures whose rows are gone follow only when the new person has none of their own yet. Rules,
    budgets and reports that name the old one are not changed.
    """
    renamed = recorder.write(lambda c: _rename_label(c, source, user_id))
    total = 0
    while moved := recorder.write(lambda c: _move_runs(c, source, user_id, again=not renamed)):
        total += moved
        time.sleep(PAUSE_S)  # recorded runs pass between two chunks
    recorder.write(lambda c: _move_rest(c, source, user_id))
    return total


def _rename_label(connection: Connection, source: str, user_id: str) -> bool:
    """Whether figures made ready name the new person from now on; False when they name both."""
    kind = label.c.kind == _USER
    known = connection.execute(select(label.c.code).where(kind, label.c.name == user_id)).first()
    if known is not None:
        return False
    old = update(label).where(kind, label.c.name == source)
    if connection.execute(old.values(name=user_id)).rowcount:
        changed(connection)
    return True


def _move_runs(connection: Connection, source: str, user_id: str, *, again: bool) -> int:
    """`again`: their figures have to be made anew."""
    query = select(run.c.run_id, run.c.started_at_us).where(run.c.user_id == source)
    found = connection.execute(query.limit(CHUNK_RUNS)).all()
    if not found:
        return 0
    keys = [{"key": run_id} for run_id, _ in found]
    connection.execute(
        update(run).where(run.c.run_id == bindparam("key")).values(user_id=user_id), keys
    )
    if again:
        touch(connection, [at for _, at in found])
    return len(found)


def _move_rest(connection: Connection, source: str, user_id: str) -> None:
    other = feedback.alias()
    said = exists().where(
        other.c.user_id == user_id,
        other.c.run_id == feedback.c.run_id,
        other.c.evaluation_name == feedback.c.evaluation_name,
        other.c.source == feedback.c.source,
    )
    mine = update(feedback).where(feedback.c.user_id == source, ~said)
    connection.execute(mine.values(user_id=user_id))
    views = select(saved_view.c.view_id, saved_view.c.name).where(saved_view.c.owner == source)
    theirs = select(saved_view.c.name).where(saved_view.c.owner == user_id)
    taken = set(connection.execute(theirs).scalars())
    for view_id, name in connection.execute(views).all():
        free = name
        while free in taken:
            free += " (2)"
        taken.add(free)
        one = update(saved_view).where(saved_view.c.view_id == view_id)
        connection.execute(one.values(owner=user_id, name=free))
