"""How good the votes are: which count, who cast them, and what should make one careful."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import streamlit as st

from analytics.ranking.vote_quality import FEWEST_SHARED
from analytics.ranking.wording import plural
from pages.components import session
from pages.components.dashboard_tables import Column, draw
from pages.components.dashboard_tiles import show_tile
from pages.components.format import count, duration, share
from pages.components.leaderboard_choice import FLAGS
from pages.components.leaderboard_judge import show_judging
from pages.components.leaderboard_reading import IMPORT, JUDGE
from pages.components.markdown import escape

if TYPE_CHECKING:
    from analytics.ranking.agreement import Agreement
    from analytics.ranking.leaderboard import Leaderboard, Notice
    from pages.components.leaderboard_reading import View

MOST_VOTERS, MOST_PAIRS, MOST_CONTESTANTS = 10, 10, 5
_REASONS = FLAGS | {
    "skip": "Skipped",
    "nothing_compared": "About one contestant only",
    "voter_limit": "Beyond the voter's limit of the day",
    "few_votes": "About contestants with too few votes",
    "anomalous_voter": "By a voter unlike all others",
}
_ERASED = "erased-"
_IN_TILES = ("position_bias", "no_votes")
"""Said elsewhere on the page."""


def show_notices(view: View) -> None:
    """What a reader should know first, calmly: small lines, no alarms."""
    lines = [
        f":material/info: {_sentence(view, notice)}"
        for notice in view.board.leaderboard.notices
        if notice.concern not in _IN_TILES
    ]
    if lines:
        st.caption("  \n".join(lines))


def _sentence(view: View, notice: Notice) -> str:
    if not notice.contestants:
        return escape(notice.text)
    named = [view.name(key) for key in notice.contestants[:MOST_CONTESTANTS]]
    more = len(notice.contestants) - len(named)
    rest = f" and {more} more" if more else ""
    return escape(f"{', '.join(named)}{rest}: {notice.text[0].lower()}{notice.text[1:]}")


def show_vote_quality(view: View) -> None:
    st.markdown("#### Quality of the votes")
    _show_tiles(view)
    left, right = view.tally.battles.left_out, view.tally.quality.agreements
    with st.grid(2 if left and right else 1, min_column_width=320, gap="small"):
        if left:
            _show_left_out(view)
        if right:
            _show_agreements(view)
    if not right:
        _say_what_agreement_lacks(view)
    _show_judges(view)
    _show_anomalous(view)
    if session.allowed("all_figures"):
        show_judging(view.runtime)


def _show_tiles(view: View) -> None:
    board, battles = view.board.leaderboard, view.tally.battles
    ties = float(battles.weight @ (battles.outcome == 0.5)) / max(battles.ballots, 1)
    bad = float(battles.both_bad.mean()) if battles.ballots else 0.0
    times = view.runtime.votes(session.principal()).times_to_vote(view.choice.sources)
    with st.grid(5 if times else 4, min_column_width=150, gap="small", key="vote_tiles"):
        show_tile(
            "Votes that count", count(board.votes), f"of {count(view.tally.quality.ballots)} kept",
            help="Votes stay as they are; which of them count is chosen above.",
        )  # fmt: skip
        unit = {"voter": "voter", "question": "question", "ballot": "vote"}[board.fit.clusters]
        groups = board.fit.cluster_count
        show_tile(
            "Voters", count(board.voters),
            f"intervals by {count(groups)} {plural(groups, unit, f'{unit}s')}",
            help="Several votes of one person are not independent. Under five voters, questions are "
            "taken instead. When a file names no voters, each vote counts as another voter's.",
        )  # fmt: skip
        show_tile(
            "Ties", share(ties, 0), f"{share(bad, 0)} both bad",
            help="Votes that favour neither, with those in which no answer was good.",
        )  # fmt: skip
        known = board.bias if view.board.sides_vary else []
        first = max(known, key=lambda one: one.decisive, default=None)
        unknown = "no decisive vote yet" if view.board.sides_vary else "pairs one way round only"
        show_tile(
            "First shown wins", share(first.share, 0) if first else None,
            f"{share(first.low, 0)} to {share(first.high, 0)}, {share(first.expected, 0)} expected"
            if first else unknown,
            help="Of decisive votes on the usual number of answers; Wilson's 95 % interval.",
        )  # fmt: skip
        if times:
            show_tile(
                "Time to vote", duration(median(times)), f"median of {count(len(times))} {plural(len(times), 'vote', 'votes')}",
                help="From when all answers were there. Votes within a second or two were hardly read.",
            )  # fmt: skip


def by_whom(board: Leaderboard) -> str:
    """ "votes by 5 voters"; a file that names no voters has as many as votes, and that is said."""
    votes = plural(board.votes, "vote", "votes")
    if board.voters == board.votes > 1:
        return f"{votes}, each of a voter of its own,"
    return f"{votes} by {plural(board.voters, 'one voter', f'{board.voters:,} voters')}"


def _show_left_out(view: View) -> None:
    found = sorted(view.tally.battles.left_out.items(), key=lambda one: -one[1])
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.markdown("**Left out**", help="A vote with several reasons is counted by its first.")
        for reason, n in found:
            st.markdown(f"**{count(n)}** · {escape(_REASONS.get(reason, reason))}")


def _show_agreements(view: View) -> None:
    found = view.tally.quality.agreements[:MOST_PAIRS]
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.markdown(
            "**Agreement**",
            help="Of the same two answers. Cohen's kappa: 1 is full agreement, 0 what chance gives.",
        )
        draw(
            {
                "Voters": Column(values=[f"{voter(v.a)} and {voter(v.b)}" for v in found]),
                "Kappa": Column(values=[_kappa(v.found) for v in found]),
                "Agree": Column(values=[v.found.observed for v in found], show=_percent),
                "Shared": Column(values=[v.found.n for v in found], show=count),
            },
            alt="Agreement between voters", key="agreement_table",
        )  # fmt: skip


def _say_what_agreement_lacks(view: View) -> None:
    """Who shares most; or that nobody does, when a judge was chosen to be compared with others."""
    few = view.tally.quality.too_few
    sources = view.choice.sources
    judged = len(sources) > 1 and any(one.startswith(JUDGE) for one in sources)
    if not few and not judged:
        return
    so_far = "so far nobody has"
    if few:
        so_far = f"{voter(few[0].a)} and {voter(few[0].b)} share {few[0].found.n} so far"
    st.caption(
        f"Agreement appears when two judged the same two answers blind in at least {FEWEST_SHARED} "
        f"cases: {escape(so_far)}."
    )


def _show_judges(view: View) -> None:
    for name, found in view.tally.quality.consistency:
        st.caption(
            f"{escape(voter(name))} said the same with sides swapped in {found.consistent:,} of "
            f"{found.pairs:,} cases ({share(found.low, 0)} to {share(found.high, 0)}); it chose the "
            f"first shown both times in {found.always_first:,}, the second in {found.always_second:,}."
        )


def _show_anomalous(view: View) -> None:
    found = view.board.anomalous
    if not found:
        if view.board.leaderboard.voters > 1:
            st.caption("No voter votes so unlike the others that it could not be taste.")
        return
    named = ", ".join(f"{voter(one.voter)} ({one.votes:,} votes)" for one in found[:MOST_VOTERS])
    more = f" and {len(found) - MOST_VOTERS} more" if len(found) > MOST_VOTERS else ""
    st.caption(
        f":material/person_alert: Votes unlike those of all others: {escape(named)}{more}. People "
        "with a taste of their own may be among them; their votes count."
    )


def voter(name: str) -> str:
    """What a voter is called here."""
    if name == session.owner():
        return "You"
    if name.startswith(IMPORT):
        name = name.partition(" ")[2]
    return "An erased person" if name.startswith(_ERASED) else name[:40]


def _kappa(found: Agreement) -> str:
    if found.kappa is None or found.low is None or found.high is None:
        return "–"
    return f"{found.kappa:.2f} ({found.low:.2f} to {found.high:.2f})"


def _percent(value: float | None) -> str:
    return share(value, 0)
