"""The Compare page: what it starts, what it shows, what it survives."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agents.run import TurnRequest
from agents.runtime import Runtime
from core.ids import is_id, new_id
from core.transcript import AnswerSummary
from pages.components.compare_columns import final_line
from pages.components.compare_setup import Choice, default_choices, request
from pages.components.compare_summary import Entry, chart_alt, table_rows
from tests.pages.conftest import OpenPage, checked
from tests.provider import ProviderServer, Reply

AGENTS = ["supervisor", "supervisor/technical", "react"]
QUESTION = "What is Switchboard and what can it do?"


def ask(at: AppTest, text: str) -> list[str]:
    """Sends a question, waits for all columns, gives the run ids of the URL."""
    checked(at.chat_input(key="compare_input").set_value(text).run())
    return runs_in_url(at)


def runs_in_url(at: AppTest) -> list[str]:
    value = at.query_params.get("runs", "")
    return [part for part in (value if isinstance(value, str) else value[0]).split(",") if part]


def tables(at: AppTest) -> list[str]:
    return [" ".join(map(str, table.value.to_numpy().ravel())) for table in at.table]


def test_without_a_key_two_graphs_of_the_local_answerer_are_compared(open_page: OpenPage) -> None:
    at = open_page("compare")
    chosen = [
        (at.selectbox(key=f"compare_model_{n}").value, at.selectbox(key=f"compare_agent_{n}").value)
        for n in range(2)
    ]
    assert chosen == [("local:extractive", "supervisor"), ("local:extractive", "react")]


def test_every_column_is_a_run_in_a_thread_of_its_own(
    open_page: OpenPage, runtime: Runtime
) -> None:
    ids = ask(open_page("compare"), QUESTION)
    runs = [runtime.runs.get(run_id) for run_id in ids]
    assert [run.request.graph for run in runs if run] == ["supervisor", "react"]
    assert len({run.thread_id for run in runs if run}) == 2
    assert len({run.request.group_id for run in runs if run}) == 1
    assert {(r.request.entry_point, r.request.thread_kind) for r in runs if r} == {
        ("compare", "compare")
    }


def test_when_all_columns_have_ended_table_and_links_are_there(open_page: OpenPage) -> None:
    at = open_page("compare")
    ids = ask(at, QUESTION)
    assert len(ids) == 2
    assert any("Completed" in text for text in tables(at))
    assert not [button for button in at.button if button.label.startswith("Stop")]
    assert [b.key for b in at.button if b.label == "Continue as chat"] == [
        f"continue_{run_id}" for run_id in ids
    ]


def test_a_continued_column_is_a_chat_in_the_sidebar(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("compare")
    ids = ask(at, QUESTION)
    run = runtime.runs.get(ids[1])
    assert run is not None
    assert runtime.threads.recent("local") == []
    checked(at.button(key=f"continue_{ids[1]}").click().run())
    assert [thread.id for thread in runtime.threads.recent("local")] == [run.thread_id]
    assert at.button(key=f"thread_{run.thread_id}")  # on the chat page now
    assert at.query_params["thread"] in (run.thread_id, [run.thread_id])


def test_a_second_tab_shows_the_same_comparison(open_page: OpenPage) -> None:
    first = open_page("compare")
    ids = ask(first, QUESTION)
    second = open_page("compare", runs=",".join(ids))
    assert tables(second) == tables(first)
    assert second.selectbox(key="compare_agent_1").value == "react"


def test_a_starter_question_starts_the_columns(open_page: OpenPage) -> None:
    at = open_page("compare")
    checked(at.button(key="compare_starter_0").click().run())
    assert [is_id(run_id) for run_id in runs_in_url(at)] == [True, True]


def test_more_columns_get_choosers_of_their_own(open_page: OpenPage) -> None:
    at = open_page("compare")
    at.session_state["compare_count"] = 6
    checked(at.run())
    assert at.selectbox(key="compare_agent_5").value.startswith("supervisor/")


def test_a_further_column_is_not_a_second_of_one_that_is_there(open_page: OpenPage) -> None:
    ids = ask(open_page("compare"), QUESTION)
    at = open_page("compare", runs=",".join(ids))
    at.session_state["compare_count"] = 3
    checked(at.run())
    assert at.selectbox(key="compare_agent_2").value not in ("supervisor", "react")


@pytest.mark.parametrize("given", ["nonsense", "", "a,b,c", "0" * 32, "'; drop table run; --"])
def test_an_address_that_names_no_run_says_so(open_page: OpenPage, given: str) -> None:
    at = open_page("compare", runs=given)
    assert "not here any more" in at.warning[0].value
    assert at.title[0].value == "Which one answers best?"


def test_the_run_of_another_person_is_not_shown(open_page: OpenPage, runtime: Runtime) -> None:
    run = runtime.start(TurnRequest(text=QUESTION, owner="somebody else"))
    for _ in run.follow():
        pass
    at = open_page("compare", runs=run.id)
    assert "not here any more" in at.warning[0].value


def test_a_message_that_is_too_long_is_said_and_kept(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("SWITCHBOARD_MAX_MESSAGE_CHARS", "20")
    at = request.getfixturevalue("open_page")("compare")
    assert ask(at, "x" * 21) == []
    assert len(at.error) == 1
    assert at.chat_input(key="compare_input").proto.value == "x" * 21


def test_what_a_killed_process_left_is_shown_as_lost(
    open_page: OpenPage, runtime: Runtime, data_dir: Path
) -> None:
    ids = ask(open_page("compare"), QUESTION)
    log = runtime.events(ids[0], "local")
    runtime.store.save_log(ids[0], log[:3])
    with runtime.runs._lock:
        runtime.runs._runs.pop(ids[0])
    at = open_page("compare", runs=",".join(ids))
    assert "Lost" in tables(at)[-1]


def test_models_differ_first_and_agents_after() -> None:
    chain = ["local:extractive", "openai:gpt-4o-mini"]
    assert default_choices(AGENTS, chain)[:3] == [
        Choice(agent="supervisor", model="openai:gpt-4o-mini"),
        Choice(agent="supervisor", model="local:extractive"),
        Choice(agent="react", model="openai:gpt-4o-mini"),
    ]


@pytest.mark.parametrize(("model", "fallback"), [("local:extractive", False), ("", True)])
def test_a_chosen_model_answers_alone(model: str, fallback: bool) -> None:
    made = request("hi", new_id(), "supervisor/billing", model)
    assert (made.agent, made.model, made.fallback) == ("billing", model or None, fallback)


def entry(letter: str, **summary: object) -> Entry:
    return Entry(
        letter=letter,
        title=f"Model_{letter}",
        asked="ReAct agent",
        text="Yes [1].",
        summary=AnswerSummary(**summary),  # type: ignore[arg-type]
    )


def test_the_best_of_a_row_is_marked_in_words_and_sign_not_by_colour() -> None:
    rows = table_rows(
        [
            entry("A", ttft_us=300_000, duration_us=2_000_000, cost_pusd=2_000_000_000),
            entry("B", ttft_us=200_000, duration_us=2_000_000, cost_pusd=None),
            entry("C", status="cancelled", ttft_us=1_000, duration_us=1_000, cost_pusd=1),
        ]
    )
    by_name = dict(zip(rows[""], zip(*list(rows.values())[1:], strict=True), strict=True))
    assert by_name["First token"] == ("300 ms", "**200 ms** :material/trophy:", "1 ms")
    assert by_name["Total time"] == ("2.00 s", "2.00 s", "1 ms")
    assert by_name["Cost"] == ("\\$0.002", "unknown", "< \\$0.000001")
    assert list(rows)[1] == "A · Model\\_A"


def test_values_that_are_shown_alike_are_alike() -> None:
    rows = table_rows([entry("A", tokens_per_s=271.6), entry("B", tokens_per_s=272.4)])
    assert [rows[head][rows[""].index("Tokens/s")] for head in list(rows)[1:]] == ["272", "272"]


def test_a_cost_with_unknown_parts_is_never_the_lowest() -> None:
    rows = table_rows(
        [
            entry("A", cost_pusd=1, cost_complete=False),
            entry("B", cost_pusd=2_000_000_000),
            entry("C", cost_pusd=3_000_000_000),
        ]
    )
    assert [rows[head][rows[""].index("Cost")] for head in list(rows)[1:]] == [
        "unknown",
        "**\\$0.002** :material/trophy:",
        "\\$0.003",
    ]


def test_the_chart_can_be_read_aloud() -> None:
    spoken = chart_alt([entry("A", ttft_us=300_000, duration_us=2_000_000), entry("B")])
    assert spoken == (
        "Time to first token and total time by column. "
        "A Model_A: first token 300 ms, total 2.00 s; B Model_B: first token unknown, total unknown"
    )


def test_the_final_line_says_only_what_is_known() -> None:
    assert final_line(AnswerSummary(duration_us=1_500_000)) == ":small[Total 1.50 s]"


def test_a_failing_column_does_not_touch_the_other(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderServer, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000000000")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
    monkeypatch.setenv("SWITCHBOARD_ROUTER_MODELS", "local:extractive")
    provider.default = Reply(status=401)
    at = request.getfixturevalue("open_page")("compare")
    assert at.selectbox(key="compare_model_0").value == "openai:gpt-4o-mini"
    ask(at, QUESTION)
    assert at.table[-1].value.iloc[0, 1:].tolist() == ["Failed: model\\_auth", "Completed"]
    assert len(at.error) == 1
