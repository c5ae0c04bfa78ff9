"""What is compared: the columns with their options, line-ups that were saved, blind or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.values import FEWEST, LETTERS, MOST, Comparison
from core.comparison import Configuration
from core.errors import SwitchboardError
from pages.components import session
from pages.components.choices import agent_options
from pages.components.configuration_choosers import (
    chosen_configurations,
    default_choices,
    fill_choosers,
    show_choosers,
    warn_of_missing,
)
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime

BLIND, TOGETHER = "compare_blind", "compare_together"
_COUNT = "compare_count"
_FILL = "compare_fill"
_FOLLOWED = "_compare_followed"
_PREFIX = "compare"


def show_setup(runtime: Runtime, shown: Comparison | None) -> None:
    """Draws the choosers. They follow the comparison on the page until somebody changes them."""
    chain = [status.id for status in runtime.models.statuses() if status.configured]
    if shown is not None and st.session_state.get(_FOLLOWED) != shown.id:
        _follow(shown)
    given: list[Configuration] | None = st.session_state.pop(_FILL, None)
    missing: dict[int, Configuration] = {}
    if given is not None:
        st.session_state[_COUNT] = len(given)
        missing = fill_choosers(runtime, _PREFIX, given)
    defaults = default_choices(list(agent_options()), chain)
    if given is not None:
        defaults = [one for one in defaults if one not in given] or defaults
    st.session_state.setdefault(_COUNT, FEWEST)
    with st.expander("Columns", icon=":material/tune:", expanded=shown is None):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count: int = st.segmented_control(
                "Number of columns", range(FEWEST, MOST + 1), key=_COUNT,
                required=True, persist_state="session",
            ) or FEWEST  # fmt: skip
            st.toggle(
                "Blind", key=BLIND, persist_state="session",
                help="Columns are shuffled, and who answers is hidden until you have voted.",
            )  # fmt: skip
            st.toggle(
                "Show all at once", key=TOGETHER, persist_state="session",
                help="Answers appear when all have ended, so that speed does not sway the vote.",
            )  # fmt: skip
            st.space("stretch")
            _lineups(runtime)
        names = [str(n + 1) if st.session_state.get(BLIND) else LETTERS[n] for n in range(count)]
        warn_of_missing(runtime, missing, [f"Column {name}" for name in names])
        show_choosers(runtime, _PREFIX, names, defaults)


def _follow(shown: Comparison) -> None:
    """The columns of a comparison that was just opened. Of a blind one in an order that tells
    nothing of theirs on the page."""
    configurations = [one.configuration for one in shown.arms]
    if shown.hidden:
        configurations.sort(key=lambda one: one.key)
    st.session_state[_FOLLOWED] = shown.id
    st.session_state[_FILL] = configurations
    st.session_state[BLIND], st.session_state[TOGETHER] = shown.blind, shown.together


def chosen() -> list[Configuration]:
    """The configurations that are chosen now."""
    return chosen_configurations(_PREFIX, st.session_state.get(_COUNT) or FEWEST)


def _lineups(runtime: Runtime) -> None:
    saved = runtime.comparisons.lineups.list(session.owner())
    with st.popover("Line-ups", icon=":material/groups:", type="tertiary"):
        for lineup in saved:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    escape(lineup.name), key=f"lineup_use_{lineup.name}", type="tertiary",
                    icon=":material/play_arrow:", width="stretch",
                    help=f"{len(lineup.configurations)} columns",
                    on_click=_use, args=(list(lineup.configurations),),
                )  # fmt: skip
                st.button(
                    "", key=f"lineup_delete_{lineup.name}", type="tertiary",
                    icon=":material/delete:", help="Delete this line-up",
                    on_click=_delete, args=(runtime, lineup.name),
                )  # fmt: skip
        if not saved:
            st.caption("No line-up is saved yet. Choose columns, name them and save them here.")
        with st.form("lineup_save", border=False, clear_on_submit=True):
            st.text_input("Name", key="lineup_name", max_chars=60, placeholder="Candidates")
            st.form_submit_button(
                "Save these columns", icon=":material/save:", on_click=_save, args=(runtime,)
            )


def _use(configurations: list[Configuration]) -> None:
    st.session_state[_FILL] = configurations


def _save(runtime: Runtime) -> None:
    try:
        runtime.comparisons.lineups.save(session.owner(), st.session_state.lineup_name, chosen())
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _delete(runtime: Runtime, name: str) -> None:
    runtime.comparisons.lineups.delete(session.owner(), name)
