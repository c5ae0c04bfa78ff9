"""The chance to win of every contestant as a dot with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import ceil, floor
from typing import TYPE_CHECKING

import streamlit as st

from analytics.ranking.wording import plural
from pages.components.charts import GREY
from pages.components.charts_axes import Option
from pages.components.charts_card import Table, card
from pages.components.charts_parts import RateRow, rates
from pages.components.format import UNKNOWN, share
from pages.components.leaderboard_names import LABEL
from pages.components.markdown import escape

if TYPE_CHECKING:
    from analytics.ranking.bradley_terry import Share
    from analytics.ranking.leaderboard import Leaderboard, Row
    from pages.components.leaderboard_reading import View

MOST_DOTS = 30
_HEAD_PX, _ROW_PX = 60, 42
_NARROW = 50
"""Percent: a wider axis has a tick every 20."""
_WITHOUT = "without style control"


def show_intervals(view: View) -> None:
    """Draws it, unless nobody can be compared with anybody."""
    rows = [row for row in view.board.leaderboard.rows if chance(view, row) is not None]
    if not rows:
        return
    shown = rows[:MOST_DOTS]
    versus = escape(view.name(view.against)) if view.against else "the average contestant"
    rest = f" The best {MOST_DOTS} of {len(rows)}." if len(rows) > len(shown) else ""
    styled = f" Hollow: {_WITHOUT}." if view.board.plain else ""
    with card(
        "intervals", "Chance to win",
        f"How sure is that? Line: 95 % interval against {versus}.{rest}{styled}",
        definition="The chance to win a vote, a tie counting half. Whether two differ is not seen from "
        "whether their lines overlap: the ranks and verdicts say it.",
        data=partial(_rows, view, shown),
    ):  # fmt: skip
        st.echarts_chart(
            intervals(view, shown), key="chart_intervals", height=_HEAD_PX + _ROW_PX * len(shown),
            alt="Chance to win with its interval: "
            + "; ".join(f"{view.name(r.key)} {_spoken(chance(view, r))}" for r in shown),
        )  # fmt: skip


def intervals(view: View, rows: list[Row]) -> Option:
    """A dot per contestant and its interval; with style control a ring where it stood without."""
    known = [(row, found) for row in rows if (found := chance(view, row))]
    option = rates(
        [
            RateRow(
                name=view.name(row.key),
                color=view.colors[row.key],
                share=found.value,
                interval=(found.low, found.high),
                said=f"{view.name(row.key)}: {_spoken(found)}, "
                f"{row.votes:,} {plural(row.votes, 'vote', 'votes')}",
            )
            for row, found in known
        ]
    )
    lows, highs = zip(*((found.low, found.high) for _, found in known), strict=True)
    option["yAxis"]["axisLabel"] = LABEL
    option["xAxis"] |= percent_axis([100 * low for low in lows], [100 * high for high in highs])
    option["series"].append(
        {
            "type": "scatter", "data": [], "silent": True,
            "markLine": {"silent": True, "symbol": ["none", "none"], "animation": False,
                         "label": {"show": False}, "data": [{"xAxis": 50}],
                         "lineStyle": {"color": GREY, "type": "dashed", "width": 1}},
        }
    )  # fmt: skip
    if view.board.plain:
        option["series"].append(_rings(view, [row.key for row, _ in known], view.board.plain))
    return option


def percent_axis(lows: Sequence[float], highs: Sequence[float]) -> Option:
    """From below the lowest to above the highest, in whole steps."""
    low, high = min(lows, default=0.0), max(highs, default=100.0)
    step = 10 if high - low <= _NARROW else 20
    return {
        "min": floor(low / step) * step, "max": min(ceil(high / step) * step, 100),
        "interval": step,
    }  # fmt: skip


def _rings(view: View, keys: list[str], plain: Leaderboard) -> Option:
    found = [(place, key, chance_in(view, plain, key)) for place, key in enumerate(keys)]
    return {
        "type": "scatter", "symbolSize": 13, "z": 1,
        "data": [
            {"name": f"{view.name(key)} {_WITHOUT}: {_spoken(one)}", "value": [one.value * 100, place],
             "itemStyle": {"color": "rgba(0,0,0,0)", "borderColor": view.colors[key],
                           "borderWidth": 1.5}}
            for place, key, one in found if one
        ],
    }  # fmt: skip


def chance(view: View, row: Row) -> Share | None:
    """To win against the baseline, or the average contestant."""
    return chance_in(view, view.board.leaderboard, row.key)


def chance_in(view: View, board: Leaderboard, key: str) -> Share | None:
    """The same as another reading of the votes says it."""
    if view.against is None:
        return board.fit.win_probability(key)
    return None if key == view.against else board.fit.win_probability(key, view.against)


def _spoken(found: Share | None) -> str:
    if found is None:
        return UNKNOWN
    return f"{share(found.value, 0)} ({share(found.low, 0)} to {share(found.high, 0)})"


def _rows(view: View, rows: Sequence[Row]) -> Table:
    header = ("contestant", "chance_to_win", "low", "high", "votes")
    found = [(row, chance(view, row)) for row in rows]
    return header, [
        (view.name(row.key), one.value, one.low, one.high, row.votes) for row, one in found if one
    ]
