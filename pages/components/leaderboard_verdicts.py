"""What may be said of each pair: who is first, cards with sentences, and a table when there are many."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.ranking.board import MOST_DECIDED
from analytics.ranking.verdict import VERDICT_KINDS, VerdictKind
from analytics.ranking.wording import plural
from pages.components.charts_card import card
from pages.components.dashboard_tables import Column, draw, table_of
from pages.components.format import count
from pages.components.leaderboard_choice import choose_baseline
from pages.components.markdown import escape

if TYPE_CHECKING:
    from analytics.ranking.decision import PairDecision
    from analytics.ranking.early import PairState
    from pages.components.leaderboard_reading import View

MOST_CARDS = 6
MOST_NAMED = 4
_BADGES: dict[VerdictKind, tuple[str, str, str]] = {
    "better": ("green", "trending_up", "Better"),
    "not_worse": ("blue", "verified", "Not worse"),
    "slightly_worse": ("orange", "south_east", "Slightly worse"),
    "worse": ("red", "trending_down", "Worse"),
    "cannot_tell": ("gray", "hourglass_top", "Cannot tell yet"),
    "no_data": ("gray", "help", "No votes"),
}
WORDS = {kind: word for kind, (_, _, word) in _BADGES.items()}


def show_verdicts(view: View) -> None:
    """The best first; with a baseline only pairs with it."""
    pairs = in_order(view)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### Verdicts", width="content")
        st.space("stretch")
        choose_baseline({one.key: view.name(one.key) for one in view.board.decision.standings},
                        view.choice)  # fmt: skip
    _say_what_is_held_equal(view)
    shown = pairs[:MOST_CARDS]
    with st.grid(min(3, max(len(shown), 1)), min_column_width=300, gap="small", key="verdicts"):
        for pair in shown:
            _show_card(view, pair)
    if len(pairs) > len(shown):
        with st.expander(f"All {len(pairs)} pairs", key="all_verdicts"):
            _show_table(view, pairs)


def _say_what_is_held_equal(view: View) -> None:
    """By the ratings and not by the verdicts."""
    match view.choice.style, view.choice.position:
        case True, True:
            without, equal = "style control and allowing for the position", "style and position"
        case True, False:
            without, equal = "style control", "style"
        case False, True:
            without, equal = "allowing for the position", "the position"
        case _:
            return
    st.caption(
        f"Verdicts are from the direct votes on two, without {without}; the ratings below hold "
        f"{equal} equal."
    )


def headline(view: View) -> str:
    """Who can be first, as Markdown. Ranks hold for all pairs at once, but for one look only: a lead
    is called more when the bound for many looks is crossed."""
    rows = [row for row in view.board.leaderboard.rows if row.component == 0]
    first = [view.name(row.key) for row in rows if row.rank_low == 1]
    if len(first) == 1:
        state = state_of(view.board.leaderboard.pairs, rows[0].key, rows[1].key)
        sure = state is not None and state.label == "better"
        return f"{escape(first[0])} {'is first' if sure else 'leads'}"
    if not first:
        return "Nobody was compared with anybody yet"
    if len(first) > MOST_NAMED:
        return f"First place is open among {len(first)} contestants"
    *others, last = map(escape, first)
    return f"First place is open between {', '.join(others)} and {last}"


def in_order(view: View) -> list[PairDecision]:
    """Pairs with the baseline, if there is one: the best verdicts first, of equal ones those on the
    contestants that lie highest."""
    decision = view.board.decision
    place = {one.key: k for k, one in enumerate(decision.standings)}
    mine = [
        pair for pair in decision.pairs if view.against is None or view.against in (pair.a, pair.b)
    ]

    def order(pair: PairDecision) -> tuple[int, int, int]:
        highest, other = sorted((place[pair.a], place[pair.b]))
        return VERDICT_KINDS.index(pair.verdict.kind), highest + other, highest

    return sorted(mine, key=order)


def _show_card(view: View, pair: PairDecision) -> None:
    found = pair.verdict
    color, icon, word = _BADGES[found.kind]
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f":{color}-badge[:material/{icon}: {word}]")
        st.markdown(escape(found.text))
        st.space("stretch")
        st.caption(
            escape(_standing(view, pair)),
            help="  \n".join(map(escape, found.notes)) or None,
        )


def _standing(view: View, pair: PairDecision) -> str:
    """Who leads in the votes between the two. How many are missing is said once, in the sentence."""
    state = state_of(view.board.leaderboard.pairs, pair.a, pair.b)
    if state is None:
        return "No vote on these two side by side."
    record = state.record
    ahead = view.name(record.a if record.wins_a > record.wins_b else record.b)
    won, lost = sorted((record.wins_a, record.wins_b), reverse=True)
    ties = record.ties + record.both_bad
    counts = f"{won:,} : {lost:,}, {ties:,} {plural(ties, 'tie', 'ties')}"
    match state.label:
        case "better":
            return f"{ahead} is better in votes, {counts}, however often one looks."
        case "leading":
            return f"{ahead} is leading, {counts}."
        case _:
            return f"Tied, {counts}."


def state_of(states: Sequence[PairState], a: str, b: str) -> PairState | None:
    return next((one for one in states if {one.record.a, one.record.b} == {a, b}), None)


def _show_table(view: View, pairs: Sequence[PairDecision]) -> None:
    columns = verdict_columns(view, pairs)
    more = len(view.board.leaderboard.rows) > MOST_DECIDED
    of = f"the best {MOST_DECIDED} contestants" if more else "the leaderboard"
    with card(
        "verdicts", "All pairs", f"What may be said of each? n = {count(len(pairs))} pairs",
        definition=f"Every pair of {of}. Claims hold for all pairs at once, by Holm's "
        "method; “better” needs the bound that holds however often one looks.",
        data=partial(table_of, columns),
    ):  # fmt: skip
        draw(columns, alt="The verdict on every pair", key="verdict_table")


def verdict_columns(view: View, pairs: Sequence[PairDecision]) -> dict[str, Column]:
    needed = [pair.verdict.more_needed or None for pair in pairs]
    return {
        "Verdict": Column(values=[WORDS[pair.verdict.kind] for pair in pairs]),
        "Of": Column(values=[view.name(pair.b) for pair in pairs]),
        "Against": Column(values=[view.name(pair.a) for pair in pairs]),
        "Votes": Column(values=[pair.verdict.n for pair in pairs], show=_whole),
        "More needed": Column(
            values=needed, show=_whole, help="About how many more votes would decide it."
        ),
        "In words": Column(values=[pair.verdict.text for pair in pairs]),
    }


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
