"""The model evaluation report: the numbers of its makers in every form, and nothing that acts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics.ranking.battle_csv import read_battles
from analytics.ranking.counting import count
from analytics.ranking.decision import Decision, decide_by_passes, decide_by_votes
from analytics.ranking.leaderboard import leaderboard
from analytics.reports.document import KINDS, TITLES, Report, Scatter, Table, Words
from analytics.reports.evaluation_method import Counted
from analytics.reports.evaluation_rows import AnswerRow, read_answers
from analytics.reports.evaluation_tables import Contender
from analytics.reports.model_evaluation import (
    About,
    Votes,
    report_of_evaluation,
    report_of_votes,
)
from analytics.reports.render import FORMATS, render
from analytics.reports.scatter import draw_scatter
from analytics.reports.words import Writer
from core.catalog import load_catalog
from core.comparison import Answered, Ballot, Configuration
from core.errors import InvalidInput
from core.version import VERSION

pytestmark = pytest.mark.slow

CATALOG = load_catalog()
HOSTILE = ("<script>alert(1)</script>", "=cmd|'/c calc'!A1", "![x](http://evil.example)", "a | b")
NAMES = {"a": "Large", "b": "Small", "c": "Local"}
AT_US = 1_790_000_000_000_000


def answered(key: str, n: int, passed: bool | None, **more: Any) -> Answered:
    given = {"duration_us": 1_000_000 + 1000 * n, "cost_pusd": 5_000_000, "ttft_us": 300_000}
    return Answered(
        contestant=key, question=f"q{n}/0", completed=True, passed=passed, **(given | more)
    )


def answers(size: int = 80) -> list[Answered]:
    """b is cheaper and faster, c is free and passes half."""
    return [
        *(answered("a", n, n != 3) for n in range(size)),
        *(
            answered("b", n, n != 4, cost_pusd=1_000_000, duration_us=500_000 + 1000 * n)
            for n in range(size)
        ),
        *(answered("c", n, n % 2 == 0, cost_pusd=0) for n in range(size)),
    ]


def contenders(names: dict[str, str] = NAMES) -> list[Contender]:
    return [
        Contender(
            key=key,
            label=name,
            color="#0072B2",
            configuration=Configuration(model=f"openai:{key}", prompt="terse", temperature=0.5),
            models=(f"openai:{key}",),
            prompt_digest="d" * 64,
        )
        for key, name in names.items()
    ]


def about(**more: Any) -> About:
    given: dict[str, Any] = {
        "name": "Nightly: Handbook, version 2",
        "since_us": AT_US,
        "until_us": AT_US + 60_000_000,
        "made_at_us": AT_US + 90_000_000,
        "zone": "UTC",
        "catalog": CATALOG,
        "facts": (("Digest", "f" * 64), ("Each asked", 1)),
        "repeat": ("python -m api.evaluate handbook --fresh",),
    }
    return About(**(given | more))


def decided(given: Sequence[Answered], names: dict[str, str] = NAMES) -> Decision:
    return decide_by_passes(given, keys=list(names), names=names)


def evaluation(given: Sequence[Answered] | None = None, **more: Any) -> Report:
    rows = answers() if given is None else given
    names = more.pop("names", NAMES)
    return report_of_evaluation(
        about(),
        contenders=contenders(names),
        decision=decided(rows, names),
        answers=[
            AnswerRow(
                measured=one,
                question=f"What of {one.question}?",
                answer="In the settings.",
                model=f"openai:{one.contestant}",
                run_id="r1",
                checks="" if one.passed else "failed: contains “x”.",
            )
            for one in rows
        ],
        **more,
    )


def ballots() -> list[Ballot]:
    """a wins eight of ten against b; a tie of three; one vote with a leak; one skipped."""
    wins = [
        Ballot(
            voter=f"person {n % 6}",
            contestants=("a", "b"),
            outcome="pick",
            order=((0,), (1,)) if n < 8 else ((1,), (0,)),
            question=f"q{n}",
            at_us=AT_US,
        )
        for n in range(10)
    ]
    tie = Ballot(voter="person 1", contestants=("a", "b", "c"), outcome="tie", question="t")
    leak = replace(wins[0], flags=("identity_leak",))
    return [*wins, tie, leak, Ballot(voter="person 2", contestants=("b", "a"), outcome="skip")]


def votes() -> Votes:
    battles = count(ballots(), votes_a_day=30)
    return Votes(
        board=leaderboard(battles),
        ballots=ballots(),
        counted=Counted(left_out=battles.left_out, votes_a_day=30),
    )


def voted(names: dict[str, str] = NAMES) -> Report:
    given = votes()
    battles = count(ballots(), votes_a_day=30)
    decision = decide_by_votes(answers(), battles, given.board, names=names)
    return report_of_votes(about(), contenders=contenders(names), decision=decision, votes=given)


def tables(report: Report) -> dict[str, Table]:
    blocks = [block for section in report.sections for block in section.blocks]
    return {block.name: block for block in blocks if isinstance(block, Table)}


def words(report: Report, title: str) -> str:
    section = next(section for section in report.sections if section.title == title)
    return "\n".join(
        line for block in section.blocks if isinstance(block, Words) for line in block.lines
    )


def rendered(report: Report, form: Any) -> str:
    return render(report, form, CATALOG).decode("utf-8-sig")


# -- the same numbers


def test_standings_are_those_of_the_decision() -> None:
    decision = decided(answers())
    found = [(row[1], row[2], row[3], row[4], row[7], row[8]) for row in tables(evaluation())["Standings"].rows]  # fmt: skip
    assert found == [
        (one.quality, one.quality_low, one.quality_high, one.quality_n, one.p50_us, one.p95_us)
        for one in decision.standings
    ]


def test_pairs_are_those_of_the_decision() -> None:
    pair = decided(answers()).pairs[0]
    quality, costs, latency = pair.measured.quality, pair.measured.costs, pair.measured.latency
    assert quality is not None
    assert costs is not None
    assert costs.ratio is not None
    assert latency is not None
    found = tables(evaluation())
    assert [tuple(found[name].rows[0][2:7]) for name in
            ("Quality: B less A", "Cost: B over A", "Time: B over A")] == [
        (one.value, one.low, one.high, one.p_adjusted, one.n)
        for one in (quality, costs.ratio, latency)
    ]  # fmt: skip


def test_the_verdict_stands_first() -> None:
    report = evaluation()
    assert report.sections[0].title == "Verdict"
    assert words(report, "Verdict").splitlines() == [
        pair.verdict.text for pair in decided(answers()).pairs
    ]


def test_ratings_and_wins_are_those_of_the_leaderboard() -> None:
    board, report = votes().board, voted()
    assert [row[1] for row in tables(report)["Ratings"].rows] == [row.elo for row in board.rows]
    wins = tables(report)["Wins of the row against the column"].rows
    assert {row[0]: list(row[1:]) for row in wins}["Large"] == [
        None if row.key == "a" else {"b": 8, "c": 0}[row.key] for row in board.rows
    ]


def test_position_bias_is_shown_with_its_interval() -> None:
    (bias,) = votes().board.bias
    (row,) = tables(voted())["Was the first answer preferred?"].rows
    assert row == (2, bias.decisive, bias.first_wins, bias.share, bias.low, bias.high, 0.5)


# -- how it was made


def test_every_configuration_is_written_in_full() -> None:
    row = tables(evaluation())["What was compared"].rows[0]
    assert row == (
        "Large", "openai:a", "supervisor", "routed", "of the agent", "terse", "d" * 64, "0.5", "no",
        "a",
    )  # fmt: skip


def test_a_contestant_of_imported_battles_has_only_its_name() -> None:
    one = Contender(key="m1", label="m1", color="#000000")
    board = leaderboard(count([]))
    decision = decide_by_votes([], count([]), board, names={})
    given = Votes(board=board, ballots=[], counted=Counted())
    report = report_of_votes(about(), contenders=[one], decision=decision, votes=given)
    assert tables(report)["What was compared"].rows == [("m1", *[None] * 8, "m1")]
    assert all(rendered(report, form) for form in FORMATS)


def test_the_method_says_what_was_left_out() -> None:
    method = words(voted(), "Method")
    assert "11 votes of 6 voters count." in method
    assert "1 (an answer gave away who wrote it), 1 (skipped)." in method
    assert "At most 30 votes of a voter and day count." in method
    assert "ridge 0.5" in method


def test_the_method_of_checks_names_its_tests_and_its_margin() -> None:
    method = words(evaluation(), "Method")
    for part in ("McNemar", "Newcombe", "Wilson", "Holm", "5 points", "each of 3 pairs"):
        assert part in method


def test_what_is_needed_to_repeat_it_is_there() -> None:
    report = evaluation()
    rows = {row[0]: row[1] for row in tables(report)["How to repeat it"].rows}
    assert rows == {
        "Digest": "f" * 64,
        "Each asked": "1",
        "Switchboard": VERSION,
        "Prices": f"catalogue {CATALOG.version} of {CATALOG.date}",
    }
    assert words(report, "How to repeat it") == "python -m api.evaluate handbook --fresh"


def test_failures_are_listed_and_the_rest_is_in_the_data() -> None:
    table = tables(evaluation())["What did not pass"]
    assert (len(table.rows), table.note) == (25, "25 of 42; the CSV form of this report has all.")
    many = evaluation([answered("a", n, None) for n in range(60)], names={"a": "Large"})
    assert len(tables(many)["What did not pass"].rows) == 25
    assert tables(many)["What did not pass"].note.startswith("25 of 60;")


def test_one_configuration_is_no_comparison() -> None:
    report = evaluation([answered("a", 0, True)], names={"a": "Large"})
    assert words(report, "Verdict") == "There is one configuration: nothing is compared."
    assert "Pairs" not in {section.title for section in report.sections}
    assert all(rendered(report, form) for form in FORMATS)


# -- raw data


def test_csv_is_a_row_for_each_answer() -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(evaluation(), "csv"))))
    assert len(rows) == 240
    assert (rows[3]["case"], rows[3]["configuration"], rows[3]["passed"]) == ("q3/0", "Large", "0")
    assert (rows[0]["duration"], rows[0]["cost"]) == ("1000000", "5000000")


def test_an_exported_evaluation_is_read_back_as_it_was() -> None:
    earlier = read_answers(json.loads(rendered(evaluation(), "json")))
    assert earlier.answers == tuple(answers())
    assert (earlier.name, earlier.labels) == ("Nightly: Handbook, version 2", NAMES)


def damaged(**ledger: Any) -> dict[str, Any]:
    document = json.loads(rendered(evaluation(answers(2)), "json"))
    document["ledger"] |= ledger
    return document  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"report": "daily"},
        {"report": "evaluation"},
        damaged(rows=[["q"]]),
        damaged(columns=[]),
        damaged(rows=[]),
        damaged(rows=[[True] * 15]),
        damaged(rows=7),
    ],
)
def test_what_is_no_exported_evaluation_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput):
        read_answers(document)


def test_votes_can_be_imported_again() -> None:
    given = replace(votes(), ballots=ballots()[:10])
    decision = decide_by_votes([], count(ballots()), given.board, names=NAMES)
    report = report_of_votes(about(), contenders=contenders(), decision=decision, votes=given)
    read = read_battles(rendered(report, "csv").encode(), "votes.csv")
    wins = leaderboard(count(read.ballots)).matrix
    assert wins.record("Large", "Small").wins_a == 8


def test_voters_are_numbered_and_not_named() -> None:
    report = voted()
    assert report.ledger is not None
    assert [row[1] for row in report.ledger.rows[:3]] == ["voter 1", "voter 2", "voter 3"]
    assert all("person" not in rendered(report, form) for form in FORMATS)


def test_votes_that_do_not_count_are_kept_with_their_reason() -> None:
    ledger = voted().ledger
    assert ledger is not None
    assert [(row[3], row[6]) for row in ledger.rows[-2:]] == [
        ("pick", "identity_leak"),
        ("skip", ""),
    ]


def test_a_judges_votes_are_in_the_json_beside_the_answers() -> None:
    document = json.loads(rendered(evaluation(judged=votes()), "json"))
    judge = next(section for section in document["sections"] if section["title"] == "The judge")
    raw = next(table for table in judge["tables"] if table["name"] == "Votes")
    assert len(raw["rows"]) == 13
    assert len(document["ledger"]["rows"]) == 240


# -- pictures and forms


def scatter(report: Report) -> list[Scatter]:
    blocks = [block for section in report.sections for block in section.blocks]
    return [block for block in blocks if isinstance(block, Scatter)]


WRITER = Writer(zone=ZoneInfo("UTC"), catalog=CATALOG)


def test_a_dot_lies_between_the_ends_of_its_whisker() -> None:
    cost, _ = scatter(evaluation())
    drawing = draw_scatter(cost, WRITER)
    assert drawing is not None
    assert len(drawing.dots) == len(drawing.lines) == 3
    for dot, line in zip(drawing.dots, drawing.lines, strict=True):
        low, high = (float(part.split()[-1]) for part in line.path[1:].split("M")[0].split("L"))
        assert high <= dot.y <= low
        assert high >= 0
        assert low <= drawing.bottom


def test_the_unbeaten_are_drawn_large() -> None:
    cost, _ = scatter(evaluation())
    drawing = draw_scatter(cost, WRITER)
    assert drawing is not None
    unbeaten = {one.key: one.place.on_frontier for one in decided(answers()).standings}
    assert [dot.r == 5 for dot in drawing.dots] == list(unbeaten.values())


@pytest.mark.parametrize(
    ("rows", "dots"),
    [
        ([], None),
        ([answered("a", 0, None)], None),
        ([answered("a", 0, True, cost_pusd=None)], None),
        ([answered("a", 0, True, cost_pusd=0)], 1),
        ([answered("a", 0, False)], 1),
    ],
)
def test_what_is_unknown_is_not_drawn(rows: list[Answered], dots: int | None) -> None:
    report = evaluation(rows, names={"a": "Large"})
    drawing = draw_scatter(scatter(report)[0], WRITER)
    assert (drawing and len(drawing.dots)) == dots
    assert all(rendered(report, form) for form in FORMATS)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_names_everybody(form: str) -> None:
    for report in (evaluation(), voted()):
        text = rendered(report, form)
        assert all(name in text for name in NAMES.values())


def test_names_do_nothing_in_any_form() -> None:
    names = dict(zip("abcd", HOSTILE, strict=True))
    report = evaluation([answered(key, 0, False) for key in names], names=names)
    page = rendered(report, "html")
    assert "<script>alert" not in page
    assert "![x](http" not in rendered(report, "md")
    assert "<script>" not in rendered(report, "md").replace("\\<script\\>", "")
    rows = list(csv.reader(io.StringIO(rendered(report, "csv"))))
    assert rows[2][1] == "'" + HOSTILE[1]


def test_it_is_no_report_of_a_period() -> None:
    assert "evaluation" not in KINDS
    assert (evaluation().title, TITLES["evaluation"]) == ("Model evaluation", "Model evaluation")
