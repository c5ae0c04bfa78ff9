"""Money on the dashboard: parts add up to totals, and figures one can work out by head."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.metrics import Known
from analytics.queries import Ask, Filter, Queries, cost
from analytics.queries.cost import (
    by_kind,
    by_model_and_agent,
    per_answer,
    spending,
)
from analytics.queries.cost_cache import cache_by_model, cache_over_time
from analytics.queries.cost_month import Month, exhaustion, forecast, month_to_date, t_quantile
from analytics.queries.cost_replay import at_rates, rates_of, replayable
from analytics.queries.cost_spenders import (
    Spender,
    by_thread,
    by_user,
    concentration,
    context_growth,
)
from analytics.queries.over_time import cost_over_time
from bench.make_traffic import Traffic, write_traffic
from core.catalog import load_catalog
from core.events import Cancelled, Event, Failed
from core.pricing import price_call
from core.usage import Usage
from tests.analytics.scripts import START_US, at, simple_run, write

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOW_US = START_US + HOUR_US
BEDROCK = "bedrock_converse:us.anthropic.claude-haiku-4-5-20251001-v1:0"
FAILED = Failed(code="model_unavailable", message="m", what_to_do="w", retryable=True)
AskAny = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def ask(path: Path) -> Iterator[AskAny]:
    queries = Queries(path, now_us=lambda: NOW_US)
    yield lambda question, keep=Filter(): queries.ask(question, keep)  # noqa: B008
    queries.close()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    """Twelve days of traffic with failures, fallbacks, stops and a model without a price."""
    path = tmp_path_factory.mktemp("busy") / "analytics.db"
    write_traffic(path, 400, Traffic(seed=5, days=12, until_us=NOW_US))
    queries = Queries(path, "Asia/Kathmandu", now_us=lambda: NOW_US)
    yield queries
    queries.close()


FILTERS = (
    {},
    {"agent": ("billing",)},
    {"model": ("openai:gpt-4o-mini", "ollama:llama3.2")},
    {"status": ("ok",)},
    {"user": ("user-01", "user-02")},
)


def rate_run(
    path: Path, run_id: str, score: float, *, source: str = "user", at_us: int = NOW_US - 2
) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO feedback (feedback_id, run_id, source, evaluation_name, user_id, "
            "evaluation_score_value, created_at_us, updated_at_us) VALUES (?,?,?,?,?,?,?,?)",
            (f"{run_id}{source}", run_id, source, "thumbs", "ann", score, at_us, at_us),
        )


# -- parts add up


@pytest.mark.parametrize("more", FILTERS)
def test_every_split_of_the_cost_adds_up_to_the_cost(busy: Queries, more: dict[str, Any]) -> None:
    keep = busy.pin(Filter(range="30d", **more))
    total = busy.ask(spending, keep).current
    split = busy.ask(by_model_and_agent, keep)
    kinds = busy.ask(by_kind, keep)
    series = busy.ask(cost_over_time, keep)
    assert total.cost.value
    assert total.cost.value > 0
    assert sum(row.cost.value or 0 for row in split) == total.cost.value
    assert sum(row.cost.missing for row in split) == total.cost.missing
    assert sum(kind.pusd for kind in kinds) == total.cost.value
    assert sum(sum(values) for values in series.values.values()) == total.cost.value


def test_kinds_of_token_exclude_each_other_and_add_up(busy: Queries) -> None:
    keep = busy.pin(Filter(range="30d"))
    kinds = {kind.kind: kind.tokens for kind in busy.ask(by_kind, keep)}
    tokens = busy.kpis(keep).current
    assert sum(value or 0 for value in kinds.values()) == (
        (tokens.input_tokens.value or 0) + (tokens.output_tokens.value or 0)
    )
    assert min(value for value in kinds.values() if value is not None) >= 0
    assert kinds["fees"] is None


@pytest.mark.parametrize("more", FILTERS)
def test_people_threads_and_days_add_up_to_the_cost_of_the_runs(
    busy: Queries, more: dict[str, Any]
) -> None:
    keep = busy.pin(Filter(range="30d", **more))
    total = busy.ask(spending, keep).current
    days, people, threads = (busy.ask(q, keep) for q in (per_answer, by_user, by_thread))
    assert sum(days.cost) == people.total == threads.total == (total.runs_cost.value or 0)
    assert sum(days.ok) == total.ok
    assert sum(days.rejected) == total.rejected
    assert sum(days.unpriced) == total.runs_cost.missing
    assert people.runs == threads.runs


def test_the_cache_by_model_and_over_time_is_the_cache_of_all(busy: Queries) -> None:
    keep = busy.pin(Filter(range="30d"))
    total = busy.ask(spending, keep).current
    models, series = busy.ask(cache_by_model, keep), busy.ask(cache_over_time, keep)
    assert sum(row.saved for row in models) == total.saved_by_cache > 0
    assert sum(series.cache_read_tokens) == total.cache_read_tokens
    assert sum(series.input_tokens) == total.input_tokens
    assert all(ratio is None or 0 <= ratio <= 1 for ratio in series.ratio)


# -- what an answer costs


def test_an_accepted_answer_is_a_successful_run_without_a_thumbs_down(
    path: Path, ask: AskAny
) -> None:
    ends: list[Event | None] = [None, None, None, None, FAILED, Cancelled(by="user")]
    write(path, *(simple_run(at(k, k), end=end, cost_pusd=120) for k, end in enumerate(ends)))
    rate_run(path, "r000", 0)
    rate_run(path, "r000", 0, source="llm_judge")
    rate_run(path, "r001", 1)
    rate_run(path, "r002", 0, source="llm_judge")
    rate_run(path, "r004", 0)
    found = ask(spending).current
    assert (found.ok, found.rejected) == (4, 1)
    assert found.per_success == 6 * 120 / 4
    assert found.per_accepted == 6 * 120 / 3


def test_too_many_thumbs_to_count_are_unknown_not_few(
    path: Path, ask: AskAny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "MAX_REJECTED", 2)
    write(path, *(simple_run(at(k, k), cost_pusd=120) for k in range(4)))
    rate_run(path, "r000", 0)
    assert ask(spending).current.rejected == 1
    for run_id in ("r001", "r002"):
        rate_run(path, run_id, 0, at_us=NOW_US - 1)
    rate_run(path, "r000", 0, source="annotator")
    found = ask(spending).current
    assert (found.rejected, found.per_accepted, found.per_success) == (None, None, 120)
    assert ask(per_answer).rejected is None


def test_a_bucket_without_a_success_is_a_gap_and_its_cost_is_kept(path: Path, ask: AskAny) -> None:
    write(path, simple_run(at(0, 1), cost_pusd=50), simple_run(at(1, 40), end=FAILED, cost_pusd=70))
    found = ask(per_answer, Filter(range="1h"))
    priced = {k: value for k, value in enumerate(found.per_success) if value is not None}
    assert list(priced.values()) == [50.0]
    assert sum(found.cost) == 120
    assert len(priced) < len(found.buckets)


def test_unpriced_runs_are_counted_and_never_free(path: Path, ask: AskAny) -> None:
    write(path, simple_run(at(0, 0), cost_pusd=None), simple_run(at(1, 20), cost_pusd=None))
    found = ask(per_answer)
    assert ask(spending).current.cost == Known(value=None, known=0, of=2)
    assert set(found.per_success) == {None}
    assert sum(found.unpriced) == 2


def test_the_period_before_is_the_same_length_and_absent_for_all(path: Path, ask: AskAny) -> None:
    write(path, simple_run(at(0, 10), cost_pusd=5), simple_run(at(1, -30), cost_pusd=9))
    report = ask(spending, Filter(range="1h"))
    assert (report.current.cost.value, report.previous.cost.value) == (5, 9)
    assert ask(spending, Filter(range="all")).previous is None


# -- caching


def test_writes_that_are_never_read_are_wasted(path: Path, ask: AskAny) -> None:
    # 100 tokens in: 40 plain at 10 each, 60 written at 12.5 each.
    parts = {"cost_input_pusd": 400, "cost_cache_write_pusd": 750, "cost_pusd": 1150}
    write(path, simple_run(at(0, 0), cache_write_tokens=60, cache_read_tokens=0, **parts))
    (row,) = ask(cache_by_model)
    assert (row.saved_by_reads, row.extra_for_writes, row.saved, row.wasted) == (0, 150, -150, 150)


def test_reads_earn_writes_back(path: Path, ask: AskAny) -> None:
    wrote = {"cost_input_pusd": 400, "cost_cache_write_pusd": 750, "cost_pusd": 1150}
    read = {"cost_input_pusd": 400, "cost_cache_read_pusd": 60, "cost_pusd": 460}
    write(
        path,
        simple_run(at(0, 0), cache_write_tokens=60, **wrote),
        simple_run(at(1, 1), cache_read_tokens=60, **read),
    )
    (row,) = ask(cache_by_model)
    assert (row.saved_by_reads, row.extra_for_writes, row.saved, row.wasted) == (540, 150, 390, 0)


# -- other prices


def random_usage(dice: random.Random) -> Usage:
    read, five, hour, plain = (dice.randrange(500) for _ in range(4))
    output = dice.randrange(1, 900)
    return Usage(
        input_tokens=read + five + hour + plain,
        cache_read=read,
        cache_write=five + hour,
        cache_write_5m=five,
        cache_write_1h=hour,
        output_tokens=output,
        reasoning_tokens=dice.randrange(output),
        source="provider",
    )


@pytest.mark.parametrize("seed", range(5))
def test_what_if_at_the_models_own_price_is_what_it_cost(
    path: Path, ask: AskAny, seed: int
) -> None:
    catalog, dice = load_catalog(), random.Random(seed)
    now = datetime.combine(catalog.date, datetime.min.time(), UTC)
    runs = []
    for k in range(12):
        model, used = dice.choice(["openai:gpt-4o-mini", BEDROCK]), random_usage(dice)
        priced = price_call(catalog, model, used, region="us-east-1", at=now)
        runs.append(
            simple_run(
                at(k, k), model=model, input_tokens=used.input_tokens, cache_read_tokens=used.cache_read,
                cache_write_tokens=used.cache_write, cache_write_1h_tokens=used.cache_write_1h,
                output_tokens=used.output_tokens, reasoning_tokens=used.reasoning_tokens,
                cost_pusd=priced.total_pusd, cost_other_pusd=0,
            )
        )  # fmt: skip
    write(path, *runs, simple_run(at(90, 20), model="ollama:llama3.2", cost_pusd=None))
    found = ask(replayable)
    assert (sum(t.calls for t in found.models), found.left_out) == (12, 1)
    for tokens in found.models:
        rates = rates_of(catalog, tokens.model, "us-east-1", now)
        assert rates is not None
        assert at_rates(tokens, rates) == tokens.pusd > 0


def test_synthetic_traffic_replays_to_the_known_cost(busy: Queries) -> None:
    catalog, keep = load_catalog(), busy.pin(Filter(range="30d"))
    now = datetime.combine(catalog.date, datetime.min.time(), UTC)
    found = busy.ask(replayable, keep)
    rates = {t.model: rates_of(catalog, t.model, "us-east-1", now) for t in found.models}
    assert all(
        r is not None and at_rates(t, r) == t.pusd for t in found.models if (r := rates[t.model])
    )
    assert sum(t.pusd for t in found.models) == busy.ask(spending, keep).current.cost.value


def test_a_model_without_a_price_has_no_rates() -> None:
    catalog = load_catalog()
    now = datetime.combine(catalog.date, datetime.min.time(), UTC)
    assert rates_of(catalog, "ollama:llama3.2", None, now) is None
    assert rates_of(catalog, "openai:gpt-4o-mini", None, now - timedelta(days=4000)) is None
    assert rates_of(catalog, "bedrock_converse:amazon.nova-lite-v1:0", None, now) is None


# -- people and threads


def test_the_dearest_tenth_is_at_least_one() -> None:
    def people(*costs: int) -> list[Spender]:
        return [
            Spender(name=f"p{k}", runs=1, cost=Known(value=c, known=1, of=1))
            for k, c in enumerate(costs)
        ]

    few = concentration(people(5, 90, 5), 100, 3, 10)
    many = concentration(people(*range(1, 22)), 231, 21, 2)
    assert (few.top_n, few.top_pusd, few.rows[0].name) == (1, 90, "p1")
    assert (many.top_n, many.top_pusd, len(many.rows), many.of) == (3, 21 + 20 + 19, 2, 21)
    assert concentration([], 0, 0, 5).top_n == 0


def test_runs_of_nobody_are_in_the_total_but_no_person(path: Path, ask: AskAny) -> None:
    write(
        path, simple_run(at(0, 0), cost_pusd=30), simple_run(at(1, 1, user_id=None), cost_pusd=70)
    )
    found = ask(by_user)
    assert [(row.name, row.cost.value) for row in found.rows] == [("ann", 30)]
    assert (found.total, found.of) == (100, 1)


def test_a_thread_knows_its_newest_run(path: Path, ask: AskAny) -> None:
    runs = [simple_run(at(k, k, thread_id=f"t{k % 2}"), cost_pusd=10 + k) for k in range(5)]
    write(path, *runs)
    found = ask(by_thread)
    assert [(row.name, row.runs, row.cost.value, row.run_id) for row in found.rows] == [
        ("t0", 3, 36, "r004"),
        ("t1", 2, 24, "r003"),
    ]


def test_context_growth_counts_turns_of_whole_threads(path: Path, ask: AskAny) -> None:
    turns = [("a", 100), ("a", 300), ("b", 200), ("a", 500)]
    write(
        path,
        simple_run(at(90, -600, thread_id="old"), input_tokens=9),
        *(
            simple_run(at(k, k, thread_id=thread), input_tokens=tokens)
            for k, (thread, tokens) in enumerate(turns)
        ),
        simple_run(at(91, 30, thread_id="old"), input_tokens=9_999),
    )
    found = ask(context_growth, Filter(range="1h"))
    assert [(t.turn, t.p50.n, t.p50.value) for t in found.turns] == [
        (1, 2, 150.0),
        (2, 1, 300.0),
        (3, 1, 500.0),
    ]
    assert (found.runs, found.used, found.bounded) == (5, 4, False)


def test_a_filter_does_not_renumber_turns(path: Path, ask: AskAny) -> None:
    agents = ["billing", "policy", "billing"]
    write(path, *(simple_run(at(k, k), agent=agent) for k, agent in enumerate(agents)))
    found = ask(context_growth, Filter(agent=("billing",)))
    assert [turn.turn for turn in found.turns] == [1, 3]


# -- the month

TODAY = date(2026, 11, 21)


def history(days: int, cost: Callable[[date], int]) -> dict[date, int]:
    return {(day := TODAY - timedelta(days=k)): cost(day) for k in range(days, 0, -1)}


def test_the_month_is_the_calendar_month_of_the_zone(busy: Queries) -> None:
    """The range ends on 15 November 2023, 04:58 in Kathmandu (UTC+5:45)."""
    keep = busy.pin(Filter(range="7d"))
    month = busy.ask(month_to_date, keep)
    began = int(datetime(2023, 10, 31, 18, 15, tzinfo=UTC).timestamp() * 1e6)
    since = busy.ask(spending, replace(keep, range="30d", since_us=began)).current
    assert (month.days[0], month.days[-1]) == (date(2023, 11, 1), date(2023, 11, 15))
    assert month.so_far == since.cost.value == month.cost.value
    assert month.cost == since.cost
    assert month.full_days in (11, 12)


def test_equal_days_are_forecast_exactly() -> None:
    found = forecast(history(28, lambda _: 10), {TODAY: 4}, TODAY, 0.5)
    assert found is not None
    assert found.by_weekday
    assert (found.days[0], found.days[-1]) == (TODAY, date(2026, 11, 30))
    assert found.middle[0] == 4 + 5
    assert found.low == found.high == found.middle
    assert found.middle[-1] == 4 + 5 + 9 * 10


def test_weekends_are_forecast_as_weekends() -> None:
    found = forecast(history(28, lambda d: 1 if d.weekday() >= 5 else 10), {TODAY: 0}, TODAY, 1.0)
    assert found is not None
    steps = [b - a for a, b in zip((0, *found.middle), found.middle, strict=False)]
    assert steps == [1, 1, 10, 10, 10, 10, 10, 1, 1, 10]


def test_few_days_give_no_weekday_pattern_and_fewer_nothing() -> None:
    some = forecast(history(5, lambda d: d.day), {TODAY: 0}, TODAY, 1.0)
    assert some is not None
    assert not some.by_weekday
    assert some.middle[0] == 18.0
    assert some.low[-1] < some.middle[-1] < some.high[-1]
    assert forecast(history(2, lambda _: 1), {TODAY: 0}, TODAY, 1.0) is None


def test_the_band_holds_what_then_happens_in_95_of_100_months() -> None:
    dice, held, tries = random.Random(7), 0, 400
    for _ in range(tries):
        past = history(28, lambda d: int(dice.gauss(1_000_000, 200_000)))
        found = forecast(past, {TODAY: 0}, TODAY, 1.0)
        assert found is not None
        happened = sum(int(dice.gauss(1_000_000, 200_000)) for _ in found.days)
        held += found.low[-1] <= happened <= found.high[-1]
    assert 0.91 <= held / tries <= 0.99


def test_the_day_a_budget_is_used_up() -> None:
    spent = {TODAY - timedelta(days=1): 60, TODAY: 30}
    past = history(28, lambda d: 10 if d.day % 2 else 20)
    month = Month(
        days=tuple(spent), spent=tuple(spent.values()), cost=Known(value=90, known=2, of=2),
        full_days=28, forecast=forecast(past, spent, TODAY, 0.0),
    )  # fmt: skip
    assert exhaustion(month, 60).passed == TODAY - timedelta(days=1)
    later = exhaustion(month, 130)
    assert later.passed is None
    assert later.likely is not None
    assert later.earliest is not None
    assert TODAY < later.earliest <= later.likely
    assert exhaustion(month, 10_000).earliest is None
    unknown = exhaustion(replace(month, forecast=None), 130)
    assert (unknown.passed, unknown.likely) == (None, None)


@pytest.mark.parametrize(
    ("free", "exact"), [(1, 12.706), (3, 3.182), (7, 2.365), (21, 2.080), (1000, 1.962)]
)
def test_students_t(free: int, exact: float) -> None:
    assert t_quantile(free) == pytest.approx(exact, rel=0.012)


def test_an_empty_database_costs_nothing(ask: AskAny) -> None:
    def everything(one: Ask) -> list[Any]:
        questions = (spending, by_model_and_agent, by_kind, per_answer, cache_over_time)
        more = (cache_by_model, by_user, by_thread, context_growth, month_to_date, replayable)
        return [question(one) for question in (*questions, *more)]

    found = ask(everything)
    assert found[0].current.cost.of == 0
    assert found[-2].forecast is None
