"""Leaderboard: votes into verdicts, ratings, and what to vote on next."""

from collections.abc import Mapping

import streamlit as st

from agents.runtime.votes_report import votes_report
from analytics.reports.document import Report
from core.errors import SwitchboardError
from pages.components import leaderboard_choice as choice
from pages.components import session
from pages.components.leaderboard_import import show_import
from pages.components.leaderboard_next import fill_compare, show_next
from pages.components.leaderboard_pairs import show_pairs
from pages.components.leaderboard_pareto import show_pareto
from pages.components.leaderboard_reading import View, read, source_names, sources
from pages.components.leaderboard_slices import show_slices
from pages.components.leaderboard_table import show_table
from pages.components.leaderboard_verdicts import headline, show_verdicts
from pages.components.leaderboard_votes import by_whom, show_notices, show_vote_quality
from pages.components.report_downloads import show_report

runtime = session.begin_page("chat")


def show_empty() -> None:
    may_import = session.allowed("settings")
    st.caption(
        "No votes yet. Ask a question on Compare and vote before you know who answered: each vote makes "
        "the ranking here surer."
        + ("  \nOr import battles of others to see what a full page says." if may_import else "")
    )
    if st.button("Compare blind", icon=":material/how_to_vote:", type="primary"):
        fill_compare()
    if may_import:
        show_import(runtime, open_=True)


def show_board(offered: Mapping[str, int]) -> None:
    wanted = choice.from_url(offered)
    choice.say_what_is_gone(offered)
    with st.spinner("Counting the votes …"):
        runtime.comparisons.settle_all()
        view = read(runtime, wanted)
    show_controls(view, offered)
    if view.board.leaderboard.votes:
        show_found(view)
    else:
        st.info(
            "None of these votes counts: all are flagged or skipped. Choose under “What counts” which "
            "flagged ones may.",
            icon=":material/filter_list_off:",
        )
        show_vote_quality(view)
        show_next(view)
    if session.allowed("settings"):
        show_import(runtime)


def show_controls(view: View, offered: Mapping[str, int]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        choice.choose_sources(source_names(runtime, offered), wanted := view.choice)
        if view.configurations:
            choice.choose_contestants(wanted)
        choice.choose_options(view.tally.quality.flagged, wanted)
        if view.board.leaderboard.votes:
            st.space("stretch")
            show_report(runtime, lambda: report_of(view, offered), "leaderboard")


def report_of(view: View, offered: Mapping[str, int]) -> Report:
    names = source_names(runtime, offered)
    return votes_report(
        runtime,
        votes=runtime.votes(session.principal()),
        sources={one: names[one] for one in view.choice.sources},
        counting=view.choice.counting(view.groups),
        rating=view.choice.rating(),
        battles=view.tally.battles,
        board=view.board,
        names=view.names,
    )


def show_found(view: View) -> None:
    board = view.board.leaderboard
    st.subheader(headline(view), anchor=False)
    st.caption(f"{board.votes:,} {by_whom(board)} on {len(board.rows):,} contestants")
    show_notices(view)
    show_verdicts(view)
    show_pareto(view)
    show_table(view)
    show_pairs(view)
    show_slices(view)
    show_vote_quality(view)
    show_next(view)


st.title("Leaderboard", anchor=False)
try:
    if found := sources(runtime):
        show_board(found)
    else:
        show_empty()
except SwitchboardError as exc:
    session.show_error(exc)
