"""The report of votes: the leaderboard's own numbers, in each form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime import Runtime
from agents.runtime.votes_report import votes_report
from analytics.ranking.battle_csv import read_battles
from analytics.ranking.board import Counting, Rating, board, tally
from analytics.reports.document import Report
from analytics.reports.render import render
from core.comparison import Ballot
from core.settings import load_settings


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    built = Runtime(load_settings(env_file=None, data_dir=tmp_path / "data"))
    yield built
    built.close(2.0)


def report(runtime: Runtime) -> Report:
    """Of 40 imported votes, 30 of them for one of two."""
    ballots = [
        Ballot(
            voter=f"v{n % 8}",
            contestants=("Large <b>", "Small"),
            outcome="pick",
            order=((0,), (1,)) if n < 30 else ((1,), (0,)),
            question=str(n),
            at_us=1_700_000_000_000_000 + n,
        )
        for n in range(40)
    ]
    import_id = runtime.comparisons.votes.add_import("Arena", "digest", ballots)
    source, counting, rating = f"import:{import_id}", Counting(), Rating()
    names = {"Large <b>": "Large <b>", "Small": "Small"}
    counted = tally(runtime.comparisons.votes.ballots(source), counting)
    return votes_report(
        runtime,
        votes=runtime.comparisons.votes,
        sources={source: "Arena"},
        counting=counting,
        rating=rating,
        battles=counted.battles,
        board=board(counted, (), rating, names=names),
        names=names,
    )


def test_the_votes_in_the_report_can_be_counted_again(runtime: Runtime) -> None:
    made = render(report(runtime), "csv", runtime.catalog)
    found = read_battles(made, "votes.csv")
    assert (len(found.ballots), found.faults) == (40, ())


def test_names_are_text_in_the_html_form(runtime: Runtime) -> None:
    page = render(report(runtime), "html", runtime.catalog).decode()
    assert "Large &lt;b&gt;" in page
    assert "Large <b>" not in page


def test_the_json_form_says_what_counted_and_how(runtime: Runtime) -> None:
    data = json.loads(render(report(runtime), "json", runtime.catalog))
    text = json.dumps(data)
    assert "Bradley" in text
    assert "Votes: Arena" in text
