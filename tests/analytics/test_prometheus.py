"""What Prometheus reads: names, boundaries, and labels that cannot grow without end."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from analytics.prometheus import PrometheusMetrics, Reading
from analytics.prometheus.labels import OTHER, FirstNames
from core.events import (
    Attempt,
    Cancelled,
    Completed,
    Event,
    Failed,
    RunStarted,
    Token,
    ToolEnd,
    UsageReported,
)

CALL = 'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m"'


def metrics(events: Iterable[Event] = (), readings: Iterable[Reading] = ()) -> dict[str, float]:
    made = PrometheusMetrics(
        known_model=lambda model: model if model == "m" else None, readings=lambda: readings
    )
    for event in events:
        made.observe(event)
    lines = made.text()[0].decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def started(run_id: str = "r", agent: str | None = "technical") -> RunStarted:
    return RunStarted(
        run_id=run_id, thread_id="t", message_id="q", graph="supervisor", agent=agent,
        entry_point="chat", queue_us=2_000,
    )  # fmt: skip


def attempt(**more: object) -> Attempt:
    given: dict[str, object] = {
        "run_id": "r", "call_id": "c", "logical_call_id": "l", "attempt": 1, "purpose": "answer",
        "model": "m", "provider": "openai", "outcome": "ok", "duration_us": 900_000,
        "first_chunk_us": 100_000, "first_token_us": 100_000, "last_token_us": 900_000,
    }  # fmt: skip
    return Attempt(**given | more)  # type: ignore[arg-type]


def usage(**more: object) -> UsageReported:
    given: dict[str, object] = {
        "run_id": "r", "call_id": "c", "model": "m", "provider": "openai", "purpose": "answer",
        "input_tokens": 100, "output_tokens": 9, "cache_read_tokens": 40, "cost_pusd": 2_000_000,
    }  # fmt: skip
    return UsageReported(**given | more)  # type: ignore[arg-type]


def test_a_run_is_counted_under_its_names() -> None:
    found = metrics(
        [
            started(),
            Token(run_id="r", text=" ", elapsed_us=50_000),
            Token(run_id="r", text="Hi", elapsed_us=150_000),
            attempt(),
            usage(),
            Completed(run_id="r", message_id="a", elapsed_us=1_000_000),
        ]
    )
    run = 'entry_point="chat",gen_ai_agent_name="technical",status="completed"'
    wanted = {
        f"switchboard_runs_total{{{run}}}": 1,
        'switchboard_first_token_seconds_sum{gen_ai_agent_name="technical"}': 0.15,
        f'gen_ai_client_operation_duration_seconds_sum{{error_type="",{CALL}}}': 0.9,
        f"gen_ai_client_operation_time_to_first_chunk_seconds_sum{{{CALL}}}": 0.1,
        f'gen_ai_client_token_usage_sum{{{CALL},gen_ai_token_type="input"}}': 100,
        f"gen_ai_client_inference_usage_output_tokens_total{{{CALL}}}": 9,
        f"gen_ai_client_inference_usage_cache_read_input_tokens_total{{{CALL}}}": 40,
        'switchboard_time_per_output_token_seconds_sum{gen_ai_provider_name="openai",gen_ai_request_model="m"}': 0.1,
        'switchboard_cost_usd_total{gen_ai_provider_name="openai",gen_ai_request_model="m"}': 2e-06,
        'gen_ai_workflow_duration_seconds_sum{error_type="",gen_ai_workflow_name="supervisor"}': 1,
        "switchboard_queue_duration_seconds_sum": 0.002,
    }
    assert {name: found.get(name) for name in wanted} == {
        name: pytest.approx(value) for name, value in wanted.items()
    }
    assert not any("gen_ai_server" in name for name in found)


def test_boundaries_are_those_of_the_conventions() -> None:
    found = metrics([started(), attempt(), usage()])

    def edges(name: str) -> list[float]:
        marks = [
            one.partition('le="')[2].partition('"')[0]
            for one in found
            if one.startswith(f"{name}_bucket")
        ]
        return [float(mark) for mark in marks if mark != "+Inf"]  # fmt: skip

    operation = edges("gen_ai_client_operation_duration_seconds")
    assert (operation[0], operation[-1], len(operation)) == (0.01, 81.92, 14)
    tokens = edges("gen_ai_client_token_usage")[:14]
    assert tokens == [4.0**k for k in range(14)]


def test_the_embedded_answerer_is_also_counted_as_a_server() -> None:
    found = metrics([started(), attempt(provider="local"), usage(provider="local")])
    call = CALL.replace("openai", "local")
    assert found[f"gen_ai_server_time_to_first_token_seconds_sum{{{call}}}"] == pytest.approx(0.1)
    assert found[f"gen_ai_server_time_per_output_token_seconds_sum{{{call}}}"] == pytest.approx(0.1)


def test_failures_stops_and_unknown_prices_are_counted_apart() -> None:
    found = metrics(
        [
            started(),
            attempt(outcome="error", error_type="timeout", next_model="other", first_token_us=None),
            usage(cost_pusd=None),
            ToolEnd(run_id="r", tool_call_id="1", name="search", duration_us=5_000, error="no"),
            Failed(run_id="r", code="budget", message="", what_to_do="", retryable=False),
            started("s"),
            Cancelled(run_id="s", by="user", stop_us=20_000),
        ]
    )
    of = '{gen_ai_provider_name="openai",gen_ai_request_model="m"}'
    assert found[f"switchboard_fallbacks_total{of}"] == 1
    assert found[f"switchboard_unpriced_calls_total{of}"] == 1
    assert (
        found[f'gen_ai_client_operation_duration_seconds_count{{error_type="timeout",{CALL}}}'] == 1
    )
    tool = 'error_type="tool_error",gen_ai_tool_name="search"'
    assert found[f"gen_ai_execute_tool_duration_seconds_count{{{tool}}}"] == 1
    assert found["switchboard_stop_latency_seconds_sum"] == pytest.approx(0.02)
    assert not any(name.startswith(f"switchboard_cost_usd_total{of}") for name in found)


def test_a_model_nobody_knows_is_no_label_of_its_own() -> None:
    found = metrics([attempt(model=f"openai:made-up-{n}") for n in range(50)])
    named = [one for one in found if "operation_duration_seconds_count" in one]
    assert len(named) == 1
    assert f'gen_ai_request_model="{OTHER}"' in named[0]


def test_other_names_end_at_a_limit() -> None:
    names = FirstNames(3)
    assert [names(f"t{n}") for n in range(5)] == ["t0", "t1", "t2", OTHER, OTHER]
    assert (names("t1"), names(None), names("x" * 200)) == ("t1", "none", OTHER)


def test_nothing_of_a_run_stays_when_it_has_ended() -> None:
    made = PrometheusMetrics(known_model=lambda model: model, readings=lambda: ())
    made.load()
    for n in range(100):
        made.observe(started(f"r{n}"))
        made.observe(Completed(run_id=f"r{n}", message_id="a"))
    assert made._figures is not None
    assert made._figures._open == {}


def test_readings_are_taken_when_somebody_asks() -> None:
    readings = [
        Reading(name="a", text="A.", kind="gauge", value=2),
        Reading(name="b", text="B.", kind="counter", value=3, labels=(("k", "x"),)),
        Reading(name="b", text="B.", kind="counter", value=4, labels=(("k", "y"),)),
    ]
    found = metrics(readings=readings)
    assert (found["a"], found['b_total{k="x"}'], found['b_total{k="y"}']) == (2, 3, 4)


def test_two_houses_count_for_themselves() -> None:
    assert "switchboard_runs_total" not in str(metrics())
    assert any("switchboard_runs_total" in one for one in metrics([started(), Completed(run_id="r", message_id="a")]))  # fmt: skip
    assert not any("switchboard_runs_total" in one for one in metrics())
