"""Views and notes that people keep, with names nobody would choose in good faith."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.queries import Filter, Queries
from analytics.queries.views import Annotation, marks, saved_views
from analytics.recorder import Recorder
from analytics.views import (
    MAX_NAME,
    MAX_QUERY,
    MAX_VIEWS,
    add_note,
    delete_note,
    delete_view,
    save_view,
)
from bench.make_traffic import Traffic, write_traffic
from core.errors import InvalidInput, NotFound

NOW_US = 1_793_000_000_000_000


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    found = Recorder(tmp_path / "analytics.db")
    yield found
    found.close()


@pytest.fixture
def queries(tmp_path: Path) -> Queries:
    return Queries(tmp_path / "analytics.db", now_us=lambda: NOW_US)


def names(queries: Queries, owner: str = "me") -> list[str]:
    return [view.name for view in queries.ask(lambda ask: saved_views(ask, owner), Filter())]


def test_a_view_is_kept_for_its_owner_only(recorder: Recorder, queries: Queries) -> None:
    recorder.write(lambda connection: save_view(connection, "me", " slow  ones ", "tab=latency"))
    [view] = queries.ask(lambda ask: saved_views(ask, "me"), Filter())
    assert (view.name, view.query) == ("slow ones", "tab=latency")
    assert names(queries, "you") == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "has no name"),
        (" \t\n ", "has no name"),
        ("x" * (MAX_NAME + 1), "at most 60 fit"),
        ("SLOW", "of that name already"),
        ("a\u202eb", "cannot be shown"),
        ("a\x00b", "cannot be shown"),
    ],
)
def test_a_nonsense_name_gets_a_reason(
    recorder: Recorder, queries: Queries, name: str, reason: str
) -> None:
    recorder.write(lambda connection: save_view(connection, "me", "slow", ""))
    with pytest.raises(InvalidInput, match=reason):
        recorder.write(lambda connection: save_view(connection, "me", name, ""))
    assert names(queries) == ["slow"]


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE saved_view;--", "![x](//evil)", "<script>", "$1 $2"]
)
def test_a_hostile_name_is_a_name(recorder: Recorder, queries: Queries, name: str) -> None:
    recorder.write(lambda connection: save_view(connection, "me", name, ""))
    assert names(queries) == [name]


def test_a_query_that_is_too_long_and_too_many_views_are_refused(recorder: Recorder) -> None:
    with pytest.raises(InvalidInput, match="too long"):
        recorder.write(lambda connection: save_view(connection, "me", "a", "x" * (MAX_QUERY + 1)))
    recorder.write(
        lambda connection: [save_view(connection, "me", str(k), "") for k in range(MAX_VIEWS)]
    )
    with pytest.raises(InvalidInput, match="At most"):
        recorder.write(lambda connection: save_view(connection, "me", "one more", ""))


def test_a_view_of_somebody_else_cannot_be_deleted(recorder: Recorder, queries: Queries) -> None:
    view_id = recorder.write(lambda connection: save_view(connection, "me", "mine", ""))
    with pytest.raises(NotFound):
        recorder.write(lambda connection: delete_view(connection, "you", view_id))
    recorder.write(lambda connection: delete_view(connection, "me", view_id))
    assert names(queries) == []


def test_notes_are_marks_of_the_range_oldest_first(recorder: Recorder, queries: Queries) -> None:
    late = recorder.write(lambda connection: add_note(connection, "late", NOW_US - 1))
    early = recorder.write(lambda connection: add_note(connection, "early", NOW_US - 2))
    recorder.write(lambda connection: add_note(connection, "long ago", 1))
    assert queries.ask(marks, Filter(range="24h")) == (
        Annotation(annotation_id=early, at_us=NOW_US - 2, kind="note", label="early"),
        Annotation(annotation_id=late, at_us=NOW_US - 1, kind="note", label="late"),
    )
    recorder.write(lambda connection: delete_note(connection, late))
    assert [mark.label for mark in queries.ask(marks, Filter(range="24h"))] == ["early"]


def test_only_the_first_release_of_all_is_first(tmp_path: Path) -> None:
    path = tmp_path / "analytics.db"
    write_traffic(path, 60, Traffic(seed=7, days=3))
    found = [
        mark for mark in Queries(path).ask(marks, Filter(range="all")) if mark.kind == "release"
    ]
    assert [mark.first for mark in found] == [True, *[False] * (len(found) - 1)]
    assert len(found) > 1
