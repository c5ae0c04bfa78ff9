"""The vote on a turn: by button or key, before it is known who answered, then why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.values import LETTERS, Comparison, Turn, Vote
from agents.comparing.votes import REASONS
from core.comparison import Outcome
from core.errors import SwitchboardError
from pages.components import session
from pages.components.compare_runs import Column
from pages.components.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.runtime import Runtime

_READY = "_compare_ready"
_RANKING = "compare_ranking"
_ORDER = "_compare_order"
_AGAIN = "_compare_vote_again"
_FLAGS = {
    "revealed": "it was known who answered",
    "identity_leak": "an answer named who wrote it",
    "arm_failed": "an answer failed or was stopped",
    "unfinished": "an answer was not finished",
}


def show_vote(
    runtime: Runtime, comparison: Comparison, turn: Turn, columns: Sequence[Column]
) -> None:
    """The ballot of a turn whose runs have ended, or what was voted."""
    vote = comparison.vote_of(turn.number)
    if vote is not None and st.session_state.get(_AGAIN) != vote.id:
        _show_cast(runtime, vote, columns)
        return
    key = f"{comparison.id}-{turn.number}"
    if st.session_state.get(_READY, ("", 0.0))[0] != key:
        st.session_state[_READY] = (key, time.monotonic())
        st.session_state[_ORDER] = []
    with st.container(border=True):
        st.markdown(f"**{'Which answer is better?' if len(columns) == 2 else 'Which is best?'}**")
        ranking = len(columns) > 2 and bool(st.session_state.get(_RANKING))
        if ranking:
            _show_ranking(runtime, comparison, turn, columns)
        else:
            _show_picks(runtime, comparison, turn, columns)
        if len(columns) > 2:
            st.button(
                "Choose the best only" if ranking else "Put all in order", key="rank_mode",
                icon=":material/swap_vert:", type="tertiary", on_click=_change_mode,
                help="In order: choose the best first, then the next. What is left comes last.",
            )  # fmt: skip
        if comparison.hidden:
            st.caption("Who answered is shown after the vote.")
        else:
            st.caption("Who answers was not hidden: votes of open comparisons are kept apart.")


def _show_picks(
    runtime: Runtime, comparison: Comparison, turn: Turn, columns: Sequence[Column]
) -> None:
    two = len(columns) == 2
    with st.container(horizontal=True):
        for column in columns:
            others = [[c.position for c in columns if c is not column]]
            _button(
                f"{column.letter} is {'better' if two else 'best'}", str(column.position + 1),
                f"vote_{column.letter}", (runtime, comparison, turn, "pick",
                                          [[column.position], *others]), primary=True,
            )  # fmt: skip
        _whole_ballot(runtime, comparison, turn, two=two)


def _whole_ballot(runtime: Runtime, comparison: Comparison, turn: Turn, *, two: bool) -> None:
    alike, bad = ("Tie", "Both are bad") if two else ("All alike", "All are bad")
    _button(alike, "T", "vote_tie", (runtime, comparison, turn, "tie", []))
    _button(bad, "B", "vote_bad", (runtime, comparison, turn, "both_bad", []))
    _button("Skip", "S", "vote_skip", (runtime, comparison, turn, "skip", []))


def _show_ranking(
    runtime: Runtime, comparison: Comparison, turn: Turn, columns: Sequence[Column]
) -> None:
    order: list[list[int]] = st.session_state[_ORDER]
    placed = {position for group in order for position in group}
    with st.container(horizontal=True):
        for column in columns:
            place = next((n for n, g in enumerate(order, 1) if column.position in g), None)
            st.button(
                f"{column.letter}: {_ordinal(place)}" if place else column.letter,
                key=f"rank_{column.letter}", shortcut=str(column.position + 1),
                disabled=place is not None, on_click=_place, args=(column.position, False),
            )  # fmt: skip
        _whole_ballot(runtime, comparison, turn, two=False)
    left = [column.position for column in columns if column.position not in placed]
    with st.container(horizontal=True, vertical_alignment="center"):
        if order and left:
            for position in left:
                st.button(
                    f"{LETTERS[position]} as good as {LETTERS[order[-1][0]]}",
                    key=f"rank_equal_{position}", type="tertiary",
                    on_click=_place, args=(position, True),
                )  # fmt: skip
        if order:
            st.button("Undo", key="rank_undo", icon=":material/undo:", type="tertiary",
                      shortcut="Backspace", on_click=_undo)  # fmt: skip
        whole = [*order, left] if left else order
        if len(whole) > 1:
            _button(
                f"Send {_said(whole)}", "Enter", "rank_send",
                (runtime, comparison, turn, "rank", whole), primary=True,
            )  # fmt: skip


def _button(
    label: str, key: str, name: str, args: tuple[object, ...], *, primary: bool = False
) -> None:
    st.button(
        label, key=name, shortcut=key, type="primary" if primary else "secondary",
        on_click=_cast, args=args,
    )  # fmt: skip


def _change_mode() -> None:
    st.session_state[_RANKING] = not st.session_state.get(_RANKING)


def _place(position: int, equal: bool) -> None:
    order: list[list[int]] = st.session_state[_ORDER]
    st.session_state[_ORDER] = (
        [*order[:-1], [*order[-1], position]] if equal and order else [*order, [position]]
    )


def _undo() -> None:
    st.session_state[_ORDER] = st.session_state[_ORDER][:-1]


def _cast(
    runtime: Runtime, comparison: Comparison, turn: Turn, outcome: Outcome, order: list[list[int]]
) -> None:
    """The callback of every ballot. What ended runs cost is noted first: flags come from it."""
    _, ready = st.session_state.get(_READY, ("", time.monotonic()))
    try:
        ids = [answer.run_id for answer in turn.answers if answer.run_id and answer.facts is None]
        runtime.comparisons.settle(ids)
        fresh = runtime.comparisons.store.get(comparison.id, session.owner())
        judged = fresh.turns[turn.number]
        runtime.comparisons.votes.cast(
            fresh,
            judged,
            outcome,
            order,
            voter=session.owner(),
            running=[a.position for a in judged.answers if _runs(runtime, a.run_id)],
            time_to_vote_us=int((time.monotonic() - ready) * 1e6),
        )
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    st.session_state.pop(_AGAIN, None)


def _runs(runtime: Runtime, run_id: str | None) -> bool:
    run = runtime.runs.get(run_id) if run_id else None
    return run is not None and not run.finished


def _show_cast(runtime: Runtime, vote: Vote, columns: Sequence[Column]) -> None:
    with st.container(border=True):
        st.markdown(f"**{_words(vote, columns)}**")
        counted = [_FLAGS.get(flag, flag) for flag in vote.flags]
        if counted:
            st.caption(f"Kept, and left out of the leaderboard at first: {', '.join(counted)}.")
        st.pills(
            "Why?", REASONS, selection_mode="multi", default=list(vote.reasons),
            key=f"reasons_{vote.id}", on_change=_keep_reasons, args=(runtime, vote.id),
        )  # fmt: skip
        st.button(
            "Change my vote", key=f"vote_again_{vote.id}", type="tertiary",
            icon=":material/edit:", on_click=_vote_again, args=(vote.id,),
            help="The new vote is marked: by now it is known who answered.",
        )  # fmt: skip


def _keep_reasons(runtime: Runtime, vote_id: str) -> None:
    reasons = st.session_state.get(f"reasons_{vote_id}") or []
    runtime.comparisons.votes.set_reasons(vote_id, session.owner(), reasons)


def _vote_again(vote_id: str) -> None:
    st.session_state[_AGAIN] = vote_id


def _words(vote: Vote, columns: Sequence[Column]) -> str:
    """What was voted, with who it was."""

    def name(position: int) -> str:
        column = columns[position]
        return f"{column.letter} · {escape(column.label)}"

    match vote.outcome:
        case "tie":
            return "You voted: all alike" if len(columns) > 2 else "You voted: a tie"
        case "both_bad":
            return f"You voted: {'all' if len(columns) > 2 else 'both'} are bad"
        case "skip":
            return "You skipped this one"
        case "pick":
            return f"You voted for {name(vote.order[0][0])}"
        case _:
            places = [" = ".join(name(p) for p in group) for group in vote.order]
            return f"Your order: {' › '.join(places)}"


def _said(order: list[list[int]]) -> str:
    return " › ".join(" = ".join(LETTERS[p] for p in group) for group in order)


def _ordinal(place: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(place, f"{place}th")
