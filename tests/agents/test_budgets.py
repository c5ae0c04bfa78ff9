"""Budgets in a whole runtime, against a provider on loopback: what is refused and what answers instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from analytics.alerts.metrics import figure
from analytics.budgets.store import save
from analytics.metrics import Rate
from analytics.queries import Filter
from core.settings import Settings
from core.transcript import AnswerSummary
from tests.provider import ProviderServer, Reply, Usage

pytestmark = pytest.mark.slow

GPT, MINI, LOCAL = "openai:gpt-4o", "openai:gpt-4o-mini", "local:extractive"
DEAR = Reply(text="It is a switchboard.", usage=Usage(input=1_000_000, output=100_000))
"""21 cents at gpt-4o-mini's prices, 3.50 dollars at gpt-4o's."""


@pytest.fixture
def runtime(data_dir: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = DEAR
    made = Runtime(
        Settings(
            data_dir=data_dir,
            openai_api_key="sk-test-1234567890",  # type: ignore[arg-type]
            openai_base_url=provider.openai_url,
            answer_models=(MINI, LOCAL),
            router_models=(LOCAL,),
        )
    )
    yield made
    made.close(2.0)


def budget(runtime: Runtime, name: str = "Team", **definition: Any) -> None:
    given = {"scope": "app", "period": "month", "limit_usd": "0.20", "kind": "hard"}
    save(runtime.recorder, name, given | definition)
    assert runtime.spending.refresh()


def ask(runtime: Runtime, owner: str = "local", **more: Any) -> tuple[Run, AnswerSummary]:
    more.setdefault("agent", "general")
    run = runtime.start(TurnRequest(text="What is Switchboard?", owner=owner, **more))
    for _ in run.follow():
        pass
    summary = runtime.threads.messages(run.thread_id, owner)[-1].summary
    assert summary is not None
    return run, summary


def test_a_hard_budget_stops_the_second_call(runtime: Runtime, provider: ProviderServer) -> None:
    """The first call uses it up; nothing is read between the two, so what it reported must count."""
    budget(runtime)
    _, first = ask(runtime)
    assert (first.model, first.error) == (MINI, None)
    run, second = ask(runtime)
    assert second.error is not None
    assert second.error["code"] == "budget"
    assert second.error["message"] == "The budget “Team” is used up: $0.21 of $0.20 this month."
    assert "It starts again on 1 " in second.error["what_to_do"]
    assert len(provider.requests) == 1
    assert runtime.recorder.flush()
    found = runtime.queries.run_detail(run.id)
    assert found is not None
    assert found.run.error_type == "budget"


def test_a_refused_run_is_no_failure(runtime: Runtime) -> None:
    budget(runtime)
    ask(runtime)
    refused, _ = ask(runtime)
    assert runtime.recorder.flush()
    found = runtime.queries.run_detail(refused.id)
    assert found is not None
    assert found.run.status == "refused_budget"
    now = runtime.queries.kpis(Filter()).current
    assert (now.runs, now.ok, now.failure) == (2, 1, Rate(k=0, n=1))
    alert = runtime.queries.ask(partial(figure, "failure_rate"), Filter())
    assert (alert.value, alert.n) == (0, 1)


def test_a_budget_is_passed_by_the_calls_that_already_run_and_no_more(
    runtime: Runtime, provider: ProviderServer
) -> None:
    budget(runtime)
    provider.default = replace(DEAR, first_ms=80)
    request = TurnRequest(text="What is Switchboard?", agent="general")
    runs = [runtime.start(request) for _ in range(3)]
    for run in runs:
        for _ in run.follow():
            pass
    assert len(provider.requests) == 3
    (use,) = runtime.spending.uses()
    assert use.spent.pusd == 3 * 210_000_000_000
    assert ask(runtime)[1].error is not None
    assert len(provider.requests) == 3


def test_a_hard_budget_can_name_the_local_answerer(
    runtime: Runtime, provider: ProviderServer
) -> None:
    budget(runtime, on_exhausted=LOCAL)
    ask(runtime)
    _, second = ask(runtime)
    assert (second.model, second.error) == (LOCAL, None)
    assert second.notice is not None
    assert "The budget “Team” is used up" in second.notice
    assert "was asked instead of GPT-4o mini" in second.notice
    assert len(provider.requests) == 1


def test_a_hard_budget_can_name_a_cheaper_model(runtime: Runtime, provider: ProviderServer) -> None:
    """One that is in no chain. It goes on answering, whatever it costs."""
    budget(runtime, on_exhausted=MINI, limit_usd="3")
    chosen = [ask(runtime, model=GPT)[1].model for _ in range(3)]
    assert chosen == [GPT, MINI, MINI]
    assert [request.model for request in provider.requests] == [
        "gpt-4o",
        "gpt-4o-mini",
        "gpt-4o-mini",
    ]


def test_a_comparison_column_is_refused_and_not_replaced(runtime: Runtime) -> None:
    budget(runtime, on_exhausted=LOCAL)
    ask(runtime)
    _, second = ask(runtime, model=MINI, fallback=False)
    assert second.error is not None
    assert second.error["code"] == "budget"


def test_the_budget_of_one_user_does_not_touch_another(
    runtime: Runtime, provider: ProviderServer
) -> None:
    budget(runtime, scope="user", target="*")
    ask(runtime, owner="ann")
    assert ask(runtime, owner="ann")[1].error is not None
    assert ask(runtime, owner="bob")[1].error is None
    assert len(provider.requests) == 2


def test_a_model_whose_budget_is_used_up_is_passed_over(
    runtime: Runtime, provider: ProviderServer
) -> None:
    budget(runtime, scope="model", target=MINI)
    ask(runtime)
    _, second = ask(runtime)
    assert (second.model, second.error) == (LOCAL, None)
    assert second.notice is not None
    assert "was asked instead of GPT-4o mini" in second.notice
    assert len(provider.requests) == 1


def test_the_budget_of_an_agent_leaves_the_others_alone(
    runtime: Runtime, provider: ProviderServer
) -> None:
    budget(runtime, scope="agent", target="general")
    ask(runtime)
    assert ask(runtime)[1].error is not None
    assert ask(runtime, agent="policy")[1].error is None


def test_a_soft_budget_answers_with_a_notice(runtime: Runtime) -> None:
    budget(runtime, kind="soft")
    assert ask(runtime)[1].notice is None
    _, second = ask(runtime)
    assert second.notice == "The budget “Team” is used up: $0.21 of $0.20 this month."


def test_a_graph_of_another_shape_is_stopped_as_well(
    runtime: Runtime, provider: ProviderServer
) -> None:
    budget(runtime)
    ask(runtime, graph="react", agent=None)
    assert ask(runtime, graph="react", agent=None)[1].error is not None
    assert len(provider.requests) == 1


def test_a_broken_analytics_database_stops_no_turn(
    runtime: Runtime, provider: ProviderServer, data_dir: Path
) -> None:
    budget(runtime)
    ask(runtime)
    runtime.recorder.write(
        lambda c: c.exec_driver_sql("ALTER TABLE budget RENAME COLUMN definition TO lost")
    )
    runtime.spending._read_at_us = 0  # a minute later
    assert not runtime.spending.refresh()
    assert ask(runtime)[1].error is None
    assert runtime.spending.health().unknown_checks > 0
    assert runtime.spending.health().last_error


def test_the_watcher_ends_with_the_runtime(runtime: Runtime) -> None:
    import threading

    runtime.close(1.0)
    assert not [t for t in threading.enumerate() if t.name in ("alerts", "webhook")]
