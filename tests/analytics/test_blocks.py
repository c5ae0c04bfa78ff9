"""Blocks: whatever they are made of, the figures are those of the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from analytics.blocks import Folder, fold_all, touch
from analytics.blocks.codec import Block, pack
from analytics.blocks.kinds import bins, middles
from analytics.blocks.stale import keep_figures_before
from analytics.queries import Ask, Filter, Queries
from analytics.schema import block, llm_call, run, stale
from analytics.timeaxis import HOUR_US, QUARTER_US, midnight_us, to_us
from bench.make_traffic import Traffic, write_traffic
from core.database import Database

pytestmark = pytest.mark.slow

NOW_US = to_us(datetime(2026, 11, 3, 15, 40, 12, tzinfo=UTC))
# Clocks in New York go back on 1 November; Kathmandu is 5:45 ahead; Lord Howe moves by half an hour.
ZONES = (
    "Asia/Kathmandu",
    pytest.param("America/New_York", marks=pytest.mark.slow),
    pytest.param("Australia/Lord_Howe", marks=pytest.mark.slow),
)
RANGES = ("1h", "24h", "7d", "all")
FILTERS = (
    {},
    {"agent": ("technical",)},
    {"model": ("openai:gpt-4o-mini",), "agent": ("billing", "policy"), "status": ("ok",)},
    {"provider": ("aws.bedrock",), "entry_point": ("chat",), "version": ("0.1.0",)},
    {"status": ("error",)},
    {"user": ("user-01", "user-02")},
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "a.db"
    write_traffic(path, 300, Traffic(seed=3, days=3.2, until_us=NOW_US))
    return path


@pytest.fixture(scope="module", params=ZONES)
def folded(
    request: pytest.FixtureRequest, rows: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("folded") / "a.db"
    path.write_bytes(rows.read_bytes())
    fold_all(path, request.param, now_us=NOW_US)
    return path, request.param


def queries(path: Path, zone: str) -> Queries:
    return Queries(path, zone, now_us=lambda: NOW_US)


def levels(path: Path) -> dict[str, int]:
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        found = connection.execute(select(block.c.level, block.c.start_us).distinct()).all()
    database.close()
    return {level: sum(1 for name, _ in found if name == level) for level, _ in found}


def figures(asked: Queries, keep: Filter) -> dict[str, object]:
    """Everything that is a sum: must be equal to the last unit."""
    found = asked.kpis(keep)
    kpis = [k for k in (found.current, found.previous) if k is not None]
    return {
        "kpis": [
            (k.runs, k.ok, k.cancelled, k.users, k.failure, k.cost, k.input_tokens, k.output_tokens)
            for k in kpis
        ],
        "speed": [k.speed for k in kpis],
        "status": asked.runs_by_status(keep),
        "tokens": asked.tokens_over_time(keep),
        "cost": asked.cost_over_time(keep),
        "agents": [(r.agent, r.runs, r.cost, r.tokens, r.fallbacks) for r in asked.by_agent(keep)],
        "models": [(r.model, r.provider, r.attempts, r.cost) for r in asked.by_model(keep)],
        "quality": asked.data_quality(keep),
        "shares": asked.time_shares(keep).everything,
        "n": [asked.percentiles_over_time(keep, m).n for m in ("first_token_us", "duration_us")],
    }


@pytest.mark.parametrize("keep", FILTERS, ids=lambda keep: ",".join(keep) or "all")
@pytest.mark.parametrize("span", RANGES)
def test_sums_from_blocks_are_those_of_the_rows(
    rows: Path, folded: tuple[Path, str], span: str, keep: dict[str, tuple[str, ...]]
) -> None:
    path, zone = folded
    chosen = Filter(range=span, **keep)  # type: ignore[arg-type]
    assert figures(queries(path, zone), chosen) == figures(queries(rows, zone), chosen)


@pytest.mark.parametrize("keep", FILTERS[:3], ids=lambda keep: ",".join(keep) or "all")
def test_percentiles_from_blocks_are_within_one_percent(
    rows: Path, folded: tuple[Path, str], keep: dict[str, tuple[str, ...]]
) -> None:
    path, zone = folded
    for span in ("7d", "all"):
        chosen = Filter(range=span, **keep)  # type: ignore[arg-type]
        for measure in ("first_token_us", "duration_us"):
            quantiles = (0.5, 0.95, 0.99)
            made = queries(path, zone).percentiles_over_time(chosen, measure, quantiles)
            exact = queries(rows, zone).percentiles_over_time(chosen, measure, quantiles)
            for q in quantiles:
                pairs = zip(made.values[q], exact.values[q], strict=True)
                worst = max((abs(a / b - 1) for a, b in pairs if a and b), default=0.0)
                assert worst <= 0.01
                assert [v is None for v in made.values[q]] == [v is None for v in exact.values[q]]


def test_days_add_up_to_the_range_in_every_zone(folded: tuple[Path, str]) -> None:
    path, zone = folded
    first = date(2026, 10, 31)
    edges = [midnight_us(first + timedelta(days=k), ZoneInfo(zone)) for k in range(4)]
    asked = queries(path, zone)
    whole = asked.kpis(Filter(since_us=edges[0], until_us=edges[-1])).current
    days = [asked.kpis(Filter(since_us=a, until_us=b)).current for a, b in pairwise(edges)]
    assert whole.runs == sum(day.runs for day in days) > 0
    assert whole.cost.value == sum(day.cost.value or 0 for day in days)
    assert whole.cost.of == sum(day.cost.of for day in days)


def test_everything_closed_is_folded_and_nothing_else(folded: tuple[Path, str]) -> None:
    path, _ = folded
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        waiting = (
            connection.execute(select(stale.c.start_us).where(stale.c.level == "quarter"))
            .scalars()
            .all()
        )
    database.close()
    assert all(start + QUARTER_US > NOW_US - HOUR_US for start in waiting)
    found = levels(path)
    assert found["day"] >= 2
    assert found["hour"] >= 30
    assert found["quarter"] > 60


def test_blocks_made_bit_by_bit_equal_those_made_at_once(tmp_path: Path) -> None:
    traffic = Traffic(seed=5, days=1, until_us=NOW_US)
    facts = list(traffic.facts(150))
    once, often = tmp_path / "once.db", tmp_path / "often.db"
    from analytics.store import AnalyticsStore

    store = AnalyticsStore(f"sqlite:///{once}", "Asia/Kathmandu")
    store.write([], facts)
    store.close()
    fold_all(once, "Asia/Kathmandu", now_us=NOW_US)
    store = AnalyticsStore(f"sqlite:///{often}", "Asia/Kathmandu")
    folder = Folder("Asia/Kathmandu")
    for k in range(0, len(facts), 20):
        store.write([], facts[k : k + 20])
        at = int(facts[min(k + 19, len(facts) - 1)].run["started_at_us"] or 0)
        store.run(lambda connection, at=at: [folder.step(connection, at) for _ in range(6)])
    store.close()
    fold_all(often, "Asia/Kathmandu", now_us=NOW_US)
    assert levels(often) == levels(once)
    for chosen in (
        Filter(range="all"),
        Filter(range="24h"),
        Filter(range="all", agent=("policy",)),
    ):
        assert figures(queries(often, "Asia/Kathmandu"), chosen) == figures(
            queries(once, "Asia/Kathmandu"), chosen
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda c, row: c.execute(delete(run).where(run.c.run_id == row.run_id)),
        lambda c, row: c.execute(
            update(llm_call).where(llm_call.c.run_id == row.run_id).values(cost_pusd=7 * 10**12)
        ),
    ],
    ids=["delete", "re-price"],
)
def test_a_touched_row_counts_at_once_and_after_folding(
    rows: Path, tmp_path: Path, change: Callable[..., object]
) -> None:
    path, zone = tmp_path / "a.db", "Asia/Kathmandu"
    path.write_bytes(rows.read_bytes())
    fold_all(path, zone, now_us=NOW_US)
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        row = connection.execute(select(run).where(run.c.cost_pusd > 0).limit(1)).one()
    with database.write() as connection:
        change(connection, row)
        touch(connection, [row.started_at_us])
    plain = tmp_path / "plain.db"
    with database.read() as connection:
        connection.connection.driver_connection.backup(_sqlite(plain))  # type: ignore[union-attr]
    database.close()
    database = Database(f"sqlite:///{plain}")
    with database.write() as connection:
        connection.execute(delete(block))
        connection.execute(delete(stale))
        touch(connection, connection.execute(select(run.c.started_at_us)).scalars())
        touch(connection, connection.execute(select(llm_call.c.started_at_us)).scalars())
    database.close()
    chosen = Filter(range="all")
    truth = figures(queries(plain, zone), chosen)
    assert figures(queries(path, zone), chosen) == truth
    fold_all(path, zone, now_us=NOW_US)
    assert figures(queries(path, zone), chosen) == truth
    assert truth != figures(queries(rows, zone), chosen)


def test_another_zone_makes_the_hours_and_days_anew(rows: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(rows.read_bytes())
    fold_all(path, "UTC", now_us=NOW_US)
    chosen = Filter(range="7d")
    truth = figures(queries(rows, "Asia/Kathmandu"), chosen)
    assert figures(queries(path, "Asia/Kathmandu"), chosen) == truth  # of the other zone: not used
    quarters = levels(path)["quarter"]
    assert fold_all(path, "Asia/Kathmandu", now_us=NOW_US) > 0
    assert levels(path)["quarter"] == quarters
    assert figures(queries(path, "Asia/Kathmandu"), chosen) == truth


def test_a_sample_is_of_whole_quarters_spread_over_the_range(folded: tuple[Path, str]) -> None:
    path, zone = folded

    def sampled(ask: Ask) -> int:
        return ask.facts.sample("run", ask.scope, wanted=60).n

    n = queries(path, zone).ask(sampled, Filter(range="all"))
    assert 20 < n < 200


@given(st.lists(st.integers(-1, 2**62), max_size=50), st.lists(st.integers(-1, 127), max_size=50))
def test_packed_columns_come_back(wide: list[int], narrow: list[int]) -> None:
    n = min(len(wide), len(narrow))
    columns = {
        "wide": np.array(wide[:n], dtype=np.int64),
        "narrow": np.array(narrow[:n], dtype=np.int64),
    }
    found = Block(pack(columns))
    assert found.n == n
    assert all(found[name].tolist() == values.tolist() for name, values in columns.items())


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_a_bin_stands_for_its_values_within_one_percent(values: list[int]) -> None:
    given_values = np.array(values, dtype=np.int64)
    found = middles(bins(given_values))
    assert np.all(np.abs(found - given_values) <= np.maximum(given_values * 0.01, 0))


def _sqlite(path: Path):  # type: ignore[no-untyped-def]
    import sqlite3

    return sqlite3.connect(path)


def test_figures_stay_when_their_rows_are_gone(rows: Path, tmp_path: Path) -> None:
    path, zone = tmp_path / "a.db", "Asia/Kathmandu"
    path.write_bytes(rows.read_bytes())
    fold_all(path, zone, now_us=NOW_US)
    whole = queries(path, zone).kpis(Filter(range="all")).current
    cut = midnight_us(date(2026, 11, 1), ZoneInfo(zone))
    old = Filter(
        range="all", since_us=midnight_us(date(2026, 10, 30), ZoneInfo(zone)), until_us=cut
    )
    before = queries(path, zone).kpis(old).current
    database = Database(f"sqlite:///{path}")
    with database.write() as connection:
        keep_figures_before(connection, cut)
        connection.execute(delete(run).where(run.c.started_at_us < cut))
        connection.execute(delete(llm_call).where(llm_call.c.started_at_us < cut))
        connection.execute(delete(block).where(block.c.level == "quarter", block.c.start_us < cut))
        touch(connection, [cut - HOUR_US])  # an import of an old call
    database.close()
    after = queries(path, zone).kpis(old).current
    assert (after.runs, after.cost) == (before.runs, before.cost)
    assert 0 < before.runs < whole.runs
