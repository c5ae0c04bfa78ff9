"""What failed and what became of it: rates with their bands, kinds of error, operations, stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from analytics.facts import RunMeta
from analytics.metrics import Rate
from analytics.queries import Ask, Filter, Queries
from analytics.queries.reliability import (
    Level,
    delay,
    funnel,
    provider_status,
    rates_over_time,
    state_of,
    stops,
    trouble,
)
from analytics.queries.reliability_errors import error_types, errors_over_time
from bench.make_traffic import Traffic, write_traffic
from core.events import Cancelled, Completed, Event, Failed, Interrupt, Interrupted
from tests.analytics.scripts import (
    START_US,
    Scripted,
    at,
    attempt,
    script,
    simple_run,
    started,
    write,
)

HOUR_US = 3_600_000_000
NOW_US = START_US + HOUR_US
NOVA = "bedrock_converse:us.amazon.nova-lite-v1:0"
FAILED = Failed(code="model_unavailable", message="m", what_to_do="w", retryable=True)
STOPPED = Cancelled(by="user", stop_us=40_000, tokens_after_stop=3)
ASKS = Interrupted(interrupts=(Interrupt(id="i", value="{}"),))
AskAny = Callable[..., Any]
LEVELS: tuple[Level, ...] = ("call", "run")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def ask(path: Path) -> Iterator[AskAny]:
    queries = Queries(path, now_us=lambda: NOW_US)

    def asked(question: Callable[..., Any], *given: Any, keep: Filter | None = None) -> Any:
        return queries.ask(lambda one: question(one, *given), keep or Filter())

    yield asked
    queries.close()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    """Six days of traffic with failures, fallbacks and stops."""
    path = tmp_path_factory.mktemp("busy") / "analytics.db"
    write_traffic(path, 500, Traffic(seed=8, days=6, until_us=NOW_US))
    queries = Queries(path, now_us=lambda: NOW_US)
    yield queries
    queries.close()


FILTERS = (
    {},
    {"agent": ("technical",)},
    {"model": ("openai:gpt-4o-mini",)},
    {"provider": ("openai", "ollama")},
    {"status": ("ok", "error")},
)


def operation(of: RunMeta, *tries: tuple[str, str | None], end: Event | None = None) -> Scripted:
    """A run of one operation. A try is (outcome, error type); from the second on at another model
    when the error before was `moved`.
    """
    events: list[tuple[int, Event]] = [(0, started())]
    clock, elsewhere = count(10, 10), False
    for number, (outcome, error) in enumerate(tries, 1):
        model, provider = (NOVA, "aws.bedrock") if elsewhere else ("openai:gpt-4o-mini", "openai")
        shared: dict[str, Any] = {
            "call_id": f"{of.run_id}-{number}", "attempt": number, "model": model, "provider": provider,
        }  # fmt: skip
        events.append((next(clock), attempt("started", **shared)))
        if outcome == "error":
            shared |= {"error_type": error}
        events.append((next(clock), attempt(outcome, duration_us=10_000, **shared)))
        elsewhere = elsewhere or error == "moved"
    events.append((next(clock), end or Completed(message_id="a")))
    return of, script(*events, run_id=of.run_id)


# -- parts add up


@pytest.mark.parametrize("more", FILTERS)
@pytest.mark.parametrize("level", LEVELS)
def test_rates_and_types_over_time_add_up(
    busy: Queries, level: Level, more: dict[str, Any]
) -> None:
    keep = busy.pin(Filter(range="7d", **more))
    now = busy.ask(trouble, keep).current
    total = now.attempts if level == "call" else now.runs
    series = busy.ask(lambda one: rates_over_time(one, level), keep)
    types = busy.ask(lambda one: errors_over_time(one, level), keep)
    table = busy.ask(lambda one: error_types(one, level), keep)
    assert sum(rate.k for rate in series.rates) == total.k
    assert sum(rate.n for rate in series.rates) == total.n
    assert sum(sum(values) for values in types.values.values()) == total.k
    assert sum(row.count for row in table) == total.k
    assert sum(types.n) == total.n


@pytest.mark.parametrize("level", LEVELS)
def test_every_band_contains_its_rate(busy: Queries, level: Level) -> None:
    series = busy.ask(lambda one: rates_over_time(one, level), busy.pin(Filter(range="7d")))
    filled = [rate for rate in series.rates if rate.n]
    assert filled
    for rate in filled:
        assert rate.interval is not None
        assert rate.share is not None
        assert rate.interval[0] <= rate.share <= rate.interval[1]
        assert rate.interval[0] < rate.interval[1]


def test_thin_buckets_are_joined_and_full_ones_are_not(path: Path, ask: AskAny) -> None:
    write(path, *(simple_run(at(k, k / 2), end=FAILED if k % 9 == 0 else None) for k in range(110)))
    thin = ask(rates_over_time, "run", keep=Filter(range="1h"))
    assert (thin.size, len(thin.buckets)) == ("5m", 13)
    assert sum(rate.k for rate in thin.rates) == 13
    assert sum(rate.n for rate in thin.rates) == 110
    assert ask(rates_over_time, "run", keep=Filter(range="7d")).size == "3h"


@pytest.mark.parametrize("more", FILTERS[:2])
def test_operations_end_in_exactly_one_way(busy: Queries, more: dict[str, Any]) -> None:
    keep = busy.pin(Filter(range="7d", **more))
    rows, now = busy.ask(funnel, keep), busy.ask(trouble, keep).current
    assert sum(row.failed for row in rows) == now.attempts.k > 0
    assert sum(row.rescued_other for row in rows) <= now.fallbacks.k
    for row in rows:
        assert row.failed == row.gone_on + row.lost
        assert row.gone_on == row.rescued_same + row.rescued_other + row.left


def test_providers_add_up_to_all_attempts(busy: Queries) -> None:
    keep = busy.pin(Filter(range="7d"))
    grid = busy.ask(provider_status, keep)
    cells = [rate for rates in grid.cells.values() for rate in rates]
    assert Rate(k=sum(c.k for c in cells), n=sum(c.n for c in cells)) == (
        busy.ask(trouble, keep).current.attempts
    )
    assert all(len(rates) == len(grid.buckets) for rates in grid.cells.values())


# -- what counts


def test_stopping_and_asking_are_no_errors(path: Path, ask: AskAny) -> None:
    ends: list[Event | None] = [None, FAILED, STOPPED, ASKS]
    write(path, *(simple_run(at(k, k), end=end) for k, end in enumerate(ends)))
    now = ask(trouble).current
    assert now.runs == Rate(k=1, n=2)
    assert now.stopped == Rate(k=1, n=4)
    assert now.interrupted == 1
    assert list(ask(errors_over_time, "run").values) == ["model_unavailable"]


def test_a_stopped_attempt_is_no_error(path: Path, ask: AskAny) -> None:
    write(path, operation(at(0, 0), ("cancelled", None), end=STOPPED))
    assert ask(trouble).current.attempts == Rate(k=0, n=0)
    assert ask(errors_over_time, "call").values == {}


def test_what_became_of_failures(path: Path, ask: AskAny) -> None:
    write(
        path,
        operation(at(0, 0), ("ok", None)),
        operation(at(1, 1), ("error", "busy"), ("ok", None)),
        operation(at(2, 2), ("error", "busy"), ("error", "moved"), ("ok", None)),
        operation(at(3, 3), ("error", "busy"), ("error", "busy"), end=FAILED),
        operation(at(4, 4), ("error", "moved"), ("cancelled", None), end=STOPPED),
    )
    (row,) = ask(funnel)
    assert row.provider == "openai"  # asked first, also where another one answered
    assert (row.attempts, row.failed, row.gone_on) == (10, 6, 5)
    assert (row.rescued_same, row.rescued_other, row.lost, row.left) == (1, 1, 1, 1)
    assert row.troubled == 4
    now = ask(trouble).current
    assert now.rescued == Rate(k=2, n=4)
    assert now.fallbacks == Rate(k=2, n=5)


def test_a_filter_by_provider_keeps_whole_operations(path: Path, ask: AskAny) -> None:
    write(path, operation(at(0, 0), ("error", "moved"), ("ok", None)))
    (row,) = ask(funnel, keep=Filter(provider=("openai",)))
    assert (row.attempts, row.failed, row.rescued_other) == (2, 1, 1)
    assert ask(funnel, keep=Filter(provider=("aws.bedrock",))) == ()


def test_time_lost_is_of_runs_that_had_a_failure(path: Path, ask: AskAny) -> None:
    write(
        path,
        operation(at(0, 0), ("ok", None)),
        operation(at(1, 1), ("error", "busy"), ("ok", None)),
        operation(at(2, 2), ("error", "busy"), ("error", "busy"), ("ok", None)),
    )
    lost = ask(delay)
    assert (lost.p50.n, lost.p50.value, lost.total_us) == (2, 15_000, 30_000)


def test_stops_say_how_fast_and_what_still_came(path: Path, ask: AskAny) -> None:
    slow = Cancelled(by="user", stop_us=80_000, tokens_after_stop=1)
    write(path, *(simple_run(at(k, k), end=end) for k, end in enumerate([STOPPED, slow, None])))
    found = ask(stops)
    assert (sum(found.stopped), sum(found.runs), found.timed) == (2, 3, 2)
    assert (found.p50.value, found.tokens_after) == (60_000, 4)
    assert (sum(found.late), len(found.late)) == (4, len(found.buckets))


# -- kinds of error


def test_a_type_knows_when_it_came_first_and_last_and_where(path: Path, ask: AskAny) -> None:
    write(
        path,
        operation(at(0, 1), ("error", "moved"), ("error", "slow"), end=FAILED),
        operation(at(1, 7), ("error", "busy"), ("ok", None)),
        operation(at(2, 31), ("error", "busy"), ("ok", None)),
        operation(at(3, 31.5), ("error", "busy"), ("ok", None)),
        operation(at(4, 50), ("ok", None)),
    )
    rows = {row.name: row for row in ask(error_types, "call", keep=Filter(range="1h"))}
    busy = rows["busy"]
    assert (busy.count, busy.of, busy.models) == (3, 5, ("openai:gpt-4o-mini",))
    assert busy.first_us == START_US + int(7 * 60e6) + 10_000
    assert (busy.last_us, busy.last_run_id) == (START_US + int(31.5 * 60e6) + 10_000, "r003")
    assert rows["slow"].models == (NOVA,)
    (run,) = ask(error_types, "run", keep=Filter(range="1h"))
    assert (run.name, run.first_us, run.last_run_id) == (
        "model_unavailable",
        START_US + int(60e6),
        "r000",
    )


def test_a_type_of_the_period_before_is_not_new(path: Path, ask: AskAny) -> None:
    tries = [("error", "busy"), ("ok", None)]
    write(
        path,
        operation(at(0, -20), *tries),
        operation(at(1, 5), *tries),
        operation(at(2, 6), ("error", "odd"), ("ok", None)),
    )
    rows = ask(error_types, "call", keep=Filter(range="1h"))
    assert {row.name: (row.count, row.before) for row in rows} == {"busy": (1, 1), "odd": (1, 0)}
    everything = ask(error_types, "call", keep=Filter(range="all"))
    assert {row.before for row in everything} == {None}


def test_an_error_without_a_type_is_found_too(path: Path, ask: AskAny) -> None:
    write(path, operation(at(0, 3), ("error", None), ("ok", None)))
    (row,) = ask(error_types, "call")
    assert (row.name, row.last_run_id) == ("unknown", "r000")


# -- providers


@pytest.mark.parametrize(
    ("k", "n", "state"),
    [
        (0, 0, "none"),
        (4, 4, "few"),
        (0, 5, "ok"),
        (4, 100, "ok"),
        (5, 100, "degraded"),
        (49, 100, "degraded"),
        (50, 100, "down"),
        (5, 5, "down"),
    ],
)
def test_states_of_a_provider(k: int, n: int, state: str) -> None:
    assert state_of(Rate(k=k, n=n)) == state


def test_an_empty_database_has_no_trouble(ask: AskAny) -> None:
    def everything(one: Ask) -> list[Any]:
        found = [question(one) for question in (trouble, funnel, delay, provider_status, stops)]
        return [*found, error_types(one, "call"), errors_over_time(one, "run").values]

    report, *rest = ask(everything)
    assert report.current.attempts == Rate(k=0, n=0)
    assert (rest[0], rest[-2], rest[-1]) == ((), (), {})
