"""One run in detail: from its rows, and the same from its own log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from agents.run import TurnRequest
from agents.runtime import Runtime
from analytics.queries import Filter, Queries, RunRow
from analytics.queries.runs import related_runs
from analytics.run_from_log import detail_of_log
from analytics.schema import cost_history, repricing
from core.events import Attempt, ReasoningStep, RunStarted, UsageReported
from core.settings import load_settings


@pytest.fixture
def runtime(data_dir: Path) -> Iterator[Runtime]:
    built = Runtime(load_settings())
    yield built
    built.close(timeout=2)


def ask(runtime: Runtime, text: str, **options: object) -> str:
    run = runtime.start(TurnRequest(text=text, **options))  # type: ignore[arg-type]
    for _ in run.follow():
        pass
    assert runtime.recorder.flush()
    return run.id


def test_the_log_tells_what_the_rows_tell(runtime: Runtime) -> None:
    run_id = ask(runtime, "What is Switchboard?")
    rows = runtime.queries.run_detail(run_id)
    told = detail_of_log(runtime.events(run_id, "local"), "local")
    assert rows is not None
    assert told is not None
    assert told.calls == rows.calls
    assert sorted(told.steps, key=lambda s: s.step_id) == sorted(
        rows.steps, key=lambda s: s.step_id
    )
    settings_only = {"app_version", "environment", "slo_met", "slo_profile", "content_mode"}
    for f in fields(rows.run):
        if f.name not in settings_only:
            assert getattr(told.run, f.name) == getattr(rows.run, f.name), f.name


def started(**values: object) -> RunStarted:
    base = RunStarted(
        run_id="r", seq=0, at_us=1_000_500, elapsed_us=500, thread_id="t", message_id="m", graph="g"
    )
    return replace(base, **values)  # type: ignore[arg-type]


def test_a_run_under_way_is_running_and_so_is_what_is_open() -> None:
    step = ReasoningStep(step_id="s", name="work", agent="a", status="started", elapsed_us=1_000)
    call = Attempt(
        call_id="c", logical_call_id="l", attempt=1, purpose="answer", model="openai:x",
        provider="openai", outcome="started", agent="a", elapsed_us=2_000,
    )  # fmt: skip
    found = detail_of_log([started(), step, call, replace(call, elapsed_us=9_000)], "local")
    assert found is not None
    assert (found.run.status, found.run.started_at_us) == ("running", 1_000_000)
    assert (found.run.duration_us, found.run.stop_us, found.run.error_type) == (None, None, None)
    assert [(s.status, s.offset_us, s.duration_us) for s in found.steps] == [
        ("running", 1_000, 8_000)
    ]
    assert [(c.status, c.offset_us) for c in found.calls] == [("running", 2_000)]


def test_a_run_that_waits_has_no_detail_yet() -> None:
    assert detail_of_log([], "local") is None
    usage = UsageReported(call_id="c", model="m", provider="p", purpose="answer")
    assert detail_of_log([usage], "local") is None


def test_related_are_runs_of_the_thread_and_of_the_same_person(runtime: Runtime) -> None:
    first = ask(runtime, "What is Switchboard?")
    row = runtime.queries.run_detail(first)
    assert row is not None
    second = ask(runtime, "How is it installed?", thread_id=row.run.conversation_id)
    ask(runtime, "Another thread")
    assert [r.run_id for r in related(runtime.queries, row.run)] == [second]
    stranger = replace(row.run, user_id="somebody else")
    assert related(runtime.queries, stranger) == []


def test_columns_of_a_comparison_are_related(runtime: Runtime) -> None:
    one, other = (
        runtime.start(
            TurnRequest(text="Hello", entry_point="compare", thread_kind="compare", graph=g)
        )
        for g in ("supervisor", "react")
    )
    for run in (one, other):
        for _ in run.follow():
            pass
    assert runtime.recorder.flush()
    found = runtime.queries.run_detail(one.id)
    assert found is not None
    assert [row.run_id for row in related(runtime.queries, found.run)] == [other.id]


def related(queries: Queries, run: RunRow) -> list[RunRow]:
    return queries.ask(lambda ask: related_runs(ask.reader, run), Filter(range="all"))


def test_costs_before_a_repricing_come_with_the_run_until_it_is_undone(runtime: Runtime) -> None:
    run_id = ask(runtime, "What is Switchboard?")
    before = runtime.queries.run_detail(run_id)
    assert before is not None
    assert before.old_costs == ()
    call_id = before.calls[0].call_id
    done = {"repricing_id": "p", "at_us": 7, "since_us": 0, "until_us": 9, "catalog_date": "",
            "changed": 1, "newly_priced": 0, "before_pusd": 5, "after_pusd": 6}  # fmt: skip
    old = {"run_id": run_id, "call_id": call_id, "repricing_id": "p", "cost_pusd": 5}
    runtime.recorder.write(lambda c: c.execute(insert(repricing).values(done)) and None)
    runtime.recorder.write(lambda c: c.execute(insert(cost_history).values(old)) and None)
    found = runtime.queries.run_detail(run_id)
    assert found is not None
    assert [(o.call_id, o.at_us, o.cost_pusd) for o in found.old_costs] == [(call_id, 7, 5)]
    undo = repricing.update().values(undone_at_us=8)
    runtime.recorder.write(lambda c: c.execute(undo) and None)
    again = runtime.queries.run_detail(run_id)
    assert again is not None
    assert again.old_costs == ()
