"""The tables and pictures of an evaluation report. Every number is one of a Decision or Leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analytics.intervals import minimum_n
from analytics.ranking.decision import P95, Decision, Standing
from analytics.ranking.leaderboard import Leaderboard
from analytics.ranking.paired import Ratio
from analytics.ranking.percentiles import PercentileDifference
from analytics.ranking.quality import Quality
from analytics.reports.document import Column, Point, Raw, Scatter, Table, Unit
from core.comparison import Configuration

COMPARED = "What was compared"
QUALITY = {
    "passes": "Passed",
    "votes": "Wins against an average one",
    "scores": "Score",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """One that was compared. `label`: what people call it; `color`: of its model."""

    key: str
    label: str
    color: str
    configuration: Configuration | None = None
    """None: known by its name only, as those of imported battles are."""
    models: tuple[str, ...] = ()
    """The ids of the models that may answer, in their order."""
    prompt_digest: str | None = None
    """SHA-256 of its prompts."""


def compared_table(contenders: Sequence[Contender]) -> Table:
    """Every configuration in full."""
    names = ("Agent", "Retrieval", "Prompts", "Digest of prompts", "Temperature", "Fallback")
    return Table(
        name=COMPARED,
        columns=(
            Column(name="Configuration", key=True),
            Column(name="Models", unit="id"),
            Column(name="Graph"),
            *(Column(name=name) for name in names),
            Column(name="Key", unit="id"),
        ),
        rows=[_compared(one) for one in contenders],
    )


def _compared(one: Contender) -> tuple[Raw, ...]:
    given = one.configuration
    if given is None:
        return (one.label, None, None, None, None, None, None, None, None, one.key)
    usual = "as configured"
    return (
        one.label,
        ", ".join(one.models) or given.model,
        given.graph,
        given.agent or "routed",
        given.retrieval or "of the agent",
        given.prompt or "as shipped",
        one.prompt_digest,
        usual if given.temperature is None else f"{given.temperature:g}",
        "yes" if given.fallback or given.model is None else "no",
        one.key,
    )


def standings_table(decision: Decision, labels: Mapping[str, str]) -> Table:
    quality = QUALITY[decision.basis]
    few = [labels[one.key] for one in decision.standings if one.completed and not one.p95_sound]
    note = f"A p95 of fewer than {minimum_n(P95)} answers means little: {', '.join(few)}."
    return Table(
        name="Standings",
        columns=(
            Column(name="Configuration", key=True),
            Column(name=quality, unit="share"),
            Column(name="from", unit="share"),
            Column(name="to", unit="share"),
            Column(name="n", unit="count"),
            Column(name="Cost of an answer", unit="pusd"),
            Column(name="Priced", unit="count"),
            Column(name="p50", unit="us"),
            Column(name="p95", unit="us"),
            Column(name="First token, p50", unit="us"),
            Column(name="Completed", unit="count"),
            Column(name="Answers", unit="count"),
            Column(name="Unbeaten"),
        ),
        rows=[_standing(one, labels) for one in decision.standings],
        note=note if few else "",
    )


def _standing(one: Standing, labels: Mapping[str, str]) -> tuple[Raw, ...]:
    cost = one.mean_cost_pusd
    return (
        labels[one.key], one.quality, one.quality_low, one.quality_high, one.quality_n,
        None if cost is None else round(cost), one.cost_n, one.p50_us, one.p95_us,
        one.ttft_p50_us, one.completed, one.answers, "yes" if one.place.on_frontier else "no",
    )  # fmt: skip


def scatters(decision: Decision, contenders: Mapping[str, Contender]) -> tuple[Scatter, ...]:
    """Quality over cost, and over p95 latency."""

    def made(name: str, x_name: str, unit: Unit, values: Mapping[str, float | None]) -> Scatter:
        return Scatter(
            name=name,
            question="Up is better, left is better. Whiskers are 95 % intervals; "
            "a large dot is beaten by no other in quality, cost and p95 latency together.",
            x_name=x_name,
            x_unit=unit,
            y_name=QUALITY[decision.basis],
            y_unit="share",
            points=tuple(
                Point(
                    name=contenders[one.key].label,
                    color=contenders[one.key].color,
                    x=values[one.key],
                    y=one.quality,
                    low=one.quality_low,
                    high=one.quality_high,
                    marked=one.place.on_frontier,
                    note=f"n = {one.quality_n:,}",
                )
                for one in decision.standings
            ),
        )

    costs = {one.key: one.mean_cost_pusd for one in decision.standings}
    times = {one.key: one.p95_us for one in decision.standings}
    return (
        made("Quality and cost", "Cost of an answer", "pusd", costs),
        made("Quality and latency", "p95 latency", "us", times),
    )


def pair_tables(decision: Decision, labels: Mapping[str, str]) -> tuple[Table, ...]:
    """Of every pair: how much better, dearer and slower B is than A."""
    measured = [one.measured for one in decision.pairs]
    return (
        _pairs("Quality: B less A", "points", decision, labels, [m.quality for m in measured]),
        _pairs("Cost: B over A", "ratio", decision, labels,
               [m.costs.ratio if m.costs else None for m in measured]),
        _pairs("Time: B over A", "ratio", decision, labels, [m.latency for m in measured]),
        _pairs("p95 of the time: B less A", "us", decision, labels,
               [m.p95 if m.p95 and m.p95.sound else None for m in measured]),
    )  # fmt: skip


def _pairs(
    name: str,
    unit: Unit,
    decision: Decision,
    labels: Mapping[str, str],
    found: Sequence[Quality | Ratio | PercentileDifference | None],
) -> Table:
    signed, judged = unit != "ratio", unit == "points"
    kinds = (Column(name="Verdict on B"),) if judged else ()
    rows: list[tuple[Raw, ...]] = []
    for pair, one in zip(decision.pairs, found, strict=True):
        values: tuple[Raw, ...] = (None,) * 5
        if one is not None:
            values = (one.value, one.low, one.high, one.p_adjusted, one.n)
        kind = (pair.verdict.kind.replace("_", " "),) if judged else ()
        rows.append((labels[pair.a], labels[pair.b], *values, *kind))
    return Table(
        name=name,
        columns=(
            Column(name="A", key=True),
            Column(name="B", key=True),
            *(Column(name=n, unit=unit, signed=signed) for n in ("Value", "from", "to")),
            Column(name="p, Holm", unit="p_value"),
            Column(name="n", unit="count"),
            *kinds,
        ),
        rows=rows,
    )


def ratings_table(board: Leaderboard, labels: Mapping[str, str]) -> Table:
    return Table(
        name="Ratings",
        columns=(
            Column(name="Configuration", key=True),
            *(Column(name=name, unit="count") for name in ("Elo", "from", "to")),
            Column(name="Best rank", unit="count"),
            Column(name="Worst rank", unit="count"),
            Column(name="Chance to be best", unit="share"),
            *(Column(name=name, unit="count") for name in ("Votes", "Wins", "Ties", "Losses")),
            Column(name="No good answer", unit="share"),
        ),
        rows=[
            (
                labels[row.key], row.elo, row.elo_low, row.elo_high, row.rank_low, row.rank_high,
                row.p_best, row.votes, row.wins, row.ties, row.losses, row.both_bad_rate,
            )
            for row in board.rows
        ],
        empty="No vote counts yet.",
    )  # fmt: skip


def win_matrix_table(board: Leaderboard, labels: Mapping[str, str]) -> Table:
    """How often the row won against the column."""
    names = [row.key for row in board.rows]
    at = {name: k for k, name in enumerate(board.matrix.names)}
    return Table(
        name="Wins of the row against the column",
        columns=(
            Column(name="", key=True),
            *(Column(name=labels[name], unit="count") for name in names),
        ),
        rows=[
            (
                labels[a],
                *(None if a == b else int(board.matrix.wins[at[a], at[b]]) for b in names),
            )
            for a in names
        ],
        empty="No vote counts yet.",
    )


def vote_pairs_table(board: Leaderboard, labels: Mapping[str, str]) -> Table:
    numbers = ("Wins of A", "Wins of B", "Ties", "Both bad")
    return Table(
        name="Votes of each pair",
        columns=(
            Column(name="A", key=True),
            Column(name="B", key=True),
            *(Column(name=name, unit="count") for name in numbers),
            Column(name="State"),
            Column(name="Votes still needed", unit="count"),
        ),
        rows=[
            (
                labels[one.record.a], labels[one.record.b], one.record.wins_a, one.record.wins_b,
                one.record.ties, one.record.both_bad, one.label, one.votes_needed,
            )
            for one in board.pairs
        ],
        empty="No vote counts yet.",
    )  # fmt: skip


def position_table(board: Leaderboard) -> Table:
    shares = ("Share", "from", "to", "Expected")
    return Table(
        name="Was the first answer preferred?",
        columns=(
            Column(name="Answers shown", unit="count", key=True),
            Column(name="Decisive votes", unit="count"),
            Column(name="For the first", unit="count"),
            *(Column(name=name, unit="share") for name in shares),
        ),
        rows=[
            (one.slots, one.decisive, one.first_wins, one.share, one.low, one.high, one.expected)
            for one in board.bias
        ],
        empty="No vote for one best answer yet.",
    )
