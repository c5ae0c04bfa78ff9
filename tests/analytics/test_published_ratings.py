"""Real battles, imported from files, give the ratings that were published of them.

Where the files and the numbers come from: tests/data/ranking/README.md.
"""

from __future__ import annotations

import csv
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from analytics.ranking.battle_csv import Imported, read_battles
from analytics.ranking.bradley_terry import Fit, elo, fit
from analytics.ranking.counting import count
from analytics.ranking.pairs import win_matrix

DATA = Path(__file__).parent.parent / "data" / "ranking"


def imported(name: str) -> Imported:
    return read_battles((DATA / name).read_bytes(), name)


def published(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def most_likely(name: str, *, position: bool = False) -> Fit:
    """Without ridge, as those who published did."""
    battles = count(imported(name).ballots)
    return fit(battles, ridge=0, position=position, coefficient_ridge=0)


def against(found: Fit, name: str) -> dict[str, float]:
    base = found.theta[found.names.index(name)]
    return {other: found.theta[k] - base for k, other in enumerate(found.names)}


def variance(found: Fit, a: str, b: str) -> float:
    """Of a difference, as if every battle were independent: what R prints."""
    v = np.linalg.inv(found.information)
    i, j = found.names.index(a), found.names.index(b)
    return float(v[i, i] + v[j, j] - 2 * v[i, j])


def test_the_first_week_of_chatbot_arena_is_whole() -> None:
    summary = imported("chatbot_arena_2023_05.csv").summary
    assert (summary.shape, summary.rows, summary.battles, summary.ties, summary.faults) == (
        ("counts", 36, 4689, 1341, 0)
    )
    assert dict(summary.models)["vicuna-13b"] == 2024
    assert dict(summary.models)["fastchat-t5-3b"] == 166


def test_chatbot_arena_has_its_published_ratings_and_order() -> None:
    found = most_likely("chatbot_arena_2023_05.csv")
    rows = published("chatbot_arena_2023_05_published.csv")
    ours = {name: elo(theta) for name, theta in zip(found.names, found.theta, strict=True)}
    assert sorted(ours, key=ours.__getitem__, reverse=True) == [row["model"] for row in rows]
    # Theirs is a median over 1,000 orders of an online Elo, ours what that comes near to.
    assert ours == pytest.approx({row["model"]: float(row["rating"]) for row in rows}, abs=6)


def test_the_usual_ridge_moves_ratings_of_thousands_of_battles_by_less_than_two_points() -> None:
    battles = count(imported("chatbot_arena_2023_05.csv").ballots)
    usual, without = fit(battles), fit(battles, ridge=0)
    assert [elo(t) for t in usual.theta] == pytest.approx([elo(t) for t in without.theta], abs=2)


def test_chatbot_arena_has_its_published_win_rates() -> None:
    matrix = win_matrix(count(imported("chatbot_arena_2023_05.csv").ballots))
    for row in published("chatbot_arena_2023_05_published.csv"):
        others = [name for name in matrix.names if name != row["model"]]
        rates = [matrix.record(row["model"], other).win_rate or 0 for other in others]
        assert np.mean(rates) == pytest.approx(float(row["average_win_rate"]), abs=1e-12)


def test_citations_have_their_published_estimates() -> None:
    found = most_likely("citations.csv")
    rows = published("citations_published.csv")
    ours = dict(zip(found.names, found.theta, strict=True))
    assert ours == pytest.approx({r["journal"]: float(r["estimate"]) for r in rows}, abs=5.1e-8)
    assert against(found, "Biometrika") == pytest.approx(
        {row["journal"]: float(row["against_biometrika"]) for row in rows}, abs=5.1e-8
    )


def test_citations_have_their_published_errors() -> None:
    found = most_likely("citations.csv")
    ours = {name: sqrt(variance(found, name, "Biometrika")) for name in found.names}
    rows = published("citations_published.csv")
    theirs = {row["journal"]: float(row["std_error_against_biometrika"]) for row in rows}
    assert ours == pytest.approx(theirs, abs=5.1e-9)


@pytest.mark.parametrize(
    ("position", "estimates", "errors"),
    [
        (False, "estimate", "std_error"),
        (True, "estimate_with_home", "std_error_with_home"),
    ],
)
def test_baseball_has_its_published_estimates_and_errors(
    position: bool, estimates: str, errors: str
) -> None:
    found = most_likely("baseball_1987.csv", position=position)
    rows = published("baseball_1987_published.csv")
    assert against(found, "Baltimore") == pytest.approx(
        {row["team"]: float(row[estimates]) for row in rows}, abs=5.1e-5
    )
    ours = {name: sqrt(variance(found, name, "Baltimore")) for name in found.names}
    assert ours == pytest.approx({row["team"]: float(row[errors]) for row in rows}, abs=5.1e-5)


def test_playing_at_home_is_worth_what_was_published() -> None:
    found = most_likely("baseball_1987.csv", position=True)
    assert found.coefficients["position"].value == pytest.approx(0.3023, abs=5.1e-5)
    error = sqrt(np.linalg.inv(found.information)[-1, -1])
    assert error == pytest.approx(0.1309, abs=5.1e-5)
