"""What to vote on next: the votes that are missing, and the pair that teaches most."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import streamlit as st

from analytics.ranking.next_pair import next_pair
from analytics.ranking.wording import about, plural
from pages.components.choices import agent_options, model_options
from pages.components.leaderboard_verdicts import state_of
from pages.components.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.runtime import Runtime
    from analytics.ranking.early import PairState
    from core.comparison import Configuration
    from pages.components.leaderboard_reading import View

COMPARE = "pages/compare.py"
FILL, BLIND, TOGETHER = "compare_fill", "compare_blind", "compare_together"
"""Keys of the Compare page."""


def show_next(view: View) -> None:
    st.markdown("#### Next")
    with st.container(
        border=True, horizontal=True, vertical_alignment="center",
        horizontal_alignment="distribute",
    ):  # fmt: skip
        st.markdown(_needed(view), width="stretch")
        pool = askable(view)
        if st.button(
            "Vote on the pair that teaches most", icon=":material/how_to_vote:", type="primary",
            key="next_pair", disabled=len(pool) < 2,
            help="Opens Compare with two columns, blind and shown at once. Mostly the pair whose "
            "interval one more vote shrinks most, sometimes any pair.",
        ):  # fmt: skip
            pair = next_pair(view.board.leaderboard.fit, list(pool), random.Random())
            fill_compare([pool[key] for key in pair])
    if len(pool) < 2:
        st.caption(
            "Fewer than two of these contestants can be asked now: a model must be configured and its "
            "agent be there. Choose columns on the Compare page."
        )


def fill_compare(configurations: list[Configuration] | None = None) -> None:
    """Goes to the Compare page, blind; None: with the columns it has."""
    if configurations:
        st.session_state[FILL] = configurations
    st.session_state[BLIND] = st.session_state[TOGETHER] = True
    st.switch_page(COMPARE)


def _needed(view: View) -> str:
    """Of the two at the top."""
    rows = [row for row in view.board.leaderboard.rows if row.component == 0]
    if len(rows) < 2:
        return "Votes on two contestants make the first verdict."
    first, second = (row.key for row in rows[:2])
    a, b = escape(view.name(first)), escape(view.name(second))
    state = state_of(view.board.leaderboard.pairs, first, second)
    if state is None:
        return f"{a} and {b} lead and were never set side by side."
    if _led_by(state) not in (first, None):
        won, lost = state.record.wins_a, state.record.wins_b
        return (
            f"{a} leads by all votes, {b} in those on the two ({max(won, lost):,} : "
            f"{min(won, lost):,}): which is better is open."
        )
    missing = state.votes_needed
    if missing is None:
        return f"{a} and {b} are too close for any number of votes to tell apart."
    if missing == 0:
        return f"{a} is decided against {b}. More votes make the others certain."
    number, votes = about(missing).capitalize(), plural(missing, "vote", "votes")
    return (
        f"**{number} more {votes}** on {a} against {b}, the two at the top, "
        "decide which is better, if it goes on as so far."
    )


def _led_by(state: PairState) -> str | None:
    """The winner of most votes on the two; None of a tie."""
    record = state.record
    if record.wins_a == record.wins_b:
        return None
    return record.a if record.wins_a > record.wins_b else record.b


def askable(view: View) -> dict[str, Configuration]:
    """Contestants that can be asked now. Of a model with several configurations, the one known first.

    With fewer than two, all configurations ever compared.
    """
    here = _asked_now(view.runtime, view.configurations)
    mine: dict[str, Configuration] = {}
    for key, one in here.items():
        contestant = view.groups.get(key, key)
        if contestant in view.names:
            mine.setdefault(contestant, one)
    return mine if len(mine) > 1 else here


def _asked_now(
    runtime: Runtime, configurations: Mapping[str, Configuration]
) -> dict[str, Configuration]:
    agents, models = agent_options(), model_options(runtime)
    versions = {one.name for one in runtime.prompts.list()}
    return {
        key: one
        for key, one in configurations.items()
        if (one.model or "") in models
        and (f"{one.graph}/{one.agent}" if one.agent else one.graph) in agents
        and (one.prompt is None or one.prompt in versions)
    }
