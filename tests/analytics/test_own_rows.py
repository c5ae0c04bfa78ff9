"""What one person is told is what a database with that person's rows alone would tell."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

import analytics.queries
from analytics.blocks.fold import fold_all
from analytics.feedback import add_ratings
from analytics.queries import Ask, Filter, Queries
from analytics.queries.own_rows import SEEN
from analytics.rows import RunFacts
from analytics.schema import annotation, llm_call, metadata, run, saved_view
from analytics.store import AnalyticsStore
from bench.make_traffic import Traffic, feedback_rows
from core.database import database_url
from core.errors import InvalidInput
from core.metrics_query import MEASURES, SPLITS, MetricsQuestion
from tests.analytics.scripts import START_US

pytestmark = pytest.mark.slow

DAY_US = 86_400_000_000
NOW_US = START_US
ANN, BOB = "ann", "bob"
RUNS, DAYS = 260, 9.0
RANGES: tuple[Filter, ...] = (Filter(range="24h"), Filter(range="7d"), Filter(range="all"))
GIVEN: dict[str, tuple[Any, ...]] = {
    "over_time.percentiles_over_time": ("first_token_us", (0.5, 0.95)),
    "over_time.tokens_over_time": ("all",),
    "overview.what_changed": ("cost",),
    "people.active_people": ("day",),
    "reliability.rates_over_time": ("call",),
    "reliability_errors.error_types": ("call",),
    "reliability_errors.errors_over_time": ("run",),
    "runs.slowest_runs": (20,),
    "service_level.attainment": (0.95,),
    "service_level.within": (500_000, 5_000_000),
    "views.saved_views": (ANN,),
}
"""What a question wants besides the scope."""
WHOLE_HOUSE = {
    "retrieval.documents",  # counters of a day know no person
    "upkeep.quarters_waiting",
    "stored.stored",
}
"""About the installation, not about people. Only for who sees everybody's figures."""


def questions() -> dict[str, Callable[..., Any]]:
    """Every question of `analytics.queries`, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(analytics.queries.__path__):
        loaded = importlib.import_module(f"analytics.queries.{module.name}")
        for name, one in inspect.getmembers(loaded, inspect.isfunction):
            of_here = one.__module__ == loaded.__name__ and not name.startswith("_")
            if of_here and next(iter(inspect.signature(one).parameters), "") == "ask":
                found[f"{module.name}.{name}"] = one
    return found


QUESTIONS = questions()


def traffic() -> list[RunFacts]:
    """Runs of two people."""
    made = list(Traffic(seed=11, days=DAYS, until_us=NOW_US).facts(RUNS))
    return [
        replace(one, run={**one.run, "user_id": (ANN, BOB)[int(one.run["user_id"][-2:]) % 2]})
        for one in made
    ]


def write(path: Path, made: list[RunFacts], *, notes: bool) -> None:
    store = AnalyticsStore(database_url(path))
    store.write([], made)
    users = {one.run["run_id"]: one.run["user_id"] for one in made}
    ratings = [{**row, "user_id": users[row["run_id"]]} for row in feedback_rows(made)]
    store.run(lambda connection: add_ratings(connection, ratings))
    rows = [
        {"annotation_id": "1", "at_us": NOW_US - DAY_US, "kind": "release", "label": "1.1"},
        {"annotation_id": "2", "at_us": NOW_US - DAY_US, "kind": "note", "label": "bob left"},
    ]
    views = [
        {"view_id": who, "owner": who, "name": who, "query": "tab=cost", "created_at_us": 1}
        for who in (ANN, BOB)
    ]
    store.run(lambda c: c.execute(insert(annotation), rows if notes else rows[:1]))
    store.run(lambda c: c.execute(insert(saved_view), views if notes else views[:1]))
    store.close()


@pytest.fixture(scope="module", params=["rows", "blocks"])
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Queries, Queries]]:
    """(a database of two people, one with the first person's rows only).

    Where sums are made ready, both are asked about the person by name: by another way a percentile
    may differ by a hundredth.
    """
    folder, found = tmp_path_factory.mktemp(request.param), []
    for name in ("both", "alone"):
        made = [one for one in traffic() if name == "both" or one.run["user_id"] == ANN]
        write(folder / f"{name}.db", made, notes=name == "both")
        if request.param == "blocks":
            fold_all(folder / f"{name}.db", now_us=NOW_US)
        found.append(Queries(folder / f"{name}.db", now_us=lambda: NOW_US))
    yield found[0], found[1].of(ANN) if request.param == "blocks" else found[1]
    for one in found:
        one.close()


def said(queries: Queries, name: str, keep: Filter) -> object:
    def ask(one: Ask) -> object:
        return QUESTIONS[name](one, *GIVEN.get(name, ()))

    found = queries.ask(ask, queries.pin(keep))
    if name == "views.marks":  # each database gave its releases ids of its own
        return [(mark.at_us, mark.kind, mark.label) for mark in found]  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_every_question_is_about_ones_own_rows_only(
    asked: tuple[Queries, Queries], name: str
) -> None:
    both, alone = asked
    for keep in RANGES:
        everything = said(both, name, keep)  # what is kept of it must not answer the next one
        if name in WHOLE_HOUSE:
            continue
        own = said(both.of(ANN), name, keep)
        assert own == said(alone, name, keep), keep
        if keep.range == "all" and name in TELLING:
            assert own != everything


TELLING = {"groups.by_agent", "cost.spending", "people.threads", "run_pages.runs_page"}
"""Some whose answers surely differ: else the comparison above would prove nothing."""


@pytest.mark.parametrize(
    "name", sorted(QUESTIONS.keys() - WHOLE_HOUSE - {"views.marks", "views.saved_views"})
)
def test_a_filter_by_person_means_the_same_as_long_as_nobody_is_new(
    asked: tuple[Queries, Queries], name: str
) -> None:
    """For who sees everybody's: a question that forgot the field would show others' figures."""
    both, alone = asked
    keep = Filter(range="7d", user=(ANN,))
    found, expected = said(both, name, keep), said(alone, name, Filter(range="7d"))
    if name == "people.cohorts":
        assert [one.week for one in found.rows] == [one.week for one in expected.rows]  # type: ignore[attr-defined]
        return
    assert found == expected


@pytest.mark.parametrize("name", sorted(QUESTIONS.keys() - WHOLE_HOUSE))
def test_no_filter_widens_it(asked: tuple[Queries, Queries], name: str) -> None:
    both, alone = asked
    keep = Filter(range="7d")
    for user in ((BOB,), (BOB, ANN), ("nobody",)):
        wanted = alone if ANN in user else None
        found = said(both.of(ANN), name, replace(keep, user=user))
        if wanted is not None:
            assert found == said(wanted, name, keep)
        else:
            assert found == said(alone, name, replace(keep, user=("nobody",)))


def test_the_answers_of_the_door_itself_are_ones_own(asked: tuple[Queries, Queries]) -> None:
    both, alone = asked
    own = both.of(ANN)
    for keep in RANGES:
        assert own.window(keep) == alone.window(keep)
        assert own.kpis(keep) == alone.kpis(keep)
        assert own.facets(keep) == alone.facets(keep)
        assert own.recent_runs(keep, 500) == alone.recent_runs(keep, 500)
        assert own.data_quality(keep) == alone.data_quality(keep)
    assert both.kpis(RANGES[2]).current.runs == RUNS
    assert both.facets(RANGES[2]).user == (ANN, BOB)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_data_agent_says_ones_own_figures(asked: tuple[Queries, Queries], measure: Any) -> None:
    both, alone = asked
    for split in SPLITS:
        question = MetricsQuestion(measure=measure, split=split, range="7d")
        assert both.of(ANN).answer(question) == alone.answer(question)
    with pytest.raises(InvalidInput):
        both.of(ANN).answer(MetricsQuestion(filters={"user": BOB}))  # type: ignore[dict-item]


def test_a_run_of_somebody_else_is_no_run(asked: tuple[Queries, Queries]) -> None:
    both, _ = asked
    for row in both.recent_runs(Filter(range="all"), 500):
        detail = both.of(ANN).run_detail(row.run_id)
        assert (detail is None) == (row.user_id != ANN)
        assert detail in (None, both.run_detail(row.run_id))


def test_no_statement_reaches_rows_of_others(asked: tuple[Queries, Queries]) -> None:
    """Whatever is written below the door later finds views, not tables."""
    both, _ = asked

    def read(ask: Ask) -> tuple[set[str], int, int]:
        users = {row["user_id"] for row in ask.reader.rows(select(run.c.user_id))}
        mine = {row["run_id"] for row in ask.reader.rows(select(run.c.run_id))}
        calls = ask.reader.rows(select(llm_call.c.run_id))
        others = sum(row["run_id"] not in mine for row in calls)
        return users, others, len(calls)

    users, others, calls = both.of(ANN).ask(read, Filter())
    assert (users, others) == ({ANN}, 0)
    assert calls
    assert both.ask(read, Filter())[0] == {ANN, BOB}


def test_every_table_says_what_one_person_sees_of_it() -> None:
    assert SEEN.keys() == metadata.tables.keys()


def test_a_reader_of_one_person_stays_that_persons(asked: tuple[Queries, Queries]) -> None:
    own = asked[0].of(ANN)
    assert own.owner == ANN
    assert own.of(ANN).owner == ANN
    with pytest.raises(ValueError, match="another person"):
        own.of(BOB)


def test_a_name_is_data_and_not_sql(asked: tuple[Queries, Queries]) -> None:
    for name in ("x' OR '1'='1", "%", "", "ann\x00", "ANN", "ann "):
        assert asked[0].of(name).recent_runs(Filter(range="all")) == []


def test_views_cannot_be_written_through(asked: tuple[Queries, Queries]) -> None:
    for statement in ("DELETE FROM main.run", "DROP VIEW temp.run", "CREATE TEMP TABLE x (y)"):
        with pytest.raises(Exception, match="cannot be written"):
            asked[0].of(ANN).ask(lambda ask, sql=statement: ask.reader.rows(text(sql)), Filter())
