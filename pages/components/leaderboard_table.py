"""The leaderboard: ranks that are possible, ratings with intervals, and what style control moves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.ranking.wording import plural
from pages.components.charts_card import card
from pages.components.dashboard_tables import Column, table_of
from pages.components.format import minus, share
from pages.components.leaderboard_intervals import chance, chance_in, show_intervals
from pages.components.leaderboard_names import name_px, row_px

if TYPE_CHECKING:
    from analytics.ranking.bradley_terry import Share
    from analytics.ranking.leaderboard import Leaderboard, Row
    from pages.components.leaderboard_reading import View

MOST_ROWS = 30
"""A longer table scrolls by itself."""
_FINE, _WIDE_ELO = 5, 100
_ENOUGH_DECISIVE = 30
SIDES_FIXED = (
    "Position: pairs stand one way round in these votes, so a liking for a side cannot be told."
)


def show_table(view: View) -> None:
    board = view.board.leaderboard
    st.markdown("#### Ratings")
    show_intervals(view)
    columns = rating_columns(view)
    with card(
        "leaderboard", "Leaderboard",
        f"Who is how good? n = {board.votes:,} {plural(board.votes, 'vote', 'votes')}",
        definition="Bradley and Terry's model, a tie counting half. Intervals are 95 % and know which "
        "votes come from the same voter; ranks hold for all pairs at once.",
        data=partial(table_of, columns),
    ):  # fmt: skip
        _draw(view, columns)
        _show_position(view)
        _show_coefficients(view)


def rating_columns(view: View) -> dict[str, Column]:
    rows = view.board.leaderboard.rows
    chances = [chance(view, row) for row in rows]
    versus = view.name(view.against) if view.against else "the average contestant"
    columns = {
        "Contestant": Column(values=[view.name(row.key) for row in rows]),
        "Rank": Column(
            values=[ranks(row) for row in rows],
            help="The ranks that are possible: 1 + how many are certainly better, to how many are not "
            "certainly worse. From all votes and for all pairs at once, so they can be more cautious "
            "than a verdict, which is about one pair.",
        ),
        "Chance to win": Column(
            values=[found.value * 100 if found else None for found in chances],
            help=f"Of winning a vote against {versus}, a tie counting half.",
        ),
        "95 %": Column(values=[_range(found) for found in chances]),
    }
    if view.board.plain:
        columns |= _moved(view, view.board.plain)
    return columns | {
        "Rating": Column(
            values=[rating(row.elo, row.elo_low, row.elo_high) for row in rows],
            help="Elo's scale, 1000 is the average. Rounded: its last digits mean nothing.",
        ),
        "Best": Column(
            values=[row.p_best * 100 if row.p_best is not None else None for row in rows],
            help="Probability of being the best of all.",
        ),
        "Votes": Column(values=[row.votes for row in rows]),
        "Ties": Column(
            values=[round(row.ties / row.votes * 100, 1) if row.votes else None for row in rows],
            help="Share of its votes that favour neither.",
        ),
        "Both bad": Column(
            values=[row.both_bad_rate * 100 for row in rows],
            help="Share of its votes in which no answer was good; counted as ties.",
        ),
    }


def _moved(view: View, plain: Leaderboard) -> dict[str, Column]:
    rows = view.board.leaderboard.rows
    before = {row.key: row for row in plain.rows}
    place = {row.key: k for k, row in enumerate(plain.rows)}
    without = [chance_in(view, plain, row.key) for row in rows]
    return {
        "Without control": Column(
            values=[found.value * 100 if found else None for found in without],
            help="The chance to win without style control.",
        ),
        "Rank without": Column(values=[ranks(before[row.key]) for row in rows]),
        "Moved": Column(
            values=[_steps(place[row.key] - k) for k, row in enumerate(rows)],
            help="Places by which style control moves it.",
        ),
    }


def _steps(places: int) -> str:
    return f"▲ {places}" if places > 0 else f"▼ {-places}" if places < 0 else "–"


def ranks(row: Row) -> str:
    if row.rank_low is None or row.rank_high is None:
        return "–"
    return str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"


def rating(elo: float | None, low: float | None, high: float | None) -> int | None:
    """To the nearest 5, or 10 when the interval is wide: its other digits would mean nothing."""
    if elo is None or low is None or high is None:
        return None
    step = _FINE if high - low < _WIDE_ELO else 2 * _FINE
    return round(elo / step) * step


def _range(found: Share | None) -> str:
    return "–" if found is None else f"{found.low * 100:.0f}–{found.high * 100:.0f} %"


def _draw(view: View, columns: dict[str, Column]) -> None:
    import pandas as pd  # imported by the warm-up

    frame = pd.DataFrame({name: pd.Series(c.values, dtype=object) for name, c in columns.items()})
    names = columns["Contestant"].values
    of = st.column_config
    percent: dict[str, Any] = {
        name: of.NumberColumn(help=columns[name].help, format="%.0f %%")
        for name in ("Without control", "Best", "Ties", "Both bad") if name in columns
    }  # fmt: skip
    config = {
        name: of.Column(help=column.help or None) for name, column in columns.items()
    } | percent
    config |= {
        "Votes": of.NumberColumn(format="localized"),
        "Rating": of.NumberColumn(help=columns["Rating"].help, format="%d"),
        "Contestant": of.Column(pinned=True, width=name_px(names)),
        "Chance to win": of.ProgressColumn(
            help=columns["Chance to win"].help, format="%.0f %%", min_value=0, max_value=100,
            width=150,
        ),
    }  # fmt: skip
    st.dataframe(
        frame.infer_objects(), hide_index=True, column_config=config, key="leaderboard_table",
        placeholder="–", height="content" if len(frame) <= MOST_ROWS else "auto",
        row_height=row_px(names),
        alt="Ranks, chances to win, ratings and votes of every contestant",
    )  # fmt: skip


def _show_position(view: View) -> None:
    if not view.board.sides_vary:
        st.caption(SIDES_FIXED)
        return
    for one in view.board.leaderboard.bias:
        fair = ""
        if not one.biased:
            few = one.decisive < _ENOUGH_DECISIVE
            fair = " Too few to tell." if few else " No sign of a liking for a position."
        st.caption(
            f"Position: with {one.slots} answers the first shown won {share(one.share, 0)} of "
            f"{one.decisive:,} decisive {plural(one.decisive, 'vote', 'votes')} "
            f"({share(one.low, 0)} to {share(one.high, 0)}; {share(one.expected, 0)} expected).{fair}"
        )


_TRAITS = {
    "tokens": "length", "headings": "headings", "list_items": "lists", "bold": "bold text",
    "ttft_us": "time to the first token", "duration_us": "total time",
    "position": "being shown first",
}  # fmt: skip


def _show_coefficients(view: View) -> None:
    """What style and position were worth, in points of a vote between equals."""
    found = view.board.leaderboard.fit.coefficients
    if not found:
        if view.choice.style:
            st.caption(
                "Style control changes nothing here: length, headings, lists and bold text of these "
                "answers are not known or all alike."
            )
        return
    parts = []
    for name, one in found.items():
        low, value, high = (_points(x) for x in (one.low, one.value, one.high))
        parts.append(f"{_TRAITS.get(name, name)} {value} ({low} to {high})")
    of_traits = " Of a trait: what one standard deviation more is worth."
    st.caption(
        f"Worth in a vote between equals, in points: {', '.join(parts)}."
        f"{of_traits if set(found) - {'position'} else ''}"
    )


def _points(logit: float) -> str:
    return minus(f"{logit * 25:+.1f}")
