"""Pair by pair: who won how often, and how cost and time compare on the same questions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.ranking.wording import plural
from pages.components.charts_axes import Option
from pages.components.charts_card import Table, card
from pages.components.charts_matrix import MatrixCell, matrix, matrix_px
from pages.components.dashboard_tables import Column, table_of
from pages.components.format import UNKNOWN, count, longer, share
from pages.components.leaderboard_names import draw_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.ranking.decision import PairDecision
    from analytics.ranking.paired import Ratio
    from analytics.ranking.pairs import PairRecord
    from analytics.ranking.percentiles import PercentileDifference
    from pages.components.leaderboard_reading import View

_EVEN, _WINS, _LOSES = (240, 243, 243), (0, 114, 178), (230, 159, 0)
_DARK_FROM = 0.6
_NAME_PX = 116
MOST = 12
"""Contestants of the matrix, so that its cells can be read."""


def show_pairs(view: View) -> None:
    st.markdown("#### Pair by pair")
    _show_matrix(view)
    _show_ratios(view)


def _show_matrix(view: View) -> None:
    rows = view.board.leaderboard.rows
    keys = [row.key for row in rows[:MOST]]
    records = view.board.leaderboard.matrix.records()
    rest = f" The best {MOST} of {len(rows)}." if len(rows) > MOST else ""
    with card(
        "wins", "Wins",
        f"Who beats whom? Share of decisive votes the row won against the column, in percent.{rest}",
        definition="Votes that favoured one of the two. Intervals are Wilson's, which take votes as "
        "independent; ratings and verdicts know the voters.",
        data=partial(_wins_table, view, records),
    ):  # fmt: skip
        st.echarts_chart(
            wins(view, keys), key="chart_wins", height=matrix_px(len(keys)),
            alt=f"Share of decisive votes won by each of {len(keys)} contestants against each other",
        )  # fmt: skip


def wins(view: View, keys: Sequence[str]) -> Option:
    """Rows beat columns; both in the order of the leaderboard, columns by number."""
    cells = []
    for row, a in enumerate(keys):
        for column, b in enumerate(keys):
            record = view.board.leaderboard.matrix.record(a, b) if a != b else None
            if record is not None and record.votes:
                cells.append(_cell(view, row, column, record))
    rows = [f"{n} · {view.name(key)}" for n, key in enumerate(keys, start=1)]
    option = matrix([str(n) for n in range(1, len(keys) + 1)], rows, cells)
    for drawn, cell in zip(option["series"][0]["data"], cells, strict=True):
        color, ink = _shade(cell.weight)
        drawn["itemStyle"]["color"] = color
        drawn["label"]["color"] = ink
    option["yAxis"]["axisLabel"]["width"] = _NAME_PX
    return option


def _shade(rate: float) -> tuple[str, str]:
    """Blue for winning, orange for losing, pale between; and the colour of words on it."""
    far = min(1.0, abs(rate - 0.5) * 2)
    end = _WINS if rate >= 0.5 else _LOSES
    mixed = [round(a + (b - a) * far) for a, b in zip(_EVEN, end, strict=True)]
    dark = rate > 0.5 and far > _DARK_FROM
    return "#{:02x}{:02x}{:02x}".format(*mixed), "#ffffff" if dark else "#10201d"


def _cell(view: View, row: int, column: int, record: PairRecord) -> MatrixCell:
    a, b = view.name(record.a), view.name(record.b)
    rate, interval = record.win_rate, record.interval
    neither = f"{record.ties:,} {plural(record.ties, 'tie', 'ties')}, {record.both_bad:,} both bad"
    if rate is None or interval is None:
        said = f"{a} against {b}: no decisive vote, {neither}"
        return MatrixCell(column=column, row=row, weight=0.5, text="–", said=said)
    span = f"{share(interval[0], 0)} to {share(interval[1], 0)}"
    return MatrixCell(
        column=column,
        row=row,
        weight=rate,
        text=f"{rate * 100:.0f}",
        said=f"{a} won {share(rate, 0)} ({span}) against {b}: {record.wins_a:,} of "
        f"{record.decisive:,} decisive {plural(record.decisive, 'vote', 'votes')}, {neither}",
    )


def _wins_table(view: View, records: Sequence[PairRecord]) -> Table:
    header = ("a", "b", "wins_a", "wins_b", "ties", "both_bad", "win_rate", "low", "high")
    return header, [
        (
            view.name(one.a), view.name(one.b), one.wins_a, one.wins_b, one.ties, one.both_bad,
            one.win_rate, *(one.interval or (None, None)),
        )
        for one in records
    ]  # fmt: skip


def _show_ratios(view: View) -> None:
    pairs = [
        pair for pair in view.board.decision.pairs
        if (pair.measured.costs or pair.measured.latency)
        and (view.against is None or view.against in (pair.a, pair.b))
    ]  # fmt: skip
    if not pairs:
        return
    columns = ratio_columns(view, pairs)
    with card(
        "ratios", "Cost and time of the same questions",
        f"How many times the other's? Below 1 is less. n = {count(len(pairs))} "
        f"{plural(len(pairs), 'pair', 'pairs')}",
        definition="Each question is compared with itself, so that hard ones hide nothing. 95 % "
        "intervals; in grey what may be chance among so many pairs.",
        data=partial(table_of, columns),
    ):  # fmt: skip
        draw_named(
            columns, ["Of", "Against"], key="ratio_table",
            alt="Cost ratio, latency ratio and p95 difference of each pair",
        )  # fmt: skip


def ratio_columns(view: View, pairs: Sequence[PairDecision]) -> dict[str, Column]:
    costs = [pair.measured.costs.ratio if pair.measured.costs else None for pair in pairs]
    times = [pair.measured.latency for pair in pairs]
    slow = [pair.measured.p95 for pair in pairs]
    return {
        "Of": Column(values=[view.name(pair.b) for pair in pairs]),
        "Against": Column(values=[view.name(pair.a) for pair in pairs]),
        "Cost": Column(
            values=[_cost(pair) for pair in pairs], grey=[bool(one and not one.certain) for one in costs],
            help="Geometric mean of cost to cost, of questions that cost both something.",
        ),
        "Cost interval": Column(values=[_interval(one) for one in costs]),
        "Latency": Column(
            values=[_times(one) for one in times], grey=[not (one and one.certain) for one in times],
            help="Geometric mean of total time to total time.",
        ),
        "Latency interval": Column(values=[_interval(one) for one in times]),
        "p95": Column(
            values=[_difference(one) for one in slow],
            grey=[not (one and one.certain) for one in slow],
            help="How much later its slow answers are; grey with under 72 answers.",
        ),
        "p95 interval": Column(values=[_span(one) for one in slow]),
        "Questions": Column(values=[_n(pair) for pair in pairs]),
    }  # fmt: skip


def _cost(pair: PairDecision) -> str:
    costs = pair.measured.costs
    if costs is None:
        return UNKNOWN
    match costs.free:
        case "both":
            return "both free"
        case "a":
            return "not free"
        case "b":
            return "free"
        case _:
            return _times(costs.ratio)


def _times(ratio: Ratio | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio.value:.2f} ×"


def _interval(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"{ratio.low:.2f}–{ratio.high:.2f}"


def _difference(found: PercentileDifference | None) -> str:
    return UNKNOWN if found is None else longer(found.value)


def _span(found: PercentileDifference | None) -> str:
    return "–" if found is None else f"{longer(found.low)} to {longer(found.high)}"


def _n(pair: PairDecision) -> int:
    """Questions that both answered, as far as anything was measured."""
    measured = pair.measured
    return max((found.n for found in (measured.costs, measured.latency) if found), default=0)
