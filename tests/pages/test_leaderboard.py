"""The Leaderboard page: votes into verdicts, what counts, what is next, and imports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agents.comparing.values import Answer, Arm, Comparison, Facts, Turn
from agents.runtime import Runtime
from core.comparison import Ballot, Configuration, Traits
from core.errors import NotFound
from core.ids import new_id
from pages.components.leaderboard_names import name_px, row_px
from pages.components.leaderboard_pareto_chart import FREE, NO_COST, SLOWNESS, Point, pareto
from pages.components.leaderboard_table import rating
from tests.pages.conftest import OpenPage, checked

ARENA = Path(__file__).parents[1] / "data" / "ranking" / "chatbot_arena_2023_05.csv"
GRAPHS = (
    Configuration(model="local:extractive"),
    Configuration(model="local:extractive", graph="react"),
)
EVIL = "<b>$x$</b> ![i](http://evil.example/i.png) **bold** :red[x] {b}"
BAD = b"""model_a,model_b,winner
gpt,claude,model_a
gpt,gpt,model_b
gpt,claude,who knows
gpt,claude,tie
"""


def voted(
    runtime: Runtime,
    pair: Sequence[Configuration] = GRAPHS,
    *,
    wins: int = 1,
    losses: int = 0,
    blind: bool = True,
    costs: tuple[int | None, int | None] = (2_000_000, 1_000_000),
) -> None:
    """Votes of six people on comparisons that have ended; the first of the pair wins so often."""
    desk = runtime.comparisons
    for n in range(wins + losses):
        voter, at_us = f"voter {n % 6}", 1_700_000_000_000_000 + n
        answers = tuple(Answer(position=k, run_id=new_id(), tries=1, facts=None) for k in (0, 1))
        comparison = Comparison(
            id=new_id(), owner=voter, blind=blind, together=True, layout_seed=1,
            created_at_us=at_us, turns=(), votes=(),
            arms=tuple(Arm(position=k, configuration=one, thread_id=new_id())
                       for k, one in enumerate(pair)),
        )  # fmt: skip
        desk.store.add(comparison)
        turn = Turn(number=0, question_hash="", language="en", at_us=at_us, answers=answers)
        desk.store.add_turn(comparison.id, turn)
        desk.store.keep_facts(
            {
                str(one.run_id): Facts(
                    status="completed", model="local:extractive", cost_pusd=costs[one.position],
                    duration_us=1_000_000 * (one.position + 1) + n, output_tokens=50,
                )
                for one in answers
            }
        )  # fmt: skip
        fresh = desk.store.get(comparison.id, voter)
        order = [[0], [1]] if n < wins else [[1], [0]]
        desk.votes.cast(fresh, fresh.turns[0], "pick", order, voter=voter)


def imported(runtime: Runtime, names: tuple[str, str], wins: int, losses: int, **more: str) -> str:
    ballots = [
        Ballot(
            voter=f"v{n}", contestants=names, outcome="pick", order=((int(n >= wins),),),
            traits=(Traits(tokens=90 + n % 9), Traits(tokens=50)), slices=more,
        )
        for n in range(wins + losses)
    ]  # fmt: skip
    return runtime.comparisons.votes.add_import("Others", new_id(), ballots)


def words(at: AppTest) -> str:
    """All text as it is read, without the backslashes that keep it from being Markdown."""
    parts = [*at.title, *at.subheader, *at.markdown, *at.caption, *at.info, *at.warning, *at.error]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def figures(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def table(at: AppTest, column: str) -> list[list[object]]:
    """The rows of the table that has this column."""
    frame = next(t.value for t in at.dataframe if column in t.value.columns)
    rows: list[list[object]] = frame.to_numpy().tolist()
    return rows


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


# -- without votes, and with few


def test_without_votes_the_page_says_how_to_get_some(open_page: OpenPage) -> None:
    at = open_page("leaderboard")
    assert "No votes yet" in words(at)
    assert "Compare blind" in labels(at)
    assert len(at.file_uploader) == 1


def test_the_first_step_leads_to_a_blind_comparison(open_page: OpenPage) -> None:
    at = open_page("leaderboard")
    press = next(button for button in at.button if button.label == "Compare blind")
    checked(press.click().run())
    assert at.title[0].value == "Which one answers best?"
    assert at.session_state["compare_blind"] is True


def test_a_single_vote_is_shown_with_what_it_cannot_say(
    open_page: OpenPage, runtime: Runtime
) -> None:
    voted(runtime)
    said = words(open_page("leaderboard"))
    assert "First place is open between Supervisor and ReAct agent" in said
    assert "Cannot tell yet" in said
    assert "1 voter: too few to see how voters differ" in said
    assert "Supervisor is leading, 1 : 0, 0 ties" in said


def test_when_no_vote_counts_the_reason_is_there(open_page: OpenPage, runtime: Runtime) -> None:
    voted(runtime, wins=2, blind=False)
    at = open_page("leaderboard")
    assert "None of these votes counts" in words(at)
    assert "Open votes: it was known who answered" in words(at)
    assert figures(at)["Votes that count"] == "0"


# -- a full page


def test_a_verdict_says_quality_cost_and_speed(open_page: OpenPage, runtime: Runtime) -> None:
    voted(runtime, wins=50, losses=6)
    at = open_page("leaderboard")
    said = words(at)
    assert ":red-badge[:material/trending_down: Worse]" in said
    assert "ReAct agent is worse than Supervisor by 39 points" in said
    assert "50 % cheaper" in said
    assert "Supervisor is first" in said
    assert "Supervisor is better in votes, 50 : 6, 0 ties" in said
    assert [row[:2] for row in table(at, "Rank")] == [["Supervisor", "1"], ["ReAct agent", "2"]]
    assert [row[:3] for row in table(at, "Cost")] == [["ReAct agent", "Supervisor", "0.50 ×"]]


@pytest.mark.slow
def test_flagged_votes_count_when_the_address_says_so(
    open_page: OpenPage, runtime: Runtime
) -> None:
    voted(runtime, wins=3)
    voted(runtime, wins=4, blind=False)
    counted = [
        figures(open_page("leaderboard", **query))["Votes that count"]
        for query in ({}, {"flags": "revealed"})
    ]
    assert counted == ["3", "7"]


@pytest.mark.slow
def test_a_choice_is_written_into_the_address(open_page: OpenPage, runtime: Runtime) -> None:
    voted(runtime, wins=3, blind=False)
    at = open_page("leaderboard")
    checked(at.checkbox(key="board_flag_revealed").check().run())
    checked(at.toggle(key="board_style").set_value(True).run())
    checked(at.slider(key="board_margin").set_value(10).run())
    asked = {name: "".join(at.query_params[name]) for name in ("flags", "style", "margin")}
    assert asked == {"flags": "revealed", "style": "1", "margin": "10"}
    assert figures(at)["Votes that count"] == "3"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["margin", "cap", "style", "votes", "against", "flags", "by"])
def test_nonsense_in_the_address_changes_nothing(
    open_page: OpenPage, runtime: Runtime, name: str
) -> None:
    voted(runtime, wins=3)
    at = open_page("leaderboard", **{name: "'; drop --"})
    assert figures(at)["Votes that count"] == "3"


def test_votes_that_were_deleted_are_missed(open_page: OpenPage, runtime: Runtime) -> None:
    voted(runtime)
    assert "are not here any more" in words(open_page("leaderboard", votes="import:gone"))


@pytest.mark.slow
def test_configurations_of_a_model_become_one(open_page: OpenPage, runtime: Runtime) -> None:
    other = Configuration(model="openai:gpt-4o-mini")
    voted(runtime, (GRAPHS[0], other), wins=3)
    voted(runtime, (GRAPHS[1], other), wins=2)
    at = open_page("leaderboard", by="model")
    assert [row[0] for row in table(at, "Rank")] == ["Built-in answerer", "GPT-4o mini"]
    assert figures(at)["Votes that count"] == "5"


@pytest.mark.slow
def test_a_baseline_leaves_its_own_pairs(open_page: OpenPage, runtime: Runtime) -> None:
    third = Configuration(model="openai:gpt-4o-mini")
    for pair in ((GRAPHS[0], GRAPHS[1]), (GRAPHS[0], third), (GRAPHS[1], third)):
        voted(runtime, pair, wins=3, losses=1)
    at = open_page("leaderboard", against=third.key)
    badges = [one.value for one in at.markdown if "-badge[" in str(one.value)]
    assert len([one for one in badges if "Cannot tell" in one]) == 2
    chances = {str(row[0]): row[2] for row in table(at, "Rank")}
    assert [name for name, chance in chances.items() if chance != chance] == [
        "GPT-4o mini, Supervisor"
    ]


@pytest.mark.slow
def test_style_control_shows_both_ratings(open_page: OpenPage, runtime: Runtime) -> None:
    imported(runtime, ("long", "short"), 30, 20)
    at = open_page("leaderboard", style="1")
    assert "Worth in a vote between equals, in points: length" in words(at)
    assert len(table(at, "Without control")) == 2


@pytest.mark.slow
def test_hostile_names_stay_text(open_page: OpenPage, runtime: Runtime) -> None:
    imported(runtime, (EVIL, "plain"), 12, 9)
    at = open_page("leaderboard")
    drawn = "\n".join(str(p.value) for p in [*at.subheader, *at.markdown, *at.caption])
    assert "![" not in drawn
    assert "**bold**" not in drawn
    assert ":red[x]" not in drawn
    assert "<b>" not in drawn
    assert "**bold**" in words(at)


def test_a_deleted_model_keeps_its_name(open_page: OpenPage, runtime: Runtime) -> None:
    gone = Configuration(model="openai:gone-1")
    voted(runtime, (GRAPHS[0], gone), wins=2)
    assert "gone-1" in words(open_page("leaderboard"))


@pytest.mark.slow
def test_agreement_with_a_judge_and_odd_voters_are_shown(
    open_page: OpenPage, runtime: Runtime
) -> None:
    def said(voter: str, n: int, best: int) -> Ballot:
        return Ballot(voter=voter, contestants=("a", "b"), outcome="pick", order=((best,),),
                      question=f"q{n}")  # fmt: skip

    usual = [said(f"v{n % 9}", n, 0) for n in range(90)]
    judged = [said("judge *x*", n, int(n >= 85)) for n in range(90)]
    contrary = [said("odd", 1000 + n, 1) for n in range(40)]
    runtime.comparisons.votes.add("judge:openai:gpt-4o", [*usual, *judged, *contrary])
    at = open_page("leaderboard")
    assert "Votes unlike those of all others: odd (40 votes)" in words(at)
    assert table(at, "Kappa")[0][0] == "judge *x* and v0"


@pytest.mark.slow
def test_voters_of_two_files_are_different_people(open_page: OpenPage, runtime: Runtime) -> None:
    ids = [imported(runtime, ("a", "b"), wins, 1) for wins in (3, 4)]
    at = open_page("leaderboard")
    at.query_params["votes"] = [f"import:{one}" for one in ids]
    assert figures(checked(at.run()))["Voters"] == "9"


@pytest.mark.slow
def test_what_agreement_lacks_is_said(open_page: OpenPage, runtime: Runtime) -> None:
    def said(voter: str, n: int) -> Ballot:
        return Ballot(voter=voter, contestants=("a", "b"), outcome="tie", question=f"q{n}")

    runtime.comparisons.votes.add(
        "judge:openai:gpt-4o", [said(voter, n) for voter in ("ada", "bob") for n in range(3)]
    )
    assert (
        "Agreement appears when two judged the same two answers blind in at least 5 cases: ada and "
        "bob share 3 so far."
    ) in words(open_page("leaderboard"))


@pytest.mark.slow
def test_style_control_says_that_verdicts_know_nothing_of_it(
    open_page: OpenPage, runtime: Runtime
) -> None:
    imported(runtime, ("long", "short"), 30, 20)
    said = [
        "without style control; the ratings below hold style equal"
        in words(open_page("leaderboard", **query))
        for query in ({}, {"style": "1"})
    ]
    assert said == [False, True]


@pytest.mark.slow
def test_position_alone_is_not_explained_as_a_trait(open_page: OpenPage, runtime: Runtime) -> None:
    voted(runtime, wins=9, losses=6)
    said = words(open_page("leaderboard", position="1"))
    assert "being shown first" in said
    assert "Of a trait" not in said
    assert "without allowing for the position" in said


@pytest.mark.slow
def test_without_prices_quality_is_set_against_the_latency(
    open_page: OpenPage, runtime: Runtime
) -> None:
    """The page said that no speed was known."""
    voted(runtime, wins=6, losses=3, costs=(None, None))
    said = words(open_page("leaderboard"))
    assert "**Quality and speed**" in said
    assert "The cost of none is known." in said
    assert "asked here" not in said


# -- what is next


@pytest.mark.slow
def test_the_votes_that_are_missing_are_counted_once(open_page: OpenPage, runtime: Runtime) -> None:
    """A card said two numbers of missing votes, which answered different questions."""
    voted(runtime, wins=8, losses=5)
    said = words(open_page("leaderboard"))
    assert "Supervisor is leading, 8 : 5, 0 ties.\n" in said
    assert "to call it better" not in said
    assert "more votes** on Supervisor against ReAct agent" in said


@pytest.mark.slow
def test_who_leads_is_open_when_direct_votes_and_ratings_disagree(
    open_page: OpenPage, runtime: Runtime
) -> None:
    def won(pair: str, n: int, slot: int) -> Ballot:
        return Ballot(voter=f"v{n}", contestants=tuple(pair), outcome="pick", order=((slot,),),
                      question=f"{pair}{n}")  # fmt: skip

    ballots = [
        *(won("ab", n, int(n >= 3)) for n in range(5)),
        *(won("bc", n, int(n >= 19)) for n in range(20)),
        *(won("ac", n, int(n >= 11)) for n in range(20)),
    ]
    runtime.comparisons.votes.add_import("Others", new_id(), ballots)
    assert "b leads by all votes, a in those on the two (3 : 2): which is better is open." in words(
        open_page("leaderboard")
    )


def test_the_next_pair_fills_the_compare_page(open_page: OpenPage, runtime: Runtime) -> None:
    voted(runtime, wins=3, losses=2)
    at = open_page("leaderboard")
    checked(at.button(key="next_pair").click().run())
    assert at.title[0].value == "Which one answers best?"
    agents = {at.selectbox(key=f"compare_agent_{n}").value for n in (0, 1)}
    assert agents == {"supervisor", "react"}
    assert at.session_state["compare_blind"] is at.session_state["compare_together"] is True


@pytest.mark.slow
def test_who_cannot_be_asked_now_is_not_offered(open_page: OpenPage, runtime: Runtime) -> None:
    pair = Configuration(model="openai:gone-1"), Configuration(model="openai:gone-2")
    voted(runtime, pair, wins=2)
    at = open_page("leaderboard")
    assert at.button(key="next_pair").disabled
    assert "can be asked now" in words(at)


# -- battles of others


@pytest.fixture
def uploaded(open_page: OpenPage) -> AppTest:
    """The page with real battles looked at and not yet imported."""
    at = open_page("leaderboard")
    content = ARENA.read_bytes()
    return checked(
        at.file_uploader(key="battles_file").upload(ARENA.name, content, "text/csv").run()
    )


@pytest.mark.slow
def test_a_file_is_looked_at_before_it_is_imported(uploaded: AppTest, runtime: Runtime) -> None:
    assert "4,689 battles** of 9 contestants" in words(uploaded)
    assert runtime.comparisons.votes.sources() == {}
    checked(uploaded.button(key="battles_import").click().run())
    assert list(runtime.comparisons.votes.sources().values()) == [4689]


@pytest.mark.slow
def test_imported_battles_are_shown_at_once_with_the_published_order(
    uploaded: AppTest,
) -> None:
    at = checked(uploaded.button(key="battles_import").click().run())
    assert "vicuna-13b is first" in words(at)
    assert [row[0] for row in table(at, "Rank")][:3] == ["vicuna-13b", "koala-13b", "alpaca-13b"]
    assert "pairs stand one way round" in words(at)
    assert "All 36 pairs" in [one.label for one in at.expander]
    assert "quality is all there is to decide by" in words(at)


@pytest.mark.slow
def test_rows_that_cannot_be_used_are_listed(open_page: OpenPage) -> None:
    at = open_page("leaderboard")
    checked(at.file_uploader(key="battles_file").upload("bad.csv", BAD, "text/csv").run())
    assert "2 of 4 rows are left out" in words(at)
    assert [row[:2] for row in table(at, "Row")] == [
        [3, "the same model is on both sides"],
        [4, "the winner is neither a side nor a tie"],
    ]
    assert "Import 2 battles" in labels(at)


@pytest.mark.slow
def test_a_file_with_nothing_but_a_header_says_so(open_page: OpenPage) -> None:
    at = open_page("leaderboard")
    content = b"model_a,model_b,winner\n"
    checked(at.file_uploader(key="battles_file").upload("x.csv", content, "text/csv").run())
    assert "The file has no rows" in words(at)
    assert at.button(key="battles_import").disabled


@pytest.mark.slow
def test_columns_nobody_knows_are_chosen_by_hand(open_page: OpenPage) -> None:
    at = open_page("leaderboard")
    content = b"x,y,better one\ngpt,claude,model_a\n"
    checked(at.file_uploader(key="battles_file").upload("odd.csv", content, "text/csv").run())
    assert "No column of the file looks like model_a" in words(at)
    choosers = {one.label: one for one in at.selectbox}
    choosers["First contestant"].set_value("x")
    choosers["Second contestant"].set_value("y")
    choosers["Who won"].set_value("better one")
    form = next(button for button in at.button if button.label == "Read with these columns")
    checked(form.click().run())
    assert "1 battle** of 2 contestants" in words(at)


def test_what_is_no_table_is_refused_with_a_sentence(open_page: OpenPage) -> None:
    at = open_page("leaderboard")
    checked(at.file_uploader(key="battles_file").upload("x.csv", b"\xff\xd8\x00", "text/csv").run())
    assert len(at.error) == 1
    assert "battles_import" not in [button.key for button in at.button]


@pytest.mark.slow
def test_the_same_file_is_not_imported_twice(
    uploaded: AppTest, open_page: OpenPage, runtime: Runtime
) -> None:
    checked(uploaded.button(key="battles_import").click().run())
    at, content = open_page("leaderboard"), ARENA.read_bytes()
    checked(at.file_uploader(key="battles_file").upload("again.csv", content, "text/csv").run())
    checked(at.button(key="battles_import").click().run())
    assert "were imported already" in words(at)
    assert list(runtime.comparisons.votes.sources().values()) == [4689]


@pytest.mark.slow
def test_an_import_is_deleted_with_its_votes(open_page: OpenPage, runtime: Runtime) -> None:
    import_id = imported(runtime, ("a", "b"), 3, 1)
    at = open_page("leaderboard")
    checked(at.button(key=f"battles_delete_{import_id}").click().run())
    assert runtime.comparisons.votes.sources() == {}
    assert "No votes yet" in words(at)
    with pytest.raises(NotFound):
        runtime.comparisons.votes.delete_import(import_id)


# -- charts and numbers


def point(name: str, cost: float | str, quality: float = 50, *, pale: bool = False) -> Point:
    return Point(
        name=name, color="#000", cost=cost, quality=quality, low=quality - 5, high=quality + 5,
        size=20, pale=pale, said=name,
    )  # fmt: skip


def test_costs_that_span_a_decade_are_logarithmic_with_a_place_for_free_ones() -> None:
    option = pareto([point("a", 0.1), point("b", 3.0), point("c", FREE), point("d", NO_COST)])
    assert [axis["type"] for axis in option["xAxis"]] == ["log", "category"]
    assert option["xAxis"][1]["data"] == [FREE, NO_COST]
    assert option["xAxis"][0]["min"] <= 0.1
    assert option["xAxis"][0]["max"] >= 3


def test_on_a_linear_axis_free_is_zero() -> None:
    option = pareto([point("a", 1.0), point("b", 2.0), point("c", FREE)])
    assert [axis["type"] for axis in option["xAxis"]] == ["value"]
    assert [dot["value"][0] for dot in option["series"][1]["data"]] == [1, 2, 0]
    assert option["xAxis"][0]["max"] >= 2


def test_the_frontier_rises_from_the_best_free_one() -> None:
    drawn = [point("a", 0.1, 60), point("b", 1.0, 55), point("c", 3.0, 70), point("f", FREE, 40)]
    option = pareto(drawn)
    least, most = option["xAxis"][0]["min"], option["xAxis"][0]["max"]
    assert option["series"][0]["data"] == [[least, 40], [0.1, 60], [3.0, 70], [most, 70]]


def test_slowness_stands_on_the_axis_when_it_is_what_is_known() -> None:
    option = pareto([point("a", 1.5), point("b", 2.5)], SLOWNESS)
    assert option["xAxis"][0]["name"] == "p95 latency"
    assert option["xAxis"][0]["axisLabel"]["formatter"] == "{value} s"


def test_names_of_dots_on_one_spot_stand_under_each_other() -> None:
    drawn = [point("a", 1.0, 80), point("b", 1.0, 80), point("far", 3.0, 80), point("low", 1.0, 60)]
    dots = pareto(drawn, SLOWNESS)["series"][1]["data"]
    assert [dot["label"]["offset"] for dot in dots] == [[0, 0], [0, 14], [0, 0], [0, 0]]


def test_names_have_room_on_a_phone_and_rows_grow_with_them() -> None:
    short, fits, long = ["GPT-4o"], ["GPT-4o mini, whole documents"], ["x" * 60]
    assert [name_px(names) for names in (short, fits, long)] == [110, 198, 200]
    assert [row_px(names) for names in (short, fits, long)] == [35, 35, 75]


def test_names_are_no_templates_in_charts() -> None:
    (dot,) = pareto([point("{b}|{@[0]}", 1.0)])["series"][1]["data"]
    assert dot["label"]["formatter"] == "(b)/(@[0])"


def test_ratings_are_no_finer_than_they_are_known() -> None:
    given = [(1043.0, 1010.0, 1080.0), (1043.0, 900.0, 1180.0), (None, None, None)]
    assert [rating(*one) for one in given] == [1045, 1040, None]
