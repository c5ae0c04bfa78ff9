"""Reading while fifty runs are recorded and folded: never a wrong figure, and right to the row."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import func, select

from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.schema import llm_call, run
from bench.make_traffic import Traffic
from core.database import Database

RUNS, AT_ONCE = 300, 50


def test_a_page_open_during_fifty_runs_is_right_to_the_row(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    recorder, queries = Recorder(path, interval_s=0.01), Queries(path)
    # Of the last two hours: closed quarters are folded while others are still written.
    traffic = list(Traffic(seed=8, days=1 / 12).runs(RUNS))
    seen: list[tuple[int, int, int]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            found = queries.kpis(Filter(range="7d")).current
            by_status = queries.runs_by_status(Filter(range="7d")).values
            seen.append((found.runs, found.ok, sum(map(sum, by_status.values()))))

    reader = threading.Thread(target=look)
    reader.start()
    for start in range(0, RUNS, AT_ONCE):
        group = [(meta, iter(events)) for meta, events in traffic[start : start + AT_ONCE]]
        while group:  # an event of each in turn, as the run loop does it
            for item in list(group):
                event = next(item[1], None)
                if event is None:
                    group.remove(item)
                else:
                    recorder.observe(item[0], event)
        assert recorder.flush(30)
    ended.set()
    reader.join()
    found = queries.kpis(Filter(range="7d")).current
    health = recorder.health()
    recorder.close()
    queries.close()
    assert (health.dropped, health.observer_errors) == (0, 0)
    assert all(ok <= runs for runs, ok, _ in seen)
    assert [runs for runs, _, _ in seen] == sorted(runs for runs, _, _ in seen)
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        statuses = dict(
            connection.execute(select(run.c.status, func.count()).group_by(run.c.status)).all()
        )  # type: ignore[arg-type]
        spent = connection.execute(select(func.sum(llm_call.c.cost_pusd))).scalar_one()
    database.close()
    assert found.runs == sum(statuses.values()) == RUNS
    assert found.ok == statuses["ok"]
    assert found.cost.value == spent
