"""The Compare page: what it starts, what it shows, what it survives."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from agents.comparing.values import Comparison
from agents.configured import turn_request
from agents.runtime import Runtime
from core.comparison import Configuration
from core.transcript import AnswerSummary
from pages.components.compare_columns import final_line
from pages.components.compare_setup import default_choices
from pages.components.compare_summary import Entry, chart_alt, table_rows
from tests.pages.conftest import OpenPage, checked
from tests.provider import ProviderServer, Reply

AGENTS = ["supervisor", "supervisor/technical", "react"]
QUESTION = "What is Switchboard and what can it do?"


def ask(at: AppTest, runtime: Runtime, text: str = QUESTION) -> Comparison | None:
    """Sends a question, waits for all columns, gives the comparison of the URL."""
    checked(at.chat_input(key="compare_input").set_value(text).run())
    return shown(at, runtime)


def shown(at: AppTest, runtime: Runtime) -> Comparison | None:
    value = at.query_params.get("c", "")
    found = value if isinstance(value, str) else value[0]
    return runtime.comparisons.store.get(found, "local") if found else None


def asked(at: AppTest, runtime: Runtime, text: str = QUESTION) -> Comparison:
    found = ask(at, runtime, text)
    assert found is not None
    return found


def tables(at: AppTest) -> list[str]:
    return [" ".join(map(str, table.value.to_numpy().ravel())) for table in at.table]


def texts(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption))


def blind(at: AppTest, columns: int = 2) -> AppTest:
    at.session_state["compare_count"] = columns
    at.session_state["compare_blind"] = True
    return checked(at.run())


def vote_buttons(at: AppTest) -> list[str]:
    return [button.label for button in at.button if str(button.key).startswith("vote_")]


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
    comparison = asked(open_page("compare"), runtime)
    runs = [runtime.runs.get(str(answer.run_id)) for answer in comparison.turns[0].answers]
    assert [run.request.graph for run in runs if run] == ["supervisor", "react"]
    assert [run.thread_id for run in runs if run] == [arm.thread_id for arm in comparison.arms]
    assert {run.request.group_id for run in runs if run} == {comparison.id}
    assert {(r.request.entry_point, r.request.thread_kind) for r in runs if r} == {
        ("compare", "compare")
    }


@pytest.mark.slow
def test_when_all_columns_have_ended_table_and_ways_on_are_there(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("compare")
    asked(at, runtime)
    assert any("Completed" in text for text in tables(at))
    labels = [button.label for button in at.button]
    assert not [label for label in labels if label.startswith("Stop")]
    assert labels.count("Continue as chat") == labels.count("Ask again") == 2


@pytest.mark.slow
def test_a_continued_column_is_a_chat_in_the_sidebar(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("compare")
    comparison = asked(at, runtime)
    assert runtime.threads.recent("local") == []
    key = f"continue_{comparison.turns[0].answers[1].run_id}"
    checked(at.button(key=key).click().run())
    (thread,) = runtime.threads.recent("local")
    assert at.button(key=f"thread_{thread.id}")  # on the chat page now
    assert at.query_params["thread"] in (thread.id, [thread.id])
    assert thread.id not in [arm.thread_id for arm in comparison.arms]


@pytest.mark.slow
def test_a_second_tab_shows_the_same_comparison(open_page: OpenPage, runtime: Runtime) -> None:
    first = open_page("compare")
    comparison = asked(first, runtime)
    second = open_page("compare", c=comparison.id)
    assert tables(second) == tables(first)
    assert second.selectbox(key="compare_agent_1").value == "react"


@pytest.mark.slow
def test_the_next_question_goes_to_the_same_columns(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("compare")
    first = asked(at, runtime)
    second = asked(at, runtime, "And what does it cost?")
    assert (second.id, len(second.turns)) == (first.id, 2)
    assert "Question 1" in [expander.label for expander in at.expander]


@pytest.mark.slow
def test_other_columns_make_a_new_comparison(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("compare")
    first = asked(at, runtime)
    at.session_state["compare_agent_1"] = "supervisor/billing"
    checked(at.run())
    assert asked(at, runtime, "And what does it cost?").id != first.id


def test_who_answers_is_not_on_the_page_before_the_vote(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = blind(open_page("compare"))
    asked(at, runtime)
    drawn = texts(at)
    assert "ReAct" not in drawn
    assert "Supervisor" not in drawn
    assert tables(at) == [table for table in tables(at) if "Completed" not in table]
    assert [b.label for b in at.button if b.label == "Continue as chat"] == []


@pytest.mark.slow
def test_a_reload_before_the_vote_does_not_tell_either(
    open_page: OpenPage, runtime: Runtime
) -> None:
    comparison = asked(blind(open_page("compare")), runtime)
    at = open_page("compare", c=comparison.id)
    assert "ReAct" not in texts(at)
    assert vote_buttons(at) == ["A is better", "B is better", "Tie", "Both are bad", "Skip"]


def test_the_vote_is_kept_and_shows_who_answered(open_page: OpenPage, runtime: Runtime) -> None:
    at = blind(open_page("compare"))
    comparison = asked(at, runtime)
    checked(at.button(key="vote_B").click().run())
    vote = runtime.comparisons.store.get(comparison.id, "local").votes[0]
    assert (vote.outcome, vote.order, vote.flags) == ("pick", ((1,), (0,)), ())
    name = {"supervisor": "Supervisor", "react": "ReAct agent"}
    winner = name[comparison.arms[1].configuration.graph]
    assert f"You voted for B · {winner}" in texts(at)
    assert any("Completed" in text for text in tables(at))


@pytest.mark.slow
def test_reasons_are_kept_with_the_vote(open_page: OpenPage, runtime: Runtime) -> None:
    at = blind(open_page("compare"))
    comparison = asked(at, runtime)
    checked(at.button(key="vote_bad").click().run())
    vote = runtime.comparisons.store.get(comparison.id, "local").votes[0]
    pills = next(group for group in at.button_group if group.key == f"reasons_{vote.id}")
    checked(pills.set_value(["Made up", "Too long"]).run())
    again = runtime.comparisons.store.get(comparison.id, "local").votes[0]
    assert again.reasons == ("Made up", "Too long")


@pytest.mark.slow
def test_three_answers_are_put_in_order(open_page: OpenPage, runtime: Runtime) -> None:
    at = blind(open_page("compare"), columns=3)
    comparison = asked(at, runtime)
    checked(at.button(key="rank_mode").click().run())
    for letter in "CA":
        checked(at.button(key=f"rank_{letter}").click().run())
    assert at.button(key="rank_send").label == "Send C › A › B"
    checked(at.button(key="rank_send").click().run())
    vote = runtime.comparisons.store.get(comparison.id, "local").votes[0]
    assert (vote.outcome, vote.order) == ("rank", ((2,), (0,), (1,)))


@pytest.mark.slow
def test_equal_places_and_undo(open_page: OpenPage, runtime: Runtime) -> None:
    at = blind(open_page("compare"), columns=3)
    asked(at, runtime)
    checked(at.button(key="rank_mode").click().run())
    checked(at.button(key="rank_B").click().run())
    checked(at.button(key="rank_equal_0").click().run())
    assert at.button(key="rank_send").label == "Send B = A › C"
    checked(at.button(key="rank_undo").click().run())
    assert [b.key for b in at.button if b.key == "rank_send"] == []


def test_a_line_up_is_saved_and_used(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("compare")
    at.session_state["lineup_name"] = "Two *graphs*"
    save = next(b for b in at.button if b.label == "Save these columns")
    checked(save.click().run())
    (lineup,) = runtime.comparisons.lineups.list("local")
    assert [one.graph for one in lineup.configurations] == ["supervisor", "react"]
    at.session_state["compare_agent_0"] = "supervisor/billing"
    checked(at.run())
    checked(at.button(key="lineup_use_Two *graphs*").click().run())
    assert at.selectbox(key="compare_agent_0").value == "supervisor"


@pytest.mark.slow
def test_a_line_up_says_what_cannot_be_asked_now(open_page: OpenPage, runtime: Runtime) -> None:
    gone = Configuration(model="openai:gpt-4o", temperature=1.5)
    runtime.comparisons.lineups.save("local", "Old", (Configuration(graph="react"), gone))
    at = open_page("compare")
    checked(at.button(key="lineup_use_Old").click().run())
    assert at.selectbox(key="compare_agent_0").value == "react"
    assert at.warning[0].value.startswith("Column B stays as it is: GPT")
    assert not at.session_state["compare_warm_1"]


@pytest.mark.slow
def test_after_a_reload_the_same_columns_go_on(open_page: OpenPage, runtime: Runtime) -> None:
    first = blind(open_page("compare"))
    comparison = asked(first, runtime)
    at = open_page("compare", c=comparison.id)
    assert at.chat_input(key="compare_input").proto.disabled
    checked(at.button(key="vote_tie").click().run())
    assert at.toggle(key="compare_go_on").value
    assert asked(at, runtime, "And on Windows?").id == comparison.id


@pytest.mark.slow
def test_options_are_part_of_what_is_compared(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("compare")
    at.session_state["compare_agent_1"] = "supervisor"
    at.session_state["compare_retrieval_1"] = "cag"
    at.session_state["compare_warm_1"] = True
    checked(at.run())
    comparison = asked(at, runtime)
    one = comparison.arms[1].configuration
    assert (one.retrieval, one.temperature) == ("cag", 0.0)


@pytest.mark.slow
def test_an_earlier_comparison_is_opened_and_deleted(open_page: OpenPage, runtime: Runtime) -> None:
    comparison = asked(open_page("compare"), runtime)
    at = open_page("compare")
    checked(at.button(key=f"recent_{comparison.id}").click().run())
    assert shown(at, runtime) == comparison
    checked(at.button(key=f"recent_delete_{comparison.id}").click().run())
    assert runtime.comparisons.store.recent("local") == []
    assert shown(at, runtime) is None


@pytest.mark.slow
def test_two_answers_are_compared_in_words_and_structure(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("compare")
    asked(at, runtime)
    assert "Words" in tables(at)[0]
    assert [tab.label for tab in at.tabs] == ["Words", "Structure"]


@pytest.mark.slow
def test_a_starter_question_starts_the_columns(open_page: OpenPage, runtime: Runtime) -> None:
    at = open_page("compare")
    checked(at.button(key="compare_starter_0").click().run())
    assert shown(at, runtime) is not None


@pytest.mark.slow
def test_more_columns_get_choosers_of_their_own(open_page: OpenPage) -> None:
    at = open_page("compare")
    at.session_state["compare_count"] = 6
    checked(at.run())
    assert at.selectbox(key="compare_agent_5").value.startswith("supervisor/")


@pytest.mark.slow
def test_a_further_column_is_not_a_second_of_one_that_is_there(
    open_page: OpenPage, runtime: Runtime
) -> None:
    comparison = asked(open_page("compare"), runtime)
    at = open_page("compare", c=comparison.id)
    at.session_state["compare_count"] = 3
    checked(at.run())
    assert at.selectbox(key="compare_agent_2").value not in ("supervisor", "react")


@pytest.mark.slow
@pytest.mark.parametrize("given", ["nonsense", "a,b,c", "0" * 32, "'; drop table run; --"])
def test_an_address_that_names_no_comparison_says_so(open_page: OpenPage, given: str) -> None:
    at = open_page("compare", c=given)
    assert "not here any more" in at.warning[0].value
    assert at.title[0].value == "Which one answers best?"


@pytest.mark.slow
def test_the_comparison_of_another_person_is_not_shown(
    open_page: OpenPage, runtime: Runtime
) -> None:
    found, _ = runtime.comparisons.ask(
        QUESTION, (Configuration(), Configuration(graph="react")), owner="somebody else"
    )
    at = open_page("compare", c=found.id)
    assert "not here any more" in at.warning[0].value


def test_a_message_that_is_too_long_is_said_and_kept(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("SWITCHBOARD_MAX_MESSAGE_CHARS", "20")
    at = request.getfixturevalue("open_page")("compare")
    assert ask(at, request.getfixturevalue("runtime"), "x" * 21) is None
    assert len(at.error) == 1
    assert at.chat_input(key="compare_input").proto.value == "x" * 21


@pytest.mark.slow
def test_what_a_killed_process_left_is_shown_as_lost(open_page: OpenPage, runtime: Runtime) -> None:
    comparison = asked(open_page("compare"), runtime)
    run_id = str(comparison.turns[0].answers[0].run_id)
    log = runtime.events(run_id, "local")
    runtime.store.save_log(run_id, log[:3])
    with runtime.runs._lock:
        runtime.runs._runs.pop(run_id)
    at = open_page("compare", c=comparison.id)
    assert "Lost" in tables(at)[-1]


def test_models_differ_first_and_agents_after() -> None:
    chain = ["local:extractive", "openai:gpt-4o-mini"]
    assert default_choices(AGENTS, chain)[:3] == [
        Configuration(graph="supervisor", model="openai:gpt-4o-mini"),
        Configuration(graph="supervisor", model="local:extractive"),
        Configuration(graph="react", model="openai:gpt-4o-mini"),
    ]


@pytest.mark.parametrize(
    ("one", "fallback"),
    [
        (Configuration(model="local:extractive", agent="billing"), False),
        (Configuration(model="local:extractive", agent="billing", fallback=True), True),
        (Configuration(agent="billing"), True),
    ],
)
def test_a_chosen_model_answers_alone_unless_a_fallback_is_compared(
    one: Configuration, fallback: bool
) -> None:
    made = turn_request(one, "hi", owner="local")
    assert (made.agent, made.model, made.fallback) == ("billing", one.model, fallback)


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
    assert final_line(AnswerSummary(duration_us=1_500_000)) == "Total 1.50 s"


def test_a_failing_column_does_not_touch_the_other(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderServer, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000000000")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
    monkeypatch.setenv("SWITCHBOARD_ROUTER_MODELS", "local:extractive")
    provider.default = Reply(status=401)
    at = request.getfixturevalue("open_page")("compare")
    assert at.selectbox(key="compare_model_0").value == "openai:gpt-4o-mini"
    asked(at, request.getfixturevalue("runtime"))
    assert at.table[-1].value.iloc[0, 1:].tolist() == [
        "Failed: Key missing or refused",
        "Completed",
    ]
    assert len(at.error) == 1
