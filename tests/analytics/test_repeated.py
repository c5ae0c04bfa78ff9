"""Answers that were given again: counted, priced, filtered, and apart from the figures of models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.queries import Filter, Queries
from analytics.queries.groups import by_model
from analytics.queries.repeated import Repeated, repeated
from core.events import CACHE, EarlierAnswer
from tests.analytics.scripts import MODEL, START_US, meta, simple_run, write


def given_again(run_id: str, kind: Any, cost_pusd: int | None, **of: Any) -> Any:
    earlier = EarlierAnswer(
        kind=kind, run_id="r0", model=MODEL, at_us=START_US, cost_pusd=cost_pusd
    )
    return simple_run(meta(run_id, **of), model=f"{CACHE}:{kind}", cost_pusd=0, earlier=earlier)


@pytest.fixture
def queries(tmp_path: Path) -> Iterator[Queries]:
    path = tmp_path / "analytics.db"
    write(
        path,
        simple_run(meta("r0")),
        given_again("r1", "exact", 700),
        given_again("r2", "exact", None),
        given_again("r3", "semantic", 50, user_id="bob"),
    )
    found = Queries(path, now_us=lambda: START_US + 3_600_000_000)
    yield found
    found.close()


def test_hits_are_counted_by_kind_with_what_they_saved(queries: Queries) -> None:
    found = queries.ask(repeated, Filter(range="24h"))
    assert found == Repeated(exact=2, semantic=1, saved_pusd=750, unpriced=1)
    assert found.hits == 3


def test_they_are_filtered_like_any_runs(queries: Queries) -> None:
    of_bob = queries.ask(repeated, Filter(range="24h", user=("bob",)))
    assert of_bob == Repeated(semantic=1, saved_pusd=50)
    assert queries.ask(repeated, Filter(range="24h", model=(MODEL,))) == Repeated()


def test_they_are_no_calls_of_a_real_model(queries: Queries) -> None:
    rows = queries.ask(by_model, Filter(range="24h"))
    assert {row.model: row.attempts for row in rows} == {
        MODEL: 1, f"{CACHE}:exact": 2, f"{CACHE}:semantic": 1,
    }  # fmt: skip
