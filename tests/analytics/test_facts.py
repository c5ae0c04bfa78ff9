"""One run's events to rows: the definition of each column, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.rows import run_facts
from analytics.schema import llm_call, run, step
from core.events import (
    Cancelled,
    Completed,
    Event,
    Failed,
    Heartbeat,
    Interrupt,
    Interrupted,
    ReasoningStep,
    Route,
    Source,
    Sources,
    Token,
    ToolEnd,
    ToolStart,
)
from tests.analytics.scripts import (
    MODEL,
    START_US,
    attempt,
    facts,
    folded,
    meta,
    script,
    simple_run,
    started,
    usage,
)

DONE = Completed(message_id="a")


def node(step_id: str, status: Any, **more: Any) -> ReasoningStep:
    return ReasoningStep(**{"step_id": step_id, "name": step_id, "status": status} | more)


def failed(code: str = "internal") -> Failed:
    return Failed(code=code, message="m", what_to_do="w", retryable=True)


def full_run() -> list[tuple[int, Event]]:
    router = {"call_id": "r", "purpose": "route", "logical_call_id": "route", "model": "nova"}
    source = Source(n=1, passage_id="p", document="d", title="t", area="a", text="four", score=0.5)
    return [
        (2, started(queue_us=1_500)),
        (10, node("sup", "started")),
        (12, attempt("started", **router)),
        (52, attempt("ok", **router)),
        (53, usage("r", purpose="route", input_tokens=30, output_tokens=2, cost_pusd=None)),
        (60, Route(agent="billing", decided_by="model", reason="r", duration_us=50_000)),
        (61, node("sup", "ok")),
        (70, node("billing", "started", agent="billing")),
        (
            90,
            Sources(mode="rag", query="q", agent="billing", sources=(source,), duration_us=15_000),
        ),
        (100, attempt("started", agent="billing")),
        (150, Token(text=" ", message_id="a", agent="billing")),
        (155, Token(text="Yes", message_id="a", agent="billing")),
        (190, attempt("ok", agent="billing", first_token_us=50_000, finish_reason="stop")),
        (191, usage()),
        (195, node("billing", "ok")),
        (200, DONE),
    ]


def test_a_routed_run_becomes_one_row_with_exact_shares() -> None:
    row = facts(*full_run()).run
    expected = {
        "run_id": "r1",
        "conversation_id": "t1",
        "user_id": "ann",
        "workflow_name": "supervisor",
        "entry_point": "chat",
        "environment": None,
        "app_version": None,
        "request_stream": 1,
        "started_at_us": START_US,
        "ended_at_us": START_US + 200_000,
        "duration_us": 200_000,
        "queue_us": 1_500,
        "first_event_us": 10_000,
        "first_token_us": 155_000,
        "supervisor_us": 50_000,
        "retrieval_us": 15_000,
        "tool_us": 0,
        "model_us": 90_000,
        "other_us": 45_000,
        "agent_name": "billing",
        "answer_model": MODEL,
        "answer_provider": "openai",
        "route_first": "billing",
        "route_path": '["billing"]',
        "status": "ok",
        "error_type": None,
        "error_stage": None,
        "llm_calls": 2,
        "llm_attempts": 2,
        "tool_calls": 0,
        "tool_errors": 0,
        "retrievals": 1,
        "fallbacks": 0,
        "retries": 0,
        "usage_input_tokens": 130,
        "usage_output_tokens": 13,
        "usage_cache_read_input_tokens": None,
        "usage_cache_write_input_tokens": None,
        "usage_reasoning_output_tokens": None,
        "usage_complete": 1,
        "cost_pusd": 21_600_000,
        "cost_complete": 0,
        "failed_attempts": 0,
        "failed_attempt_us": 0,
        "slo_met": 1,
        "slo_profile": "first token 3 s, answer 30 s",
        "stop_us": None,
        "tokens_after_stop": None,
        "content_mode": "off",
        "import_id": None,
        "answer_cache": None,
        "saved_pusd": None,
    }
    assert row == expected


def test_nodes_retrievals_and_calls_form_a_tree_with_self_times() -> None:
    found = facts(*full_run())
    steps = [
        (s["step_id"], s["operation_name"], s["parent_step_id"], s["duration_us"], s["self_us"])
        for s in found.steps
    ]
    assert steps == [
        ("sup", "plan", None, 51_000, 11_000),
        ("billing", "invoke_agent", None, 125_000, 20_000),
        ("retrieval:8", "retrieval", "billing", 15_000, 15_000),
    ]
    assert [(c["call_id"], c["step_id"]) for c in found.calls] == [("r", "sup"), ("c1", "billing")]


def test_every_column_is_filled_and_no_other() -> None:
    found = facts(*full_run())
    assert found.run.keys() == set(run.columns.keys())
    assert all(row.keys() == set(step.columns.keys()) for row in found.steps)
    assert all(row.keys() == set(llm_call.columns.keys()) for row in found.calls)


def test_retry_and_fallback_are_counted_and_name_the_model_asked_first() -> None:
    found = facts(
        (0, started()),
        (10, attempt("error", "a", error_type="ModelRateLimited", duration_us=5_000)),
        (20, attempt("error", "b", attempt=2, error_type="ModelUnavailable")),
        (30, attempt("ok", "c", attempt=3, model="local:extractive", provider="local")),
        (31, usage("c", cost_pusd=0)),
        (40, DONE),
    )
    counts = [found.run[n] for n in ("llm_calls", "llm_attempts", "retries", "fallbacks")]
    assert counts == [1, 3, 1, 1]
    last = found.calls[-1]
    assert [c["is_final"] for c in found.calls] == [0, 0, 1]
    assert (last["fallback_from_model"], last["fallback_reason"]) == (MODEL, "ModelRateLimited")
    assert (found.run["answer_model"], found.run["usage_complete"]) == ("local:extractive", 1)


@pytest.mark.parametrize(
    ("used", "tokens", "cost", "complete"),
    [
        (usage(), 100, 21_600_000, (1, 1)),
        (usage(cost_pusd=None), 100, None, (1, 0)),
        (usage(source="estimate"), 100, 21_600_000, (0, 1)),
        (usage(input_tokens=None, cost_pusd=None, source="none"), None, None, (0, 0)),
    ],
)
def test_unknown_tokens_and_costs_stay_unknown(
    used: Any, tokens: int | None, cost: int | None, complete: tuple[int, int]
) -> None:
    row = facts((0, started()), (1, attempt("ok")), (2, used), (3, DONE)).run
    assert (row["usage_input_tokens"], row["cost_pusd"]) == (tokens, cost)
    assert (row["usage_complete"], row["cost_complete"]) == complete


def test_an_answered_call_without_usage_makes_the_run_incomplete() -> None:
    row = facts((0, started()), (1, attempt("ok")), (3, DONE)).run
    assert (row["cost_pusd"], row["cost_complete"], row["usage_complete"]) == (None, 0, 0)


def test_a_run_without_any_call_cost_a_known_nothing() -> None:
    row = facts((0, started()), (3, DONE)).run
    assert (row["cost_pusd"], row["usage_input_tokens"], row["cost_complete"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("end", "status", "error_type"),
    [
        (DONE, "ok", None),
        (Cancelled(by="user"), "cancelled", None),
        (Interrupted(interrupts=(Interrupt(id="i", value="{}"),)), "interrupted", None),
        (failed("storage"), "error", "storage"),
        (failed("run_timeout"), "timeout", "run_timeout"),
    ],
)
def test_the_terminal_event_decides_the_status(
    end: Event, status: str, error_type: str | None
) -> None:
    row = facts((0, started()), (5, end)).run
    assert (row["status"], row["error_type"]) == (status, error_type)


@pytest.mark.parametrize(
    ("before", "code", "stage"),
    [
        ([], "storage", "store"),
        ([attempt("error", purpose="route")], "model_unavailable", "route"),
        ([attempt("broke_midstream")], "model_failure", "model"),
        ([ToolStart(tool_call_id="t", name="x", input=""), ToolEnd(tool_call_id="t", name="x", error="no")], "internal", "tool"),
        ([node("sup", "started"), node("sup", "error")], "internal", "route"),
        ([], "internal", None),
    ],
)  # fmt: skip
def test_the_stage_says_where_a_run_failed(
    before: list[Event], code: str, stage: str | None
) -> None:
    events = [(k, event) for k, event in enumerate([started(), *before, failed(code)])]
    assert facts(*events).run["error_stage"] == stage


def test_a_call_that_was_open_when_the_person_stopped_is_cancelled_not_failed() -> None:
    found = facts((0, started()), (10, attempt("started")), (30, Cancelled(by="user")))
    call = found.calls[0]
    assert (call["status"], call["error_type"], call["duration_us"]) == ("cancelled", None, 20_000)


def test_a_call_whose_end_was_never_reported_is_an_error() -> None:
    call = facts((0, started()), (10, attempt("started")), (30, DONE)).calls[0]
    assert (call["status"], call["error_type"]) == ("error", "no_end")


def test_parallel_children_are_counted_once_in_self_time_and_shares() -> None:
    found = facts(
        (0, node("a", "started", agent="x")),
        (10, attempt("started", "c1")),
        (20, attempt("started", "c2", logical_call_id="other")),
        (30, attempt("ok", "c1")),
        (40, attempt("ok", "c2", logical_call_id="other")),
        (50, node("a", "ok")),
        (50, DONE),
    )
    assert found.steps[0]["self_us"] == 20_000
    assert found.run["model_us"] == 30_000


def test_a_call_whose_start_was_noted_late_has_its_measured_duration() -> None:
    """The answerer kept the loop busy: its start and its first tokens are noted together."""
    found = facts(
        (0, started()),
        (90, node("answer", "started", agent="billing")),
        (98, attempt("started")),
        (98, Token(text="It", message_id="a")),
        (510, attempt("ok", first_token_us=37_500, duration_us=448_000)),
        (512, node("answer", "ok", agent="billing")),
        (517, DONE),
    )
    (call,), (parent,) = found.calls, found.steps
    assert call["started_at_us"] == START_US + 62_000
    assert call["duration_us"] == 448_000
    assert parent["started_at_us"] == START_US + 62_000
    assert found.run["model_us"] == 448_000


def test_a_tool_that_retrieves_counts_as_retrieval_for_that_time() -> None:
    row = facts(
        (0, ToolStart(tool_call_id="t", name="search", input="{}")),
        (30, Sources(mode="rag", query="q", duration_us=10_000)),
        (40, ToolEnd(tool_call_id="t", name="search", output_bytes=3)),
        (50, DONE),
    ).run
    assert (row["tool_us"], row["retrieval_us"], row["other_us"]) == (30_000, 10_000, 10_000)


def test_a_tool_the_runtime_closed_is_cancelled_and_not_a_tool_error() -> None:
    found = facts(
        (0, ToolStart(tool_call_id="t", name="x", input="é")),
        (9, ToolEnd(tool_call_id="t", name="x", error="stopped")),
        (9, Cancelled(by="user")),
    )
    assert (found.steps[0]["status"], found.run["tool_errors"]) == ("cancelled", 0)
    assert found.steps[0]["input_bytes"] == 2


def test_repeated_sources_are_counted_once() -> None:
    first, second = (
        Source(n=n, passage_id=str(n), document="d", title="t", area="a", text="x") for n in (1, 2)
    )
    found = facts(
        (1, Sources(mode="rag", query="q", sources=(first,))),
        (2, Sources(mode="rag", query="q", sources=(first, second))),
        (3, DONE),
    )
    assert [s["retrieval_hits"] for s in found.steps] == [1, 1]


def test_usage_before_the_attempt_and_events_before_the_start_are_kept() -> None:
    row = facts(
        (0, Heartbeat(state="queued")), (5, started()), (6, usage()), (7, attempt("ok")), (9, DONE)
    ).run
    assert (row["usage_input_tokens"], row["first_event_us"]) == (100, 9_000)


def test_a_run_that_has_not_ended_has_no_rows_yet() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        run_facts(folded(script((0, started()))))


def test_a_second_route_is_kept_as_a_path() -> None:
    routes = [
        Route(agent=a, decided_by="local", reason="", duration_us=0) for a in ("billing", "policy")
    ]
    row = facts((0, started()), (1, routes[0]), (2, routes[1]), (3, DONE)).run
    assert (row["route_first"], row["route_path"]) == ("billing", '["billing", "policy"]')
    assert row["agent_name"] == "policy"


def test_the_wall_clock_is_never_read() -> None:
    """`script` lets `at_us` run backwards by 1,000 s per event; no duration may notice."""
    _, events = simple_run(meta())
    calls = run_facts(folded(events)).calls
    assert calls[0]["started_at_us"] == START_US + 20_000


COUNTS = st.none() | st.integers(0, 10**6)
CALLS = st.lists(st.tuples(COUNTS, COUNTS, COUNTS, st.integers(0, 50), st.integers(0, 50)))


@given(CALLS)
def test_totals_are_the_sums_of_the_leaves_and_shares_fill_the_run(calls: list[Any]) -> None:
    steps: list[tuple[int, Event]] = [(0, started())]
    for k, (given_tokens, made, cost, begin, lasted) in enumerate(calls):
        call = {"call_id": str(k), "logical_call_id": str(k)}
        steps.append((begin, attempt("started", **call)))
        steps.append((begin + lasted, attempt("ok", **call)))
        counts = {"input_tokens": given_tokens, "output_tokens": made, "cost_pusd": cost}
        steps.append((begin + lasted, usage(call_id=str(k), **counts)))
    found = facts(*steps, (120, DONE))
    for column in ("usage_input_tokens", "usage_output_tokens", "cost_pusd"):
        leaves = [c[column] for c in found.calls if c[column] is not None]
        assert found.run[column] == (sum(leaves) if leaves or not calls else None)
    shares = ("supervisor_us", "retrieval_us", "tool_us", "model_us", "other_us")
    assert sum(found.run[name] for name in shares) == found.run["duration_us"] == 120_000
