"""Whether it is different in one language or for one agent. Exploratory: questions, not answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.ranking.wording import plural
from pages.components.answer import agent_title
from pages.components.charts_card import card
from pages.components.dashboard_tables import Column, table_of
from pages.components.format import minus
from pages.components.leaderboard_names import draw_named
from pages.components.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.ranking.slices import SliceDifference, SliceFit
    from pages.components.leaderboard_reading import View

MOST_NAMED = 5
_TITLES = {"agent": "Agent", "language": "Language", "category": "Category", "turn": "Turn"}
_CHOSEN = "board_slice"


def show_slices(view: View) -> None:
    """Nothing, when no part of the votes is large enough."""
    names = list(dict.fromkeys(part.name for part in view.board.parts))
    if not names:
        return
    st.markdown("#### Parts of the votes :gray-badge[:material/science: Exploratory]")
    _say_what_stands_out(view)
    name = names[0]
    if len(names) > 1:
        name = st.segmented_control(
            "By", names, key=_CHOSEN, format_func=title, default=names[0], required=True,
            label_visibility="collapsed",
        ) or names[0]  # fmt: skip
    parts = [part for part in view.board.parts if part.name == name]
    columns = slice_columns(view, parts)
    with card(
        "slices", f"By {title(name).lower()}",
        "Is it different there? Chance to win against the average within each part; * stands out.",
        definition="Ratings within parts with at least 20 votes, drawn towards those of all votes. What "
        "stands out is decided for all parts together: at most a tenth of it is chance, on average.",
        data=partial(table_of, columns),
    ):  # fmt: skip
        draw_named(
            columns,
            ["Contestant"],
            alt=f"Chance to win by {title(name).lower()}",
            key="slice_table",
        )


def _say_what_stands_out(view: View) -> None:
    found = [one for one in view.board.differences if one.stands_out]
    if not found:
        st.caption("No contestant does surely better or worse in a part of the votes.")
        return
    for one in found[:MOST_NAMED]:
        word = "better" if one.difference.value > 0 else "worse"
        where = f"{title(one.name).lower()} {value_name(one.name, one.value)}"
        st.markdown(
            f"- {escape(view.name(one.contestant))} does {word} with {escape(where)} than in all votes "
            f":gray[({one.votes:,} {plural(one.votes, 'vote', 'votes')} there)]"
        )
    if len(found) > MOST_NAMED:
        st.caption(f"And {len(found) - MOST_NAMED} more, marked in the tables.")


def slice_columns(view: View, parts: Sequence[SliceFit]) -> dict[str, Column]:
    """A row per contestant, a column per part."""
    rows = [row.key for row in view.board.leaderboard.rows]
    outstanding = {
        (one.name, one.value, one.contestant): one for one in view.board.differences
        if one.stands_out
    }  # fmt: skip
    columns = {
        "Contestant": Column(values=[view.name(key) for key in rows]),
        "All votes": Column(
            values=[_chance(view.board.whole.win_probability(key)) for key in rows]
        ),
    }
    for part in parts:
        columns[f"{value_name(part.name, part.value)} ({part.fit.ballots:,})"] = Column(
            values=[
                _cell(part, key, outstanding.get((part.name, part.value, key))) for key in rows
            ],
            help="Its 95 % interval in brackets, and the number of votes in the heading.",
        )
    return columns


def _cell(part: SliceFit, key: str, standing_out: SliceDifference | None) -> str:
    found = part.fit.win_probability(key)
    if found is None:
        return "–"
    mark = "" if standing_out is None else " *"
    return f"{found.value * 100:.0f} % ({found.low * 100:.0f}–{found.high * 100:.0f}){mark}"


def _chance(found: object) -> str:
    value = getattr(found, "value", None)
    return "–" if value is None else minus(f"{value * 100:.0f} %")


def title(name: str) -> str:
    return _TITLES.get(name, name.capitalize())


def value_name(name: str, value: str) -> str:
    return agent_title(value) if name == "agent" else value
