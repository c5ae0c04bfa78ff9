"""The Evaluations page: question sets, what is begun, what is shown, what it survives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.evaluation.check import Check
from agents.evaluation.question_set import Case
from agents.evaluation.sampling import CONSENT
from agents.evaluation.values import Evaluation, Plan
from agents.run import TurnRequest
from agents.runtime import Runtime
from core.comparison import Configuration
from pages.components.evaluation_upload import EXAMPLE
from tests.pages.conftest import OpenPage, checked
from tests.provider import ProviderServer, Reply

pytestmark = pytest.mark.slow  # half a second each; the parts have quick tests of their own

SETS, NEW = "Question sets", "New evaluation"
NAME = "*B* $x$ <b>"
CASES = (
    Case(id="what", question="What is Switchboard?", checks=(Check(type="any_of", value=("e",)),)),
    Case(
        id="cost",
        question="How is the cost computed? **$5** <i>",
        checks=(Check(type="contains", value=("zzz",)),),
        tags=("billing",),
    ),
)
LOCAL = Configuration(model="local:extractive")
REACT = Configuration(model="local:extractive", graph="react")
GOOD_ROW = json.dumps({"id": "a", "question": "Why?", "contains": "because"})
BROKEN = f"{GOOD_ROW}\nnot json\n{json.dumps({'id': 'b', 'question': ''})}\n".encode()


def made(runtime: Runtime, name: str = NAME, **plan: Any) -> Evaluation:
    """One that has not begun."""
    given: dict[str, Any] = {"configurations": (LOCAL, REACT), "concurrency": 2} | plan
    chosen = runtime.evaluations.sets.save("local", "Handbook", CASES)
    return runtime.evaluations.create("local", chosen, Plan(name=name, **given))


def done(runtime: Runtime, name: str = NAME, **plan: Any) -> Evaluation:
    evaluation = made(runtime, name, **plan)
    runtime.evaluations.start(evaluation)
    assert runtime.evaluations.wait(evaluation, 30)
    return runtime.evaluations.store.get(evaluation.id, "local")


def words(at: AppTest) -> str:
    parts = (*at.title, *at.markdown, *at.caption, *at.warning, *at.success, *at.error, *at.info)
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def press(at: AppTest, label: str) -> AppTest:
    return checked(next(b for b in at.button if b.label.startswith(label)).click().run())


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def upload(at: AppTest, content: bytes, name: str = "mine.jsonl") -> AppTest:
    return checked(at.file_uploader[0].upload(name, content, "application/jsonl").run())


def in_url(at: AppTest, name: str) -> str:
    value = at.query_params.get(name, "")
    return value if isinstance(value, str) else value[0]


def frames(at: AppTest) -> str:
    return "\n".join(frame.value.to_csv() for frame in (*at.dataframe, *at.table))


def test_a_newcomer_is_told_to_make_a_question_set_first(open_page: OpenPage) -> None:
    at = open_page("evaluations")
    assert "First make a question set" in at.info[0].value
    press(at, "Make a question set")
    assert at.file_uploader[0].label == "Question set"


def test_broken_rows_are_listed_and_nothing_is_taken_until_it_is_asked_for(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = upload(open_page("evaluations", evaluations_tab=SETS), BROKEN)
    assert "2 rows of 3 cannot be used" in at.error[0].value
    assert at.dataframe[1].value["Row"].tolist() == ["row 2", "row 3"]
    assert runtime.evaluations.sets.list("local") == []
    assert not [label for label in labels(at) if label.startswith("Save")]
    press(at, "Take the 1 good row only")
    (kept,) = runtime.evaluations.sets.list("local")
    assert (kept.name, kept.cases) == ("mine", 1)


def test_a_file_without_a_good_row_offers_nothing_to_take(open_page: OpenPage) -> None:
    at = upload(open_page("evaluations", evaluations_tab=SETS), b"not json\n")
    assert at.error[0].value.endswith("mend the file and upload it again.")
    assert not [label for label in labels(at) if label.startswith("Take")]


def test_notes_on_rows_that_are_used_stand_apart(open_page: OpenPage) -> None:
    row = json.dumps({"question": "Why?", "contans": "x"}).encode()
    at = upload(open_page("evaluations", evaluations_tab=SETS), row)
    assert [e.label for e in at.expander] == [
        "What a file may hold",
        "1 note on rows that are used",
    ]
    assert "did you mean 'contains'?" in frames(at)
    assert len(at.error) == 0


def test_a_file_that_is_no_question_set_says_why(open_page: OpenPage) -> None:
    at = upload(open_page("evaluations", evaluations_tab=SETS), b"name,age\nx,3\n", "people.csv")
    assert "no column 'question'" in words(at)


def test_the_checks_of_a_file_are_shown_in_words(open_page: OpenPage) -> None:
    at = upload(open_page("evaluations", evaluations_tab=SETS), GOOD_ROW.encode())
    assert at.dataframe[1].value["Expected"].tolist() == ["contains “because”"]


def test_the_example_file_can_be_taken_as_it_is(open_page: OpenPage, runtime: Runtime) -> None:
    from agents.evaluation.question_set import write_set

    at = upload(open_page("evaluations", evaluations_tab=SETS), write_set(EXAMPLE))
    press(at, "Save 3 questions")
    (kept,) = runtime.evaluations.sets.list("local")
    assert runtime.evaluations.sets.cases(kept.id) == EXAMPLE
    assert "version 1, with 3 questions is kept" in words(at)


def test_saved_test_cases_make_a_set(open_page: OpenPage, runtime: Runtime) -> None:
    for case in CASES:
        runtime.evaluations.sets.save_case("local", case)
    at = open_page("evaluations", evaluations_tab=SETS)
    checked(at.segmented_control(key="set_source").set_value("saved").run())
    saved = runtime.evaluations.sets.saved_cases("local")
    at.session_state[f"saved_cases_2_{saved[-1].id}"] = {
        "edited_rows": {0: {"take": False}}, "added_rows": [], "deleted_rows": [],
    }  # fmt: skip
    press(checked(at.run()), "Save 1 question")
    (kept,) = runtime.evaluations.sets.list("local")
    assert [case.question for case in runtime.evaluations.sets.cases(kept.id)] == [
        CASES[1].question
    ]


def test_without_consent_no_past_question_is_shown(open_page: OpenPage, runtime: Runtime) -> None:
    asked(runtime, "How do I pay?")
    at = open_page("evaluations", evaluations_tab=SETS)
    checked(at.segmented_control(key="set_source").set_value("past").run())
    assert "you have not agreed to it" in words(at)
    assert "No question can be drawn" in at.info[0].value
    assert "How do I pay?" not in frames(at)


def test_past_questions_are_drawn_with_consent(open_page: OpenPage, runtime: Runtime) -> None:
    asked(runtime, "How do I pay?")
    runtime.preferences.agree("local", CONSENT, True)
    at = open_page("evaluations", evaluations_tab=SETS)
    checked(at.segmented_control(key="set_source").set_value("past").run())
    assert at.dataframe[0].value["Question"].tolist() == ["How do I pay?"]
    press(at, "Save 1 question")
    assert [one.name for one in runtime.evaluations.sets.list("local")] == ["Past questions"]


def test_consent_is_given_and_taken_back_in_settings(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("settings", settings_tab="Privacy")
    toggle = at.toggle(key="privacy_consent")
    assert toggle.value is False
    checked(toggle.set_value(True).run())
    assert runtime.preferences.agreed("local", CONSENT)
    checked(at.toggle(key="privacy_consent").set_value(False).run())
    assert not runtime.preferences.agreed("local", CONSENT)


def test_a_set_in_use_cannot_be_deleted(open_page: OpenPage, runtime: Runtime) -> None:
    made(runtime)
    at = press(open_page("evaluations", evaluations_tab=SETS), "Delete this set")
    assert "belongs to evaluations" in at.error[0].value


def test_start_begins_what_was_chosen_and_opens_it(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.evaluations.sets.save("local", "Handbook", CASES)
    at = open_page("evaluations", evaluations_tab=NEW)
    assert {m.label: m.value for m in at.metric} == {
        "Answers": "4", "Judgements": "0", "Cost, about": "free",
    }  # fmt: skip
    press(at, "Start")
    evaluation = runtime.evaluations.store.get(in_url(at, "id"), "local")
    assert runtime.evaluations.wait(evaluation, 30)
    assert evaluation.plan == Plan(name="Handbook", configurations=(LOCAL, REACT), concurrency=4)


def test_a_question_that_needs_a_judge_is_said_when_there_is_none(
    open_page: OpenPage, runtime: Runtime
) -> None:
    runtime.evaluations.sets.save("local", "Judged", EXAMPLE)
    at = open_page("evaluations", evaluations_tab=NEW)
    assert "1 of these questions need a judge model" in at.warning[0].value
    press(at, "Start")
    assert "none is chosen" in at.error[0].value
    assert runtime.evaluations.store.recent("local") == []


def test_a_set_that_needs_no_judge_has_none(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000000000")
    runtime: Runtime = request.getfixturevalue("runtime")
    sets = runtime.evaluations.sets
    judged = sets.save("local", "Judged", EXAMPLE)
    bare = sets.save("local", "Handbook", CASES)
    at = request.getfixturevalue("open_page")("evaluations", evaluations_tab=NEW)
    checked(at.selectbox(key="evaluate_set").set_value(judged.id).run())
    assert at.selectbox(key="evaluate_judge").value is not None
    checked(at.selectbox(key="evaluate_set").set_value(bare.id).run())
    assert at.selectbox(key="evaluate_judge").value is None
    checked(at.selectbox(key="evaluate_set").set_value(judged.id).run())
    assert at.selectbox(key="evaluate_judge").value is not None


def test_a_line_up_fills_the_configurations(open_page: OpenPage, runtime: Runtime) -> None:
    runtime.evaluations.sets.save("local", "Handbook", CASES)
    runtime.comparisons.lineups.save("local", "Mine", [REACT, LOCAL])
    at = press(open_page("evaluations", evaluations_tab=NEW), "Mine")
    assert [at.selectbox(key=f"evaluate_agent_{n}").value for n in range(2)] == [
        "react",
        "supervisor",
    ]


def test_the_list_shows_how_each_stands(open_page: OpenPage, runtime: Runtime) -> None:
    done(runtime)
    shown = words(open_page("evaluations"))
    assert "Supervisor **50 %** (1 of 2)" in shown
    assert "Handbook, version 1 · 4 of 4 answers · $0" in shown


def test_hostile_text_is_shown_as_it_is(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("evaluations", id=done(runtime).id, view="cases", case="cost")
    assert at.title[0].value == r"\*B\* \$x\$ \<b\>"
    assert r"How is the cost computed? \*\*\$5\*\* \<i\>" in [m.value for m in at.markdown]


def test_one_evaluation_shows_rates_with_intervals_and_a_verdict(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("evaluations", id=done(runtime).id)
    table = at.table[0].value
    assert table.iloc[0].tolist() == ["Passed", "1 of 2", "1 of 2"]
    assert table.iloc[1, 1] == "**50.0 %** (9.5–90.5)"
    assert "Cannot tell yet whether" in words(at)
    assert [m.label for m in at.metric] == ["Passed", "Cost", "Time", "p95 of time"]


def test_a_pair_is_not_judged_while_answers_come_in(open_page: OpenPage, runtime: Runtime) -> None:
    one = done(runtime)
    runtime.evaluations.store.set_status(one.id, "running")
    at = open_page("evaluations", id=one.id)
    shown = words(at)
    assert "Figures so far." in shown
    assert "Cannot tell yet whether" not in shown
    assert [m.label for m in at.metric] == ["Passed", "Cost", "Time", "p95 of time"]


def test_a_verdict_on_one_that_is_paused_says_that_it_may_change(
    open_page: OpenPage, runtime: Runtime
) -> None:
    one = done(runtime)
    runtime.evaluations.store.set_status(one.id, "paused", "The budget is spent.")
    shown = words(open_page("evaluations", id=one.id))
    assert "may change" in shown
    assert "Cannot tell yet whether" in shown


def test_a_question_in_the_address_is_shown_with_its_checks(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("evaluations", id=done(runtime).id, view="cases", case="cost")
    shown = words(at)
    assert "contains “zzz”" in shown
    assert shown.count("**✗ failed**") == 2
    assert "Question 2 of 2" in shown
    press(at, "Close")
    assert "contains “zzz”" not in words(at)


def test_questions_are_filtered_by_outcome(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("evaluations", id=done(runtime).id, view="cases")
    assert at.dataframe[0].value["id"].tolist() == ["what", "cost"]
    assert at.dataframe[0].value["tags"].tolist() == ["", "billing"]
    checked(at.segmented_control(key="cases_show").set_value("Not passed").run())
    assert at.dataframe[0].value["id"].tolist() == ["cost"]


def test_what_failed_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderServer, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000000000")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
    monkeypatch.setenv("SWITCHBOARD_ROUTER_MODELS", "local:extractive")
    provider.default = Reply(status=400)
    runtime: Runtime = request.getfixturevalue("runtime")
    mini = Configuration(model="openai:gpt-4o-mini", agent="technical")
    one = done(runtime, configurations=(mini,))
    at = request.getfixturevalue("open_page")("evaluations", id=one.id)
    provider.default = Reply(text="zzz e")
    press(at, "Retry failed (2)")
    assert runtime.evaluations.wait(one, 30)
    assert runtime.evaluations.store.get(one.id, "local").progress.failed == 0


def test_it_is_begun_and_deleted_with_buttons(open_page: OpenPage, runtime: Runtime) -> None:
    one = made(runtime)
    at = press(open_page("evaluations", id=one.id), "Start")
    assert runtime.evaluations.wait(one, 30)
    at = press(open_page("evaluations", id=one.id), "Delete this evaluation")
    assert at.title[0].value == "Evaluations"
    assert runtime.evaluations.store.recent("local") == []


def test_the_limits_of_one_that_rests_can_be_changed(open_page: OpenPage, runtime: Runtime) -> None:
    one = made(runtime)
    at = open_page("evaluations", id=one.id)
    at.number_input(key=f"limits_{one.id}_budget").set_value(2.5)
    at.number_input(key=f"limits_{one.id}_at_once").set_value(3)
    press(at, "Keep these limits")
    plan = runtime.evaluations.store.get(one.id, "local").plan
    assert (plan.budget_pusd, plan.concurrency) == (2_500_000_000_000, 3)


def test_two_evaluations_are_compared_question_by_question(
    open_page: OpenPage, runtime: Runtime
) -> None:
    first = done(runtime, "First")
    at = press(open_page("evaluations", id=first.id), "Run again")
    again = runtime.evaluations.store.get(in_url(at, "id"), "local")
    assert runtime.evaluations.wait(again, 30)
    at = open_page("evaluations", id=again.id, **{"with": first.id})
    assert "Of 2 questions that both have, **0 got better**, **0 got worse**, 2 stayed" in words(at)
    assert [name.split(" · ")[1] for name in at.table[0].value.columns[1:]] == ["other", "this"] * 2


def test_without_another_one_the_comparison_says_how_to_make_it(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("evaluations", id=done(runtime).id, view="compare")
    assert "“Run again” makes one" in at.info[0].value


@pytest.mark.parametrize("given", ["nonsense", "0" * 32, "'; drop table run; --"])
def test_an_address_that_names_no_evaluation_says_so(open_page: OpenPage, given: str) -> None:
    at = open_page("evaluations", id=given)
    assert "not here any more" in at.warning[0].value


def test_the_evaluation_of_another_person_is_not_shown(
    open_page: OpenPage, runtime: Runtime
) -> None:
    chosen = runtime.evaluations.sets.save("else", "Handbook", CASES)
    foreign = runtime.evaluations.create(
        "else", chosen, Plan(name="Secret", configurations=(LOCAL,))
    )
    at = open_page("evaluations", id=foreign.id)
    assert "not here any more" in at.warning[0].value
    assert "Secret" not in words(at)


def asked(runtime: Runtime, text: str) -> None:
    run = runtime.start(TurnRequest(text=text, owner="local"))
    for _ in run.follow():
        pass
