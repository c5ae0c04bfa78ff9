"""What the judge model said when it saw two answers: wins, and whether it said the same in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.results import both_orders
from agents.evaluation.values import verdict_of_both_orders
from pages.components.dashboard_tables import Column, draw
from pages.components.format import count, share
from pages.components.markdown import escape

if TYPE_CHECKING:
    from pages.components.evaluation_reading import Loaded


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A configuration against the first one."""

    configuration: int
    wins: int
    ties: int
    losses: int
    share: float
    """(wins + ties/2) / all, with its 95 % interval."""
    low: float
    high: float
    agreed: int
    """Pairs of which it said the same in both orders."""
    first_both: int
    """Pairs of which it preferred whatever it saw first."""


def show_judge(loaded: Loaded) -> None:
    """Draws it, if a judge compared pairs."""
    plan = loaded.evaluation.plan
    if not plan.pairwise:
        return
    st.subheader("By the judge", anchor=False)
    found = judged(loaded)
    failed = [one.error for one in loaded.results.judgements if one.status == "failed"]
    if failed:
        first = escape(failed[0])
        st.warning(
            f"{len(failed):,} judgements failed. The first: {first}", icon=":material/gavel:"
        )
    if not found:
        st.caption("The judge has not compared two answers in both orders yet.")
        return
    draw(
        _columns(loaded.labels, found),
        alt="Wins, ties and losses by the judge, and its agreement with itself",
        key=f"judged_{loaded.evaluation.id}",
    )
    st.caption(
        f"Each against the first configuration, seen in both orders. A judge that changes its mind "
        f"with the order counts as a tie. First: {escape(loaded.labels[0])}."
    )
    agreed, pairs = sum(one.agreed for one in found), sum(map(_all, found))
    if of_no_use(agreed, pairs):
        st.info(
            f"This judge said the same in both orders of only {agreed:,} of {pairs:,} pairs: its "
            "preferences are of no use here.",
            icon=":material/gavel:",
        )


def of_no_use(agreed: int, pairs: int) -> bool:
    """Whether a judge that sees the same two answers twice mostly changes its mind."""
    return 2 * agreed < pairs


def _columns(labels: Sequence[str], found: Sequence[Judged]) -> dict[str, Column]:
    return {
        "Configuration": Column(values=[labels[one.configuration] for one in found]),
        "Wins": Column(values=[one.wins for one in found], show=count),
        "Ties": Column(
            values=[one.ties for one in found],
            show=count,
            help="Said by the judge, or it said the opposite when the order was turned.",
        ),
        "Losses": Column(values=[one.losses for one in found], show=count),
        "Win share": Column(
            values=[one.share for one in found], show=share, help="(wins + ties/2) / all"
        ),
        "95 % interval": Column(
            values=[f"{one.low * 100:.1f}–{one.high * 100:.1f} %" for one in found]
        ),
        "Same in both orders": Column(values=[f"{one.agreed:,} of {_all(one):,}" for one in found]),
        "Whatever came first": Column(
            values=[one.first_both for one in found],
            show=count,
            help="Pairs of which the judge preferred the answer it saw first, both times.",
        ),
    }


def judged(loaded: Loaded) -> list[Judged]:
    """One for each configuration of which pairs were judged in both orders."""
    from analytics.ranking.noninferiority import from_votes

    found = []
    pairs = both_orders(loaded.results.judgements)
    for n in range(1, len(loaded.labels)):
        mine = [
            (a, b, verdict)
            for a, b in pairs
            if a.second == n and (verdict := verdict_of_both_orders(a, b)) is not None
        ]
        # Of the configuration against the first one: a win of the first is its loss.
        points = [{"win": 0.0, "tie": 0.5, "loss": 1.0}[verdict] for _, _, verdict in mine]
        questions = [loaded.results.cases[a.case_number].id for a, _, _ in mine]
        quality = from_votes(points, ["judge"] * len(points), questions)
        if quality is None:
            continue
        said = [(a.verdict, b.verdict) for a, b, _ in mine]
        found.append(
            Judged(
                configuration=n,
                wins=points.count(1.0),
                ties=points.count(0.5),
                losses=points.count(0.0),
                share=quality.value + 0.5,
                low=max(quality.low + 0.5, 0.0),
                high=min(quality.high + 0.5, 1.0),
                agreed=sum(
                    x == {"first": "second", "second": "first"}.get(str(y), y) for x, y in said
                ),
                first_both=said.count(("first", "first")),
            )
        )
    return found


def _all(one: Judged) -> int:
    return one.wins + one.ties + one.losses
