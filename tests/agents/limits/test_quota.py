"""Quotas per person and day in a whole runtime, against a provider on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agents.evaluation.question_set import Case
from agents.evaluation.values import Plan
from agents.limits.desk import Limits
from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from analytics.budgets import Quota, Spending
from core.comparison import Configuration
from core.errors import QuotaExceeded, RateLimited
from core.settings import Settings
from core.transcript import AnswerSummary
from tests.analytics.ledgers import ledger
from tests.provider import ProviderServer, Reply, Usage

pytestmark = pytest.mark.slow

MINI, LOCAL = "openai:gpt-4o-mini", "local:extractive"
TURN = Reply(text="It is a switchboard.", usage=Usage(input=2_500, output=500))
"""3,000 tokens."""
DAY_US = 86_400_000_000


@contextmanager
def house(folder: Path, provider: ProviderServer, **more: Any) -> Iterator[Runtime]:
    provider.default = provider.default or TURN
    given: dict[str, Any] = {
        "data_dir": folder,
        "openai_api_key": "sk-test-1234567890",
        "openai_base_url": provider.openai_url,
        "answer_models": (MINI, LOCAL),
        "router_models": (LOCAL,),
    }
    made = Runtime(Settings(**given | more))
    assert made.spending.refresh()
    try:
        yield made
    finally:
        made.close(2.0)


@pytest.fixture(autouse=True)
def three_thousand_tokens(provider: ProviderServer) -> None:
    provider.default = TURN


def start(runtime: Runtime, owner: str = "ann", **more: Any) -> Run:
    more.setdefault("agent", "general")
    return runtime.start(TurnRequest(text="What is Switchboard?", owner=owner, **more))


def ended(runtime: Runtime, run: Run) -> AnswerSummary:
    for _ in run.follow():
        pass
    summary = runtime.threads.messages(run.thread_id, run.request.owner)[-1].summary
    assert summary is not None
    return summary


def used(runtime: Runtime, owner: str = "ann") -> int:
    found = runtime.limits.usage(owner)
    assert found is not None
    return found.used.tokens


def test_the_turn_after_the_last_token_is_refused_and_says_when_to_come_back(
    data_dir: Path, provider: ProviderServer
) -> None:
    with house(data_dir, provider, quota_tokens_per_day=5_000) as runtime:
        ended(runtime, start(runtime))
        ended(runtime, start(runtime))
        with pytest.raises(QuotaExceeded) as refused:
            start(runtime)
        assert refused.value.message == "You have used 6,000 of 5,000 tokens today."
        assert "00:00 UTC" in refused.value.what_to_do
        midnight = (int(time.time() * 1e6) // DAY_US + 1) * DAY_US
        assert abs(refused.value.retry_after_s - (midnight / 1e6 - time.time())) < 5
        assert len(provider.requests) == 2
        assert isinstance(refused.value, RateLimited)
        assert not refused.value.retryable


def test_somebody_else_goes_on(data_dir: Path, provider: ProviderServer) -> None:
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        ended(runtime, start(runtime))
        assert ended(runtime, start(runtime, owner="bob")).error is None
        assert (used(runtime), used(runtime, "bob"), used(runtime, "cy")) == (3_000, 3_000, 0)


def test_money_is_limited_as_well(data_dir: Path, provider: ProviderServer) -> None:
    provider.default = Reply(text="Dear.", usage=Usage(input=1_000_000, output=100_000))
    with house(data_dir, provider, quota_usd_per_day=Decimal("0.20")) as runtime:
        ended(runtime, start(runtime))
        with pytest.raises(QuotaExceeded, match=r"You have used \$0\.21 of \$0\.20 today\."):
            start(runtime)


def test_a_call_without_a_price_counts_its_tokens(data_dir: Path, provider: ProviderServer) -> None:
    servers = {"lab": {"base_url": provider.openai_url, "models": ["new"]}}
    limits = {"quota_tokens_per_day": 3_000, "quota_usd_per_day": Decimal("0.01")}
    with house(data_dir, provider, openai_servers=servers, **limits) as runtime:
        assert ended(runtime, start(runtime, model="lab:new")).cost_pusd is None
        with pytest.raises(QuotaExceeded, match="You have used 3,000 of 3,000 tokens today"):
            start(runtime, model="lab:new")


def test_tokens_that_were_only_estimated_count(data_dir: Path, provider: ProviderServer) -> None:
    provider.default = replace(TURN, usage=None)
    with house(data_dir, provider, quota_tokens_per_day=100) as runtime:
        assert ended(runtime, start(runtime)).usage_estimated
        with pytest.raises(QuotaExceeded):
            start(runtime)


def test_the_embedded_answerer_is_free(data_dir: Path, provider: ProviderServer) -> None:
    """What it reads does not count, and it may be asked when the day is used up."""
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        ended(runtime, start(runtime, model=LOCAL))
        assert used(runtime) == 0
        ended(runtime, start(runtime))
        assert ended(runtime, start(runtime, model=LOCAL)).error is None
        assert runtime.recorder.flush()
        assert runtime.spending.refresh()
        assert used(runtime) == 3_000


def test_what_was_used_survives_a_restart(data_dir: Path, provider: ProviderServer) -> None:
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        ended(runtime, start(runtime))
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        assert used(runtime) == 3_000
        with pytest.raises(QuotaExceeded):
            start(runtime)


def test_who_deletes_everything_has_no_new_quota(data_dir: Path, provider: ProviderServer) -> None:
    """The rows lost the name, and with it what was used: the day could be begun as often as one liked."""
    with house(data_dir, provider, quota_tokens_per_day=5_000) as runtime:
        ended(runtime, start(runtime))
        for _ in range(2):
            assert runtime.recorder.flush()
            assert runtime.spending.refresh()
            runtime.erase_person("ann")
            assert runtime.spending.refresh()
            assert used(runtime) == 3_000
        ended(runtime, start(runtime))
        with pytest.raises(QuotaExceeded, match="6,000 of 5,000"):
            start(runtime)
        runtime.erase_person("ann")
        assert (used(runtime), used(runtime, "bob")) == (6_000, 0)


def test_nothing_is_counted_twice_or_lost_while_it_is_recorded(
    data_dir: Path, provider: ProviderServer
) -> None:
    with house(data_dir, provider, quota_tokens_per_day=100_000) as runtime:
        for n in range(1, 4):
            ended(runtime, start(runtime))
            assert used(runtime) == n * 3_000
            assert runtime.recorder.flush()
            assert runtime.spending.refresh()
            assert used(runtime) == n * 3_000


def test_the_day_is_that_of_the_reporting_zone(data_dir: Path, provider: ProviderServer) -> None:
    more = {"quota_tokens_per_day": 3_000, "reporting_timezone": "Pacific/Kiritimati"}
    with house(data_dir, provider, **more) as runtime:
        ended(runtime, start(runtime))
        found = runtime.limits.usage("ann")
        assert found is not None
        assert (found.until_us + 14 * 3_600_000_000) % DAY_US == 0
        runtime.spending._now_us = lambda: found.until_us
        assert used(runtime) == 0
        start(runtime)


def test_eight_runs_at_once_pass_the_quota_by_less_than_one_of_them(
    data_dir: Path, provider: ProviderServer
) -> None:
    """Those that would not fit any more wait until it is known what the others took."""
    provider.default = replace(TURN, first_ms=60)
    with house(data_dir, provider, quota_tokens_per_day=13_000) as runtime:
        runs = [start(runtime) for _ in range(8)]
        summaries = [ended(runtime, run) for run in runs]
        assert used(runtime) == 15_000
        errors = [summary.error for summary in summaries if summary.error]
        assert [error["code"] for error in errors] == ["quota"] * 3
        assert errors[0]["message"] == "You have used 15,000 of 13,000 tokens today."
        assert len(provider.requests) == 5


def test_a_run_whose_quota_ends_in_its_middle_goes_on_with_the_free_model(
    data_dir: Path, provider: ProviderServer
) -> None:
    """The router's call used it up: the answer's call is not made."""
    provider.default = Reply(text='{"agent": "general"}', usage=Usage(input=2_500, output=500))
    more = {"quota_tokens_per_day": 3_000, "router_models": (MINI,)}
    with house(data_dir, provider, **more) as runtime:
        summary = ended(runtime, start(runtime, agent=None))
        assert (summary.model, summary.error) == (LOCAL, None)
        assert summary.notice is not None
        assert "You have used 3,000 of 3,000 tokens today." in summary.notice
        assert len(provider.requests) == 1


def test_a_comparison_is_refused_as_a_whole(data_dir: Path, provider: ProviderServer) -> None:
    columns = [Configuration(model=MINI, agent="general"), Configuration(model=LOCAL)]
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        ended(runtime, start(runtime))
        with pytest.raises(QuotaExceeded):
            runtime.comparisons.ask("What is it?", columns, owner="ann")
        assert not runtime.comparisons.store.recent("ann", 10)


def test_a_refused_turn_leaves_the_answer_under_way_alone(
    data_dir: Path, provider: ProviderServer
) -> None:
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        ended(runtime, start(runtime))
        run = start(runtime, model=LOCAL)
        request = TurnRequest(text="x", owner="ann", thread_id=run.thread_id)
        with pytest.raises(QuotaExceeded):
            runtime.start_instead(request)
        assert ended(runtime, run).status == "completed"


def test_without_a_quota_there_is_nothing_to_show(data_dir: Path, provider: ProviderServer) -> None:
    with house(data_dir, provider) as runtime:
        assert runtime.limits.usage("ann") is None


def test_right_after_the_start_the_figures_are_waited_for(
    tmp_path: Path,
) -> None:
    with ledger(tmp_path / "analytics.db") as books:
        spending = Spending(books.queries, quota=Quota(tokens=3_000), now_us=books.clock)
        reading = threading.Timer(0.1, spending.refresh)
        reading.start()
        found = Limits(Settings(), lambda: spending).usage("ann")
        reading.join()
    assert found is not None
    assert found.known


def test_figures_that_cannot_be_read_stop_no_turn(data_dir: Path, provider: ProviderServer) -> None:
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        ended(runtime, start(runtime))
        runtime.spending._error, runtime.spending._read_at_us = "gone", 0
        found = runtime.limits.usage("ann")
        assert found is not None
        assert not found.known
        assert found.used_up is None


def test_an_evaluation_pauses_and_its_questions_are_not_failures(
    data_dir: Path, provider: ProviderServer
) -> None:
    cases = [Case(id=str(n), question=f"How do I start {n}?") for n in range(3)]
    plan = Plan(name="One", configurations=(Configuration(model=MINI, agent="general"),))
    with house(data_dir, provider, quota_tokens_per_day=3_000) as runtime:
        kept = runtime.evaluations.sets.save("ann", "Set", cases)
        evaluation = runtime.evaluations.create("ann", kept, replace(plan, concurrency=1))
        runtime.evaluations.start(evaluation)
        assert runtime.evaluations.wait(evaluation, 20)
        paused = runtime.evaluations.store.get(evaluation.id, "ann")
        assert (paused.status, paused.progress.done, paused.progress.failed) == ("paused", 1, 0)
        assert paused.why.startswith("You have used 3,000 of 3,000 tokens today.")
