"""Routing, agents and tools against runs one can count by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from analytics.metrics import Rate
from analytics.queries import Filter, Queries
from analytics.queries.agents_tools import agents, routing, tools, tools_over_time
from analytics.rows import RunFacts
from analytics.schema import feedback
from analytics.store import AnalyticsStore
from bench.make_traffic import Traffic, write_traffic
from core.database import database_url
from core.events import Completed, Event, Failed, Route, Token, ToolEnd, ToolStart
from tests.analytics.scripts import START_US, attempt, facts, meta, started, usage

MINUTE_US = 60_000_000
NOW_US = START_US + 60 * MINUTE_US
FAILED = Failed(code="model_unavailable", message="m", what_to_do="w", retryable=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnalyticsStore]:
    found = AnalyticsStore(database_url(tmp_path / "analytics.db"))
    yield found
    found.close()


@pytest.fixture
def queries(tmp_path: Path) -> Iterator[Queries]:
    found = Queries(tmp_path / "analytics.db", now_us=lambda: NOW_US)
    yield found
    found.close()


def answered(
    k: int,
    routes: tuple[str, ...],
    agent: str | None,
    *,
    asks_model: bool = False,
    tool_ms: dict[str, tuple[int, str | None]] | None = None,
    end: Event | None = None,
) -> RunFacts:
    """A run of 100 ms. `tool_ms`: duration and error of each tool, one after the other."""
    steps: list[tuple[int, Event]] = [(0, started())]
    if asks_model:
        call: dict[str, Any] = {"call_id": f"route-{k}", "logical_call_id": "r", "purpose": "route"}
        steps += [(1, attempt("started", **call)), (3, attempt("ok", duration_us=2_000, **call))]
        steps += [(3, usage(f"route-{k}", purpose="route"))]
    steps += [
        (4, Route(agent=name, decided_by="local", reason="", duration_us=100)) for name in routes
    ]
    now = 10
    for name, (lasts, error) in (tool_ms or {}).items():
        steps.append((now, ToolStart(tool_call_id=name, name=name, input="{}", agent=agent)))
        now += lasts
        steps.append((now, ToolEnd(tool_call_id=name, name=name, output_bytes=1, error=error)))
    if agent is not None:
        steps.append((90, Token(text="Hi", message_id="a", agent=agent)))
    steps.append((100, end or Completed(message_id="a")))
    return facts(*steps, of=meta(f"r{k}", started_at_us=START_US + k * MINUTE_US))


def rate(store: AnalyticsStore, *thumbs: tuple[int, bool]) -> None:
    rows = [
        {
            "feedback_id": f"f{k}",
            "run_id": f"r{k}",
            "source": "user",
            "evaluation_name": "thumbs",
            "evaluation_score_value": float(up),
            "created_at_us": START_US + k * MINUTE_US + 1,
            "updated_at_us": START_US,
        }
        for k, up in thumbs
    ]
    store.run(lambda connection: connection.execute(insert(feedback), rows))


# -- routing and agents


def test_the_matrix_counts_choices_answers_and_thumbs_down(
    store: AnalyticsStore, queries: Queries
) -> None:
    store.write(
        [],
        [
            answered(0, ("billing",), "billing"),
            answered(1, ("billing",), "billing", asks_model=True),
            answered(2, ("billing", "policy"), "policy"),
            answered(3, ("policy",), "policy"),
            answered(4, (), "billing"),  # pinned: nobody was routed
        ],
    )
    rate(store, (0, True), (1, False), (2, False), (4, False))
    found = queries.ask(routing, Filter())
    assert [(c.route, c.agent, c.runs, c.down) for c in found.cells] == [
        ("billing", "billing", 2, Rate(k=1, n=2)),
        ("billing", "policy", 1, Rate(k=1, n=1)),
        ("policy", "policy", 1, Rate(k=0, n=0)),
    ]
    assert (found.routed, found.unrouted) == (4, 1)
    assert found.moved == Rate(k=1, n=4)
    assert found.asked == Rate(k=1, n=4)


def test_who_decided_is_unknown_under_a_filter_by_model(
    store: AnalyticsStore, queries: Queries
) -> None:
    store.write([], [answered(0, ("billing",), "billing", asks_model=True)])
    assert queries.ask(routing, Filter(model=("openai:gpt-4o-mini",))).asked is None


def test_agents_tell_what_was_handed_to_them_loops_and_ratings(
    store: AnalyticsStore, queries: Queries
) -> None:
    store.write(
        [],
        [
            answered(0, ("billing", "policy"), "policy"),
            answered(1, ("policy", "billing", "policy"), "policy"),
            answered(2, ("policy",), "policy", end=FAILED),
            answered(3, ("billing",), "billing"),
        ],
    )
    rate(store, (0, True), (1, False))
    first, second = queries.ask(agents, Filter())
    assert (first.row.agent, first.row.runs) == ("policy", 3)
    assert first.row.failure == Rate(k=1, n=3)
    assert first.handed == Rate(k=1, n=3)
    assert first.loops == Rate(k=1, n=3)
    assert (first.up, first.coverage) == (Rate(k=1, n=2), Rate(k=2, n=3))
    assert (second.row.agent, second.handed, second.up) == (
        "billing",
        Rate(k=0, n=1),
        Rate(k=0, n=0),
    )


# -- tools


def test_tools_have_their_calls_errors_and_share_of_run_time(
    store: AnalyticsStore, queries: Queries
) -> None:
    store.write(
        [],
        [
            answered(0, ("data",), "data", tool_ms={"sql": (20, None), "web": (10, None)}),
            answered(1, ("data",), "data", tool_ms={"sql": (40, "no such table")}),
            answered(2, ("data",), "data", tool_ms={"sql": (9, "stopped")}, end=FAILED),
        ],
    )
    sql, web = queries.ask(tools, Filter())
    assert (sql.tool, sql.calls, sql.cancelled) == ("sql", 3, 1)
    assert sql.error == Rate(k=1, n=2)
    assert (sql.p50.value, sql.p50.n) == (20_000, 1)
    # Runs that failed have no share: 60 ms and 10 ms of two runs of 100 ms.
    assert (sql.share, web.share) == (pytest.approx(0.3), pytest.approx(0.05))


def test_tools_over_time_add_up_to_the_table(store: AnalyticsStore, queries: Queries) -> None:
    for k in range(6):
        called = {"sql": (10 + k, None)} | ({"web": (5, "down")} if k % 2 else {})
        store.write([], [answered(9 * k, ("data",), "data", tool_ms=called)])
    table = {row.tool: row for row in queries.ask(tools, Filter(range="1h"))}
    series = queries.ask(tools_over_time, Filter(range="1h"))
    assert [tool.tool for tool in series.tools] == ["sql", "web"]
    for tool in series.tools:
        assert sum(tool.calls) == table[tool.tool].calls
        assert sum(tool.errors) == table[tool.tool].error.k
        assert sum(tool.n) == table[tool.tool].p95.n
    web = series.tools[1]
    assert set(web.p95) == {None}  # no call succeeded: a gap and not 0
    assert {v for v in series.tools[0].p95 if v is not None} == {1e3 * (10 + k) for k in range(6)}


def test_no_database_has_no_agents(tmp_path: Path) -> None:
    queries = Queries(tmp_path / "none.db")
    assert queries.ask(routing, Filter()).moved == Rate(k=0, n=0)
    assert queries.ask(agents, Filter()) == ()
    assert queries.ask(tools, Filter()) == ()
    assert queries.ask(tools_over_time, Filter()).tools == ()
    queries.close()


def test_real_looking_traffic_adds_up(tmp_path: Path) -> None:
    path = tmp_path / "traffic.db"
    write_traffic(path, 400, Traffic(seed=5, until_us=NOW_US))
    queries = Queries(path, now_us=lambda: NOW_US)
    keep = Filter(range="90d")
    found, lines = queries.ask(routing, keep), queries.ask(agents, keep)
    runs = queries.kpis(keep).current.runs
    queries.close()
    assert found.routed + found.unrouted == runs == sum(line.row.runs for line in lines)
    assert sum(cell.down.n for cell in found.cells) == sum(line.up.n for line in lines) > 5
    assert found.asked is not None
    assert 0.4 < (found.asked.share or 0) < 0.7
