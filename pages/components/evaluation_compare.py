"""Two evaluations against each other, by their questions: what got better, and what worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from pages.components import evaluation_url, session
from pages.components.evaluation_deltas import say_when, show_pair
from pages.components.evaluation_pairing import (
    Shared,
    Side,
    flips,
    named_alike,
    said_of,
    shared,
    sides,
)
from pages.components.evaluation_reading import (
    Loaded,
    Stamp,
    cases_of_set,
    load,
    stamp,
)
from pages.components.evaluation_results import rows_of, show_standings
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from agents.runtime import Runtime
    from analytics.ranking.decision import Decision

OFFERED = 100
"""Newest evaluations that are looked through."""


def show_compare(runtime: Runtime, loaded: Loaded) -> None:
    """Draws the choice of the other one, and the differences. Raises StorageError."""
    choices = _comparable(runtime, loaded.evaluation)
    if not choices:
        st.info(
            "There is no other evaluation with the same questions yet. “Run again” makes one: on "
            "another day, or of a new version of a model.",
            icon=":material/compare_arrows:",
        )
        return
    names = {one.id: _name(runtime, one) for one in choices}
    given = st.query_params.get(evaluation_url.OTHER)
    ids = list(names)
    asked = st.selectbox(
        "The other evaluation", ids, index=ids.index(given) if given in names else 0,
        format_func=names.__getitem__, key=f"compare_with_{loaded.evaluation.id}", width=520,
        on_change=_write_other, args=(f"compare_with_{loaded.evaluation.id}",),
    )  # fmt: skip
    other = load(runtime, next(one for one in choices if one.id == asked))
    loaded, other = named_alike(loaded, other, runtime.catalog.display_name)
    _table(loaded, other)
    found = shared(loaded.results.cases, other.results.cases)
    if text := said_of(found):
        st.caption(text)
    _pair(loaded, other, found)


def _comparable(runtime: Runtime, mine: Evaluation) -> list[Evaluation]:
    """Newest first; with at least one question that is the same."""
    mine_asks = {(case.id, case.question) for case in cases_of_set(mine.set_id, runtime)}
    return [
        one
        for one in runtime.evaluations.store.recent(session.owner(), OFFERED)
        if one.id != mine.id
        and (
            one.set_id == mine.set_id
            or any(
                (case.id, case.question) in mine_asks for case in cases_of_set(one.set_id, runtime)
            )
        )
    ]


def _name(runtime: Runtime, one: Evaluation) -> str:
    made = datetime.fromtimestamp(one.created_at_us / 1e6, runtime.zone)
    return f"{one.plan.name} · {one.set_name}, version {one.set_version} · {made:%d %b %Y, %H:%M}"


def _write_other(key: str) -> None:
    """A callback."""
    st.query_params[evaluation_url.VIEW] = "compare"
    st.query_params[evaluation_url.OTHER] = st.session_state[key]


def _table(loaded: Loaded, other: Loaded) -> None:
    """Equal configurations stand beside each other."""
    rows = [
        (key, row)
        for one, which in ((other, "other"), (loaded, "this"))
        for key, row in zip(
            one.keys, rows_of(one, [f"{label} · {which}" for label in one.labels]), strict=True
        )
    ]
    order = list(dict.fromkeys([*loaded.keys, *other.keys]))
    rows.sort(key=lambda pair: order.index(pair[0]))
    show_standings(
        [row for _, row in rows],
        "Passed, times, cost and tokens by configuration, of both evaluations",
    )


def _pair(loaded: Loaded, other: Loaded, both: Shared) -> None:
    pairs = sides(loaded, other)
    names = {
        pair: f"{loaded.labels[pair[0]]}, before {other.labels[pair[1]]}"
        if loaded.labels[pair[0]] != other.labels[pair[1]]
        else loaded.labels[pair[0]]
        for pair in pairs
    }
    side = st.selectbox(
        "Configuration", pairs, format_func=names.__getitem__, width=520,
        key=f"compare_side_{loaded.evaluation.id}_{other.evaluation.id}",
    )  # fmt: skip
    with st.spinner("Comparing answers to the same questions …"):
        decided = _decided(
            stamp(loaded.evaluation), stamp(other.evaluation), side, _names(loaded, other, side),
            both.same, loaded, other,
        )  # fmt: skip
    running = "running" in (loaded.evaluation.status, other.evaluation.status)
    say_when(loaded.evaluation, other.evaluation)
    show_pair(decided.pairs[0], "other", _names(loaded, other, side), so_far=running)
    found = flips(loaded, other, side)
    asked = len(found.better) + len(found.worse) + found.same + found.unknown
    st.markdown(
        f"Of {asked:,} questions that both have, **{len(found.better):,} got better**, "
        f"**{len(found.worse):,} got worse**, {found.same:,} stayed as they were"
        + (f", {found.unknown:,} are not decided." if found.unknown else ".")
    )
    for title, icon, ids in (
        ("Got worse", ":material/trending_down:", found.worse),
        ("Got better", ":material/trending_up:", found.better),
    ):
        if ids:
            _flipped(loaded, title, icon, ids)


def _flipped(loaded: Loaded, title: str, icon: str, ids: Sequence[str]) -> None:
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    questions = {case.id: case.question for case in loaded.results.cases}
    with st.expander(f"{title}: {len(ids):,}", icon=icon, expanded=True):
        frame = pd.DataFrame(
            {"Question": [" ".join(questions[one].split())[:200] for one in ids], "Id": list(ids)}
        )
        key = f"flipped_{title}_{loaded.evaluation.id}"
        chosen = st.dataframe(
            frame, hide_index=True, key=key, on_select="rerun", selection_mode="single-row",
            alt=f"Questions that {title.lower()}", height=min(len(ids) + 1, 9) * 35 + 3,
        )  # fmt: skip
        rows = chosen.selection.rows
        if rows and rows[0] < len(ids):
            st.button(
                f"Open {escape(ids[rows[0]])}", key=f"{key}_open", icon=":material/open_in_full:",
                on_click=_open, args=(ids[rows[0]],),
            )  # fmt: skip


def _open(case_id: str) -> None:
    """A callback: to the answers of this evaluation to a question."""
    st.session_state[evaluation_url.VIEW_KEY] = st.query_params[evaluation_url.VIEW] = "cases"
    st.query_params[evaluation_url.CASE] = case_id


def _names(loaded: Loaded, other: Loaded, side: Side) -> dict[str, str]:
    """By the keys `this` and `other`, plain text."""
    mine, theirs = loaded.evaluation.plan.name, other.evaluation.plan.name
    if mine == theirs:
        mine, theirs = "this one", "the other one"
    return {
        "this": f"{loaded.labels[side[0]]} ({mine})",
        "other": f"{other.labels[side[1]]} ({theirs})",
    }


@st.cache_resource(max_entries=16, ttl=900, show_spinner=False)
def _decided(
    at: Stamp, before: Stamp, side: Side, names: dict[str, str], same: frozenset[str],
    _loaded: Loaded, _other: Loaded,
) -> Decision:  # fmt: skip
    from analytics.ranking.decision import decide_by_passes

    answers = [
        one
        for one in (
            *_loaded.results.answered(side[0], "this"),
            *_other.results.answered(side[1], "other"),
        )
        if one.question.rpartition("/")[0] in same  # it ends with the number of the repeat
    ]
    return decide_by_passes(answers, keys=["other", "this"], names=names)
