"""Pricing past calls again: what would change, what does, what is kept, and the way back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from analytics.call_costs import new_cost
from analytics.queries import Filter, Queries
from analytics.queries.reading import Reader
from analytics.recorder import Recorder
from analytics.repricing import apply, history, preview, undo_last
from core.catalog import Catalog, Price, load_catalog
from core.events import Completed, Token
from core.pricing import price_call
from core.usage import Usage
from tests.analytics.scripts import attempt, meta, script, started, usage

pytestmark = pytest.mark.slow

MODEL = "openai:gpt-4o-mini"
HAIKU = "bedrock_converse:us.anthropic.claude-haiku-4-5-20251001-v1:0"
OLD_DAY, NEW_DAY = (datetime(2026, m, 5, 12, tzinfo=UTC) for m in (9, 10))
OLD_US, NEW_US = (int(day.timestamp()) * 10**6 for day in (OLD_DAY, NEW_DAY))
DAY_US = 86_400_000_000
ALL = (OLD_US - DAY_US, NEW_US + DAY_US)
CATALOG = load_catalog()


def dearer(catalog: Catalog, since: date | None = None, factor: int = 2) -> Catalog:
    """The catalogue in which gpt-4o-mini costs more, by default always."""
    model = catalog.find(MODEL)
    assert model is not None
    rows: list[Price] = []
    for price in model.prices:
        new = replace(
            price, input_pusd=price.input_pusd * factor, output_pusd=price.output_pusd * factor
        )
        if since is None:
            rows.append(new)
        elif price.valid_to is None:
            rows += (replace(price, valid_to=since), replace(new, valid_from=since, price_id="new"))
    return catalog.with_prices({MODEL: tuple(rows)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def recorder(path: Path) -> Iterator[Recorder]:
    made = Recorder(path, interval_s=0.01)
    yield made
    made.close()


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    made = Reader(path)
    yield made
    made.close()


def priced(
    at: datetime, model: str = MODEL, region: str | None = None, **tokens: Any
) -> dict[str, Any]:
    """Fields of a usage event, as the recorder would have got them on that day."""
    given = Usage(**{"input_tokens": 1000, "output_tokens": 100, "source": "provider"} | tokens)
    cost = price_call(CATALOG, model, given, region=region, at=at)
    found = {
        f"cost_{part}_pusd": getattr(cost, f"{part}_pusd")
        for part in ("input", "cache_read", "cache_write", "output", "reasoning", "other")
    }
    return found | {
        "cost_pusd": cost.total_pusd, "cost_quality": cost.quality, "price_id": cost.price_id,
        "cost_why": cost.why, "input_tokens": given.input_tokens, "output_tokens": given.output_tokens,
        "cache_read_tokens": given.cache_read, "cache_write_tokens": given.cache_write,
        "cache_write_5m_tokens": given.cache_write_5m, "cache_write_1h_tokens": given.cache_write_1h,
        "reasoning_tokens": given.reasoning_tokens, "source": given.source,
        "service_tier": given.service_tier, "region": region, "problems": given.problems,
    }  # fmt: skip


def play(recorder: Recorder, run_id: str, at_us: int, *calls: dict[str, Any]) -> None:
    """A run with one call per dictionary of usage fields; `model` among them."""
    of = replace(meta(run_id), started_at_us=at_us)
    steps: list[Any] = [(0, started())]
    for k, fields in enumerate(calls):
        ids = {"call_id": f"{run_id}-{k}", "model": fields.get("model", MODEL)}
        more = {"logical_call_id": f"op{k}"}
        steps += [
            (10 + k, attempt("started", **ids, **more)),
            (20 + k, Token(text="Hi", message_id="a", agent="billing")),
            (30 + k, attempt("ok", duration_us=9_000, first_token_us=5_000, **ids, **more)),
            (31 + k, usage(**fields | ids)),
        ]
    for event in script(*steps, (90, Completed(message_id="a")), run_id=run_id):
        recorder.observe(of, event)


def rows(path: Path, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def everything(path: Path) -> tuple[Any, Any]:
    return rows(path, "SELECT * FROM llm_call ORDER BY run_id, call_id"), rows(
        path, "SELECT * FROM run ORDER BY run_id"
    )


def test_with_the_same_catalogue_nothing_changes(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    """Every kind of call prices to itself: cached, written for two lifetimes, reasoning, local."""
    play(recorder, "r1", OLD_US,
        priced(OLD_DAY, cache_read=300, reasoning_tokens=20),
        priced(OLD_DAY, HAIKU, "us-east-1", cache_read=10, cache_write=500, cache_write_5m=200,
               cache_write_1h=100) | {"model": HAIKU},
        priced(OLD_DAY, "local:extractive") | {"model": "local:extractive"},
        priced(OLD_DAY, source="estimate", problems=("made up",)),
        priced(OLD_DAY, service_tier="flex"),
    )  # fmt: skip
    assert recorder.flush()
    assert rows(path, "SELECT count(*), count(cost_pusd) FROM llm_call")[0][0] == 5
    before = everything(path)
    found = preview(reader, CATALOG, *ALL)
    assert (found.looked_at, found.total.calls, found.by_model) == (5, 0, {})
    assert apply(recorder, reader, CATALOG, *ALL) is None
    assert everything(path) == before
    assert history(reader) == []


def test_the_preview_shows_what_applying_does(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    play(
        recorder,
        "r1",
        OLD_US,
        priced(OLD_DAY),
        priced(OLD_DAY, HAIKU, "us-east-1") | {"model": HAIKU},
    )
    play(recorder, "r2", NEW_US, priced(NEW_DAY, cache_read=100))
    assert recorder.flush()
    before = rows(path, "SELECT sum(cost_pusd) FROM llm_call")[0][0]
    catalog = dearer(CATALOG)
    found = preview(reader, catalog, *ALL)
    assert (found.looked_at, found.total.calls, found.total.newly_priced) == (3, 2, 0)
    assert list(found.by_model) == [MODEL]
    assert found.by_model[MODEL] == found.total
    assert rows(path, "SELECT sum(cost_pusd) FROM llm_call") == [(before,)]
    done = apply(recorder, reader, catalog, *ALL)
    assert done is not None
    assert (done.changed, done.before_pusd, done.after_pusd) == (
        found.total.calls, found.total.before_pusd, found.total.after_pusd,
    )  # fmt: skip
    after = rows(path, "SELECT sum(cost_pusd) FROM llm_call")[0][0]
    assert after - before == done.after_pusd - done.before_pusd > 0
    assert history(reader) == [done]


def test_parts_price_and_reason_change_with_the_cost(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    play(recorder, "r1", OLD_US, priced(OLD_DAY))
    assert recorder.flush()
    apply(recorder, reader, dearer(CATALOG), *ALL)
    row = rows(path, "SELECT cost_input_pusd, cost_output_pusd, cost_pusd, cost_why FROM llm_call")[
        0
    ]
    assert row[:3] == (300_000_000, 120_000_000, 420_000_000)
    assert "$0.3/M" in row[3]


def test_each_call_is_priced_at_its_own_time(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    play(recorder, "old", OLD_US, priced(OLD_DAY))
    play(recorder, "new", NEW_US, priced(NEW_DAY))
    assert recorder.flush()
    catalog = dearer(CATALOG, since=date(2026, 10, 1))
    assert apply(recorder, reader, catalog, *ALL) is not None
    assert rows(path, "SELECT run_id, cost_pusd FROM llm_call ORDER BY 1") == [
        ("new", 420_000_000), ("old", 210_000_000),
    ]  # fmt: skip


def test_only_calls_of_the_period_change(path: Path, recorder: Recorder, reader: Reader) -> None:
    play(recorder, "old", OLD_US, priced(OLD_DAY))
    play(recorder, "new", NEW_US, priced(NEW_DAY))
    assert recorder.flush()
    began = rows(path, "SELECT started_at_us FROM llm_call WHERE run_id = 'new'")[0][0]
    assert preview(reader, dearer(CATALOG), OLD_US, began).total.calls == 1
    done = apply(recorder, reader, dearer(CATALOG), began, began + 1)
    assert done is not None
    assert done.changed == 1
    assert rows(path, "SELECT run_id FROM cost_history") == [("new",)]


def test_a_run_carries_the_sum_of_its_calls(path: Path, recorder: Recorder, reader: Reader) -> None:
    unknown = priced(OLD_DAY, "openai:gone") | {"model": "openai:gone"}
    play(recorder, "r1", OLD_US, priced(OLD_DAY), priced(OLD_DAY), unknown)
    play(recorder, "r2", OLD_US + 5, priced(OLD_DAY), priced(OLD_DAY))
    assert recorder.flush()
    apply(recorder, reader, dearer(CATALOG), *ALL)
    assert rows(path, "SELECT cost_pusd, cost_complete FROM run ORDER BY run_id") == [
        (840_000_000, 0), (840_000_000, 1),
    ]  # fmt: skip


def test_a_call_that_gets_its_first_price_makes_its_run_complete(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    without = {name: None for name in priced(OLD_DAY) if name.startswith("cost_")} | {
        "price_id": None
    }
    play(recorder, "r1", OLD_US, priced(OLD_DAY) | without)
    assert recorder.flush()
    assert rows(path, "SELECT cost_pusd, cost_complete FROM run") == [(None, 0)]
    done = apply(recorder, reader, CATALOG, *ALL)
    assert done is not None
    assert (done.changed, done.newly_priced, done.before_pusd, done.after_pusd) == (
        1,
        1,
        0,
        210_000_000,
    )
    assert rows(path, "SELECT cost_pusd, cost_complete FROM run") == [(210_000_000, 1)]


def test_unknown_stays_unknown_and_known_stays_known(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    play(
        recorder, "unknown model", OLD_US, priced(OLD_DAY, "openai:gone") | {"model": "openai:gone"}
    )
    play(recorder, "unknown tokens", OLD_US, priced(OLD_DAY, output_tokens=None))
    play(
        recorder,
        "no usage",
        OLD_US,
        priced(OLD_DAY, input_tokens=None, output_tokens=None, source="none"),
    )
    play(recorder, "price gone", OLD_US, priced(OLD_DAY) | {"model": "openai:gone"})
    play(recorder, "imported", OLD_US, priced(OLD_DAY) | {"price_id": None, "cost_pusd": 5})
    assert recorder.flush()
    before = everything(path)
    assert apply(recorder, reader, dearer(CATALOG), *ALL) is None
    assert everything(path) == before
    assert rows(path, "SELECT run_id FROM llm_call WHERE cost_pusd IS NULL ORDER BY 1") == [
        ("no usage",), ("unknown model",), ("unknown tokens",),
    ]  # fmt: skip


def test_a_second_apply_changes_nothing(path: Path, recorder: Recorder, reader: Reader) -> None:
    play(recorder, "r1", OLD_US, priced(OLD_DAY))
    assert recorder.flush()
    apply(recorder, reader, dearer(CATALOG), *ALL)
    before = everything(path)
    assert preview(reader, dearer(CATALOG), *ALL).total.calls == 0
    assert apply(recorder, reader, dearer(CATALOG), *ALL) is None
    assert everything(path) == before
    assert len(rows(path, "SELECT 1 FROM cost_history")) == 1


def test_undoing_brings_every_column_back_and_the_one_before_is_next(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    play(recorder, "r1", OLD_US, priced(OLD_DAY, cache_read=100), priced(OLD_DAY))
    play(recorder, "r2", NEW_US, priced(NEW_DAY) | {"cost_pusd": None, "price_id": None})
    assert recorder.flush()
    original = everything(path)
    first = apply(recorder, reader, dearer(CATALOG), *ALL)
    between = everything(path)
    second = apply(recorder, reader, dearer(CATALOG, factor=3), *ALL)
    assert first is not None
    assert second is not None
    for expected, state in ((second, between), (first, original)):
        undone = undo_last(recorder)
        assert undone is not None
        assert undone.repricing_id == expected.repricing_id
        assert undone.undone_at_us is not None
        assert everything(path) == state
    assert undo_last(recorder) is None
    assert rows(path, "SELECT count(*) FROM cost_history") == [(0,)]
    assert [done.undone_at_us is not None for done in history(reader)] == [True, True]


def test_many_calls_in_pieces_are_all_changed_once(
    path: Path, recorder: Recorder, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls of the same microsecond lie on both sides of a piece's end."""
    monkeypatch.setattr("analytics.repricing.CALLS_READ", 7)
    monkeypatch.setattr("analytics.repricing.CALLS_CHANGED", 3)
    for k in range(40):
        play(recorder, f"r{k:02}", OLD_US + k // 10, priced(OLD_DAY))
    assert recorder.flush()
    seen: list[int] = []
    done = apply(recorder, reader, dearer(CATALOG), *ALL, progress=seen.append)
    assert done is not None
    assert (done.changed, seen[-1]) == (40, 40)
    assert rows(path, "SELECT count(*), sum(cost_pusd) FROM llm_call") == [(40, 40 * 420_000_000)]
    assert rows(path, "SELECT changed, after_pusd FROM repricing") == [(40, 40 * 420_000_000)]
    undo_last(recorder)
    assert rows(path, "SELECT count(*), sum(cost_pusd) FROM run") == [(40, 40 * 210_000_000)]


def test_prepared_figures_follow(path: Path, recorder: Recorder, reader: Reader) -> None:
    from analytics.blocks import fold_all

    for k in range(4):
        play(recorder, f"r{k}", OLD_US + k, priced(OLD_DAY))
    recorder.flush()
    recorder.close()
    fold_all(path, now_us=NEW_US)
    again = Recorder(path, interval_s=0.01)
    apply(again, reader, dearer(CATALOG), *ALL)
    again.close()
    queries = Queries(path)
    report = queries.kpis(Filter(range="all", since_us=ALL[0], until_us=ALL[1])).current
    assert report.cost.value == 4 * 420_000_000
    queries.close()


def test_a_call_deleted_meanwhile_is_passed_over_by_undo(
    path: Path, recorder: Recorder, reader: Reader
) -> None:
    for k in range(2):
        play(recorder, f"r{k}", OLD_US, priced(OLD_DAY))
    assert recorder.flush()
    apply(recorder, reader, dearer(CATALOG), *ALL)
    recorder.write(lambda c: c.exec_driver_sql("DELETE FROM llm_call WHERE run_id = 'r0'"))
    assert undo_last(recorder) is not None
    assert rows(path, "SELECT run_id, cost_pusd FROM llm_call") == [("r1", 210_000_000)]


def test_problems_of_the_usage_are_part_of_the_judgement() -> None:
    row = dict.fromkeys(("region", "service_tier", "usage_cache_read_input_tokens", "usage_cache_write_input_tokens", "usage_cache_write_5m_tokens", "usage_cache_write_1h_tokens", "usage_reasoning_output_tokens", "cost_other_pusd", "cost_pusd", "price_id", "cost_input_pusd", "cost_cache_read_pusd", "cost_cache_write_pusd", "cost_output_pusd", "cost_reasoning_pusd")) | {
        "request_model": MODEL, "usage_input_tokens": 10, "usage_output_tokens": 1,
        "usage_source": "provider", "usage_problems": json.dumps(["counts differ"]),
        "started_at_us": OLD_US,
    }  # fmt: skip
    cost = new_cost(row, CATALOG)
    assert cost is not None
    assert (cost.quality, cost.total_pusd) == ("approximate", 2_100_000)
    assert "counts differ" in cost.why
