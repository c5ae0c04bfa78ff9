"""People, cohorts and threads against data made by hand; buckets in Asia/Kathmandu (+05:45)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from analytics.facts import RunFold
from analytics.metrics import Rate
from analytics.queries import Filter, Queries
from analytics.queries.people import active_people, cohorts, threads, top_people
from analytics.rows import run_facts
from analytics.store import AnalyticsStore
from analytics.timeaxis import DAY_US, to_us
from core.database import database_url
from core.events import Cancelled, Event, Failed
from tests.analytics.scripts import meta, simple_run

NEPAL = ZoneInfo("Asia/Kathmandu")
NOW = datetime(2026, 3, 31, 12, tzinfo=NEPAL)  # a Tuesday
FAILED = Failed(code="model_unavailable", message="m", what_to_do="w", retryable=True)


def at(day: int, hour: int, minute: int = 0) -> int:
    """A moment of March 2026 in Kathmandu."""
    return to_us(datetime(2026, 3, day, hour, minute, tzinfo=NEPAL))


class Base:
    """A database that runs are added to by hand."""

    def __init__(self, path: Path) -> None:
        self._store = AnalyticsStore(database_url(path), "Asia/Kathmandu")
        self.queries = Queries(path, "Asia/Kathmandu", now_us=lambda: to_us(NOW))
        self._n = 0

    def add(
        self,
        user: str | None,
        at_us: int,
        *,
        thread: str = "t1",
        end: Event | None = None,
        **more: object,
    ) -> None:
        self._n += 1
        of = meta(f"r{self._n:03d}", started_at_us=at_us, user_id=user, thread_id=thread)
        fold = RunFold(meta=of)
        for event in simple_run(of, end=end, **more)[1]:  # type: ignore[arg-type]
            fold.add(event)
        self._store.write([], [run_facts(fold)])

    def close(self) -> None:
        self._store.close()
        self.queries.close()


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Base]:
    made = Base(tmp_path / "analytics.db")
    yield made
    made.close()


# -- active people


def test_a_person_counts_once_in_every_local_day(base: Base) -> None:
    # Midnight in Kathmandu is 18:15 UTC: these two share a UTC day but no local one ...
    base.add("ann", at(29, 23, 50))
    base.add("ann", at(30, 0, 10))
    # ... and these share a local day but no UTC one.
    base.add("bob", at(30, 5, 30))
    base.add("bob", at(30, 6, 0))
    base.add("bob", at(30, 7, 0))
    found = base.queries.ask(lambda ask: active_people(ask, "day"), Filter(range="7d"))
    days = {
        datetime.fromtimestamp(b.start_us / 1e6, NEPAL).day: k for k, b in enumerate(found.buckets)
    }
    assert [found.active[days[day]] for day in (28, 29, 30, 31)] == [0, 1, 2, 0]
    assert found.people == 2  # and not 3, the sum of the days
    assert sum(found.runs) == 5


def test_new_and_returning_add_up_to_active(base: Base) -> None:
    base.add("old", at(2, 9))  # before the range
    for day in (26, 27, 28):
        base.add("old", at(day, 9))
    for day in (27, 28):
        base.add("new", at(day, 9))
    found = base.queries.ask(lambda ask: active_people(ask, "day"), Filter(range="7d"))
    pairs = zip(found.new, found.returning, strict=True)
    assert tuple(a + b for a, b in pairs) == found.active
    assert (sum(found.new), found.new_people, found.people) == (1, 1, 2)
    assert found.new[found.active.index(2)] == 1  # on the 27th, and not again on the 28th


def test_new_is_new_to_the_product_and_not_to_the_filter(base: Base) -> None:
    base.add("ann", at(20, 9), agent="technical")  # before the range
    base.add("ann", at(28, 9), agent="billing")
    found = base.queries.ask(
        lambda ask: active_people(ask, "week"), Filter(range="7d", agent=("billing",))
    )
    assert (found.people, found.new_people, sum(found.new)) == (1, 0, 0)


def test_a_person_is_new_where_the_first_run_of_any_kind_was(base: Base) -> None:
    base.add("ann", at(28, 9), agent="technical")
    base.add("ann", at(29, 9), agent="billing")
    found = base.queries.ask(
        lambda ask: active_people(ask, "day"), Filter(range="7d", agent=("billing",))
    )
    assert (sum(found.active), sum(found.new), found.new_people) == (1, 0, 1)


def test_runs_without_a_person_are_counted_apart(base: Base) -> None:
    base.add(None, at(30, 9))
    base.add("ann", at(30, 9))
    found = base.queries.ask(lambda ask: active_people(ask, "day"), Filter(range="7d"))
    assert (found.people, found.nameless, sum(found.active)) == (1, 1, 1)


# -- cohorts


def test_the_cohort_grid_of_four_people(base: Base) -> None:
    # Weeks of March 2026 begin on the 2nd, 9th, 16th, 23rd and 30th.
    weeks = {"ann": (9, 16, 30), "bob": (9,), "cyd": (16, 23), "old": (1, 9, 16)}
    for user, days in weeks.items():
        for day in days:
            base.add(user, at(day, 10))
    since = at(9, 0)  # old was here before: in no cohort
    keep = Filter(range="all", since_us=since, until_us=to_us(NOW))
    found = base.queries.ask(cohorts, keep)
    grid = [
        (datetime.fromtimestamp(row.week.start_us / 1e6, NEPAL).day, row.size, row.active)
        for row in found.rows
    ]
    assert grid == [(9, 2, (2, 1, 0, 1)), (16, 1, (1, 1, 0))]
    assert (found.total, found.earlier) == (2, 1)


def test_a_cohort_begins_on_monday_in_the_reporting_zone(base: Base) -> None:
    base.add("sunday", at(15, 23, 59))
    base.add("monday", at(16, 0, 1))  # one UTC day, two local weeks
    found = base.queries.ask(cohorts, Filter(range="30d"))
    assert [row.size for row in found.rows] == [1, 1]


def test_only_the_newest_cohorts_are_shown(base: Base) -> None:
    for day in (3, 10, 17):
        base.add(f"user-{day}", at(day, 9))
    found = base.queries.ask(lambda ask: cohorts(ask, most=2), Filter(range="30d"))
    assert (len(found.rows), found.total) == (2, 3)
    assert [len(row.active) for row in found.rows] == [4, 3]


# -- threads


def test_a_thread_whose_last_turn_has_no_answer_is_abandoned(base: Base) -> None:
    base.add("ann", at(30, 9), thread="ends-well", end=FAILED)
    base.add("ann", at(30, 10), thread="ends-well")
    base.add("ann", at(30, 9), thread="stopped-first", end=Cancelled(by="user"))
    base.add("ann", at(30, 10), thread="stopped-first")
    base.add("ann", at(30, 9), thread="ends-badly")
    base.add("ann", at(30, 10), thread="ends-badly", end=FAILED)
    base.add("ann", at(30, 9), thread="stopped", end=Cancelled(by="user"))
    found = base.queries.ask(threads, Filter(range="7d"))
    assert found.abandoned == Rate(k=2, n=4)
    assert found.last == {"ok": 2, "error": 1, "cancelled": 1}
    assert (found.turns["1"], found.turns["2"], found.median) == (1, 3, 2)
    assert sum(found.turns.values()) == found.threads == 4
    # Looking only at failures must not make every thread abandoned.
    filtered = base.queries.ask(threads, Filter(range="7d", status=("error",)))
    assert filtered.abandoned == found.abandoned


def test_threads_of_the_newest_runs_say_so(base: Base) -> None:
    for hour in range(9, 15):
        base.add("ann", at(30, hour), thread=f"t{hour}")
    found = base.queries.ask(lambda ask: threads(ask, most=4), Filter(range="7d"))
    assert (found.runs, found.threads, found.whole) == (4, 4, False)
    assert found.since_us == at(30, 11)
    assert base.queries.ask(threads, Filter(range="7d")).whole


# -- who uses most


def test_the_shares_of_people_add_up(base: Base) -> None:
    for k in range(20):
        for _ in range(10 if k == 0 else 1):
            base.add(f"user-{k:02d}", at(30, 9), cost_pusd=1_000_000 * (k + 1))
    base.add(None, at(30, 9), cost_pusd=None)
    found = base.queries.ask(top_people, Filter(range="7d"))
    assert (found.people, found.top) == (20, 2)
    assert found.top_runs == Rate(k=11, n=29)
    assert sum(row.runs for row in found.rows) == 30
    assert sum(row.runs_share for row in found.rows) == pytest.approx(1)
    assert sum(row.cost_share or 0 for row in found.rows) == pytest.approx(1)
    first = found.rows[0]
    assert (first.user, first.runs, first.cost.value) == ("user-00", 10, 10_000_000)
    # The dearest tenth are other people than the busiest: 20 and 19 of 10 + 2 + ... + 20.
    assert found.top_cost == pytest.approx(39 / (10 + sum(range(2, 21))))
    nameless = next(row for row in found.rows if row.user is None)
    assert (nameless.cost.value, nameless.cost.missing) == (None, 1)


def test_nobody_is_not_an_error(base: Base) -> None:
    keep = Filter(since_us=0, until_us=DAY_US)
    assert base.queries.ask(top_people, keep).top_runs == Rate(k=0, n=0)
    assert base.queries.ask(cohorts, keep).rows == ()
    assert base.queries.ask(threads, keep).abandoned == Rate(k=0, n=0)
    assert base.queries.ask(lambda ask: active_people(ask, "day"), keep).people == 0
