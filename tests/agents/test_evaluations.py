"""Evaluations over a real runtime and the scripted provider: run, paused, judged, gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.evaluation.check import Check
from agents.evaluation.question_set import Case
from agents.evaluation.sets import StoredSet
from agents.evaluation.values import Evaluation, Plan
from agents.runtime import Runtime
from core.comparison import Configuration
from core.errors import InvalidInput, NotFound
from tests.agents.answering_house import answering, judge_says
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow

MINI = Configuration(model="openai:gpt-4o-mini", agent="technical")
LARGE = Configuration(model="openai:gpt-4o", agent="technical")
PORT = Case(
    id="port",
    question="How do I change the port?",
    checks=(Check(type="contains", value=("settings",)),),
)
CASES = (
    PORT,
    Case(id="stop", question="How do I stop it?"),
    Case(id="start", question="How do I start it?", document="start.md"),
)


@pytest.fixture
def runtime(tmp_path: Path, provider: ProviderServer) -> Iterator[Runtime]:
    provider.default = Reply(text="Set the port in the settings. [1]")
    with answering(tmp_path, provider) as built:
        yield built


def saved(runtime: Runtime, cases: Sequence[Case] = CASES) -> StoredSet:
    return runtime.evaluations.sets.save("local", "Handbook", cases)


def made(runtime: Runtime, cases: Sequence[Case] = CASES, **plan: Any) -> Evaluation:
    given = {"name": "First", "configurations": (MINI, LARGE), "concurrency": 2} | plan
    return runtime.evaluations.create("local", saved(runtime, cases), Plan(**given))


def finished(runtime: Runtime, evaluation: Evaluation) -> Evaluation:
    runtime.evaluations.start(evaluation)
    assert runtime.evaluations.wait(evaluation, 20)
    return runtime.evaluations.store.get(evaluation.id, "local")


def asked(provider: ProviderServer) -> list[tuple[str, str]]:
    return sorted(
        (r.body["model"], str(r.body["messages"][-1]["content"])) for r in provider.requests
    )


def test_every_question_is_put_to_every_configuration_once(
    runtime: Runtime, provider: ProviderServer
) -> None:
    done = finished(runtime, made(runtime))
    assert (done.status, done.progress.done, done.progress.failed) == ("done", 6, 0)
    assert asked(provider) == sorted(
        (model, case.question) for model in ("gpt-4o-mini", "gpt-4o") for case in CASES
    )


def test_answers_are_checked(runtime: Runtime, provider: ProviderServer) -> None:
    provider.by_model["gpt-4o"] = Reply(text="I do not know.")
    results = runtime.evaluations.results(finished(runtime, made(runtime)))
    first, second = results.cell(0, 0), results.cell(0, 1)
    assert first is not None
    assert second is not None
    assert (first.passed, second.passed) == (True, False)
    assert second.checks[0].wanted == "contains “settings”"


def test_measurements_of_the_same_question_are_paired(runtime: Runtime) -> None:
    results = runtime.evaluations.results(finished(runtime, made(runtime, repeats=2)))
    a, b = results.answered(0), results.answered(1, "b")
    assert [m.question for m in a] == [m.question for m in b]
    assert [m.question for m in a] == ["port/0", "stop/0", "start/0", "port/1", "stop/1", "start/1"]
    assert {m.cluster for m in a} == {"port", "stop", "start.md"}
    assert {m.contestant for m in b} == {"b"}
    assert all(m.cost_pusd for m in a)


@pytest.mark.slow
def test_what_failed_is_tried_again_when_asked(runtime: Runtime, provider: ProviderServer) -> None:
    provider.by_model["gpt-4o"] = Reply(status=400)
    done = finished(runtime, made(runtime))
    assert (done.status, done.progress.done, done.progress.failed) == ("done", 3, 3)
    del provider.by_model["gpt-4o"]
    assert runtime.evaluations.retry_failed(done) == 3
    assert runtime.evaluations.wait(done, 20)
    again = runtime.evaluations.store.get(done.id, "local")
    assert (again.progress.done, again.progress.failed) == (6, 0)
    assert len([model for model, _ in asked(provider) if model == "gpt-4o-mini"]) == 3


@pytest.mark.slow
def test_a_budget_pauses_before_it_is_passed(runtime: Runtime) -> None:
    one = finished(runtime, made(runtime, cases=CASES[:1], concurrency=1))
    budget = int(one.progress.spent_pusd * 2.5)
    evaluation = made(runtime, name="Second", concurrency=1, budget_pusd=budget)
    paused = finished(runtime, evaluation)
    assert paused.status == "paused"
    assert paused.why.startswith("The budget of $")
    assert paused.progress.spent_pusd <= budget
    assert 2 <= paused.progress.done < 6


def test_a_paused_evaluation_goes_on_where_it_stopped(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.default = Reply(text="One two three four.", per_token_ms=20)
    evaluation = made(runtime, concurrency=1)
    runtime.evaluations.start(evaluation)
    provider.wait_for_request(2)
    runtime.evaluations.pause(evaluation)
    assert runtime.evaluations.wait(evaluation, 20)
    paused = runtime.evaluations.store.get(evaluation.id, "local")
    assert paused.status == "paused"
    assert 1 <= paused.progress.done < 6
    assert paused.progress.running == 0
    assert finished(runtime, paused).progress.done == 6
    assert len(asked(provider)) == len(set(asked(provider))) == 6


@pytest.mark.slow
def test_a_closed_switchboard_goes_on_when_it_is_back(
    tmp_path: Path, provider: ProviderServer
) -> None:
    provider.default = Reply(text="One two three four.", per_token_ms=20)
    with answering(tmp_path, provider) as first:
        evaluation = made(first, concurrency=1)
        first.evaluations.start(evaluation)
        provider.wait_for_request(2)
    with answering(tmp_path, provider) as second:
        assert second.evaluations.store.get(evaluation.id, "local").status == "running"
        second.resume()
        assert second.evaluations.wait(evaluation, 20)
        done = second.evaluations.store.get(evaluation.id, "local")
        assert (done.status, done.progress.done) == ("done", 6)


@pytest.mark.slow
def test_a_judge_sees_both_orders(runtime: Runtime, provider: ProviderServer) -> None:
    provider.by_model["gpt-4o"] = Reply(text="The better answer.")
    provider.respond = judge_says(prefers="better")
    done = finished(runtime, made(runtime, judge_model="openai:gpt-4.1-mini", pairwise=True))
    assert (done.progress.judged, done.progress.to_judge) == (6, 6)
    ballots = runtime.evaluations.results(done).ballots()
    assert [ballot.order for ballot in ballots] == [((1,), (0,))] * 3
    assert {ballot.voter for ballot in ballots} == {"openai:gpt-4.1-mini"}


@pytest.mark.slow
def test_a_judge_that_always_prefers_the_first_says_nothing(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.by_model["gpt-4.1-mini"] = Reply(text='{"verdict": "A", "reason": "First."}')
    done = finished(runtime, made(runtime, judge_model="openai:gpt-4.1-mini", pairwise=True))
    assert [b.outcome for b in runtime.evaluations.results(done).ballots()] == ["tie"] * 3


def test_a_rubric_is_decided_by_the_judge(runtime: Runtime, provider: ProviderServer) -> None:
    provider.by_model["gpt-4.1-mini"] = Reply(
        text='It says where.\n{"verdict": "pass", "reason": "It names the settings."}'
    )
    case = Case(id="r", question="Where?", checks=(Check(type="judge", value="Says where."),))
    done = finished(runtime, made(runtime, cases=(case,), judge_model="openai:gpt-4.1-mini"))
    cell = runtime.evaluations.results(done).cell(0, 0)
    assert cell is not None
    assert (cell.passed, cell.checks[0].found) == (True, "It names the settings.")
    assert done.progress.spent_pusd > sum(
        c.facts.cost_pusd or 0 for c in runtime.evaluations.store.cells(done.id) if c.facts
    )


@pytest.mark.slow
def test_a_judge_without_a_verdict_leaves_it_open(
    runtime: Runtime, provider: ProviderServer
) -> None:
    provider.by_model["gpt-4.1-mini"] = Reply(text="Hard to say.")
    case = Case(id="r", question="Where?", checks=(Check(type="judge", value="Says where."),))
    done = finished(runtime, made(runtime, cases=(case,), judge_model="openai:gpt-4.1-mini"))
    cell = runtime.evaluations.results(done).cell(0, 0)
    assert cell is not None
    assert (cell.passed, cell.checks[0].found) == (
        None,
        "The judge gave no verdict that can be read.",
    )


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"configurations": ()}, "1 to 6 configurations"),
        ({"configurations": (MINI, MINI)}, "are the same"),
        ({"configurations": (Configuration(model="openai:nope", graph="react", agent="x"),)}, "x"),
        ({"configurations": (Configuration(model="groq:nope"),)}, "cannot be used"),
        ({"concurrency": 9}, "1 to 8 answers"),
        ({"budget_pusd": 0}, "more than nothing"),
        ({"pairwise": True}, "none is chosen"),
        ({"pairwise": True, "judge_model": "local:extractive"}, "cannot judge"),
        ({"repeats": 21}, "1 to 20 times"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(
    runtime: Runtime, plan: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        made(runtime, **plan)
    assert runtime.evaluations.store.recent("local") == []


def test_a_question_set_of_the_same_content_is_kept_once(runtime: Runtime) -> None:
    first = saved(runtime)
    assert saved(runtime) == first
    changed = saved(runtime, CASES[:2])
    assert (changed.version, changed.cases) == (2, 2)
    assert runtime.evaluations.sets.cases(first.id) == CASES


def test_a_set_with_evaluations_cannot_be_deleted(runtime: Runtime) -> None:
    evaluation = made(runtime)
    with pytest.raises(InvalidInput, match="belongs to evaluations"):
        runtime.evaluations.sets.delete(evaluation.set_id, "local")
    runtime.evaluations.delete(evaluation)
    runtime.evaluations.sets.delete(evaluation.set_id, "local")
    assert runtime.evaluations.sets.list("local") == []


@pytest.mark.slow
def test_deleting_an_evaluation_deletes_its_answers(runtime: Runtime) -> None:
    evaluation = finished(runtime, made(runtime))
    runtime.evaluations.delete(evaluation)
    assert runtime.threads.recent("local", kind="eval") == []
    with pytest.raises(NotFound):
        runtime.evaluations.store.get(evaluation.id, "local")


def test_saved_test_cases_keep_their_checks(runtime: Runtime) -> None:
    runtime.evaluations.sets.save_case("local", PORT)
    (found,) = runtime.evaluations.sets.saved_cases("local")
    assert (found.case.question, found.case.checks) == (PORT.question, PORT.checks)
    runtime.evaluations.sets.delete_case("local", found.id)
    assert runtime.evaluations.sets.saved_cases("local") == []


@pytest.mark.slow
def test_evaluations_are_recorded_under_their_own_entry_point(runtime: Runtime) -> None:
    done = finished(runtime, made(runtime))
    runtime.recorder.flush()
    details = [
        runtime.queries.run_detail(str(cell.run_id))
        for cell in runtime.evaluations.store.cells(done.id)
    ]
    assert [detail and detail.run.entry_point for detail in details] == ["eval"] * 6


@pytest.mark.slow
def test_an_erased_person_leaves_no_evaluation(runtime: Runtime) -> None:
    finished(runtime, made(runtime))
    runtime.evaluations.sets.save_case("local", PORT)
    runtime.erase_person("local")
    assert runtime.evaluations.store.recent("local") == []
    assert runtime.evaluations.sets.list("local") == []
    assert runtime.evaluations.sets.saved_cases("local") == []


def test_the_set_can_be_read_back_as_a_file(runtime: Runtime) -> None:
    from agents.evaluation.question_set import write_set

    lines = write_set(runtime.evaluations.sets.cases(saved(runtime).id)).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["port", "stop", "start"]


@pytest.mark.slow
def test_a_budget_can_be_raised_and_the_evaluation_goes_on(runtime: Runtime) -> None:
    one = finished(runtime, made(runtime, cases=CASES[:1], concurrency=1))
    budget = int(one.progress.spent_pusd * 2.5)
    paused = finished(runtime, made(runtime, name="Second", concurrency=1, budget_pusd=budget))
    assert paused.status == "paused"
    raised = runtime.evaluations.set_limits(paused, budget_pusd=None, concurrency=2)
    assert finished(runtime, raised).progress.done == 6


def test_limits_that_cannot_be_are_refused(runtime: Runtime) -> None:
    evaluation = made(runtime)
    with pytest.raises(InvalidInput, match="1 to 8 answers"):
        runtime.evaluations.set_limits(evaluation, budget_pusd=None, concurrency=0)


@pytest.mark.slow
def test_a_budget_holds_with_many_at_once_and_dear_configurations(
    runtime: Runtime, provider: ProviderServer
) -> None:
    """The cheap answers came first, and two dear ones were begun on their account."""
    many = tuple(Case(id=str(n), question=f"How do I change port {n}?") for n in range(12))
    first = finished(runtime, made(runtime, cases=many[:1], name="Price"))
    budget = int(first.progress.spent_pusd * 2.2)
    paused = finished(runtime, made(runtime, cases=many, concurrency=6, budget_pusd=budget))
    assert paused.status == "paused"
    assert paused.progress.spent_pusd <= budget
    assert paused.progress.done >= 3


@pytest.mark.slow
def test_a_budget_cannot_be_kept_for_a_model_without_a_price(
    tmp_path: Path, provider: ProviderServer
) -> None:
    servers = {"lab": {"base_url": provider.openai_url, "models": ["x"]}}
    with answering(tmp_path, provider, openai_servers=servers) as runtime:
        unpriced = Configuration(model="lab:x", agent="technical")
        evaluation = made(runtime, configurations=(unpriced,), budget_pusd=10**9, concurrency=1)
        paused = finished(runtime, evaluation)
    assert (paused.status, paused.progress.done) == ("paused", 1)
    assert paused.why == "The cost of lab:x is not known, so that no budget can be kept."


def test_an_undecided_answer_counts_as_not_passed(tmp_path: Path, provider: ProviderServer) -> None:
    servers = {"lab": {"base_url": provider.openai_url, "models": ["x"]}}
    with answering(tmp_path, provider, openai_servers=servers) as runtime:
        case = Case(id="c", question="Why?", checks=(Check(type="max_usd", value=1.0),))
        unpriced = Configuration(model="lab:x", agent="technical")
        done = finished(runtime, made(runtime, cases=(case,), configurations=(unpriced,)))
        results = runtime.evaluations.results(done)
    assert [cell.passed for cell in results.cells] == [None]
    assert [one.passed for one in results.answered(0)] == [False]


def test_a_budget_that_was_just_enough_leaves_nothing_to_pause_for(runtime: Runtime) -> None:
    """With everything answered it said that the budget does not allow another answer."""
    one = finished(runtime, made(runtime, cases=CASES[:1], concurrency=1))
    budget = int(one.progress.spent_pusd * 1.1)
    again = made(runtime, cases=CASES[:1], name="Again", concurrency=1, budget_pusd=budget)
    assert (finished(runtime, again).status, again.plan.budget_pusd) == ("done", budget)
