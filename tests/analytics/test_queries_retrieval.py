"""Retrievals by mode, and the counter of documents, against runs one can count by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from analytics.metrics import Rate
from analytics.queries import Filter, Queries
from analytics.queries.reading import Reader
from analytics.queries.retrieval import (
    documents,
    modes,
    retrievals_over_time,
    scores,
    use_of,
)
from analytics.rows import RunFacts
from analytics.schema import document_day
from analytics.store import AnalyticsStore
from analytics.timeaxis import DAY_US
from core.database import database_url
from core.events import Completed, Event, Source, Sources
from tests.analytics.scripts import START_US, facts, meta, started

HOUR_US = 3_600_000_000
TODAY_US = START_US - START_US % DAY_US


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnalyticsStore]:
    found = AnalyticsStore(database_url(tmp_path / "analytics.db"))
    yield found
    found.close()


@pytest.fixture
def queries(tmp_path: Path) -> Iterator[Queries]:
    found = Queries(tmp_path / "analytics.db", now_us=lambda: START_US + HOUR_US)
    yield found
    found.close()


def found(*passages: tuple[str, float | None], mode: Any = "rag", **more: Any) -> Sources:
    """(document, score) of each passage, numbered from `first`."""
    first = more.pop("first", 1)
    sources = tuple(
        Source(n=n, passage_id=f"{d}-{n}", document=d, title="t", area="a", text="x", score=score)
        for n, (d, score) in enumerate(passages, first)
    )
    return Sources(mode=mode, query="q", agent="billing", sources=sources, **more)


def looked_up(run_id: str, *given: Sources, started_at_us: int = START_US) -> RunFacts:
    events: list[tuple[int, Event]] = [(0, started())]
    events += [(10 * k, one) for k, one in enumerate(given, 1)]
    of = meta(run_id, started_at_us=started_at_us)
    return facts(*events, (100, Completed(message_id="a")), of=of)


def counted(tmp_path: Path) -> Sequence[tuple[int, str, int]]:
    rows = Reader(tmp_path / "analytics.db").rows(select(document_day))
    return sorted((row["day_us"], row["document"], row["retrievals"]) for row in rows)


# -- the counter


def test_a_document_counts_once_per_retrieval_and_day(
    store: AnalyticsStore, tmp_path: Path
) -> None:
    twice = found(("a.md", 0.9), ("a.md", 0.5), ("b.md", 0.2))
    # As the runtime sends it: the second event repeats the passages of the first one.
    more = found(("a.md", 0.9), ("a.md", 0.5), ("b.md", 0.2), ("a.md", 0.1))
    tomorrow = looked_up("r2", found(("b.md", 0.3)), started_at_us=TODAY_US + DAY_US)
    store.write([], [looked_up("r1", twice, more), tomorrow])
    assert counted(tmp_path) == [
        (TODAY_US, "a.md", 2),
        (TODAY_US, "b.md", 1),
        (TODAY_US + DAY_US, "b.md", 1),
    ]


def test_counts_of_later_batches_are_added(store: AnalyticsStore, tmp_path: Path) -> None:
    for run_id in ("r1", "r2"):
        store.write([], [looked_up(run_id, found(("a.md", 0.9)))])
    assert counted(tmp_path) == [(TODAY_US, "a.md", 2)]


def test_a_run_written_twice_counts_once(store: AnalyticsStore, tmp_path: Path) -> None:
    one = looked_up("r1", found(("a.md", 0.9)))
    store.write([], [one])
    store.write([], [one, looked_up("r2", found(("a.md", 0.9)))])
    assert counted(tmp_path) == [(TODAY_US, "a.md", 2)]


@pytest.mark.parametrize("before", ["running", "lost"])
def test_a_run_that_was_stored_unfinished_counts_when_it_ends(
    store: AnalyticsStore, tmp_path: Path, before: str
) -> None:
    one = looked_up("r1", found(("a.md", 0.9)))
    row = {key: one.run[key] for key in ("run_id", "conversation_id", "entry_point")}
    store.write([{**row, "started_at_us": START_US, "status": before}], [])
    assert counted(tmp_path) == []
    store.write([], [one])
    assert counted(tmp_path) == [(TODAY_US, "a.md", 1)]


# -- documents


def test_documents_are_counted_by_whole_utc_days_and_compared_with_those_there_are(
    store: AnalyticsStore, queries: Queries
) -> None:
    store.write(
        [],
        [
            looked_up("r1", found(("a.md", 0.9), ("gone.md", 0.2))),
            looked_up("r2", found(("a.md", 0.9))),
            looked_up("old", found(("b.md", 0.9)), started_at_us=START_US - 3 * DAY_US),
        ],
    )
    day = queries.ask(documents, Filter(range="1h"))
    assert day.found == (("a.md", 2), ("gone.md", 1))
    assert (day.since_us, day.until_us) == (TODAY_US, TODAY_US + DAY_US)
    assert day.counted_since_us == TODAY_US - 3 * DAY_US
    use = use_of(day, ["a.md", "b.md", "c.md"])
    assert (use.found, use.never) == ((("a.md", 2),), ("b.md", "c.md"))
    assert use.gone == (("gone.md", 1),)
    week = use_of(queries.ask(documents, Filter(range="7d")), ["a.md", "b.md", "c.md"])
    assert week.never == ("c.md",)


def test_no_database_has_no_documents(queries: Queries) -> None:
    empty = queries.ask(documents, Filter())
    assert (empty.found, empty.counted_since_us) == ((), None)
    assert queries.ask(modes, Filter()) == ()


# -- modes and scores


def test_modes_have_their_own_hits_empties_scores_and_times(
    store: AnalyticsStore, queries: Queries
) -> None:
    rag = [
        looked_up(f"r{k}", found(("a.md", k / 10), ("b.md", 0.05), duration_us=1_000 * (k + 1)))
        for k in range(1, 4)
    ]
    nothing = looked_up("e", found(duration_us=1_000))
    whole = looked_up("c", found(("a.md", None), ("b.md", None), ("c.md", None), mode="cag"))
    store.write([], [*rag, nothing, whole])
    first, second = queries.ask(modes, Filter())
    assert (first.mode, first.retrievals, first.hits) == ("rag", 4, 6)
    assert first.empty == Rate(k=1, n=4)
    assert (first.scored, first.score_p50) == (3, pytest.approx(0.2))
    assert first.p50.value == pytest.approx(2_500)
    assert (second.mode, second.hits, second.scored, second.score_p50) == ("cag", 3, 0, None)
    assert second.empty == Rate(k=0, n=1)


def test_every_scored_retrieval_is_in_one_class_of_scores(
    store: AnalyticsStore, queries: Queries
) -> None:
    tops = [0.0, 0.049, 0.05, 0.72, 1.0]
    store.write([], [looked_up(f"r{k}", found(("a.md", top))) for k, top in enumerate(tops)])
    spread = queries.ask(scores, Filter())
    counts = spread.counts["rag"]
    assert sum(counts) == len(tops)
    assert [counts[k] for k in (0, 7, 9)] == [3, 1, 1]
    assert (len(spread.edges), len(counts)) == (11, 10)


def test_the_buckets_add_up_to_the_modes(store: AnalyticsStore, queries: Queries) -> None:
    kinds = ["rag", "cag", "rag", "hybrid", "rag"]
    store.write(
        [],
        [
            looked_up(
                f"r{k}", found(("a.md", 0.5), mode=mode), started_at_us=START_US - k * HOUR_US
            )
            for k, mode in enumerate(kinds)
        ],
    )
    series = queries.ask(retrievals_over_time, Filter())
    table = {row.mode: row.retrievals for row in queries.ask(modes, Filter())}
    assert {mode: sum(values) for mode, values in series.values.items()} == table
    assert table == {"rag": 3, "cag": 1, "hybrid": 1}
