"""What the Evaluations page computes before it draws: marks, filters, differences, estimates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agents.evaluation.check import Check
from agents.evaluation.question_set import Case
from agents.evaluation.reading import KNOWN, read_set
from agents.evaluation.results import Results
from agents.evaluation.values import Cell, Evaluation, Judgement, Plan, Progress
from analytics.ranking.decision import decide_by_passes
from core.catalog import load_catalog
from core.comparison import Answered, Configuration
from core.pricing import price_call
from core.usage import Usage
from pages.components.evaluation_buttons import dated
from pages.components.evaluation_cases import DIFFER, NOT_PASSED, matching
from pages.components.evaluation_deltas import figures
from pages.components.evaluation_estimate import Estimate, Length, estimate
from pages.components.evaluation_example import PATH
from pages.components.evaluation_judge import judged, of_no_use
from pages.components.evaluation_marks import mark
from pages.components.evaluation_new import cost_words
from pages.components.evaluation_only import ITSELF, only_cells
from pages.components.evaluation_pairing import (
    Flips,
    Shared,
    flips,
    named_alike,
    said_of,
    shared,
    sides,
)
from pages.components.evaluation_pareto import points_of
from pages.components.evaluation_progress import badge, counts, ended_share, rest_s, spent
from pages.components.evaluation_reading import Loaded, decide, pass_rates, undecided
from pages.components.evaluation_results import Row, rows_of, standing_cells
from pages.components.evaluation_upload import columns_of_files

MINI, LARGE = Configuration(model="openai:gpt-4o-mini"), Configuration(model="openai:gpt-4o")
LOCAL = Configuration(model="local:extractive")
CASES = (
    Case(id="a", question="Where is the PORT?", tags=("x",)),
    Case(id="b", question="Why?", tags=("y",)),
    Case(id="c", question="Who?", checks=(Check(type="judge", value="Kind."),)),
)
NOTHING = Progress(
    total=6, done=0, failed=0, running=0, judged=0, to_judge=0, spent_pusd=0, unpriced=0
)
EVALUATION = Evaluation(
    id="e", owner="local", set_id="s", set_name="S", set_version=1, set_digest="d",
    plan=Plan(name="N", configurations=(MINI, LARGE)), status="done", why="", created_at_us=0,
    ended_at_us=1, progress=NOTHING,
)  # fmt: skip


def cell(case_number: int, configuration: int, sign: str, repeat: int = 0) -> Cell:
    """`sign`: + passed, - failed, ! no answer, ? undecided, . waiting."""
    return Cell(
        place=0, case_number=case_number, repeat=repeat, configuration=configuration,
        status={"!": "failed", ".": "pending"}.get(sign, "done"),  # type: ignore[arg-type]
        run_id="r", tries=1, facts=None, checks=(), passed={"+": True, "-": False}.get(sign),
        error="",
    )  # fmt: skip


def loaded(
    *rows: str, cases: Sequence[Case] = CASES, judgements: Sequence[Judgement] = ()
) -> Loaded:
    """A row for each case, with a sign for each configuration."""
    cells = [cell(n, k, sign) for n, row in enumerate(rows) for k, sign in enumerate(row)]
    by_place: dict[tuple[int, int], list[Cell]] = defaultdict(list)
    for one in cells:
        by_place[one.case_number, one.configuration].append(one)
    results = Results(
        evaluation=EVALUATION, cases=tuple(cases), cells=tuple(cells), judgements=tuple(judgements)
    )
    return Loaded(results=results, labels=("Mini", "Large"), cells=by_place)


@pytest.mark.parametrize(
    ("signs", "shown"),
    [
        ("+", "✓ passed"),
        ("-", "✗ failed"),
        ("!", "! no answer"),
        ("?", "? undecided"),
        (".", "… waiting"),
        ("+++", "✓ 3 of 3 passed"),
        ("+-+", "✗ 2 of 3 passed"),
        ("+-!", "! 1 of 3 passed"),
        ("+.", "… 1 of 2 passed"),
    ],
)
def test_a_mark_has_a_sign_and_a_word(signs: str, shown: str) -> None:
    assert mark([cell(0, 0, sign) for sign in signs]) == shown


def test_questions_are_found_by_outcome_tag_and_words() -> None:
    found = loaded("+-", "++", "-!")
    assert matching(found) == [0, 1, 2]
    assert matching(found, show=NOT_PASSED) == [0, 2]
    assert matching(found, show=DIFFER) == [0]
    assert matching(found, tags=["y", "z"]) == [1]
    assert matching(found, text=" port ") == [0]


def test_what_failed_or_is_undecided_counts_as_not_passed() -> None:
    found = loaded("+!", "?-", ".+")
    assert pass_rates(found) == [(1, 2), (1, 3)]
    assert [undecided(found, n) for n in range(2)] == [1, 0]


def test_the_table_has_the_quality_of_the_decision_and_the_undecided() -> None:
    found = loaded("++", "?-", "-+")
    cells = standing_cells(rows_of(found, found.labels))
    shown = dict(zip(cells[""], cells["Mini"], strict=True))
    assert (shown["Passed"], shown["Undecided"], shown["Failed answers"]) == ("1 of 3", "1", "0")
    (mini, _) = decide(found).standings
    assert shown["Pass rate"] == (
        f"**33.3 %** ({100 * (mini.quality_low or 0):.1f}–{100 * (mini.quality_high or 0):.1f})"
    )


def test_a_pair_shows_how_many_answers_passed_of_one_alone() -> None:
    assert only_cells(loaded("+-", "+-", "-+")) == {
        "": ["Mini", "Large"],
        "Mini": [ITSELF, "1 / 2"],
        "Large": ["2 / 1", ITSELF],
    }


def test_a_dominated_configuration_is_pale_in_the_chart() -> None:
    answers = answered("x", "++", 100, 1_000_000) + answered("y", "+-", 200, 2_000_000)
    decided = decide_by_passes(answers, keys=["x", "y"], names={"x": "X", "y": "Y"})
    rows = [
        Row(name=one.key, standing=one, tokens=None, failed=0, undecided=0)
        for one in decided.standings
    ]
    x, y = points_of(rows, {"x": "#000000", "y": "#ffffff"})
    assert (x.pale, y.pale, x.quality, y.quality) == (False, True, 100.0, 50.0)
    assert y.said.endswith("Dominated by x")
    assert x.size < y.size


def test_what_flipped_between_two_evaluations_is_found_by_id() -> None:
    now = loaded("+-", "-+", "+?")
    before = loaded("-+", "++", "++", cases=(CASES[1], CASES[0], CASES[2]))
    assert flips(now, before, (0, 0)) == Flips(better=[], worse=[], same=3, unknown=0)
    assert flips(now, before, (1, 1)) == Flips(better=[], worse=["a"], same=1, unknown=1)
    assert flips(before, now, (1, 1)) == Flips(better=["a"], worse=[], same=1, unknown=1)


def test_a_reworded_question_is_not_the_same_question() -> None:
    reworded = (replace(CASES[0], question="Which port?"), CASES[1], replace(CASES[2], id="d"))
    found = shared(CASES, reworded)
    assert found == Shared(same=frozenset({"b"}), reworded=1, here=1, there=1)
    assert said_of(found) == (
        "Left out of what follows: 1 only in this one, 1 only in the other one, 1 reworded. "
        "Questions are paired by id and text."
    )
    assert said_of(shared(CASES, CASES)) == ""
    now, before = loaded("++", "++", "++"), loaded("-+", "-+", "-+", cases=reworded)
    assert flips(now, before, (0, 0)) == Flips(better=["b"], worse=[], same=0, unknown=0)


def test_the_same_configuration_has_the_same_name_on_both_sides() -> None:
    react = replace(MINI, graph="react")
    plan = replace(EVALUATION.plan, configurations=(react, MINI))
    before = loaded("++")
    other = replace(
        before, results=replace(before.results, evaluation=replace(EVALUATION, plan=plan))
    )
    mine, theirs = named_alike(loaded("++"), other, lambda model: model)
    assert mine.labels[0] == theirs.labels[1] == "openai:gpt-4o-mini, Supervisor"
    assert theirs.labels[0] == "openai:gpt-4o-mini, ReAct agent"


def test_equal_configurations_are_offered_first() -> None:
    assert sides(loaded("++"), loaded("++")) == [(0, 0), (1, 1), (0, 1), (1, 0)]


def answered(who: str, passed: str, cost: int, time_us: int) -> list[Answered]:
    return [
        Answered(
            contestant=who, question=str(n), completed=True, passed=sign == "+", cost_pusd=cost,
            duration_us=time_us + n,
        )
        for n, sign in enumerate(passed)
    ]  # fmt: skip


def test_differences_are_turned_to_the_chosen_baseline() -> None:
    answers = answered("x", "++++-", 100, 1_000_000) + answered("y", "+----", 50, 2_000_000)
    (pair,) = decide_by_passes(answers, keys=["x", "y"], names={"x": "X", "y": "Y"}).pairs
    assert (pair.a, pair.b) == ("x", "y")  # y is cheaper
    of_y, of_x = figures(pair, "x"), figures(pair, "y")
    assert [one.value for one in of_y] == ["−60.0 points", "0.50 ×", "2.00 ×", "+1.00 s"]
    assert [one.value for one in of_x] == ["+60.0 points", "2.00 ×", "0.50 ×", "−1.00 s"]
    assert of_y[0].interval == "−83.2 to 0.0, p = 0.250"
    assert of_x[0].interval == "0.0 to +83.2, p = 0.250"
    assert of_x[3].interval == "too few answers"


def test_figures_so_far_have_no_p_values() -> None:
    answers = answered("x", "++++-", 100, 1_000_000) + answered("y", "+----", 50, 2_000_000)
    (pair,) = decide_by_passes(answers, keys=["x", "y"], names={"x": "X", "y": "Y"}).pairs
    found = figures(pair, "x", so_far=True)
    assert found[0].interval == "−83.2 to 0.0"
    assert not [one for one in found if "p =" in one.interval or "p <" in one.interval]


def test_free_answers_have_no_cost_ratio() -> None:
    answers = answered("x", "++", 100, 1_000) + answered("y", "++", 0, 1_000)
    (pair,) = decide_by_passes(answers, keys=["x", "y"], names={"x": "X", "y": "Y"}).pairs
    assert figures(pair, "x")[1].value == "$0 an answer"


def judgement(first: int, second: int, verdict: str | None, case_number: int = 0) -> Judgement:
    return Judgement(
        place=0, case_number=case_number, repeat=0, first=first, second=second, status="done",
        run_id="j", tries=1, verdict=verdict, reason="", cost_pusd=None, error="",
    )  # fmt: skip


def test_a_judge_wins_ties_and_losses_are_those_of_the_other_configuration() -> None:
    said = [
        judgement(0, 1, "second"), judgement(1, 0, "first"),
        judgement(0, 1, "first", 1), judgement(1, 0, "first", 1),
        judgement(0, 1, "first", 2), judgement(1, 0, None, 2),
    ]  # fmt: skip
    (found,) = judged(loaded("++", "++", "++", judgements=said))
    assert (found.configuration, found.wins, found.ties, found.losses) == (1, 1, 1, 0)
    assert (found.agreed, found.first_both, found.share) == (1, 1, 0.75)
    assert 0 <= found.low < 0.75 < found.high <= 1


def test_a_judge_that_mostly_changes_its_mind_is_of_no_use() -> None:
    assert of_no_use(1, 3)
    assert not of_no_use(2, 4)


def test_counts_are_said_in_one_line() -> None:
    progress = replace(NOTHING, done=3, failed=1, running=2, judged=1, to_judge=4)
    assert counts(progress) == "3 of 6 answers · 1 failed · 2 running · 1 of 4 judged"
    assert ended_share(progress) == 0.5


def test_an_end_with_failures_does_not_look_like_a_clean_one() -> None:
    assert badge(EVALUATION)[0] == "Done, with failures"  # nothing of it was answered
    assert badge(replace(EVALUATION, progress=replace(NOTHING, done=6)))[0] == "Done"


def test_an_unknown_cost_is_never_nothing() -> None:
    def words(**changes: int) -> str:
        return spent(replace(EVALUATION, progress=replace(NOTHING, **changes)))

    assert words(done=2, unpriced=2) == "cost unknown"
    assert words(done=2, unpriced=1, spent_pusd=10**12) == "at least $1.00"
    assert words(done=2, spent_pusd=10**12) == "$1.00"


@pytest.mark.parametrize(
    ("pace", "rest"), [([(0.0, 0)], None), ([(0.0, 0), (5.0, 2)], None), ([(1.0, 0), (5.0, 4)], 6)]
)
def test_the_rest_is_estimated_from_what_was_seen(
    pace: list[tuple[float, int]], rest: float | None
) -> None:
    assert rest_s(pace, 6) == rest


def estimated(plan: Plan, **lengths: Length) -> Estimate:
    named = {name.replace("_", "-"): length for name, length in lengths.items()}
    return estimate(plan, CASES, named, load_catalog(), chain="openai:gpt-4o-mini", region=None)


def test_the_estimate_counts_answers_and_judgements() -> None:
    plan = Plan(
        name="", configurations=(MINI, LOCAL, LARGE), repeats=2, pairwise=True,
        judge_model="openai:gpt-4o",
    )  # fmt: skip
    found = estimated(plan)
    assert (found.answers, found.judgements) == (18, 1 * 2 * 3 + 2 * 3 * 2 * 2)
    assert found.unknown == ("openai:gpt-4o-mini", "openai:gpt-4o")


def test_the_estimate_is_todays_price_of_answers_as_long_as_before() -> None:
    length = {"gpt_4o_mini": Length(input_tokens=1_000, output_tokens=500)}
    usage = Usage(input_tokens=1_000, output_tokens=500)
    one = price_call(load_catalog(), "openai:gpt-4o-mini", usage, at=datetime.now(UTC)).total_pusd
    assert one is not None
    found = estimated(Plan(name="", configurations=(Configuration(), LOCAL)), **length)
    assert found == Estimate(answers=6, judgements=0, cost_pusd=3 * one, unknown=())


def test_a_cost_that_is_known_in_part_is_not_the_cost() -> None:
    def words(cost: int | None, *unknown: str) -> str:
        return cost_words(Estimate(answers=1, judgements=0, cost_pusd=cost, unknown=unknown))

    assert words(None, "x") == "unknown"
    assert words(0, "x") == "unknown"
    assert words(10**12, "x") == "over $1.00"
    assert words(0) == "free"


def test_every_column_of_a_file_is_explained() -> None:
    columns = columns_of_files()
    assert set(columns["Column"]) == KNOWN - {"checks"}
    assert dict(zip(columns["Column"], columns["Means"], strict=True))["max_usd"] == (
        "The answer costs at most $0.01."
    )


def test_a_repeated_evaluation_is_named_by_its_day() -> None:
    zone = ZoneInfo("UTC")
    once = dated("Nightly", zone)
    assert re.fullmatch(r"Nightly \(\d\d \w{3} \d{4}, \d\d:\d\d\)", once)
    assert dated(once, zone).count("(") == 1


def test_the_example_set_can_be_read() -> None:
    parsed = read_set(PATH.read_bytes(), PATH.name)
    assert (len(parsed.cases), parsed.faults) == (20, ())
